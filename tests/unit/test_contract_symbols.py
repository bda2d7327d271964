"""Symbols as people write them."""

import pytest

from data_fetchers.symbols import UnknownSymbol, base_of, compact, normalise, prefix_of


@pytest.mark.parametrize(
    "text",
    ["SOL/USDT:USDT", "SOLUSDT", "SOL/USDT", "sol-usdt-swap", "SOLUSDTUSDT", "SOL", " sol_usdt ", "SOLUSDTPERP"],
)
def test_every_common_spelling(text: str) -> None:
    assert normalise(text) == "SOL/USDT:USDT"


@pytest.mark.parametrize("text", ["", "USDT", "SOL USD T!", "../etc/passwd", "S" * 40])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(UnknownSymbol, match="perpetual"):
        normalise(text)


def test_parts() -> None:
    assert (base_of("SOL/USDT:USDT"), prefix_of("SOL/USDT:USDT"), compact("SOL/USDT:USDT")) == (
        "SOL",
        "sol",
        "SOLUSDT",
    )
