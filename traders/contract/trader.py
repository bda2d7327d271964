"""What a trader is to the host: a descriptor, what it needs, what it sees, what it proposes."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from data_fetchers.snapshot import MarketSnapshot, Requirements
from traders.contract.base import Frozen
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context
from traders.contract.model import Model, ToolSpec
from traders.contract.portfolio import Portfolio
from traders.contract.proposal import Proposal

#: Goes up when a trader written for the version before can no longer be hosted.
CONTRACT_VERSION = 1


class TraderDescriptor(Frozen):
    """Who the trader is. Limits are not here: they are in the database.

    `metadata` is the profile's: at least `created` (ISO date), `style` and `diversity_tags` (comma-separated).
    """

    contract_version: int
    trader_id: int
    name: str
    summary: str
    symbols: tuple[str, ...]
    timeframes: tuple[str, ...]
    strategy_keywords: tuple[str, ...]
    monitoring_interval_s: int
    metadata: dict[str, str]

    @property
    def created(self) -> str:
        """ISO date; empty when the profile does not say."""
        return self.metadata.get("created", "")

    @property
    def style(self) -> str:
        """How it trades, in a few words."""
        return self.metadata.get("style", "")

    @property
    def diversity_tags(self) -> tuple[str, ...]:
        """What sets it apart from the other traders."""
        return tuple(tag.strip() for tag in self.metadata.get("diversity_tags", "").split(",") if tag.strip())


class Tools(Protocol):
    """Read-only functions of what is stored; offered to capable models."""

    def specs(self) -> tuple[ToolSpec, ...]:
        """What is on offer."""
        ...

    def call(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one tool call. Raises ValueError for an unknown tool or bad arguments."""
        ...


class Trader(Protocol):
    """A trader. `observe` is pure; `propose` awaits nothing but the model it is given."""

    @property
    def descriptor(self) -> TraderDescriptor: ...

    def requirements(self, symbol: str) -> Requirements:
        """What to fetch for a decision on `symbol`."""
        ...

    def observe(self, snapshot: MarketSnapshot, portfolio: Portfolio, constraints: ConstraintSet) -> Context:
        """Every number the policy will see."""
        ...

    async def propose(
        self, context: Context, model: Model | None, tools: Tools | None, policy: Literal["llm", "rules"]
    ) -> Proposal:
        """A decision. Never raises for anything a model says: it abstains and records."""
        ...
