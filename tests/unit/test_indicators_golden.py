"""Golden vectors of domain.md section 10, worked by hand there: every number is the page's, none is ours."""

from decimal import Decimal
from typing import Literal

import pytest

from indicators import delta_neutral_hedge as hedge
from indicators.delta_neutral_hedge import BandSpec
from indicators.errors import IndicatorError
from indicators.funding import adverse_rate, apr, rate_per_8h, venue_spread
from indicators.gamma_pnl import PairFill, ladder_path, pair_pnl

E, N = Decimal(120), Decimal(50_000)
Q = N / E
C = Decimal("0.0005")


def bands(text: str) -> tuple[BandSpec, ...]:
    """`2:.5 4:1` in per cent, as the page writes it; the last band closes both legs."""
    parts = [part.split(":") for part in text.split()]
    return tuple(
        BandSpec(Decimal(move) / 100, "both" if i == len(parts) - 1 else "losing", Decimal(fraction))
        for i, (move, fraction) in enumerate(parts)
    )


LADDER = bands("2:.5 4:1")


def near(value: Decimal, text: str) -> bool:
    """Equal to as many decimals as the page gives."""
    return value.quantize(Decimal(text)) == Decimal(text)


@pytest.mark.parametrize(
    ("prices", "rule", "left_long", "left_short", "gross", "fees", "total"),
    [
        ("122.4", "opposite_band", "416.6667", "208.3333", "0", "62.75", "-62.75"),
        ("122.4 124.8", "opposite_band", "0", "0", "500", "101.75", "398.25"),
        ("117.6 115.2", "opposite_band", "0", "0", "500", "98.25", "401.75"),
        ("122.4 120", "opposite_band", "416.6667", "208.3333", "-500", "62.75", "-562.75"),
        ("122.4 120", "entry", "0", "0", "-500", "100.25", "-600.25"),
        ("122.4 117.6", "opposite_band", "0", "0", "-1000", "99.50", "-1099.50"),
        ("117.6 122.4", "opposite_band", "0", "0", "-1000", "100.50", "-1100.50"),
        ("126", "opposite_band", "0", "0", "0", "102.50", "-102.50"),
        ("122.4 126", "opposite_band", "0", "0", "750", "102.125", "647.875"),
        ("123 124.8", "opposite_band", "0", "0", "375", "101.8125", "273.1875"),
        ("122.4 114", "opposite_band", "0", "0", "-1750", "98.375", "-1848.375"),
        ("121 119 120", "opposite_band", "416.6667", "416.6667", "0", "50.00", "-50.00"),
        ("122.4 115.2", "none", "0", "0", "-1500", "98.75", "-1598.75"),
    ],
)
def test_ladder_table(
    prices: str, rule: str, left_long: str, left_short: str, gross: str, fees: str, total: str
) -> None:
    result = ladder_path(LADDER, E, Q, C, [Decimal(price) for price in prices.split()], rule).result
    assert near(result.long_quantity, left_long)
    assert near(result.short_quantity, left_short)
    assert abs(result.gross - Decimal(gross)) < Decimal("1e-9")
    assert abs(result.fees - Decimal(fees)) < Decimal("1e-9")
    assert abs(result.total - Decimal(total)) < Decimal("1e-9")


def test_the_profiles_worked_example_loses_200_01() -> None:
    """Section 1: 120 -> 123 -> 118 with the short re-opened at 123; the profile claims +8,212."""
    again = N / Decimal(123)
    fills = [
        PairFill("long", Q, E),
        PairFill("short", Q, E),
        PairFill("short", -Q, Decimal(123)),
        PairFill("short", again, Decimal(123)),
        PairFill("long", -Q, Decimal(118)),
        PairFill("short", -again, Decimal(118)),
    ]
    result = pair_pnl(fills, None, C)
    assert near(again, "406.5041")
    assert near(result.traded, "298384.15")
    assert near(result.gross, "-50.81")
    assert near(result.fees, "149.19")
    assert near(result.total, "-200.01")


@pytest.mark.parametrize(
    ("text", "pi"), [("2:.5 4:1", "500"), ("1:.5 4:1", "750"), ("1:.25 2:.5 4:1", "625"), ("4:1", "0")]
)
def test_pi(text: str, pi: str) -> None:
    assert hedge.pi_gross(bands(text), N) == Decimal(pi)


