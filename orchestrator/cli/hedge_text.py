"""The hedge calculator's sheet as text of at most 80 columns, and as a JSON document."""

import textwrap
from decimal import Decimal
from typing import Any

from indicators.hedge_sheet import GridRow, HedgeSheet

WIDTH = 80
CAVEAT = """\
A long and a short of one perpetual have neither delta nor gamma. Only the
position the bands leave open wins when a move goes on, and loses as much when
it comes back: on a price without drift the expected gross gain is zero, and the
costs are paid every time. Gaps fill worse than shown."""


def render(sheet: HedgeSheet) -> str:
    """The sheet for people."""
    size = sheet.size
    head = (
        f"Delta-neutral pair at {_price(sheet.entry)}, {_plain(sheet.leverage)}x, cost {_pct(sheet.cost)} of notional"
    )
    facts = [
        ("margin", f"{_money(size.pair_margin)} USDT, {_money(size.pair_margin / 2)} a leg"),
        ("legs", f"long and short {_fit(size.quantity, 20, 4)} each, notional {_money(size.notional)} USDT a leg"),
        ("lots", f"{_fit(sheet.lots, 20, 0)} a leg; band 1 closes {_fit(sheet.half_close_lots, 20, 0)} of them"),
        ("net delta", "0 at entry, " + ", ".join(_share(sheet, i) for i in range(len(sheet.bands)))),
        ("effective gamma", f"{sheet.effective_gamma:+.6g} USDT / price^2 (of the bands, not of the legs)"),
        ("at the outer band", _win(sheet)),
        ("costs of a ladder", f"{_money(sheet.costs[0])} up, {_money(sheet.costs[1])} down"),
        ("break-even", f"{_reach(sheet, sheet.break_even[0])} up, {_reach(sheet, sheet.break_even[1])} down"),
        ("stop price", f"{_reach(sheet, sheet.stop[0])} after band 1 up, {_reach(sheet, sheet.stop[1])} down"),
        (
            "liquidation",
            f"long {_reach(sheet, sheet.liquidation_long)}, short {_reach(sheet, sheet.liquidation_short)}",
        ),
        ("one ladder", _outcome(sheet)),
    ]
    lines = [*_wrapped("", head), ""]
    for name, text in facts:
        lines += _wrapped(f"{name:<18} ", text)
    lines += ["", *_table(sheet), "", CAVEAT]
    for note in sheet.notes():
        lines += _wrapped("Note: ", note + ".")
    return "\n".join(lines)


def document(sheet: HedgeSheet) -> dict[str, Any]:
    """`volgamma.hedge/1`: money, prices and quantities as decimal strings, fractions as numbers."""
    size, outcome = sheet.size, sheet.outcome
    return {
        "schema": "volgamma.hedge/1",
        "entry_price": _text(sheet.entry),
        "leverage": float(sheet.leverage),
        "cost": float(sheet.cost),
        "bands": [
            {"move": float(band.move), "leg": band.leg, "fraction": float(band.fraction)} for band in sheet.bands
        ],
        "reversal_rule": sheet.reversal_rule,
        "pair_margin": _text(size.pair_margin),
        "legs": [
            {
                "side": side,
                "margin": _text(size.pair_margin / 2),
                "notional": _text(size.notional),
                "quantity": _text(size.quantity),
                "lots": sheet.lots,
                "liquidation_price": _text(liquidation),
            }
            for side, liquidation in (("long", sheet.liquidation_long), ("short", sheet.liquidation_short))
        ],
        "half_close_lots": sheet.half_close_lots,
        "net_delta": 0.0,
        "net_delta_after": [float(share) for share in sheet.net_delta],
        "effective_gamma": float(sheet.effective_gamma),
        "gross_at_outer_band": _text(sheet.gross_at_outer),
        "costs": {"up": _text(sheet.costs[0]), "down": _text(sheet.costs[1])},
        "break_even": {"up": _text(sheet.break_even[0]), "down": _text(sheet.break_even[1])},
        "stop_price": {"up": _text(sheet.stop[0]), "down": _text(sheet.stop[1])},
        "one_ladder": {
            "net_win_up": _text(outcome.net_win_up),
            "net_win_down": _text(outcome.net_win_down),
            "worst_loss": _text(outcome.worst_loss),
            "win_fraction": float(outcome.win_fraction),
            "worst_fraction": float(outcome.worst_fraction),
        },
        "grid": [_grid_json(row) for row in sheet.grid],
        "notes": list(sheet.notes()),
    }


