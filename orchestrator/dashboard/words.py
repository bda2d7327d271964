"""How values are written on pages: times, money, shares, and the word and sign beside every colour."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from markupsafe import Markup, escape

from data_fetchers.symbols import base_of

_LONG = re.compile(r"(?<![\w.])\d[\d,]*\.\d{7,}(?![\w.]|\.\d)")
#: state -> (class, sign, word). The sign and the word say what the colour says.
MARKS: dict[str, tuple[str, str, str]] = {
    "approved": ("good", "✓", "approved"),
    "amended": ("warn", "◐", "amended"),
    "refused": ("bad", "✕", "refused"),
    "refuse": ("bad", "✕", "refuse"),
    "amend": ("warn", "◐", "amend"),
    "note": ("calm", "i", "note"),
    "ok": ("good", "✓", "ok"),
    "warn": ("warn", "!", "look"),
    "fail": ("bad", "✕", "fault"),
    "started": ("warn", "…", "under way"),
    "open": ("good", "●", "open"),
    "flat": ("calm", "○", "flat"),
    "none": ("calm", "–", "nothing sent"),
    "unknown": ("bad", "?", "outcome unknown"),
    # alerts: how grave, and what became of them
    "info": ("calm", "i", "info"),
    "success": ("good", "✓", "over"),
    "warning": ("warn", "!", "warning"),
    "failure": ("bad", "✕", "failure"),
    "waiting": ("warn", "…", "waiting"),
    "delivered": ("good", "✓", "delivered"),
    "failed": ("bad", "✕", "failed"),
    "dropped": ("bad", "✕", "dropped"),
    "held back": ("warn", "◐", "held back"),
    "not known": ("warn", "?", "not known"),
}


def when(ms: int | None) -> str:
    """UTC milliseconds, to the second."""
    if ms is None:
        return "–"
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return str(ms)


def iso(ms: int | None) -> str:
    """For the datetime attribute."""
    if ms is None:
        return ""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return ""


def span(ms: float | None) -> str:
    """A length of time in its two largest units."""
    if ms is None:
        return "–"
    sign, left = ("-" if ms < 0 else ""), abs(ms) / 1000
    if left < 1:
        return f"{sign}{abs(ms):.0f} ms"
    if left < 60:
        return f"{sign}{left:.1f} s"
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count:.0f} {unit}")
    return sign + " ".join(parts[:2])


def number(value: Any, digits: int | None = None) -> str:
    """A number with thousands separated; all of its digits unless told."""
    try:
        exact = Decimal(str(value))
    except (InvalidOperation, ValueError):
        return plain(value)
    if not exact.is_finite():
        return str(exact)
    if digits is not None:
        return f"{exact:,.{digits}f}"
    return f"{exact.normalize() + 0:,f}"


def usdt(value: Any, signed: bool = False) -> str:
    """Money to the cent."""
    if value is None:
        return "–"
    try:
        exact = Decimal(str(value))
    except (InvalidOperation, ValueError):
        return plain(value)
    return f"{exact:{'+' if signed else ''},.2f}"


def percent(value: Any, digits: int = 2, signed: bool = False) -> str:
    """A fraction as per cent."""
    if value is None:
        return "–"
    try:
        exact = 100 * Decimal(str(value))
    except (InvalidOperation, ValueError):
        return plain(value)
    return f"{exact:{'+' if signed else ''},.{digits}f} %"


def plain(value: Any) -> str:
    """A JSON value on one line."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return number(value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(f"({plain(part)})" if isinstance(part, dict) else plain(part) for part in value)
    return str(value)


def people(value: Any) -> str:
    """As `plain`, with long fractions rounded to four digits, or to five that count: for reading, never to compare."""
    return _LONG.sub(lambda found: _rounded(found[0]), plain(value))


def _rounded(text: str) -> str:
    exact = Decimal(text.replace(",", ""))
    digits = max(4, 4 - exact.adjusted()) if exact else 0
    return f"{exact:{',' if ',' in text else ''}.{digits}f}"


def pretty(value: Any) -> str:
    """JSON on many lines; a text that is JSON itself is laid out, any other text stays as it is."""
    laid_out = value
    if isinstance(value, str):
        try:
            laid_out = json.loads(value)
        except ValueError:
            return value
    return json.dumps(laid_out, indent=2, ensure_ascii=False, default=str)


def short(symbol: str) -> str:
    """SOL/USDT:USDT -> SOL; whatever is no symbol stays."""
    try:
        return str(base_of(symbol))
    except ValueError:
        return symbol


def coded(text: str) -> Markup:
    """Our own sentences: what stands between backticks as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def mark(state: Any) -> dict[str, str]:
    """Class, sign and word of a state."""
    css, sign, word = MARKS.get(str(state), ("calm", "·", plain(state)))
    return {"css": css, "sign": sign, "word": word}
