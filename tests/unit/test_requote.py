"""What is kept of a book for the verdict and for ever: all that the guard looks at, and the proof that it reaches."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.requote import trimmed
from orchestrator.risk_guard.market import LegMarket
from tests.guard_scenario import permitted
from traders.contract.quote import LegQuote

QUOTE = next(iter(permitted().quote.legs.values()))


def with_book(bids: list[tuple[Decimal, Decimal]], asks: list[tuple[Decimal, Decimal]]) -> LegQuote:
    mid = (bids[0][0] + asks[0][0]) / 2 if bids and asks else QUOTE.mid
    return QUOTE.model_copy(update={"bids": tuple(bids), "asks": tuple(asks), "mid": mid})


def ladder(tick: str, count: int, quantity: str = "3") -> LegQuote:
    step, amount = Decimal(tick), Decimal(quantity)
    return with_book(
        [(Decimal(100) - step * n, amount) for n in range(1, count + 1)],
        [(Decimal(100) + step * n, amount) for n in range(1, count + 1)],
    )


def test_a_deep_book_is_cut_a_little_beyond_one_percent() -> None:
    kept = trimmed(ladder("0.01", 1000))
    assert len(kept.bids) == len(kept.asks) == 111
    assert kept.bids[-1][0] == Decimal("98.89") and kept.asks[-1][0] == Decimal("101.11")


def test_a_shallow_book_stays_shallow() -> None:
    short = ladder("0.01", 60)
    assert trimmed(short) == short and LegMarket(trimmed(short)).depth is None


def test_a_book_that_is_no_book_stays_as_it_is() -> None:
    """So that the guard sees what is wrong with it."""
    mixed = ladder("0.01", 1000)
    mixed = mixed.model_copy(update={"asks": (*mixed.asks[:-1], mixed.asks[0])})
    assert trimmed(mixed) == mixed
    empty = mixed.model_copy(update={"bids": ()})
    assert trimmed(empty) == empty


@given(
    ticks=st.lists(st.decimals("0.01", "0.9", places=2), min_size=1, max_size=40),
    amounts=st.lists(st.decimals("0.1", "50", places=1), min_size=80, max_size=80),
    quantity=st.decimals("0.1", "80", places=1),
)
def test_what_the_guard_makes_of_it_is_the_same(
    ticks: list[Decimal], amounts: list[Decimal], quantity: Decimal
) -> None:
    away = [sum(ticks[: n + 1], Decimal(0)) for n in range(len(ticks))]
    whole = with_book(
        [(100 - d, amounts[n]) for n, d in enumerate(away) if d < 100],
        [(100 + d, amounts[40 + n]) for n, d in enumerate(away)],
    )
    before, after = LegMarket(whole), LegMarket(trimmed(whole))
    assert (before.complaint, before.depth) == (after.complaint, after.depth)
    for side in ("long", "short"):
        slippage = before.slippage(side, quantity)
        if slippage is not None and slippage <= Decimal("0.0055"):  # a limit of slippage is far below
            found = after.slippage(side, quantity)
            assert found == slippage or (found is None and slippage > Decimal("0.0005"))