def _grid_json(row: GridRow) -> dict[str, Any]:
    result = row.path.result
    return {
        "move": float(row.move),
        "price": _text(row.price),
        "long_quantity": _text(result.long_quantity),
        "short_quantity": _text(result.short_quantity),
        "net_delta": float(result.net_delta),
        "gross": _text(result.gross),
        "fees": _text(result.fees),
        "net": _text(result.total),
        "back_at_entry": _text(row.back_at_entry),
    }


def _table(sheet: HedgeSheet) -> list[str]:
    """At most 80 columns for any size: a number too wide for its column loses decimals, then becomes 1.23e+10."""
    lines = [
        "Straight from the entry to this price (back: and then back at the entry)",
        f"{'move':>8} {'price':>10} {'long':>8} {'short':>8} {'gross':>11} {'fees':>8} {'net':>11} {'back':>9}",
    ]
    for row in sheet.grid:
        result = row.path.result
        cells = [
            f"{_pct(row.move, sign=True):>8}",
            f"{_price(row.price, 10):>10}",
            f"{_fit(result.long_quantity, 8, 4):>8}",
            f"{_fit(result.short_quantity, 8, 4):>8}",
            f"{_signed(result.gross, 11):>11}",
            f"{_fit(result.fees, 8, 2):>8}",
            f"{_signed(result.total, 11):>11}",
            f"{'flat' if row.path.flat else _signed(row.back_at_entry, 9):>9}",
        ]
        lines.append(" ".join(cells))
    return lines


def _win(sheet: HedgeSheet) -> str:
    up, down = sheet.outcome.net_win_up, sheet.outcome.net_win_down
    return f"{_signed(sheet.gross_at_outer)} gross, {_signed(up)} net up, {_signed(down)} net down"


def _outcome(sheet: HedgeSheet) -> str:
    outcome = sheet.outcome
    best = max(outcome.net_win_up, outcome.net_win_down)
    margin = sheet.size.pair_margin
    return (
        f"best {_signed(best)} ({_pct(best / margin, sign=True)} of margin), "
        f"worst {_signed(-outcome.worst_loss)} ({_pct(-outcome.worst_fraction, sign=True)})"
    )


def _share(sheet: HedgeSheet, index: int) -> str:
    return f"{sheet.net_delta[index]:.4f} after {_pct(sheet.bands[index].move)}"


def _reach(sheet: HedgeSheet, price: Decimal) -> str:
    """A price and how far it lies from E; a price that is never reached says so."""
    if not price.is_finite() or price <= 0:
        return "never"
    return f"{_price(price, digits=7)} ({_pct(price / sheet.entry - 1, sign=True)})"


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(label + text, WIDTH, subsequent_indent=" " * len(label), drop_whitespace=True)


def _fit(value: Decimal | int, width: int, decimals: int, *, sign: str = "") -> str:
    """`value` with at most `decimals`, in at most `width` characters."""
    for places in range(decimals, -1, -1):
        text = f"{value:{sign},.{places}f}"
        if len(text) <= width:
            return text
    return f"{value:{sign}.{max(0, width - 6 - len(sign))}e}" if width < 9 else f"{value:{sign}.2e}"


def _money(value: Decimal) -> str:
    return _fit(value, 18, 2)


def _signed(value: Decimal, width: int = 18) -> str:
    return _fit(value, width, 2, sign="+") if abs(value) >= Decimal("0.005") else "0.00"


def _price(value: Decimal, width: int = 20, digits: int = 5) -> str:
    """At least two decimals, and so many that `digits` figures are seen."""
    return _fit(value, width, max(2, digits - 1 - value.adjusted()))


def _pct(value: Decimal, *, sign: bool = False) -> str:
    return f"{value * 100:{'+' if sign and value else ''}.2f} %"


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")


def _text(value: Decimal) -> str | None:
    """Decimal text for JSON, rounded to 8 places; None for a price that is never reached."""
    if not value.is_finite():
        return None
    text = f"{value:.8f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "0") else text
