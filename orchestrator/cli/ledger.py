"""`volgamma ledger`: the gamma P&L tracker for any fills."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli import text
from orchestrator.cli.output import command, emit

if TYPE_CHECKING:
    from orchestrator.ledger.rows import Row
    from traders.contract.decision import Band


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ledger", help="Realised P&L, fees and funding of fills, e.g. `volgamma ledger fills.csv`.")(ledger)


@command
def ledger(
    file: Annotated[
        Path | None,
        typer.Argument(help="CSV with time,kind,symbol,position_side,side,price,quantity,amount", show_default=False),
    ] = None,
    journal: Annotated[bool, typer.Option("--journal", help="the fills and funding this trader has booked")] = False,
    bands: Annotated[
        str | None, typer.Option("--bands", help="predict each ladder, e.g. 0.02:losing:0.5,0.04:both:1")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
) -> None:
    """Kind `fill`: amount is the fee paid. Kind `funding`: amount is what was received (negative: paid)."""
    from orchestrator.errors import HostError, UsageError
    from orchestrator.ledger.book import Book
    from orchestrator.ledger.errors import LedgerError
    from orchestrator.ledger.report import document

    if (file is None) == (not journal):
        raise UsageError(
            "ledger_source", "name one source", "`volgamma ledger FILE.csv` or `volgamma ledger --journal`"
        )
    ladder = _bands(bands)
    try:
        book = Book()
        book.add(_journal_rows() if file is None else _file_rows(file))
        report = document(book, ladder)
    except LedgerError as error:
        raise HostError(error.code, error.message, error.remedy) from error
    if as_json:
        emit(report)
    else:
        typer.echo("\n".join(_lines(report)))


def _file_rows(path: Path) -> "tuple[Row, ...]":
    from orchestrator.errors import HostError
    from orchestrator.ledger.csv_file import read_csv

    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise HostError("file_unreadable", f"{path}: {reason}", "name a CSV file that can be read") from error
    return read_csv(content, path.name)


def _journal_rows() -> "tuple[Row, ...]":
    from db.ledger_repository import LedgerRepository
    from orchestrator import settings, storage
    from orchestrator.ledger.rows import Row

    with storage.opened(settings.load()) as database:
        stored = LedgerRepository(database).rows()
    return tuple(
        Row(
            row_id=row.venue_id,
            time=row.time,
            kind="fill" if row.kind == "fill" else "funding",
            symbol=row.symbol,
            amount=row.amount,
            position_side=None if row.position_side is None else "long" if row.position_side == "long" else "short",
            side=None if row.side is None else "buy" if row.side == "buy" else "sell",
            price=row.price,
            quantity=row.quantity,
            account=row.exchange,
            where=f"{row.exchange} {row.kind} {row.venue_id}",
        )
        for row in stored
        if row.kind in ("fill", "funding")
    )


def _bands(words: str | None) -> "tuple[Band, ...]":
    from indicators.delta_neutral_hedge import pi_gross
    from indicators.errors import IndicatorError
    from orchestrator.errors import UsageError
    from traders.contract.decision import Band

    if words is None:
        return ()
    try:
        parts = [word.strip().split(":") for word in words.split(",")]
        ladder = tuple(Band.model_validate({"move": m, "leg": leg, "fraction": f}) for m, leg, f in parts)
        pi_gross(ladder, Decimal(1))
        return ladder
    except (ValueError, IndicatorError) as error:
        raise UsageError(
            "ledger_bands", f"--bands {words!r}: {str(error)[:120]}", "write 0.02:losing:0.5,0.04:both:1"
        ) from error


def _lines(report: dict[str, Any]) -> Iterator[str]:
    cycles = report["cycles"]
    if not cycles:
        yield "no fills"
        return
    yield f"{'#':>3} {'symbol':<6} {'opened':<16} {'fills':>5} {'gross':>11} {'fees':>9} {'funding':>9} {'net':>11}"
    for number, cycle in enumerate(cycles, 1):
        opened = text.when(cycle["opened_at"])[:16].replace("T", " ")
        name = str(cycle["symbol"]).split("/")[0][:6]
        yield (
            f"{number:>3} {name:<6} {opened:<16} {cycle['fills']:>5} {_cents(cycle['gross']):>11} "
            f"{_cents(cycle['fees']):>9} {_cents(cycle['funding']):>9} {_cents(cycle['net']):>11}"
        )
        if cycle["closed_at"] is None:
            yield (
                f"    open: long {cycle['open_long']}, short {cycle['open_short']}, net delta {cycle['net_delta']:+.4f}"
            )
        if cycle["predicted"] is not None:
            share = cycle["efficiency"]
            tail = "" if share is None else f", efficiency {share:.1%}"
            yield f"    ladder predicted {_cents(cycle['predicted'])}, difference {_cents(cycle['difference'])}{tail}"
    yield (
        f"{'':>3} {'all':<6} {'':<16} {sum(c['fills'] for c in cycles):>5} {_cents(report['gross']):>11} "
        f"{_cents(report['fees']):>9} {_cents(report['funding']):>9} {_cents(report['net']):>11}"
    )
    yield "USDT; gross: realised, before fees and funding; net = gross - fees + funding"


def _cents(value: str) -> str:
    return f"{Decimal(value).quantize(Decimal('0.01')) + 0:,}"
