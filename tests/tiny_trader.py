"""A trader small enough to see through: one reading, one prompt. For tests of what works with any trader."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

from data_fetchers.snapshot import (
    MarketData,
    MarketSnapshot,
    Requirements,
    SymbolData,
    Ticker,
    Unavailable,
)
from tests.guard_scenario import NOW, SOL, permitted
from traders.contract.base import content_hash
from traders.contract.constraints import ConstraintSet
from traders.contract.context import Context, Reading
from traders.contract.decision import Decision, Evidence, stand_aside
from traders.contract.model import Message, Model, ModelFailed, ModelReply, ModelRequest
from traders.contract.portfolio import Portfolio
from traders.contract.proposal import Proposal
from traders.contract.trader import Tools, TraderDescriptor

GONE = Unavailable(code="not_supported", reason="not part of this test")


def snapshot(last: float = 120.0) -> MarketSnapshot:
    """One ticker."""
    ticker = Ticker(last=last, mark=last, index=last, quote_volume_24h=1e9, as_of=NOW - 5_000, fetched_at=NOW - 4_900)
    sol = SymbolData(
        symbol=SOL,
        market_data=MarketData(candles={}, ticker=ticker),
        funding=GONE,
        order_book=GONE,
        positioning=GONE,
        open_interest=GONE,
    )
    return MarketSnapshot(
        venue="paper",
        primary=SOL,
        as_of=NOW - 5_000,
        fetched_at=NOW - 4_900,
        clock_drift_ms=0,
        symbols={SOL: sol},
        timings={},
        requests=1,
    )


class TinyTrader:
    """Shows the ticker's price among fixed readings; asks "enter at PRICE?" and enters on "yes".

    The constructor's arguments are the ways in which a later version may differ.
    """

    def __init__(
        self,
        *,
        factor: float = 1.0,
        question: str = "enter at {price}?",
        confidence: str = "0.6",
        ask_again: bool = False,
        breaks: Callable[[], None] = lambda: None,
    ) -> None:
        self._factor = factor
        self._question = question
        self._confidence = Decimal(confidence)
        self._ask_again = ask_again
        self._breaks = breaks

    @property
    def descriptor(self) -> TraderDescriptor:
        return TraderDescriptor(
            contract_version=1,
            trader_id=11,
            name="Tiny",
            summary="for tests",
            symbols=(SOL,),
            timeframes=("1h",),
            strategy_keywords=(),
            monitoring_interval_s=900,
            metadata={},
        )

    def requirements(self, symbol: str) -> Requirements:
        return Requirements(primary=symbol, keywords=(), candles={})

    def observe(self, snapshot: MarketSnapshot, portfolio: Portfolio, constraints: ConstraintSet) -> Context:
        self._breaks()
        data = snapshot.symbols[SOL].market_data
        assert isinstance(data, MarketData)
        assert isinstance(data.ticker, Ticker)
        price = round(data.ticker.last * self._factor, 2)
        base = permitted().context
        reading = Reading(value=price, digits=2, unit="USDT", as_of=data.ticker.as_of)
        changes: dict[str, Any] = {
            "readings": {**base.readings, "sol.price.last": reading},
            "as_of": snapshot.as_of,
            "portfolio": portfolio,
            "limits": constraints.limits,
            "constraints_version": constraints.version,
            "constraints_hash": constraints.hash,
        }
        return base.model_copy(update=changes).hashed()

    async def propose(
        self, context: Context, model: Model | None, tools: Tools | None, policy: Literal["llm", "rules"]
    ) -> Proposal:
        price = context.value("sol.price.last")
        if policy == "rules":
            return Proposal(decision=self._enter(price), policy="rules")
        assert model is not None
        question = self._question.format(price=price) + (" (in full)" if model.template == "full" else "")
        request = ModelRequest(
            messages=(Message(role="user", content=question),),
            json_schema={},
            schema_name="answer",
            max_tokens=10,
            temperature=Decimal(0),
            seed=7,
        )
        requests: list[ModelRequest] = []
        replies: list[ModelReply] = []
        error = None
        decision = stand_aside(SOL, "said no")
        try:
            for _ in range(2 if self._ask_again else 1):
                requests.append(request)
                replies.append(await model.complete(request))
            if replies[-1].text == "yes":
                decision = self._enter(price)
        except ModelFailed as failure:
            error = str(failure)
            decision = stand_aside(SOL, f"no answer: {failure}", failure.reason)
        return Proposal(
            decision=decision,
            policy="llm",
            model=model.name,
            prompt_version="1",
            prompt_hash=content_hash(request.model_dump(mode="json")),
            requests=tuple(requests),
            replies=tuple(replies),
            attempts=len(requests),
            error=error,
        )

    def _enter(self, price: float | None) -> Decision:
        cited = Evidence(reading="sol.price.last", value=Decimal(repr(price)))
        return permitted().decision.model_copy(update={"evidence": (cited,), "confidence": self._confidence})


class SayingModel:
    """Answers with a text, or fails."""

    def __init__(
        self, text: str | None, template: Literal["compact", "full"] = "compact", failure: ModelFailed | None = None
    ) -> None:
        self._text = text
        self._template = template
        self._failure = failure

    @property
    def name(self) -> str:
        return "saying"

    @property
    def template(self) -> Literal["compact", "full"]:
        return self._template

    async def complete(self, request: ModelRequest) -> ModelReply:
        if self._failure is not None:
            raise self._failure
        assert self._text is not None
        return ModelReply(
            text=self._text,
            finish_reason="stop",
            refusal=None,
            model="saying",
            prompt_tokens=9,
            completion_tokens=1,
            latency_ms=3,
        )
