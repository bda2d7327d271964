"""The tracker against the hand-computed tables of domain.md sections 1 and 10."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from orchestrator.ledger.book import Book, tie_out
from orchestrator.ledger.csv_file import read_csv
from orchestrator.ledger.errors import BadRow, Conflicting, Overclosed
from orchestrator.ledger.position import plain
from orchestrator.ledger.report import document
from orchestrator.ledger.rows import Row
from traders.contract.decision import Band

D = Decimal
SOL = "SOL/USDT:USDT"
COST = D("0.0005")
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "worked_example.csv"
LADDER = (
    Band(move=D("0.02"), leg="losing", fraction=D("0.5")),
    Band(move=D("0.04"), leg="both", fraction=D(1)),
)


class Fills:
    """Rows with the fee of 0.05 %, one a second."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def trade(self, position_side: str, side: str, price: str | Decimal, quantity: Decimal) -> None:
        price = D(price)
        self.rows.append(
            Row(
                row_id=str(len(self.rows)),
                time=len(self.rows) * 1000,
                kind="fill",
                symbol=SOL,
                amount=quantity * price * COST,
                position_side=position_side,  # type: ignore[arg-type]
                side=side,  # type: ignore[arg-type]
                price=price,
                quantity=quantity,
            )
        )

    def funding(self, amount: str) -> None:
        number = len(self.rows)
        self.rows.append(Row(row_id=f"f{number}", time=number * 1000, kind="funding", symbol=SOL, amount=D(amount)))

    def book(self) -> Book:
        book = Book()
        book.add(self.rows)
        return book


def cents(value: Fraction) -> Decimal:
    return plain(value).quantize(D("0.01"))


def test_the_worked_example_loses_200_01() -> None:
    book = Book()
    book.add(read_csv(EXAMPLE.read_text(), EXAMPLE.name))
    assert (cents(book.gross), cents(book.fees), cents(book.net)) == (D("-50.81"), D("149.19"), D("-200.01"))
    (cycle,) = book.cycles
    assert plain(cycle.turnover, 2) == D("298384.15")
    assert (cents(cycle.gross_long), cents(cycle.gross_short)) == (D("-833.33"), D("782.52"))  # -1250.00 + 2032.52
    assert cycle.flat


# one leg of 50,000 at 120 is 416.666... coins; 5,000/12 is taken to 24 digits, the figures are checked to 4
Q = D(50_000) / D(120)


def ladder(*prices: str, rule: str = "opposite_band") -> Fills:
    """Fills of the default ladder when the price prints `prices` (domain.md section 3)."""
    fills = Fills()
    fills.trade("long", "buy", "120", Q)
    fills.trade("short", "sell", "120", Q)
    left = {"long": Q, "short": Q}
    half: str | None = None

    def close(side: str, price: str, quantity: Decimal) -> None:
        fills.trade(side, "sell" if side == "long" else "buy", price, quantity)
        left[side] -= quantity

    for price in prices:
        move = D(price) / 120 - 1
        if abs(move) >= D("0.04"):
            ends = True
        elif half is None and abs(move) >= D("0.02"):
            half = "short" if move > 0 else "long"
            close(half, price, Q / 2)
            continue
        else:
            ends = half is not None and rule == "opposite_band" and (move > 0) == (half == "long")
        if ends:
            close("long", price, left["long"])
            close("short", price, left["short"])
    return fills


@pytest.mark.parametrize(
    ("prices", "rule", "mark", "gross", "fees", "total"),
    [
        (["122.4"], "opposite_band", "122.4", "0", "62.75", "-62.75"),
        (["122.4", "124.8"], "opposite_band", None, "500", "101.75", "398.25"),
        (["117.6", "115.2"], "opposite_band", None, "500", "98.25", "401.75"),
        (["122.4"], "opposite_band", "120", "-500", "62.75", "-562.75"),
        (["122.4", "117.6"], "opposite_band", None, "-1000", "99.50", "-1099.50"),
        (["117.6", "122.4"], "opposite_band", None, "-1000", "100.50", "-1100.50"),
        (["126"], "opposite_band", None, "0", "102.50", "-102.50"),
        (["122.4", "126"], "opposite_band", None, "750", "102.125", "647.875"),
        (["123", "124.8"], "opposite_band", None, "375", "101.8125", "273.1875"),
        (["122.4", "114"], "opposite_band", None, "-1750", "98.375", "-1848.375"),
        (["121", "119", "120"], "opposite_band", "120", "0", "50.00", "-50.00"),
        (["122.4", "115.2"], "none", None, "-1500", "98.75", "-1598.75"),
    ],
)
def test_golden_ladders(prices: list[str], rule: str, mark: str | None, gross: str, fees: str, total: str) -> None:
    book = ladder(*prices, rule=rule).book()
    unrealised = Fraction(0) if mark is None else book.unrealised({SOL: D(mark)})
    if mark is None:
        assert all(cycle.flat for cycle in book.cycles)
    assert plain(book.gross + unrealised, 4) == D(gross)
    assert plain(book.fees, 4) == D(fees)
    assert plain(book.net + unrealised, 4) == D(total)


