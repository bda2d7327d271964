"""Whatever the fills: cash in equals cash out, and order of arrival within the file does not matter."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.ledger.book import Book
from orchestrator.ledger.csv_file import read_csv
from orchestrator.ledger.errors import LedgerError
from orchestrator.ledger.rows import Row

SOL = "SOL/USDT:USDT"
moves = st.lists(
    st.tuples(
        st.sampled_from(["long", "short"]),
        st.booleans(),
        st.integers(1, 50),
        st.decimals("1", "1000", places=2),
        st.decimals("-1", "5", places=4),
    ),
    max_size=25,
)


def rows_of(steps: list[tuple[str, bool, int, Decimal, Decimal]]) -> list[Row]:
    """Fills that never close more than is open."""
    held = {"long": 0, "short": 0}
    rows = []
    for number, (side, opens, quantity, price, fee) in enumerate(steps):
        if not opens:
            quantity = min(quantity, held[side])
            if quantity == 0:
                continue
        held[side] += quantity if opens else -quantity
        rows.append(
            Row(
                row_id=str(number),
                time=number,
                kind="fill",
                symbol=SOL,
                amount=fee,
                position_side="long" if side == "long" else "short",
                side="buy" if opens == (side == "long") else "sell",
                price=price,
                quantity=Decimal(quantity),
            )
        )
    return rows


@given(moves, st.decimals("1", "1000", places=2))
def test_realised_and_unrealised_are_the_cash_that_flowed(
    steps: list[tuple[str, bool, int, Decimal, Decimal]], mark: Decimal
) -> None:
    rows = rows_of(steps)
    book = Book()
    book.add(rows)
    cash, net = Fraction(0), Fraction(0)
    for row in rows:
        assert row.price is not None
        assert row.quantity is not None
        sign = 1 if row.side == "buy" else -1
        cash -= sign * Fraction(row.price) * Fraction(row.quantity) + Fraction(row.amount)
        net += sign * Fraction(row.quantity)
    assert book.net + book.unrealised({SOL: mark}) == cash + net * Fraction(mark)
    assert all(cycle.flat for cycle in book.cycles[:-1])


@given(moves, st.randoms(use_true_random=False))
def test_rows_may_come_in_any_order_and_twice(
    steps: list[tuple[str, bool, int, Decimal, Decimal]], random: object
) -> None:
    rows = rows_of(steps)
    once, twice = Book(), Book()
    once.add(rows)
    mixed = [*rows, *rows]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    twice.add(mixed)
    assert (once.gross, once.fees, len(once.cycles)) == (twice.gross, twice.fees, len(twice.cycles))


@given(st.text(max_size=200), st.booleans())
def test_any_text_is_read_or_refused_with_a_remedy(text: str, with_header: bool) -> None:
    header = "time,kind,symbol,position_side,side,price,quantity,amount\n" if with_header else ""
    refusal: LedgerError | None = None
    try:
        Book().add(read_csv(header + text, "f.csv"))
    except LedgerError as error:
        refusal = error
    assert refusal is None or (refusal.message and refusal.remedy)
