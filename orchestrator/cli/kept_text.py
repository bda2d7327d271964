"""After `decide` opened a pair: nobody keeps it yet, and how somebody does."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator.cli.pasting import pasted

if TYPE_CHECKING:
    from orchestrator.decide_report import DecideReport


def kept(report: "DecideReport") -> Iterator[str]:
    """Two lines where a pair stands open, else none. A decision cannot end beside a run of the same folder."""
    execution = report.chosen.execution
    if execution["status"] != "open":
        return
    live = report.exchange != "paper" and not execution.get("paper_fills")
    yield "  only the stops at the exchange work now; a run with the same options keeps it:"
    words = ["run", "--exchange", report.exchange, "--symbols", report.symbol]
    words += ["--live"] if live else []
    words += [] if report.chosen.proposal.policy == "llm" else ["--policy", report.chosen.proposal.policy]
    yield f"  {pasted(*words)}"
