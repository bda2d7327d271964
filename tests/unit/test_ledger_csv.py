"""Reading the pinned CSV, and saying exactly what is wrong with it."""

from decimal import Decimal

import pytest

from orchestrator.ledger.csv_file import read_csv
from orchestrator.ledger.errors import BadRow, Conflicting

HEADER = "time,kind,symbol,position_side,side,price,quantity,amount\n"
FILL = "2025-01-01T00:00:00Z,fill,SOL/USDT:USDT,long,buy,120.5,3,0.18\n"


def test_a_fill_and_a_funding_row() -> None:
    fill, funding = read_csv(HEADER + FILL + "1735718400000,funding,SOLUSDT,,,,,-2.55\n", "a.csv")
    assert (fill.time, fill.kind, fill.symbol) == (1_735_689_600_000, "fill", "SOL/USDT:USDT")
    assert (fill.position_side, fill.side, fill.price, fill.quantity, fill.amount) == (
        "long", "buy", Decimal("120.5"), Decimal(3), Decimal("0.18"),
    )  # fmt: skip
    assert (funding.time, funding.kind, funding.amount, funding.side) == (
        1_735_718_400_000, "funding", Decimal("-2.55"), None,
    )  # fmt: skip


def test_spellings_that_mean_the_same() -> None:
    header = "\ufeffTIME,Kind,symbol,position_side,side,price,quantity,amount\r\n\r\n"
    text = header + "2025-01-01T01:00:00+01:00,FILL,sol,LONG,BUY,1e2,1,0\r\n"
    (row,) = read_csv(text, "a.csv")
    assert (row.time, row.symbol, row.position_side, row.price) == (1_735_689_600_000, "SOL/USDT:USDT", "long", 100)


def test_other_orders_of_columns() -> None:
    (row,) = read_csv(
        "id,amount,quantity,price,side,position_side,symbol,kind,time\n7,0,1,100,sell,short,SOL,fill,5\n", "a"
    )
    assert (row.row_id, row.time, row.quantity) == ("7", 5, 1)


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("", "f.csv is empty", "time,kind"),
        ("time,kind\n", "line 1: column 'symbol' is missing; column 'position_side' is missing", "columns are"),
        (HEADER.replace("price", "prise"), "column 'prise' is unknown (did you mean 'price'?)", "columns are"),
        (HEADER.strip() + ",price\n", "column 'price' is there twice", "columns are"),
        (HEADER + FILL + FILL.replace("120.5", "abc"), "f.csv, line 3, column price: 'abc' is no number", "120.5"),
        (HEADER + FILL.replace("120.5", "NaN"), "line 2, column price: 'NaN' is no number", "plain number"),
        (HEADER + FILL.replace("120.5", "1e400"), "column price: '1e400' is no number", "plain number"),
        (HEADER + FILL.replace("120.5", ""), "column price: '' is no number", "plain number"),
        (HEADER + FILL.replace(",3,", ",-3,"), "column quantity: -3 is not above 0", "side says which way"),
        (HEADER + FILL.replace(",3,", ",0,"), "column quantity: 0 is not above 0", "positive"),
        (HEADER + FILL.replace("fill", "trade"), "line 2, column kind: 'trade'", "fill or funding"),
        (HEADER + FILL.replace("long", "both"), "column position_side: 'both'", "long or short"),
        (HEADER + FILL.replace("buy", ""), "column side: ''", "buy or sell"),
        (HEADER + FILL.replace("SOL/USDT:USDT", "S O L!"), "column symbol: ", "SOLUSDT"),
        (HEADER + FILL.replace("2025-01-01T00:00:00Z", "yesterday"), "column time: 'yesterday'", "ISO 8601"),
        (HEADER + FILL.replace("00:00Z", "00:00"), "column time: '2025-01-01T00:00:00'", "UTC"),
        (HEADER + FILL.replace(",0.18", ""), "line 2: 7 fields, 8 columns", "one field a column"),
        (HEADER + FILL.replace("fill", "funding"), "column side: 'buy' in a funding row", "leave the rest empty"),
        (HEADER + 'x,"fill,SOL', "line 2: unexpected end of data", "plain CSV"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place_and_remedy(text: str, message: str, remedy: str) -> None:
    with pytest.raises(BadRow) as caught:
        read_csv(text, "f.csv")
    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert "f.csv" in caught.value.message


def test_an_id_stands_for_one_row() -> None:
    header = "id," + HEADER
    with pytest.raises(Conflicting, match=r"f.csv, line 3, column id: '7' was used before \(f.csv, line 2\)"):
        read_csv(header + "7," + FILL + "7," + FILL, "f.csv")
    assert len(read_csv(header + "7," + FILL + "8," + FILL, "f.csv")) == 2
    assert len(read_csv(HEADER + FILL + FILL, "f.csv")) == 2, "without ids two equal fills are two fills"
