"""Turns a context into the values the prompt templates ask for: numbers and our own words, no outside text.

Reasons of missing sources may quote what a server said; only their code (the word before the colon) goes in.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from data_fetchers.symbols import prefix_of
from traders.contract.context import Context
from traders.contract.decision import Action
from traders.contract.limits import Limits
from traders.contract.portfolio import OpenPair, PastDecision
from traders.volatility_gamma.catalogue import PAIR, catalogue, key_readings, shown
from traders.volatility_gamma.plans import open_pair_on
from traders.volatility_gamma.profile import DESCRIPTOR
from traders.volatility_gamma.regime import pair_collapse_level
from traders.volatility_gamma.wire import Shape, Size

_HOUR_MS = 3_600_000
_CODE = re.compile(r"[a-z_]{1,32}", re.ASCII)
_QUOTED = 300
#: How many earlier decisions are shown.
_REMEMBERED: dict[Size, int] = {"compact": 0, "full": 4}
#: Group title -> the part of the name after the prefix with which its readings begin.
_GROUPS = (
    ("1h candles", "1h."),
    ("4h candles", "4h."),
    ("1d candles", "1d."),
    ("Price", "price."),
    ("Funding", "funding."),
    ("Order book", "book."),
    ("Open interest", "oi."),
    ("Long/short ratios", "lsr."),
    ("SOL/AVAX", "pair."),
    ("Signals", "signal."),
)


def template_values(context: Context, asked: Shape, size: Size, *, may_ask: bool = False) -> dict[str, Any]:
    """Everything `system` and `context` need, as text and numbers ready to print."""
    pair = open_pair_on(context)
    limits = context.limits
    return {
        "persona": {
            "name": DESCRIPTOR.name,
            "id": DESCRIPTOR.trader_id,
            "background": DESCRIPTOR.metadata["background"],
            "personality": DESCRIPTOR.metadata["personality"],
            "risk_tolerance": DESCRIPTOR.metadata["risk_tolerance"],
        },
        "symbol": context.symbol,
        "venue": _code(context.venue),
        "as_of": datetime.fromtimestamp(context.as_of / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "regime": str(context.regime),
        "groups": _groups(context, asked, size),
        "unavailable": _unavailable(context, size),
        "account": _account(context),
        "pair": None if pair is None else _pair(context, pair),
        "memory": [_remembered(context, one) for one in context.portfolio.memory[: _REMEMBERED[size]]],
        "limits": _limits(limits),
        "ladder": ", ".join(
            f"at {_percent(band.move)} close {_percent(band.fraction)} of {leg}"
            for band, leg in zip(limits.rebalance_bands, _ladder_legs(limits), strict=True)
        ),
        "may_ask": may_ask,
        "fields": [{"name": field.name, "help": field.help} for field in asked.fields],
        "actions": ", ".join(asked.actions),
    }


def repair_values(problems: tuple[str, ...], bad_reply: str, asked: Shape) -> dict[str, Any]:
    """Everything `repair` needs. The bad reply is quoted with every odd character escaped."""
    quoted = bad_reply[:_QUOTED].encode("unicode_escape").decode("ascii")[:_QUOTED]
    return {
        "problems": [problem.encode("unicode_escape").decode("ascii") for problem in problems],
        "quoted": f'"{quoted}"' + (" ..." if len(bad_reply) > _QUOTED else ""),
        "keys": ", ".join(field.name for field in asked.fields),
        "safe": str(Action.STAND_ASIDE if Action.STAND_ASIDE in asked.actions else Action.HOLD),
    }


def _groups(context: Context, asked: Shape, size: Size) -> list[dict[str, Any]]:
    prefix = prefix_of(context.symbol)
    specs = catalogue(prefix)
    groups: list[dict[str, Any]] = []
    for title, start in _GROUPS:
        full = start if start == "pair." else f"{prefix}.{start}"
        names = [name for name in asked.readings if name.startswith(full)]
        if not names:
            continue
        # the same thing is explained once, under 1h
        explained = size == "full" and start not in ("4h.", "1d.")
        rows = [
            {
                "name": name,
                "value": shown(context.readings[name].value),
                "unit": specs[name].unit,
                "meaning": specs[name].meaning if explained else "",
            }
            for name in names
        ]
        as_of = min(context.readings[name].as_of for name in names)
        groups.append({"title": title, "age": f"{_age(context.as_of - as_of)} old", "rows": rows})
    return groups


def _unavailable(context: Context, size: Size) -> list[dict[str, str]]:
    """Missing readings by name and code; whole groups that miss for one reason are named once."""
    prefix = prefix_of(context.symbol)
    wanted = (*key_readings(prefix), *PAIR) if size == "compact" else tuple(catalogue(prefix))
    codes = {name: _code(context.unavailable[name]) for name in wanted if name in context.unavailable}
    found: list[dict[str, str]] = []
    for _, start in _GROUPS:
        full = start if start == "pair." else f"{prefix}.{start}"
        group = [name for name in wanted if name.startswith(full)]
        missing = [name for name in group if name in codes]
        if len(missing) > 2 and missing == group and len({codes[name] for name in group}) == 1:
            found.append({"name": f"{full}*", "code": codes[group[0]]})
        else:
            found += [{"name": name, "code": codes[name]} for name in missing]
    return found


def _remembered(context: Context, one: PastDecision) -> str:
    """An earlier decision in a few words, all of them ours."""
    many = f" x{one.times}" if one.times > 1 else ""
    age = _age(context.as_of - one.at)
    if one.outcome == "refused":
        return (
            f"{age} ago{many}: {_code(one.action)}, refused by {', '.join(_code(rule) for rule in one.refused_by[:2])}"
        )
    words = f"{age} ago{many}: {_code(one.action)}"
    if one.net is not None:
        return f"{words}, earned {_money(one.net)} USDT net ({_code(one.ended_by or '')})"
    return words if one.executed == "none" else f"{words}, {_code(one.executed)}"


def _account(context: Context) -> dict[str, Any]:
    portfolio = context.portfolio
    high, start = portfolio.equity_high, portfolio.day_start_equity
    return {
        "equity": _money(portfolio.equity),
        "equity_high": _money(high),
        "cash": _money(portfolio.cash),
        "drawdown": _percent(max(Decimal(0), 1 - portfolio.equity / high)) if high > 0 else "unknown",
        "day_change": _percent(portfolio.equity / start - 1) if start > 0 else "unknown",
        "trades_24h": portfolio.trades_24h,
        "pairs": len(portfolio.pairs),
    }


def _pair(context: Context, pair: OpenPair) -> dict[str, Any]:
    level = pair_collapse_level(pair, context.limits)
    return {
        "kind": pair.kind,
        "leverage": pair.leverage,
        "entry_price": _plain(pair.entry_price),
        "hours": _plain(Decimal(context.as_of - pair.opened_at) / _HOUR_MS, 1),
        "max_hours": _plain(pair.plan.max_holding_hours),
        "net_delta": _plain(pair.net_delta, 4),
        "bands_hit": pair.bands_hit,
        "cycle_pnl": _percent(pair.cycle_pnl),
        "stop": _percent(pair.plan.stop_loss),
        "target": _percent(pair.plan.take_profit),
        "collapse_level": "unknown" if level is None else _plain(level, 4),
        "atr_ratio_entry": "unknown" if pair.atr_ratio_entry is None else _plain(pair.atr_ratio_entry, 4),
        "entered_on_funding": "yes" if pair.entered_on_funding else "no",
    }


def _limits(limits: Limits) -> dict[str, str]:
    """Every plain number of the limits as text, and the confidence as the percentage the reply uses."""
    values = {
        name: _plain(Decimal(value)) if isinstance(value, int | Decimal) else str(value)
        for name, value in ((name, getattr(limits, name)) for name in type(limits).model_fields)
        if isinstance(value, int | Decimal | str) and not isinstance(value, bool)
    }
    return values | {"confidence_percent": _plain(limits.confidence_min * 100)}


def _ladder_legs(limits: Limits) -> list[str]:
    return ["the losing leg"] * (len(limits.rebalance_bands) - 1) + ["both legs"]


def _code(reason: str) -> str:
    word = reason.split(":", 1)[0]
    return word if _CODE.fullmatch(word) else "unknown"


def _age(milliseconds: int) -> str:
    seconds = max(0, milliseconds) // 1000
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def _plain(value: Decimal, digits: int = 8) -> str:
    return shown(float(round(value, digits)) + 0.0)  # no negative zero


def _percent(value: Decimal) -> str:
    return f"{_plain(value * 100, 2)} %"


def _money(value: Decimal) -> str:
    return format(round(value, 2), "f")
