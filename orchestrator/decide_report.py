"""`volgamma.decide/1`: what one decision was made of, in the pinned JSON shape."""

from typing import Any

from pydantic import Field, JsonValue

from traders.contract.base import Frozen
from traders.contract.context import Context
from traders.contract.decision import Decision
from traders.contract.proposal import Proposal
from traders.contract.verdict import Verdict

NO_EXECUTION: dict[str, Any] = {
    "status": "none",
    "pair_id": None,
    "orders": [],
    "net_delta": None,
    "protected": None,
}


class Candidate(Frozen):
    """One policy's decision on the context, and what the guard said of it."""

    decision_id: str
    proposal: Proposal
    verdict: Verdict
    execution: dict[str, JsonValue] = Field(default_factory=lambda: dict(NO_EXECUTION))
    timings_ms: dict[str, int]


class DecideReport(Frozen):
    """Everything `decide` prints. `chosen` came to execution; `beside` was judged on the same context."""

    trader_id: int
    symbol: str
    exchange: str
    context: Context
    chosen: Candidate
    beside: Candidate | None = None
    fetch: dict[str, JsonValue]
    recovery: tuple[str, ...] = ()

    @property
    def decision(self) -> Decision:
        """What the chosen policy said."""
        return self.chosen.proposal.decision

    def document(self) -> dict[str, Any]:
        """The JSON document of `decide --json`."""
        mine = self._candidate(self.chosen)
        return {
            "schema": "volgamma.decide/1",
            "decision_id": self.chosen.decision_id,
            "trader_id": self.trader_id,
            "symbol": self.symbol,
            "exchange": self.exchange,
            "policy": mine["policy"],
            "model": mine["model"],
            "as_of": self.context.as_of,
            "regime": self.context.regime,
            "context_hash": self.context.context_hash,
            "prompt_hash": mine["prompt_hash"],
            "decision": mine["decision"],
            "verdict": mine["verdict"],
            "execution": mine["execution"],
            "timings_ms": mine["timings_ms"],
            "fetch": self.fetch,
            "llm": mine["llm"],
            "recovery": list(self.recovery),
            "beside": None if self.beside is None else self._candidate(self.beside),
        }

    @staticmethod
    def _candidate(candidate: Candidate) -> dict[str, Any]:
        proposal = candidate.proposal
        return {
            "decision_id": candidate.decision_id,
            "policy": proposal.policy,
            "model": proposal.model,
            "prompt_hash": proposal.prompt_hash,
            "decision": proposal.decision.model_dump(mode="json"),
            "verdict": candidate.verdict.model_dump(mode="json", by_alias=True),
            "execution": candidate.execution,
            "timings_ms": candidate.timings_ms,
            "llm": {
                "prompt_tokens": proposal.usage.prompt_tokens,
                "completion_tokens": proposal.usage.completion_tokens,
                "cost_usd": proposal.usage.cost_usd,
                "attempts": proposal.attempts,
                "error": proposal.error,
            },
        }
