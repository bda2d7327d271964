"""The funding monitor as text (80 columns) and as a JSON document."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from data_fetchers.parsing import iso
from data_fetchers.snapshot import Unavailable
from data_fetchers.symbols import base_of
from indicators.funding_pair import LEGS, FundingPair
from orchestrator.funding_monitor import SymbolFunding, VenueFunding

WIDTH = 80
_LONGEST_REASON = 150


def render(found: Sequence[SymbolFunding], enter: Decimal, *, enabled: bool) -> str:
    """One block a symbol, and what it would take to trade it. `enter`: spread per 8 h, a fraction."""
    return "\n".join(line for part in found for line in (*_block(part, enter), "")) + _footing(enabled)


def _footing(enabled: bool) -> str:
    if enabled:
        text = "Funding pairs are switched on (funding_pair_enabled); this command only shows, it never trades."
    else:
        text = "Funding pairs are off by default (funding_pair_enabled = false): this is shown, not traded."
    rest = "Rates are predictions and change until they are paid; two venues mean two accounts that can be liquidated."
    return "\n".join(textwrap.wrap(f"{text} {rest}", WIDTH))


def _block(part: SymbolFunding, enter: Decimal) -> Iterator[str]:
    name = _short(base_of(part.symbol))
    yield f"{name:<11} {'predicted':>11} {'every':>5} {'per 8h':>11} {'APR':>10} {'next':>16} {'mark':>10}"
    for label, found in part.venues.items():
        if isinstance(found, VenueFunding):
            yield _row(label, found)
        else:
            reason = textwrap.shorten(found.reason, _LONGEST_REASON, placeholder=" ... (all of it with --json)")
            yield from textwrap.wrap(f"{_short(label):<11} unavailable: {reason}", WIDTH, subsequent_indent=" " * 12)
    yield from (_pair(part.pair, enter) if part.pair else ["no pair: fewer than two venues available"])


def _row(label: str, found: VenueFunding) -> str:
    mark = "-" if isinstance(found.mark, Unavailable) else f"{found.mark:.4f}"
    return (
        f"{_short(label):<11} {_percent(found.rate):>11} {f'{found.interval_hours.normalize():f} h':>5} "
        f"{_percent(found.rate_8h):>11} {f'{100 * found.apr:+.2f} %':>10} {_next(found):>16} {mark:>10}"
    )


def _pair(pair: FundingPair, enter: Decimal) -> Iterator[str]:
    hours = "never" if pair.break_even_hours is None else f"{pair.break_even_hours:,.1f} h"
    reached = "reached" if pair.spread_8h >= enter else "not reached"
    yield f"spread      {_percent(pair.spread_8h)} per 8 h: short {pair.short_venue}, long {pair.long_venue}"
    cost_share = f"{(10_000 * pair.costs / pair.notional).normalize():f}"
    text = (
        f"on {pair.notional:,f} a leg: {pair.earns_8h:+,.2f} USDT per 8 h while rates stay, {LEGS} taker legs "
        f"cost {pair.costs:,.2f} ({cost_share} bp), break-even after {hours}; entry at {_percent(enter)}: {reached}"
    )
    yield from textwrap.wrap(text, WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 12)


def _short(label: str) -> str:
    return label if len(label) <= 11 else label[:10] + "~"


def _percent(rate: Decimal) -> str:
    return f"{100 * rate:+.4f} %"


def _next(found: VenueFunding) -> str:
    if found.next_time is None or found.next_in_s is None:
        return "-"
    minutes, seconds = divmod(found.next_in_s, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{datetime.fromtimestamp(found.next_time / 1000, UTC):%H:%M}Z {hours}:{minutes:02}:{seconds:02}"


def document(found: Sequence[SymbolFunding], enter: Decimal, *, enabled: bool) -> dict[str, Any]:
    """Rates as fractions and money in USDT, both as text with every digit; times as ISO-8601."""
    return {
        "schema": "volgamma.funding/1",
        "funding_pair_enabled": enabled,
        "funding_spread_enter_8h": str(enter),
        "symbols": [
            {
                "symbol": part.symbol,
                "venues": [{"venue": label, **_venue(row)} for label, row in part.venues.items()],
                "pair": None if part.pair is None else _pair_document(part.pair, enter),
            }
            for part in found
        ],
    }


def _venue(row: VenueFunding | Unavailable) -> dict[str, Any]:
    if isinstance(row, Unavailable):
        return {"unavailable": {"code": row.code, "reason": row.reason}}
    mark = row.mark
    return {
        "predicted_rate": f"{row.rate:f}",
        "interval_hours": f"{row.interval_hours.normalize():f}",
        "rate_8h": f"{row.rate_8h:f}",
        "apr": f"{row.apr:f}",
        "next_time": None if row.next_time is None else iso(row.next_time),
        "next_in_s": row.next_in_s,
        "mark": None if isinstance(mark, Unavailable) else f"{mark:f}",
        **({"mark_unavailable": mark.reason} if isinstance(mark, Unavailable) else {}),
        "as_of": iso(row.as_of),
    }


def _pair_document(pair: FundingPair, enter: Decimal) -> dict[str, Any]:
    hours = pair.break_even_hours
    return {
        "short_venue": pair.short_venue,
        "long_venue": pair.long_venue,
        "spread_8h": f"{pair.spread_8h:f}",
        "notional": f"{pair.notional:f}",
        "earns_8h": f"{pair.earns_8h:f}",
        "costs": f"{pair.costs:f}",
        "break_even_hours": None if hours is None else f"{hours:f}",
        "spread_enter_reached": pair.spread_8h >= enter,
    }