def test_effective_gamma() -> None:
    grid = (BandSpec(Decimal("0.02"), "winning", Decimal("0.5")), LADDER[1])
    assert near(hedge.effective_gamma(LADDER, N, E), "43.4028")
    assert near(hedge.effective_gamma(grid, N, E), "-43.4028")
    assert hedge.effective_gamma(LADDER, N, E, rehedge="at_band") == 0
    assert hedge.effective_gamma(bands("4:1"), N, E) == 0


def test_parabola_agrees_only_where_band_1_is_half_of_band_2() -> None:
    reach = Decimal("4.8")
    assert hedge.effective_gamma(LADDER, N, E) * reach**2 / 2 == hedge.pi_gross(LADDER, N) == 500
    # half of what the straight line from E would have made: 0.5 x 2 x N x 4 % x 1/2 = 500, the staircase says 750
    assert hedge.pi_gross(bands("1:.5 4:1"), N) == 750


@pytest.mark.parametrize(
    ("cost", "up", "down"),
    [
        ("0.0005", "122.8855", "117.1255"),
        ("0.0007", "123.0801", None),
        ("0.0010", "123.3725", None),
        ("0.0015", "123.8610", None),
    ],
)
def test_break_even(cost: str, up: str, down: str | None) -> None:
    assert near(hedge.break_even(LADDER, E, Q, Decimal(cost), "up"), up)
    if down is not None:
        assert near(hedge.break_even(LADDER, E, Q, Decimal(cost), "down"), down)


def test_costs_of_a_ladder() -> None:
    assert hedge.ladder_costs(LADDER, N, E, C, "up") == Decimal("101.75")
    assert hedge.ladder_costs(LADDER, N, E, C, "down") == Decimal("98.25")
    assert hedge.ladder_costs(LADDER, N, E, C, "up") / N == Decimal("0.002035")


def test_cost_of_ten_basis_points_fails_the_cost_multiple() -> None:
    """Section 2: Pi_net(H) >= 2 x costs holds at 5 bp and not at 10 bp."""
    for cost, holds in (("0.0005", True), ("0.0010", False)):
        costs = hedge.ladder_costs(LADDER, N, E, Decimal(cost), "up")
        assert (hedge.pi_gross(LADDER, N) - costs >= 2 * costs) is holds


@pytest.mark.parametrize(
    ("leverage", "fraction", "margin", "notional", "quantity", "floor"),
    [
        (5, ".15", "15000", "37500", "312.5", "3000"),
        (5, ".20", "20000", "50000", "416.6667", "3000"),
        (8, ".15", "15000", "60000", "500", "1875"),
        (8, ".20", "20000", "80000", "666.6667", "1875"),
    ],
)
def test_sizing(leverage: int, fraction: str, margin: str, notional: str, quantity: str, floor: str) -> None:
    size = hedge.size_pair(Decimal(100_000), Decimal(fraction), leverage, E)
    assert (size.pair_margin, size.notional, size.floor_margin) == (Decimal(margin), Decimal(notional), Decimal(floor))
    assert near(size.quantity, quantity)


def test_floor_after_scaling() -> None:
    """f_eff < 0.15 / L is refused: at 5x the floor is 3 % of equity."""
    scaled = hedge.size_pair(Decimal(100_000), Decimal("0.20"), 5, E, Decimal("0.15"))
    smaller = hedge.size_pair(Decimal(100_000), Decimal("0.20"), 5, E, Decimal("0.149"))
    assert (scaled.pair_margin, scaled.below_floor) == (3000, False)
    assert (smaller.pair_margin, smaller.below_floor) == (2980, True)


@pytest.mark.parametrize(
    ("depth", "multiplier"),
    [("2.75e6", "0.25"), ("3.5e6", "0.5"), ("1e6", "0"), ("2e6", "0"), ("5e6", "1"), ("9e9", "1")],
)
def test_depth_multiplier(depth: str, multiplier: str) -> None:
    assert hedge.depth_multiplier(Decimal(depth), Decimal("2e6"), Decimal("5e6")) == Decimal(multiplier)


