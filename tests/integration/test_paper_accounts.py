"""Two paper accounts beside one database: their trades are kept apart, and an open pair is looked for where it is."""

from pathlib import Path

import pytest

from orchestrator.errors import HostError
from orchestrator.host import Ask, decide_once
from orchestrator.paper_exchange.server import ExchangeConfig, start
from orchestrator.paper_identity import identity
from orchestrator.settings import load
from tests.e2e.house import house, volgamma


async def test_an_account_keeps_its_name_and_no_other_has_it(tmp_path: Path) -> None:
    names = []
    for file in ("a.json", "b.json", "a.json"):
        running = await start(ExchangeConfig(frozen=True, state_file=tmp_path / file))
        names.append(await identity(running.url))
        await running.stop()
    assert names[0] == names[2] != names[1]
    assert await identity("http://127.0.0.1:9") is None


async def test_the_ledger_of_two_accounts_and_an_open_pair_of_the_other(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        first = await place.decide()
        assert first.chosen.execution["status"] == "open"
        other = await start(ExchangeConfig(frozen=True))
        there = load({**place.environment, "VOLGAMMA_PAPER_URL": other.url})
        second = await decide_once(there, Ask(symbol="SOL", exchange="paper", policy="rules"))
        assert second.chosen.execution["status"] == "open", "an account never met before begins anew"
        with pytest.raises(HostError) as caught:
            await place.decide()
        assert caught.value.code == "other_paper_account"
        assert "paper-2" in caught.value.message
        again = await decide_once(there, Ask(symbol="SOL", exchange="paper", policy="rules"))
        assert again.decision.action == "hold"
        await other.stop()
        with place.store() as store:
            rows = store.ledger.rows()
        by_account = {name: sum(row.exchange == name for row in rows) for name in ("paper", "paper-2")}
        assert by_account["paper"] == by_account["paper-2"] >= 2
        shown = volgamma(place.environment, "ledger", "--journal")
        assert shown.returncode == 0, shown.stderr
        assert shown.stdout.count("long 263, short 263, net delta +0.0000") == 2, shown.stdout
