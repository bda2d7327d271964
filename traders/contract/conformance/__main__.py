"""`python -m traders.contract.conformance my.package.trader:MyTrader`: the suite without remembering its options."""

import sys

import pytest

#: `-m` has imported this package before pytest could rewrite its assertions. Pytest says so whenever the distribution
#: names its files, as an editable install in the clone's own folder does, and there a warning is an error.
_IMPORTED = "ignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning"

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print("which trader? python -m traders.contract.conformance MODULE:CLASS [pytest options]", file=sys.stderr)
        sys.exit(2)
    sys.exit(pytest.main(["-W", _IMPORTED, "--pyargs", "traders.contract.conformance", "--trader", *sys.argv[1:]]))
