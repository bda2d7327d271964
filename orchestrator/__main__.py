"""`python -m orchestrator` is `volgamma`."""

from orchestrator.cli.app import main

main()
