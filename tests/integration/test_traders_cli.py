"""`volgamma traders enable|disable`, and what it means for deciding."""

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from db.constraints_repository import ConstraintsRepository
from db.database import open_database
from db.state_repository import StateRepository
from db.traders_repository import ENABLED, TradersRepository
from orchestrator.errors import HostError
from orchestrator.trader_switch import require_enabled
from tests.integration.test_trader_conformance import conformance
from tests.store_cli import Volgamma
from traders.example_trend.trader import ExampleTrend
from traders.registry import GROUP, discover
from traders.volatility_gamma.trader import VolatilityGamma

PAGE = Path(__file__).resolve().parents[2] / "docs" / "write_a_trader.md"


@pytest.fixture
def volgamma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volgamma:
    return Volgamma(tmp_path, monkeypatch)


def test_the_example_is_found_by_its_entry_point_like_any_other() -> None:
    assert "ExampleTrend" in {entry.name for entry in entry_points(group=GROUP)}
    found = discover()
    assert isinstance(found.traders[90], ExampleTrend)
    assert found.problems == ()


def test_an_installed_trader_decides_only_after_somebody_said_so(volgamma: Volgamma, tmp_path: Path) -> None:
    volgamma("db", "upgrade")
    database = open_database(f"sqlite:///{tmp_path / 'volgamma.sqlite'}")
    example, eleven = ExampleTrend().descriptor, VolatilityGamma().descriptor
    require_enabled(database, eleven)
    with pytest.raises(HostError, match="was never enabled") as never:
        require_enabled(database, example)
    assert "volgamma traders enable 90" in never.value.remedy

    made = volgamma("traders", "enable", "exampletrend", "--why", "on paper", "--who", "ann", "--json").json
    assert (made["trader_id"], made["enabled"], made["changed"]) == (90, True, True)
    require_enabled(database, example)
    limits = ConstraintsRepository(database).current(90).limits
    assert limits.allowed_symbols == ("SOL/USDT:USDT",)
    assert limits.leverage_max == ConstraintsRepository(database).current(11).limits.leverage_max
    # its limits are its own: changing them leaves those of trader 11 alone
    assert volgamma("constraints", "set", "leverage_max", "6", "--trader", "90", "--why", "calmer").code == 0
    assert ConstraintsRepository(database).current(11).limits.leverage_max == 8

    assert volgamma("traders", "enable", "90", "--why", "again").out.startswith("90 ExampleTrend: was enabled already")
    assert volgamma("traders", "disable", "90", "--why", "enough", "--who", "bob").code == 0
    with pytest.raises(HostError, match="is disabled"):
        require_enabled(database, example)
    changes = StateRepository(database).history(ENABLED, "90")
    assert [(row.value, row.who, row.why) for row in changes] == [(True, "ann", "on paper"), (False, "bob", "enough")]
    # enabled again, it keeps the limits it had
    volgamma("traders", "enable", "90", "--why", "once more")
    assert ConstraintsRepository(database).current(90).limits.leverage_max == 6
    database.close()


def test_another_trader_under_a_known_id_inherits_nothing(volgamma: Volgamma, tmp_path: Path) -> None:
    volgamma("traders", "enable", "90", "--why", "first")
    database = open_database(f"sqlite:///{tmp_path / 'volgamma.sqlite'}")
    impostor = ExampleTrend().descriptor.model_copy(update={"name": "Impostor"})
    with pytest.raises(HostError, match="id 90 belongs to trader ExampleTrend"):
        require_enabled(database, impostor)
    database.close()


def test_list_and_show_say_who_may_decide(volgamma: Volgamma) -> None:
    assert re.search(r"11 +VolatilityGamma +enabled", volgamma("traders", "list").out)
    assert re.search(r"90 +ExampleTrend +disabled", volgamma("traders", "list").out)
    assert "never enabled" in volgamma("traders", "show", "90").out
    assert volgamma("traders", "show", "90", "--json").json["enabled"] is False
    assert volgamma("traders", "disable", "90", "--why", "it is off").out == "90 ExampleTrend: was disabled already\n"
    assert volgamma("traders", "enable", "12", "--why", "?", "--json").json["error"]["code"] == "unknown_trader"


def test_enrolling_twice_changes_nothing(volgamma: Volgamma, tmp_path: Path) -> None:
    volgamma("traders", "enable", "90", "--why", "first")
    database = open_database(f"sqlite:///{tmp_path / 'volgamma.sqlite'}")
    limits = ConstraintsRepository(database).current(11).limits
    assert TradersRepository(database).enrol(90, "Another", limits, "x", "y", 1) is False
    assert TradersRepository(database).get(90).name == "ExampleTrend"
    database.close()


def test_the_code_of_the_page_is_the_trader_and_keeps_to_the_contract(tmp_path: Path) -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    assert code == (PAGE.parents[1] / "traders/example_trend/trader.py").read_text()
    (tmp_path / "my_trader.py").write_text(code)
    result, output = conformance("my_trader:ExampleTrend", cwd=tmp_path)
    assert result == 0, output[-3000:]
