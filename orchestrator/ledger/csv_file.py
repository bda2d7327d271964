"""Reading `time,kind,symbol,position_side,side,price,quantity,amount` (an `id` column is welcome)."""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Literal

from data_fetchers.symbols import UnknownSymbol, normalise
from orchestrator.ledger.errors import BadRow, Conflicting
from orchestrator.ledger.rows import Row

COLUMNS = ("time", "kind", "symbol", "position_side", "side", "price", "quantity", "amount")
_OPTIONAL = ("id",)


def read_csv(text: str, name: str) -> tuple[Row, ...]:
    """The rows of a file's text; `name` is used in messages. Raises BadRow, Conflicting."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        _check_header(header, name)
        rows = tuple(_rows(reader, header, name))
    except csv.Error as error:
        raise BadRow(
            f"{name}, line {reader.line_num}: {error}", "write plain CSV, fields with commas in quotes"
        ) from error
    ids: dict[tuple[str, str], Row] = {}
    for row in rows:
        first = ids.setdefault((row.kind, row.row_id), row)
        if first is not row:
            raise Conflicting(
                f"{row.where}, column id: {row.row_id!r} was used before ({first.where})",
                "each fill and each funding payment has its own id; remove the doubled row",
            )
    return rows


def _check_header(header: list[str], name: str) -> None:
    if not header:
        raise BadRow(f"{name} is empty", f"the first line names the columns: {','.join(COLUMNS)}")
    missing = [column for column in COLUMNS if column not in header]
    unknown = [column for column in header if column not in (*COLUMNS, *_OPTIONAL)]
    doubled = sorted({column for column in header if header.count(column) > 1})
    if missing or unknown or doubled:
        parts = [f"column {column!r} is missing" for column in missing]
        for column in unknown:
            near = get_close_matches(column, COLUMNS, n=1)
            parts.append(f"column {column!r} is unknown" + (f" (did you mean {near[0]!r}?)" if near else ""))
        parts += [f"column {column!r} is there twice" for column in doubled]
        raise BadRow(f"{name}, line 1: {'; '.join(parts)}", f"the columns are {','.join(COLUMNS)}, and optionally id")


def _rows(reader: Iterator[list[str]], header: list[str], name: str) -> Iterator[Row]:
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        line = reader.line_num  # type: ignore[attr-defined]  # the stub lacks it
        if len(cells) != len(header):
            raise BadRow(f"{name}, line {line}: {len(cells)} fields, {len(header)} columns", "one field a column")
        yield _row({key: cell.strip() for key, cell in zip(header, cells, strict=True)}, f"{name}, line {line}", line)


def _row(cells: Mapping[str, str], where: str, line: int) -> Row:
    kind = _one_of(cells, "kind", where, ("fill", "funding"))
    base = {
        "row_id": cells.get("id") or f"line {line}",
        "time": _time(cells["time"], where),
        "symbol": _symbol(cells["symbol"], where),
        "amount": _number(cells, "amount", where),
        "where": where,
    }
    if kind == "funding":
        for column in ("side", "price", "quantity"):
            if cells[column]:
                raise BadRow(
                    f"{where}, column {column}: {cells[column]!r} in a funding row",
                    "a funding row has time, kind, symbol, amount, and position_side if known; leave the rest empty",
                )
        side = _one_of(cells, "position_side", where, ("long", "short")) if cells["position_side"] else None
        # base is checked above
        return Row(kind="funding", position_side=_position(side), **base)  # type: ignore[arg-type]
    position = _one_of(cells, "position_side", where, ("long", "short"))
    trade = _one_of(cells, "side", where, ("buy", "sell"))
    return Row(
        kind="fill",
        position_side=_position(position),
        side="buy" if trade == "buy" else "sell",
        price=_number(cells, "price", where, positive=True),
        quantity=_number(cells, "quantity", where, positive=True),
        **base,  # type: ignore[arg-type]  # base is checked above
    )


def _position(text: str | None) -> Literal["long", "short"] | None:
    return None if text is None else "long" if text == "long" else "short"


def _one_of(cells: Mapping[str, str], column: str, where: str, allowed: tuple[str, ...]) -> str:
    value = cells[column].lower()
    if value not in allowed:
        raise BadRow(f"{where}, column {column}: {cells[column]!r}", f"write {' or '.join(allowed)}")
    return value


def _number(cells: Mapping[str, str], column: str, where: str, *, positive: bool = False) -> Decimal:
    try:
        value = Decimal(cells[column])
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value) > Decimal("1e18") or (value != 0 and abs(value) < Decimal("1e-30")):
        raise BadRow(f"{where}, column {column}: {cells[column]!r} is no number", "write a plain number such as 120.5")
    if positive and value <= 0:
        raise BadRow(
            f"{where}, column {column}: {cells[column]} is not above 0", f"{column} is positive; side says which way"
        )
    return value


def _symbol(text: str, where: str) -> str:
    try:
        return normalise(text)
    except UnknownSymbol as error:
        raise BadRow(f"{where}, column symbol: {error}", "write SOL/USDT:USDT or SOLUSDT") from error


def _time(text: str, where: str) -> int:
    """ISO 8601 with a zone, or UTC milliseconds."""
    if text.isascii() and text.isdigit() and len(text) <= 14:
        return int(text)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise BadRow(f"{where}, column time: {text!r}", "write ISO 8601 in UTC, as 2025-01-01T00:00:00Z")
    return round((parsed.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
