"""What-if and outcome: past decisions on the same inputs under other limits, and what they would have earned."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrator.model_cache import CachedModel
from orchestrator.other_limits import changed
from orchestrator.replay.recording import Recording
from orchestrator.replay.what_if import what_if
from orchestrator.risk_guard.review import review
from orchestrator.simulation.engine import Engine, Setup, survey_of
from orchestrator.simulation.evaluable import rules_for
from orchestrator.simulation.fill_model import FillModel
from orchestrator.simulation.history import Market, load
from orchestrator.simulation.outcome import document, follow
from orchestrator.simulation.situation import Situations
from tests.guard_scenario import limits_of
from tests.simulated_market import START, write_market
from tests.store_cli import Volgamma
from traders.contract.decision import AbstainReason
from traders.contract.model import Message, ModelFailed, ModelReply, ModelRequest
from traders.contract.portfolio import Portfolio
from traders.contract.quote import Switches
from traders.volatility_gamma.trader import VolatilityGamma

SYMBOLS = ("SOL/USDT:USDT", "AVAX/USDT:USDT")
DAY_MS = 86_400_000
#: An account as it is before its first trade.
FRESH = Portfolio.model_validate(
    {"equity": "100000", "equity_high": "100000", "day_start_equity": "100000", "cash": "100000", "trades_24h": 0,
     "directional_margin": "0"}
)  # fmt: skip


@pytest.fixture(scope="module")
def markets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Market]:
    return load(write_market(tmp_path_factory.mktemp("history")), SYMBOLS, "binanceusdm")


@pytest.fixture(scope="module")
def first(markets: dict[str, Market]) -> Engine:
    """A run that ends after its first pairs."""
    setup = Setup(SYMBOLS, START, START + 215 * DAY_MS, Decimal(100_000), FillModel())
    engine = Engine(VolatilityGamma(), limits_of(), markets, setup)
    asyncio.run(engine.run())
    return engine


def recorded(markets: dict[str, Market], symbol: str, at: int, model: FillModel, **changes: Any) -> Recording:
    """The decision of the rules at a time, as a journal would hold it."""
    trader, constraints = VolatilityGamma(), limits_of()
    situations = Situations(markets, model, book=True)
    snapshot = situations.snapshot(trader.requirements(symbol), at)
    context = trader.observe(snapshot, FRESH, constraints)
    proposal = asyncio.run(trader.propose(context, None, None, "rules"))
    quote = situations.quote((symbol,), "11-X", at, Decimal(100_000))
    verdict = review(proposal.decision, context, quote, Switches(), constraints, rules=rules_for("waive")[0])
    values: dict[str, Any] = {
        "decision_id": f"11-{at}",
        "trader_id": 11,
        "policy": "rules",
        "snapshot": snapshot,
        "portfolio": FRESH,
        "constraints": constraints,
        "context": context,
        "proposal": proposal,
        "quote": quote,
        "switches": Switches(),
        "verdict": verdict,
        "versions": {},
    }
    return Recording(**{**values, **changes})


@pytest.fixture(scope="module")
def entry(markets: dict[str, Market], first: Engine) -> Recording:
    cycle = first.outcome.cycles[0]
    found = recorded(markets, cycle.symbol, cycle.opened_at, FillModel())
    assert found.verdict is not None and found.verdict.outcome != "refused"
    return found


def test_outcome_is_what_the_simulation_earned(markets: dict[str, Market], first: Engine, entry: Recording) -> None:
    cycle = first.outcome.cycles[0]
    assert cycle.reason != "policy_exit", "the first pair must end by its own rules for this comparison"
    label = follow(entry, markets, survey_of(VolatilityGamma(), markets, limits_of()), FillModel())
    assert label is not None and label.cycle is not None
    assert (label.cycle.net, label.cycle.reason, label.cycle.closed_at) == (cycle.net, cycle.reason, cycle.closed_at)
    assert label.taken and label.complete


def test_a_refused_entry_is_followed_as_the_other_rules_would_have_let_it(
    markets: dict[str, Market], entry: Recording
) -> None:
    assert entry.proposal is not None and entry.context is not None and entry.quote is not None
    tight = changed(limits_of(), {"confidence_min": 0.99})
    refused = review(entry.proposal.decision, entry.context, entry.quote, Switches(), tight)
    assert "confidence" in [f.rule for f in refused.findings if f.effect == "refuse"]
    survey = survey_of(VolatilityGamma(), markets, limits_of())
    followed = follow(replace(entry, verdict=refused, constraints=tight), markets, survey, FillModel())
    permitted = follow(entry, markets, survey, FillModel())
    assert followed is not None and permitted is not None and followed.cycle is not None
    assert not followed.taken and followed.net == permitted.net
    found = document([followed, permitted], FillModel())
    assert found["refused_by_rule"]["confidence"]["entries"] == 1
    assert found["taken"]["entries"] == found["refused"]["entries"] == 1


def test_candles_of_another_market_are_not_followed(markets: dict[str, Market], entry: Recording) -> None:
    assert entry.context is not None
    symbol = entry.context.symbol
    bars = {name: replace(one, low=one.low * 2, high=one.high * 2, open=one.open * 2, close=one.close * 2)
            for name, one in markets[symbol].bars.items()}  # fmt: skip
    other = {**markets, symbol: replace(markets[symbol], bars=bars)}
    label = follow(entry, other, survey_of(VolatilityGamma(), markets, limits_of()), FillModel())
    assert label is not None and label.cycle is None and "another market" in label.why
    late = replace(entry, quote=entry.quote and entry.quote.model_copy(update={"taken_at": START + 400 * DAY_MS}))
    label = follow(late, markets, survey_of(VolatilityGamma(), markets, limits_of()), FillModel())
    assert label is not None and "do not reach" in label.why


async def test_other_limits_change_the_verdict_and_say_by_which_rule(entry: Recording) -> None:
    trader = VolatilityGamma()
    same = await what_if(entry, trader, lambda one: one)
    assert same.before is not None and same.after is not None
    # the whole guard is asked here: what the simulation waived refuses, and nothing else
    assert set(same.stopped) <= {"positioning_stale", "basis"}
    tight = await what_if(entry, trader, lambda one: changed(one, {"slippage_max": 0.000001}))
    assert "slippage" in tight.stopped and tight.changed
    loose = replace(entry, verdict=review_with(entry, {"slippage_max": 0.000001}), constraints=limits_of())
    assert "slippage" in (await what_if(loose, trader, lambda one: one)).freed


def review_with(entry: Recording, changes: dict[str, Any]) -> Any:
    assert entry.proposal is not None and entry.context is not None and entry.quote is not None
    return review(entry.proposal.decision, entry.context, entry.quote, Switches(), changed(limits_of(), changes))


async def test_the_rules_asked_again_say_what_they_said(entry: Recording) -> None:
    found = await what_if(entry, VolatilityGamma(), lambda one: one, "rules")
    assert found.before is not None and found.after is not None
    assert found.after.action == found.before.action == "enter"
    quiet = await what_if(entry, VolatilityGamma(), lambda one: changed(one, {"entry_min_signals": 4}), "rules")
    assert quiet.after is not None and quiet.after.action == "stand_aside"


class Counting:
    """A model that answers with how often it was asked."""

    name, template = "counting", "compact"

    def __init__(self) -> None:
        self.asked = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.asked += 1
        if request.seed == 13:
            raise ModelFailed(AbstainReason.MODEL_TIMEOUT, "too late")
        return ModelReply(
            text=str(self.asked), finish_reason="stop", refusal=None, model=self.name, prompt_tokens=1,
            completion_tokens=1, latency_ms=5,
        )  # fmt: skip


async def test_an_answer_is_paid_for_once(tmp_path: Path) -> None:
    model = Counting()
    ask = ModelRequest(
        messages=(Message(role="user", content="x"),), json_schema={}, schema_name="s", max_tokens=5,
        temperature=Decimal(0), seed=1,
    )  # fmt: skip
    cached = CachedModel(model, tmp_path, "http://a")  # type: ignore[arg-type]
    assert (await cached.complete(ask)).text == (await cached.complete(ask)).text == "1"
    again = CachedModel(model, tmp_path, "http://a")  # type: ignore[arg-type]
    assert (await again.complete(ask)).text == "1" and (model.asked, again.hits) == (1, 1)
    # another question, another server, another repeat: each is asked
    assert (await again.complete(ask.model_copy(update={"seed": 2}))).text == "2"
    assert (await CachedModel(model, tmp_path, "http://b").complete(ask)).text == "3"  # type: ignore[arg-type]
    assert (await CachedModel(model, tmp_path, "http://a", 1).complete(ask)).text == "4"  # type: ignore[arg-type]
    # a damaged file is asked again, a failure is not kept
    _damage(tmp_path)
    assert (await again.complete(ask)).text == "5"
    for _ in range(2):
        with pytest.raises(ModelFailed):
            await again.complete(ask.model_copy(update={"seed": 13}))
    assert model.asked == 7


def _damage(folder: Path) -> None:
    for file in folder.rglob("*.json"):
        file.write_text("{")


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("what-if", "--all"), 2, "nothing is different"),
        (("what-if", "--set", "leverage_max=6"), 2, "--all"),
        (("what-if", "--all", "--set", "leverage_max"), 2, "--set"),
        (("what-if", "--all", "--policy", "coin"), 2, "no policy"),
        (("what-if", "--all", "--policy", "rules", "--model", "x"), 2, "--model"),
        (("what-if", "11-NOTHING", "--policy", "rules"), 1, "11-NOTHING"),
        (("outcome", "--data", ".", "--file", "none.jsonl"), 1, "none.jsonl"),
    ],
)
def test_wrong_questions_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, named: str
) -> None:
    done = Volgamma(tmp_path, monkeypatch)("replay", *words, "--json")
    assert (done.code, named in done.json["error"]["message"]) == (code, True), done.json
