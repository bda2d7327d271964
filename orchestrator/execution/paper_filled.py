"""A paper account on the mirrored market of a real venue: called by the venue's name, with no key behind it."""

from orchestrator.execution.ccxt_venue import CcxtVenue
from orchestrator.execution.obstacles import Problem
from traders.contract.verdict import ExecutionPlan


class PaperFilled(CcxtVenue):
    """`exchange`: a client of the paper exchange; `name`: the venue whose market that exchange mirrors."""

    async def obstacles(self, plan: ExecutionPlan) -> tuple[Problem, ...]:
        """None: a paper account has no key whose rights could be missing."""
        return ()