def test_all_closed_at_the_entry_after_band_1() -> None:
    fills = ladder("122.4")
    fills.trade("long", "sell", "120", Q)
    fills.trade("short", "buy", "120", Q - Q / 2)
    book = fills.book()
    figures = (plain(book.gross, 4), plain(book.fees, 4), plain(book.net, 4))
    assert figures == (D(-500), D("100.25"), D("-600.25"))


@pytest.mark.parametrize("prices", [("122.4", "124.8"), ("117.6", "115.2")])
def test_the_prediction_of_the_default_ladder_is_500(prices: tuple[str, str]) -> None:
    (cycle,) = document(ladder(*prices).book(), LADDER)["cycles"]
    assert (D(cycle["predicted"]), D(cycle["difference"]).quantize(D("0.0001"))) == (D(500), D(0))
    assert cycle["efficiency"] == pytest.approx(1)


def test_a_gap_is_seen_against_the_prediction() -> None:
    (cycle,) = document(ladder("122.4", "126").book(), LADDER)["cycles"]
    assert D(cycle["difference"]).quantize(D("0.01")) == D("250.00")
    assert cycle["efficiency"] == pytest.approx(1.5)


def test_funding_belongs_to_the_cycle_and_is_signed() -> None:
    fills = ladder("122.4")
    fills.funding("-20.40")
    fills.funding("2.55")
    book = fills.book()
    assert plain(book.funding) == D("-17.85")
    assert plain(book.cycles[0].net, 4) == D("-580.60")  # -500 realised - 62.75 - 17.85


def test_the_average_cost_of_several_openings() -> None:
    fills = Fills()
    fills.trade("long", "buy", "100", D(1))
    fills.trade("long", "buy", "110", D(2))
    fills.trade("long", "sell", "120", D(1))
    book = fills.book()
    assert book.gross == Fraction(120) - Fraction(320, 3)
    assert book.unrealised({SOL: D(120)}) == 240 - Fraction(640, 3)


def test_thirds_leave_no_dust() -> None:
    fills = Fills()
    for price in ("100", "101", "103"):
        fills.trade("long", "buy", price, D("0.1"))
    for _ in range(3):
        fills.trade("long", "sell", "104", D("0.1"))
    book = fills.book()
    assert book.cycles[0].flat
    assert book.gross == Fraction(8, 10)


def test_a_cycle_ends_when_both_sides_are_flat_and_the_next_is_new() -> None:
    fills = ladder("122.4", "124.8")
    fills.trade("long", "buy", "125", D(2))
    fills.trade("short", "sell", "125", D(1))
    book = fills.book()
    first, second = book.cycles
    assert (first.flat, first.closed_at, second.flat, second.closed_at) == (True, 4000, False, None)
    assert second.net_delta == Fraction(1, 3)
    with pytest.raises(KeyError):
        book.unrealised({})


def test_reading_again_changes_nothing() -> None:
    fills = ladder("122.4", "124.8")
    book = fills.book()
    before = document(book)
    assert book.add(fills.rows) == 0
    assert book.add(reversed(fills.rows)) == 0
    assert document(book) == before


def test_one_id_with_two_contents_is_an_error() -> None:
    fills = ladder("122.4")
    book = fills.book()
    changed = Row(**{**vars(fills.rows[0]), "amount": D(9)})
    with pytest.raises(Conflicting, match="id 0 was seen before with other figures"):
        book.add([changed])


def test_a_fill_and_a_funding_row_may_share_an_id_and_accounts_do_not_mix() -> None:
    fills = ladder("122.4", "124.8")
    other = [Row(**{**vars(row), "account": "bybit"}) for row in fills.rows]
    book = fills.book()
    book.add([Row(row_id="0", time=1, kind="funding", symbol=SOL, amount=D(1)), *other])
    assert len(book.cycles) == 2
    assert plain(book.gross, 4) == D(1000)


def test_closing_more_than_is_open_is_an_error() -> None:
    fills = Fills()
    fills.trade("long", "buy", "100", D(1))
    fills.trade("long", "sell", "100", D("1.000001"))
    with pytest.raises(
        Overclosed, match=r"sell 1\.000001 of the long side of SOL/USDT:USDT: 1\.000001 is closed, 1 is open"
    ):
        fills.book()
    lone = Fills()
    lone.trade("short", "buy", "100", D(1))
    with pytest.raises(Overclosed, match="nothing is open"):
        lone.book()


def test_an_incomplete_fill_is_an_error() -> None:
    with pytest.raises(BadRow, match="needs position_side"):
        Book().add([Row(row_id="1", time=1, kind="fill", symbol=SOL, amount=D(0))])


def test_funding_before_any_fill_counts_in_the_total() -> None:
    book = Book()
    book.add([Row(row_id="1", time=1, kind="funding", symbol=SOL, amount=D("-3"))])
    assert (book.net, book.cycles) == (Fraction(-3), [])


def test_the_tie_out_shows_what_is_missing() -> None:
    book = ladder("122.4", "124.8").book()
    exact = tie_out(book, D(100_000), D("100398.25"))
    assert abs(exact.difference) < D("1e-8")
    assert tie_out(book, D(100_000), D("100390")).difference.quantize(D("0.01")) == D("-8.25")
