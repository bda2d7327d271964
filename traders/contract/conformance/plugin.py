"""The options of the conformance suite, for every pytest that has this package installed."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--trader my.package.trader:MyTrader`, and the limits it is tried under."""
    group = parser.getgroup("volgamma", "conformance of a trader (--pyargs traders.contract.conformance)")
    group.addoption("--trader", default=None, metavar="MODULE:CLASS", help="the trader to examine")
    group.addoption(
        "--trader-constraints",
        default=None,
        metavar="FILE",
        help="limits to try it under, as `volgamma constraints export` writes them",
    )
