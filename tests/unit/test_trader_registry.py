"""Plugins are found by entry point; a bad one is named and left out, and takes nothing else with it."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from traders.contract.trader import CONTRACT_VERSION, TraderDescriptor
from traders.registry import GROUP, discover
from traders.volatility_gamma.profile import DESCRIPTOR
from traders.volatility_gamma.trader import VolatilityGamma


class Plugin:
    """A minimal trader."""

    def __init__(self, trader_id: int = 50, name: str = "Other", **changes: Any) -> None:
        self.descriptor: Any = DESCRIPTOR.model_copy(update={"trader_id": trader_id, "name": name, **changes})

    def requirements(self, symbol: str) -> None: ...

    def observe(self, *_: Any) -> None: ...

    async def propose(self, *_: Any) -> None: ...


class Fickle(Plugin):
    """Somebody else each time."""

    def __init__(self) -> None:
        self.times = 0

    @property
    def descriptor(self) -> Any:
        self.times += 1
        return DESCRIPTOR.model_copy(update={"trader_id": 50 + self.times, "name": f"Fickle {self.times}"})


class Explosive(Fickle):
    """Well behaved once."""

    @property
    def descriptor(self) -> Any:
        self.times += 1
        if self.times > 1:
            raise RuntimeError("the second time")
        return DESCRIPTOR.model_copy(update={"trader_id": 60, "name": "Explosive"})


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes entry points of plain factories, through a real module so that EntryPoint.load is in play."""
    module = ModuleType("sample_trader_plugins")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def make(name: str, factory: Any) -> EntryPoint:
        setattr(module, name, factory)
        return EntryPoint(name=name, value=f"{module.__name__}:{name}", group=GROUP)

    return make


OURS = EntryPoint(name="VolatilityGamma", value="traders.volatility_gamma.trader:VolatilityGamma", group=GROUP)


def raising(error: BaseException) -> Any:
    def factory() -> Any:
        raise error

    return factory


def test_the_installed_trader_is_found() -> None:
    found = discover()
    assert isinstance(found.traders[11], VolatilityGamma) and found.by_name["VolatilityGamma"] is found.traders[11]
    assert found.problems == ()


def test_who_trader_11_is() -> None:
    descriptor = VolatilityGamma().descriptor
    assert isinstance(descriptor, TraderDescriptor)
    assert (descriptor.trader_id, descriptor.name, descriptor.metadata["created"]) == (
        11,
        "VolatilityGamma",
        "2025-02-02",
    )
    assert descriptor.strategy_keywords == (
        "price_action",
        "funding_rate",
        "orderbook",
        "open_interest",
        "liquidation",
        "volatility",
    )
    assert descriptor.symbols == ("SOL/USDT:USDT", "AVAX/USDT:USDT") and descriptor.timeframes == ("1h", "4h", "1d")
    assert "gamma_scalping" in descriptor.metadata["diversity_tags"] and descriptor.monitoring_interval_s == 900


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        (raising(RuntimeError("no licence")), "RuntimeError: no licence"),
        (raising(SystemExit(3)), "SystemExit: 3"),
        (raising(ImportError("no module named numpyy")), "numpyy"),
        (lambda: SimpleNamespace(), "descriptor"),
        (lambda: SimpleNamespace(descriptor={"trader_id": 50}), "is a dict, not a TraderDescriptor"),
        (lambda: SimpleNamespace(descriptor=Plugin().descriptor), "lacks requirements, observe, propose"),
        (lambda: Plugin(contract_version=CONTRACT_VERSION + 1), f"contract version {CONTRACT_VERSION + 1}"),
        (lambda: Plugin(trader_id=0), "id must be above 0"),
        (lambda: Plugin(name=" "), "name not empty"),
        (lambda: Plugin(symbols=()), "must name its symbols"),
        (lambda: Fickle(), "another one each time"),
        (lambda: Explosive(), "RuntimeError: the second time"),
        (lambda needed: Plugin(), "needed"),
        ("not callable", "not callable"),
    ],
)
def test_a_broken_plugin_is_named_and_isolated(entry: Any, factory: Any, words: str) -> None:
    found = discover([entry("broken", factory), entry("fine", Plugin), OURS])
    assert set(found.traders) == {11, 50} and len(found.problems) == 1
    assert "'broken'" in found.problems[0] and words in found.problems[0]


def test_a_module_that_is_not_there() -> None:
    found = discover([EntryPoint(name="ghost", value="no_such_module_anywhere:Trader", group=GROUP), OURS])
    assert set(found.traders) == {11} and "no_such_module_anywhere" in found.problems[0]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (lambda: Plugin(50, "Another"), "id 50 is already taken by 'a'"),
        (lambda: Plugin(51, "Other"), "name 'Other' is already taken"),
        (lambda: Plugin(51, "OTHER"), "name 'OTHER' is already taken"),
    ],
)
def test_clashes_keep_the_first_by_name_whatever_the_order(entry: Any, second: Any, words: str) -> None:
    entries = [entry("b", second), entry("a", Plugin)]
    for order in (entries, entries[::-1]):
        found = discover(order)
        assert [found.traders[key].descriptor.name for key in found.traders] == ["Other"]
        assert len(found.problems) == 1 and words in found.problems[0]


def test_nobody_can_take_the_place_of_the_products_own_trader(entry: Any) -> None:
    """Even a plugin whose name sorts first: ours comes from our own distribution."""
    from importlib.metadata import entry_points

    ours = list(entry_points(group=GROUP))
    found = discover([entry("AAA", lambda: Plugin(11, "Impostor")), *ours])
    assert isinstance(found.traders[11], VolatilityGamma) and "Impostor" not in found.by_name
    assert "id 11 is already taken by 'VolatilityGamma'" in found.problems[0]


def test_the_same_entry_point_seen_twice_is_no_clash() -> None:
    found = discover([OURS, OURS])
    assert set(found.traders) == {11} and found.problems == ()


def test_the_registry_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        discover([OURS]).traders[12] = VolatilityGamma()  # type: ignore[index]


@pytest.mark.parametrize(
    "statement",
    [
        "import traders.registry",
        "import traders.registry; traders.registry.discover()",
        "import traders.volatility_gamma.trader",
        "from traders.volatility_gamma.trader import VolatilityGamma; VolatilityGamma().requirements('SOL')",
    ],
)
def test_importing_traders_loads_nothing_heavy(statement: str) -> None:
    heavy = ("ccxt", "openai", "pandas", "sqlalchemy", "aiohttp", "httpx2", "talib", "numpy", "jinja2")
    code = f"import sys; {statement}; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["observe", "llm_policy", "rules_policy", "wire"])
def test_even_deciding_loads_no_exchange_and_no_client(module: str) -> None:
    code = (
        f"import sys, traders.volatility_gamma.{module}; "
        "print([name for name in ('ccxt', 'openai', 'sqlalchemy', 'aiohttp', 'httpx2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "[]"