@pytest.mark.parametrize(
    ("leverage", "after_up", "after_down"),
    [
        (5, "115.1940", "124.7940"),
        (6, "116.4759", "123.5159"),
        (7, "117.3916", "122.6030"),
        (8, "118.0783", "121.9183"),
    ],
)
def test_stop_price_at_8_per_cent(leverage: int, after_up: str, after_down: str) -> None:
    margin = 2 * N / leverage
    assert near(hedge.stop_price(LADDER, E, Q, C, Decimal("0.08"), margin, "up"), after_up)
    assert near(hedge.stop_price(LADDER, E, Q, C, Decimal("0.08"), margin, "down"), after_down)


@pytest.mark.parametrize(
    ("leverage", "rate", "long", "short"),
    [
        (5, ".005", "96.4824", "143.2836"),
        (5, ".01", "96.9697", "142.5743"),
        (8, ".005", "105.5276", "134.3284"),
        (8, ".01", "106.0606", "133.6634"),
        (8, ".025", "107.6923", "131.7073"),
    ],
)
def test_liquidation(leverage: int, rate: str, long: str, short: str) -> None:
    for side, price in (("long", long), ("short", short)):
        assert near(hedge.liquidation_price(side, E, Q, N / leverage, Decimal(rate)), price)


def test_liquidation_uses_the_tiers_amount() -> None:
    """(E q - M - cum) / (q (1 - mmr)) with cum 500: (50,000 - 10,000 - 500) / (416.67 x 0.99) = 95.7576."""
    assert near(hedge.liquidation_price("long", E, Q, Decimal(10_000), Decimal("0.01"), Decimal(500)), "95.7576")


@pytest.mark.parametrize(("rate", "receipt"), [(".0008", "-20.40"), (".0001", "-2.55"), ("-.0008", "20.40")])
def test_funding_of_the_net_position(rate: str, receipt: str) -> None:
    assert near(hedge.pair_funding(Q / 2, Decimal("122.4"), Decimal(rate)), receipt)
    assert hedge.pair_funding(Decimal(0), Decimal("122.4"), Decimal(rate)) == 0


def test_funding_rates_carry_their_interval() -> None:
    assert rate_per_8h(Decimal(".0001"), Decimal(1)) == Decimal(".0008")
    assert apr(Decimal(".0001"), Decimal(1)) == Decimal(".876")
    assert rate_per_8h(0.0001, 1.0) == pytest.approx(0.0008, rel=1e-15)
    assert apr(0.0008, 8.0) == pytest.approx(0.876, rel=1e-12)
    with pytest.raises(IndicatorError, match="0 hours"):
        rate_per_8h(0.0001, 0.0)


def test_adverse_rate_counts_only_while_unbalanced() -> None:
    """Half the short closed at +0.0008: the net half of a leg pays 0.0004 of N; at -0.0008 it receives as much."""
    assert adverse_rate(Decimal(".0008"), Q / 2, Q) == Decimal(".0004")
    assert adverse_rate(Decimal("-.0008"), Q / 2, Q) == Decimal("-.0004")
    assert adverse_rate(Decimal(".0008"), -Q / 2, Q) == Decimal("-.0004")
    assert adverse_rate(0.0008, 0.0, 416.0) == 0
    with pytest.raises(IndicatorError, match="leg_quantity"):
        adverse_rate(0.0008, 1.0, 0.0)


def test_two_venue_funding() -> None:
    """N 50,000, +0.0008 where short, -0.0002 where long: +50 per 8 h; four taker legs cost 100."""
    assert venue_spread(Decimal(".0008"), Decimal("-.0002")) * N == 50
    assert 4 * N * C == 100


@pytest.mark.parametrize(("lots", "closed"), [(3, 1), (5, 2), (7, 3), (9, 4), (0, 0), (1, 0)])
def test_half_close_lots(lots: int, closed: int) -> None:
    assert hedge.close_lots(lots, Decimal("0.5")) == closed


def test_net_delta() -> None:
    assert near(hedge.net_delta(Decimal(100), Decimal(45)), "0.3793")
    assert hedge.net_delta(Decimal(100), Decimal(0)) == 1
    assert hedge.net_delta(Decimal(0), Decimal(0)) == 0
    assert near(hedge.net_delta_after(bands("2:.52 4:1"))[0], "0.3514")
    assert hedge.net_delta_after(LADDER) == (Decimal(1) / 3, 0)


