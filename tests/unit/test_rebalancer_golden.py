"""Every ladder of domain.md section 10, through the real state machine. Numbers are the page's, worked by hand."""

from decimal import Decimal

import pytest

from orchestrator.rebalancer.state import Phase
from tests.rebalancer_driver import Driver, make_rules, make_state


def cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.0001"))


@pytest.mark.parametrize(
    ("marks", "left_long", "left_short", "gross", "fees", "total"),
    [
        (["122.4"], "416.6667", "208.3333", "0", "62.75", "-62.75"),
        (["122.4", "124.8"], "0", "0", "500", "101.75", "398.25"),
        (["117.6", "115.2"], "0", "0", "500", "98.25", "401.75"),
        (["122.4", "120"], "416.6667", "208.3333", "-500", "62.75", "-562.75"),
        (["122.4", "117.6"], "0", "0", "-1000", "99.50", "-1099.50"),
        (["117.6", "122.4"], "0", "0", "-1000", "100.50", "-1100.50"),
        (["126"], "0", "0", "0", "102.50", "-102.50"),
        (["122.4", "126"], "0", "0", "750", "102.125", "647.875"),
        (["123", "124.8"], "0", "0", "375", "101.8125", "273.1875"),
        (["122.4", "114"], "0", "0", "-1750", "98.375", "-1848.375"),
        (["121", "119", "120"], "416.6667", "416.6667", "0", "50", "-50"),
    ],
)
def test_opposite_band_rule(
    marks: list[str], left_long: str, left_short: str, gross: str, fees: str, total: str
) -> None:
    driver = Driver(make_state())
    for price in marks:
        driver.mark(price)
    state, last = driver.state, Decimal(marks[-1])
    assert cents(state.long.left) == Decimal(left_long)
    assert cents(state.short.left) == Decimal(left_short)
    assert cents(state.realised + state.unrealised(last)) == Decimal(gross)
    assert cents(state.fees) == Decimal(fees)
    assert cents(state.realised + state.unrealised(last) - state.fees) == Decimal(total)


def test_all_closed_at_entry_after_band_one() -> None:
    driver = Driver(make_state(rules=make_rules(reversal_rule="entry")))
    driver.mark("122.4")
    driver.mark("120")
    assert driver.state.phase is Phase.FLAT
    assert cents(driver.state.realised) == Decimal(-500)
    assert cents(driver.state.fees) == Decimal("100.25")
    assert driver.reasons == ["band_1", "reversal"]


def test_rule_none_waits_for_the_opposite_outer_band() -> None:
    driver = Driver(make_state(rules=make_rules(reversal_rule="none")))
    for price in ("122.4", "120", "117.6", "115.2"):
        driver.mark(price)
    assert driver.state.phase is Phase.FLAT
    assert cents(driver.state.realised) == Decimal(-1500)
    assert cents(driver.state.fees) == Decimal("98.75")


@pytest.mark.parametrize(
    ("leverage", "band", "price"),
    [
        (5, "122.4", "115.1940"),
        (6, "122.4", "116.4759"),
        (7, "122.4", "117.3916"),
        (8, "122.4", "118.0783"),
        (5, "117.6", "124.7940"),
        (6, "117.6", "123.5159"),
        (7, "117.6", "122.6030"),
        (8, "117.6", "121.9183"),
    ],
)
def test_the_stop_acts_at_the_stop_price(leverage: int, band: str, price: str) -> None:
    """N is 50,000 a leg at every leverage; pair margin 2 N / L; stop 8 % of it, reversal rule out of the way."""
    rules = make_rules(
        stop=Decimal("0.08"), reversal_rule="none", bands=(("0.02", "losing", "0.5"), ("0.09", "both", "1"))
    )
    inward = Decimal("0.001") if band == "122.4" else Decimal("-0.001")
    driver = Driver(make_state(rules=rules, pair_margin=Decimal(100_000) / leverage))
    driver.mark(band)
    driver.mark(Decimal(price) + inward)
    assert driver.state.phase in (Phase.UP, Phase.DOWN)
    driver.mark(Decimal(price) - inward)
    assert driver.state.phase is Phase.FLAT
    assert driver.reasons == ["band_1", "stop"]


@pytest.mark.parametrize(("lots", "closed"), [(3, 1), (5, 2), (7, 3), (9, 4)])
def test_half_close_rounds_down_to_whole_lots(lots: int, closed: int) -> None:
    driver = Driver(make_state(quantity=Decimal(lots), step_size=Decimal(1)))
    driver.mark("122.4")
    assert driver.state.short.left == lots - closed
    assert driver.state.long.left == lots
