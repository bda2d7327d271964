"""One run of a trader over every mood, in a process of its own; prints what it said as one JSON document.

`python -m traders.contract.conformance.probe MODULE:CLASS [CONSTRAINTS.json]`. Connections and look-ups of names are
forbidden from the first line on, and noted; so is writing files while the trader is asked. Two runs with other hash
seeds, time zones and working folders must print the same.
"""

import asyncio
import json
import sys
from decimal import Decimal
from importlib import import_module, resources
from typing import Any

_FORBIDDEN = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "subprocess.Popen")
_HEAVY = ("ccxt", "openai", "sqlalchemy", "dbos")
touched: list[str] = []


def _watch(event: str, values: tuple[Any, ...]) -> None:
    if event in _FORBIDDEN:
        touched.append(f"{event} {values[-1]!r}"[:120])
        raise PermissionError(f"a trader may not use {event}")
    if event == "open" and isinstance(values[1], str) and set(values[1]) & set("wax+"):
        name = str(values[0])
        if not name.endswith((".pyc", ".nbi", ".nbc")) and "__pycache__" not in name and name != "/dev/null":
            touched.append(f"writes {name}"[:120])


class _Answering:
    """A model that always says the same text, or fails."""

    def __init__(self, text: str | None) -> None:
        self._text = text
        self.name = "conformance"
        self.template = "compact"

    async def complete(self, request: Any) -> Any:
        from traders.contract.decision import AbstainReason
        from traders.contract.model import ModelFailed, ModelReply

        if self._text is None:
            raise ModelFailed(AbstainReason.MODEL_TIMEOUT, "the conformance suite lets no model answer")
        return ModelReply(
            text=self._text,
            finish_reason="stop",
            refusal=None,
            model=self.name,
            prompt_tokens=1,
            completion_tokens=1,
            latency_ms=1,
        )


#: The position a trader is shown as its own, once it has proposed one.
OWN_PAIR = "conformance-pair"
#: What a model may say: no model at all, none that answers, and texts no trader may trade on.
REPLIES: dict[str, str | None] = {
    "fails": None,
    "empty": "",
    "prose": "I would go long here.",
    "half": '{"action": "ent',
    "huge": '{"action": "enter", "leverage": 1e400}',
}


def load(where: str) -> Any:
    """The trader of `module:Class`. Raises SystemExit with what is wrong."""
    module, _, name = where.partition(":")
    if not module or not name:
        raise SystemExit(f"{where!r} is no MODULE:CLASS")
    return getattr(import_module(module), name)()


def sets(file: str | None) -> dict[str, Any]:
    """The limits it is tried under: as delivered (or `file`), and as tight as they make sense."""
    from traders.contract.constraints import constraint_set, limit_values, parse_limits

    if file is None:
        values = json.loads(resources.files(__package__).joinpath("limits.json").read_text())
        # everything a trader may be allowed at all: what is switched off is tried by the tight set
        values |= {"directional_enabled": True}
    else:
        with open(file, encoding="utf-8") as handle:
            values = {row["key"]: row["value"] for row in json.load(handle)["values"]}
    return {"as_given": values, "tight": _tight(values), "_make": (constraint_set, limit_values, parse_limits)}


def _tight(values: dict[str, Any]) -> dict[str, Any]:
    return {
        **values,
        "leverage_max": values["leverage_min"],
        "pair_margin_max": values["pair_margin_min"],
        "holding_hours_max": 6,
        "trailing_atr_multiple": 1,
        "directional_enabled": False,
        "spread_pair_enabled": False,
        "funding_pair_enabled": False,
    }


