"""`python -m traders.contract.conformance my.package.trader:MyTrader`: the suite without remembering its options."""

import sys

import pytest

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print("which trader? python -m traders.contract.conformance MODULE:CLASS [pytest options]", file=sys.stderr)
        sys.exit(2)
    sys.exit(pytest.main(["--pyargs", "traders.contract.conformance", "--trader", *sys.argv[1:]]))
