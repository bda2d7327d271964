"""A symbol that cannot be decided on is refused before an exchange is started."""

import time
from pathlib import Path

import pytest

from db.constraints_repository import ConstraintsRepository
from orchestrator import asked_symbol
from orchestrator.errors import HostError, UsageError
from orchestrator.settings import Settings, load
from orchestrator.storage import opened
from tests.e2e.house import volgamma


def allowing(folder: Path, *symbols: str) -> Settings:
    settings = load({"VOLGAMMA_DATA_DIR": str(folder)})
    with opened(settings) as database:
        kept = ConstraintsRepository(database)
        kept.set(11, {"allowed_symbols": list(symbols)}, "test", "test", 1_735_700_000_000)
    return settings


def test_an_allowed_symbol_that_the_paper_exchange_lacks_is_named_with_what_it_has(tmp_path: Path) -> None:
    settings = allowing(tmp_path, "SOL/USDT:USDT", "DOGE/USDT:USDT")
    asked_symbol.require(settings, "paper", ["sol"])
    for exchange in ("paper", "binanceusdm"):
        with pytest.raises(HostError, match="has SOL and AVAX only") as caught:
            asked_symbol.require(settings, exchange, ["SOL", "DOGE"])
        assert caught.value.code == "symbol_not_on_paper"
        assert "use SOL or AVAX" in caught.value.remedy
    for exchange, live in (("bybit", False), ("binanceusdm", True)):
        asked_symbol.require(settings, exchange, ["DOGE"], live=live)


def test_what_the_trader_may_not_trade_or_is_no_symbol(tmp_path: Path) -> None:
    settings = allowing(tmp_path, "SOL/USDT:USDT")
    with pytest.raises(HostError, match="AVAX/USDT:USDT is not among") as caught:
        asked_symbol.require(settings, "paper", ["AVAX"])
    assert caught.value.code == "symbol_not_allowed"
    with pytest.raises(UsageError):
        asked_symbol.require(settings, "paper", ["S0L;DROP"])


@pytest.mark.parametrize("words", [["decide", "--policy", "rules", "--symbol", "DOGE"], ["run", "--symbols", "DOGE"]])
def test_nothing_is_started_for_it(tmp_path: Path, words: list[str]) -> None:
    allowing(tmp_path, "SOL/USDT:USDT", "DOGE/USDT:USDT")
    began = time.monotonic()
    done = volgamma({"VOLGAMMA_DATA_DIR": str(tmp_path)}, *words)
    assert done.returncode == 1
    assert "paper exchange has SOL and AVAX only" in done.stderr
    assert time.monotonic() - began < 30, "a busy machine; alone it is half a second"
    assert not (tmp_path / "paper-exchange.json").exists()
    assert not (tmp_path / "desk.lock").exists()
