"""Fills played on a pair, and predicted against realised, by hand-worked cases."""

from decimal import Decimal

import pytest

from indicators.delta_neutral_hedge import BandSpec
from indicators.errors import IndicatorError
from indicators.gamma_pnl import GammaReport, PairFill, gamma_report, intended_prices, ladder_path, pair_pnl

LADDER = (
    BandSpec(Decimal("0.02"), "losing", Decimal("0.5")),
    BandSpec(Decimal("0.04"), "both", Decimal(1)),
)
THREE = (
    BandSpec(Decimal("0.01"), "losing", Decimal("0.25")),
    BandSpec(Decimal("0.02"), "losing", Decimal("0.5")),
    BandSpec(Decimal("0.04"), "both", Decimal(1)),
)
E, Q = Decimal(100), Decimal(10)


def at(*prices: str) -> list[Decimal]:
    return [Decimal(price) for price in prices]


def test_average_entry_and_partial_close() -> None:
    """10 at 100 and 10 at 110 average 105; 5 closed at 120 realise 75; 15 left at 103 are worth -30."""
    fills = [
        PairFill("long", Decimal(10), Decimal(100)),
        PairFill("long", Decimal(10), Decimal(110)),
        PairFill("long", Decimal(-5), Decimal(120)),
    ]
    result = pair_pnl(fills, Decimal(103), Decimal("0.001"), funding=Decimal("-1.5"))
    assert (result.realised, result.unrealised) == (75, -30)
    assert result.traded == 1000 + 1100 + 600
    assert result.total == 45 - Decimal("2.7") - Decimal("1.5")
    assert (result.long_quantity, result.short_quantity, result.net_delta) == (15, 0, 1)


def test_a_short_gains_when_the_price_falls() -> None:
    fills = [PairFill("short", Decimal(2), Decimal(50)), PairFill("short", Decimal(-2), Decimal(40))]
    assert pair_pnl(fills, None).total == 20


@pytest.mark.parametrize(
    ("fills", "mark", "words"),
    [
        ([PairFill("long", Decimal(-1), Decimal(100))], Decimal(100), "fill 1 closes 1"),
        ([PairFill("short", Decimal(0), Decimal(100))], Decimal(100), "fill 1"),
        ([PairFill("short", Decimal(1), Decimal(0))], Decimal(100), "fill 1"),
        ([PairFill("short", Decimal(1), Decimal(9))], None, "mark"),
    ],
)
def test_impossible_fills_are_named(fills: list[PairFill], mark: Decimal | None, words: str) -> None:
    with pytest.raises(IndicatorError, match=words):
        pair_pnl(fills, mark)


def test_each_band_acts_once_and_nothing_happens_between() -> None:
    path = ladder_path(LADDER, E, Q, Decimal(0), at("101", "102", "103", "102", "103.9"))
    assert [(fill.side, fill.quantity, fill.price) for fill in path.fills[2:]] == [("short", -5, 102)]
    assert (path.bands_hit, path.reversed, path.flat) == (1, False, False)


def test_nothing_happens_after_the_ladder_is_flat() -> None:
    path = ladder_path(LADDER, E, Q, Decimal(0), at("102", "104", "50", "200"))
    assert path.result.total == 10 == 5 * 2  # 5 units run from 102 to 104
    assert (path.bands_hit, path.flat) == (2, True)


def test_a_gap_past_one_of_three_bands_closes_to_that_band() -> None:
    path = ladder_path(THREE, E, Q, Decimal(0), at("102.5"))
    assert [(fill.side, fill.quantity) for fill in path.fills[2:]] == [("short", -5)]


def test_reversal_after_two_partial_closes() -> None:
    """short 2.5 closed at 101, 2.5 at 102; at 99 all closed: long -10, short -2.5 -5 +5 = -12.5 in all."""
    path = ladder_path(THREE, E, Q, Decimal(0), at("101", "102", "99"))
    assert path.result.gross == Decimal("-12.5")
    assert (path.bands_hit, path.reversed) == (2, True)


def test_winning_band_is_a_grid_and_loses_when_the_move_goes_on() -> None:
    grid = (BandSpec(Decimal("0.02"), "winning", Decimal("0.5")), LADDER[1])
    assert ladder_path(grid, E, Q, Decimal(0), at("102", "104")).result.gross == -10


def test_unknown_rule_is_named() -> None:
    with pytest.raises(IndicatorError, match="sometimes"):
        ladder_path(LADDER, E, Q, Decimal(0), at("102"), "sometimes")


@pytest.mark.parametrize(
    ("prices", "meant"),
    [
        (("101", "102.3", "104.9"), ("102", "104")),
        (("105",), ("102", "104")),
        (("102.3", "97"), ("102", "98")),
        (("97.9", "102.6"), ("98", "102")),
        (("101",), ("101",)),
        (("102.3", "100"), ("102", "100")),
    ],
)
def test_intended_prices(prices: tuple[str, ...], meant: tuple[str, ...]) -> None:
    assert intended_prices(LADDER, E, at(*prices)) == tuple(at(*meant))


def test_report_of_golden_gap_fills() -> None:
    """Section 10: 122.4 then a gap to 126 realises 750 where 500 were predicted; a gap over both realises 0."""
    entry, quantity = Decimal(120), Decimal(50_000) / 120

    def report(*prices: str) -> GammaReport:
        path = ladder_path(LADDER, entry, quantity, Decimal("0.0005"), at(*prices))
        return gamma_report(LADDER, entry, quantity, at(*prices), path.fills, path.result.fees)

    late, both, good = report("122.4", "126"), report("126"), report("122.4", "124.8")
    assert round(late.predicted, 9) == 500 and round(late.difference, 9) == 250
    assert late.efficiency is not None and round(late.efficiency, 9) == Decimal("1.5")
    assert round(late.net, 9) == Decimal("647.875")
    assert round(both.realised, 9) == 0 and round(both.difference, 9) == -500
    assert good.efficiency is not None and round(good.efficiency, 9) == 1
    crash = report("122.4", "114")
    assert (round(crash.predicted, 9), round(crash.realised, 9)) == (-1000, -1750)


def test_report_of_slipped_fills_and_funding() -> None:
    """Band 1 filled at 102.1 instead of 102, the exit at 103.9: 5 x 1.8 - 0 = 9 against 10."""
    fills = [
        PairFill("long", Q, E),
        PairFill("short", Q, E),
        PairFill("short", Decimal(-5), Decimal("102.1")),
        PairFill("short", Decimal(-5), Decimal("103.9")),
        PairFill("long", -Q, Decimal("103.9")),
    ]
    report = gamma_report(LADDER, E, Q, at("102", "104"), fills, Decimal("2.1"), Decimal("-0.4"))
    assert (report.predicted, report.realised, report.difference) == (10, 9, -1)
    assert report.efficiency == Decimal("0.9")
    assert report.net == Decimal("6.5")


def test_nothing_predicted_has_no_efficiency() -> None:
    opened = [PairFill("long", Q, E), PairFill("short", Q, E)]
    assert gamma_report(LADDER, E, Q, at("101"), opened, Decimal(0)).efficiency is None
    with pytest.raises(IndicatorError, match="prices"):
        gamma_report(LADDER, E, Q, [], opened, Decimal(0))
