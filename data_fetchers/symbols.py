"""One spelling inside (ccxt's unified ``SOL/USDT:USDT``), any common spelling in."""

import re


class UnknownSymbol(ValueError):
    """The text is no USDT-margined perpetual."""


_UNIFIED = re.compile(r"^([A-Z0-9]{1,15})/USDT:USDT$")


def normalise(text: str) -> str:
    """``SOLUSDT``, ``SOL/USDT``, ``sol-usdt-swap``, ``SOLUSDTUSDT``, ``SOL`` -> ``SOL/USDT:USDT``.

    Raises UnknownSymbol when no USDT-margined perpetual can be meant.
    """
    raw = text.strip().upper()
    if _UNIFIED.match(raw):
        return raw
    flat = re.sub(r"[/:_\-\s]", "", raw).removesuffix("SWAP").removesuffix("PERP")
    while flat.endswith("USDT"):
        flat = flat.removesuffix("USDT")
    if not re.fullmatch(r"[A-Z0-9]{1,15}", flat):
        raise UnknownSymbol(f"{text!r} is no USDT-margined perpetual; write it as SOL/USDT:USDT or SOLUSDT")
    return f"{flat}/USDT:USDT"


def base_of(symbol: str) -> str:
    """``SOL`` of ``SOL/USDT:USDT``."""
    return symbol.split("/", 1)[0]


def prefix_of(symbol: str) -> str:
    """The first part of a reading's dotted name: ``sol``."""
    return base_of(symbol).lower()


def compact(symbol: str) -> str:
    """``SOLUSDT``: the venue's id, also used in decision ids."""
    return f"{base_of(symbol)}USDT"