def _with_position(portfolio: Any, plan: Any, symbol: str) -> Any:
    """The portfolio after a plan of the trader's own was carried out, an hour ago and at 120."""
    from traders.contract.conformance.market import NOW, VENUE
    from traders.contract.portfolio import OpenPair, PairLeg

    margin = plan.pair_margin_fraction * portfolio.equity
    each = margin * plan.leverage / len(plan.legs)
    legs = tuple(
        PairLeg(
            leg_id=f"{index}-{leg.side}",
            venue=VENUE,
            symbol=leg.symbol,
            side=leg.side,
            quantity=(each / 120).quantize(Decimal("0.01")),
            entry_price=Decimal(120),
        )
        for index, leg in enumerate(plan.legs)
    )
    pair = OpenPair(
        pair_id=OWN_PAIR,
        decision_id=OWN_PAIR,
        kind=plan.kind,
        symbol=symbol,
        opened_at=NOW - 3_600_000,
        entry_price=Decimal(120),
        legs=legs,
        pair_margin=margin,
        leverage=plan.leverage,
        plan=plan,
        net_delta=Decimal(0 if len(legs) == 2 else 1),
        cycle_pnl=Decimal("-0.01"),
        atr_ratio_entry=Decimal("1.6"),
    )
    return portfolio.model_copy(update={"pairs": (pair,), "cash": portfolio.cash - margin, "trades_24h": 1})


def _portfolio() -> Any:
    from traders.contract.portfolio import Portfolio

    money = Decimal(100_000)
    return Portfolio(
        equity=money,
        equity_high=money,
        day_start_equity=money,
        cash=money,
        trades_24h=0,
        directional_margin=Decimal(0),
    )


async def _cases(trader: Any, limits: dict[str, Any]) -> list[dict[str, Any]]:
    from data_fetchers.symbols import normalise
    from traders.contract.conformance.market import MOODS, NOTHING, snapshot
    from traders.contract.decision import PairPlan

    make_set, _, parse = limits["_make"]
    said: list[dict[str, Any]] = []
    portfolio = _portfolio()
    for symbol in trader.descriptor.symbols:
        wanted = trader.requirements(symbol)
        for mood in (*MOODS, NOTHING):
            shown = snapshot(wanted, mood)
            before = shown.model_dump_json()
            for name in ("as_given", "tight"):
                values = {
                    **limits[name],
                    "allowed_symbols": sorted({*limits[name]["allowed_symbols"], normalise(symbol)}),
                }
                chosen = make_set(trader.descriptor.trader_id, 1, parse(values, where=f"conformance, {name}"))
                context = trader.observe(shown, portfolio, chosen)
                again = trader.observe(shown, portfolio, chosen)
                case: dict[str, Any] = {
                    "symbol": symbol,
                    "mood": mood,
                    "limits": name,
                    "values": values,
                    "constraints_hash": chosen.hash,
                    "context": context.model_dump(mode="json", by_alias=True),
                    "same_again": again == context,
                    "input_unchanged": True,
                    "proposals": {},
                }
                proposals = case["proposals"]
                proposals["rules"] = _dump(await trader.propose(context, None, None, "rules"))
                proposals["no_model"] = _dump(await trader.propose(context, None, None, "llm"))
                if name == "as_given":
                    for reply, text in REPLIES.items():
                        proposals[reply] = _dump(await trader.propose(context, _Answering(text), None, "llm"))
                decided = proposals["rules"]["decision"]
                if decided["plan"] is not None:
                    plan = PairPlan.model_validate(decided["plan"])
                    after = trader.observe(shown, _with_position(portfolio, plan, normalise(symbol)), chosen)
                    case["context_with_position"] = _dump(after)
                    for policy in ("rules", "llm"):
                        proposals[f"{policy}_with_position"] = _dump(await trader.propose(after, None, None, policy))
                case["input_unchanged"] = shown.model_dump_json() == before
                said.append(case)
    return said


def _dump(proposal: Any) -> Any:
    return proposal.model_dump(mode="json", by_alias=True)


def main() -> None:
    """Print the document."""
    where = sys.argv[1]
    sys.addaudithook(_watch)
    trader = load(where)
    descriptor = trader.descriptor
    document: dict[str, Any] = {
        "descriptor": descriptor.model_dump(mode="json"),
        "heavy": [name for name in _HEAVY if name in sys.modules],
        "touched_at_import": list(touched),
        "requirements": {symbol: trader.requirements(symbol).model_dump(mode="json") for symbol in descriptor.symbols},
    }
    touched.clear()
    document["cases"] = asyncio.run(_cases(trader, sets(sys.argv[2] if len(sys.argv) > 2 else None)))
    document["touched"] = list(touched)
    json.dump(document, sys.stdout, sort_keys=True)


if __name__ == "__main__":
    main()