@pytest.mark.parametrize(("leverage", "win", "worst"), [(5, "0.0199", "0.0550"), (8, "0.0319", "0.0880")])
def test_one_ladder(leverage: int, win: str, worst: str) -> None:
    """Section 3: nets at most 1.99 % of PM at 5x, 3.19 % at 8x; opposite band loses 5.50 % and 8.80 %."""
    outcome = hedge.one_ladder(LADDER, E, Q, 2 * N / leverage, C, "opposite_band")
    assert near(outcome.win_fraction, win)
    assert near(outcome.worst_fraction, worst)
    assert near(outcome.net_win_up, "398.25")
    assert near(outcome.net_win_down, "401.75")
    assert near(outcome.worst_loss, "1100.50")


@pytest.mark.parametrize(("rule", "worst"), [("entry", "600.25"), ("none", "1601.25")])
def test_one_ladder_under_other_rules(rule: Literal["entry", "none"], worst: str) -> None:
    """entry: both closed at 120, 600.25 (up). none: 117.6 then 124.8, gross -1,500, fees 50 + 12.25 + 39 = 101.25."""
    assert near(hedge.one_ladder(LADDER, E, Q, Decimal(20_000), C, rule).worst_loss, worst)


def test_unusable_bands_are_named() -> None:
    for text, words in (("4:.5 2:1", "band 2"), ("0:.5 4:1", "band 1"), ("2:1.5 4:1", "band 1")):
        with pytest.raises(IndicatorError, match=words):
            hedge.pi_gross(bands(text), N)
    with pytest.raises(IndicatorError, match="no bands"):
        hedge.pi_gross((), N)
    with pytest.raises(IndicatorError, match="sideways"):
        hedge.ladder_costs(LADDER, N, E, C, "sideways")  # type: ignore[arg-type]
    with pytest.raises(IndicatorError, match="rule"):
        hedge.one_ladder(LADDER, E, Q, N, C, "never")
    with pytest.raises(IndicatorError, match="leg 'sideways'"):
        hedge.pi_gross((BandSpec(Decimal("0.02"), "sideways", Decimal(1)),), N)
    with pytest.raises(IndicatorError, match="outer band"):
        hedge.effective_gamma((), N, E)
    with pytest.raises(IndicatorError, match="entry"):
        hedge.size_pair(Decimal(1), Decimal(1), 5, Decimal(0))
    with pytest.raises(IndicatorError, match="quantity"):
        hedge.break_even(LADDER, E, Decimal(0), C, "up")
    with pytest.raises(IndicatorError, match="side"):
        hedge.liquidation_price("both", E, Q, N, C)
    with pytest.raises(IndicatorError, match="below 1"):
        hedge.liquidation_price("long", E, Q, N, Decimal(1))
    with pytest.raises(IndicatorError, match="depth_full"):
        hedge.depth_multiplier(N, N, N)
    with pytest.raises(IndicatorError, match="lots"):
        hedge.close_lots(-1, C)


def test_no_break_even_and_no_stop_where_there_is_none() -> None:
    """A single band never leaves a net position: fees cannot be earned back, and a reversal costs nothing more."""
    assert hedge.break_even(bands("4:1"), E, Q, C, "up").is_infinite()
    grid = (BandSpec(Decimal("0.02"), "winning", Decimal("0.5")), LADDER[1])
    assert hedge.break_even(grid, E, Q, C, "up").is_infinite()
    assert hedge.break_even(grid, E, Q, C, "down") == 0


def test_steps() -> None:
    assert hedge.floor_to_step(Decimal("416.6667"), Decimal("0.01")) == Decimal("416.66")
    assert hedge.ceil_to_step(Decimal("416.6601"), Decimal("0.01")) == Decimal("416.67")
    assert hedge.ceil_to_step(Decimal("416.66"), Decimal("0.01")) == Decimal("416.66")
    assert hedge.floor_to_step(Decimal("7"), Decimal("2.5")) == Decimal("5.0")
    with pytest.raises(IndicatorError, match="step"):
        hedge.floor_to_step(Decimal(1), Decimal(0))
