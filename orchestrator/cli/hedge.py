"""`volgamma hedge`: the delta-neutral calculator."""

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.output import command, emit
from orchestrator.errors import HostError, UsageError

if TYPE_CHECKING:
    from indicators.delta_neutral_hedge import BandSpec
    from indicators.hedge_sheet import HedgeSheet

EXAMPLE = "volgamma hedge --equity 100000 --price 120 --leverage 5"
BANDS_HELP = "move:fraction of the losing leg closed, the last closes both legs; move:fraction:winning makes a grid"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("hedge", help=f"Delta-neutral calculator, e.g. `{EXAMPLE}`.")(hedge)


@command
def hedge(
    equity: Annotated[str, typer.Option("--equity", help="account equity, USDT")],
    price: Annotated[str, typer.Option("--price", help="entry price of both legs, USDT")],
    leverage: Annotated[str, typer.Option("--leverage", help="leverage of each leg, 1 to 125")],
    margin_fraction: Annotated[
        str, typer.Option("--margin-fraction", help="margin of both legs together, fraction of equity")
    ] = "0.2",
    taker: Annotated[str, typer.Option("--taker", help="cost per unit of notional traded, a fraction")] = "0.0005",
    bands: Annotated[str, typer.Option("--bands", help=BANDS_HELP)] = "0.02:0.5,0.04:1",
    mmr: Annotated[str, typer.Option("--mmr", help="maintenance margin rate, a fraction")] = "0.01",
    stop_loss: Annotated[str, typer.Option("--stop-loss", help="cycle stop, fraction of pair margin")] = "0.08",
    reversal_rule: Annotated[
        str, typer.Option("--reversal-rule", help="opposite_band, entry or none")
    ] = "opposite_band",
    step: Annotated[str, typer.Option("--step", help="the venue's quantity step (one lot), base units")] = "0.01",
    plot: Annotated[str | None, typer.Option("--plot", help="also draw the P&L into this .png, .svg or .pdf")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document")] = False,
) -> None:
    """What a long and a short of one perpetual, closed in bands, win, cost and risk."""
    from indicators.errors import IndicatorError
    from indicators.hedge_sheet import hedge_sheet
    from orchestrator.cli.hedge_text import document, render

    times = _number("--leverage", leverage, above=Decimal(0), most=Decimal(125))
    if reversal_rule not in ("opposite_band", "entry", "none"):
        raise _wrong("--reversal-rule", reversal_rule, "use opposite_band, entry or none")
    if plot is not None:
        _plot_target(plot)
    try:
        sheet = hedge_sheet(
            equity=_number("--equity", equity, above=Decimal(0), most=Decimal("1e15")),
            fraction=_number("--margin-fraction", margin_fraction, above=Decimal(0), most=Decimal(1)),
            leverage=times,
            entry=_number("--price", price, above=Decimal(0), most=Decimal("1e12")),
            bands=parse_bands(bands),
            cost=_number("--taker", taker, least=Decimal(0), most=Decimal("0.05")),
            maintenance_margin_rate=_number("--mmr", mmr, least=Decimal(0), below=1 / times),
            stop_loss=_number("--stop-loss", stop_loss, above=Decimal(0), most=Decimal(1)),
            step=_number("--step", step, above=Decimal(0), most=Decimal("1e9")),
            reversal_rule=reversal_rule,
        )
    except IndicatorError as error:
        raise UsageError("bad_hedge", str(error), f"for example `{EXAMPLE}`") from error
    if plot is not None:
        _draw(sheet, plot)
    if as_json:
        emit(document(sheet))
    else:
        typer.echo(render(sheet))
        if plot is not None:
            typer.echo(f"\nDrawn: {plot}")


def parse_bands(text: str) -> "tuple[BandSpec, ...]":
    """`0.02:0.5,0.04:1` as bands; the last closes both legs. Raises UsageError naming the band that is wrong."""
    from indicators.delta_neutral_hedge import BandSpec

    found: list[BandSpec] = []
    parts = text.split(",")
    for part in parts:
        fields = part.strip().split(":")
        if len(fields) not in (2, 3):
            raise _wrong("--bands", part.strip(), "write move:fraction, e.g. 0.02:0.5,0.04:1")
        leg = fields[2] if len(fields) == 3 else ("both" if len(found) == len(parts) - 1 else "losing")
        if leg not in ("losing", "winning", "both"):
            raise _wrong("--bands", part.strip(), "the leg is losing, winning or both")
        move = _number("--bands (move)", fields[0], above=found[-1].move if found else Decimal(0), below=Decimal(1))
        found.append(BandSpec(move, leg, _number("--bands (fraction)", fields[1], above=Decimal(0), most=Decimal(1))))
    if found[-1].leg != "both" or found[-1].fraction != 1:
        raise _wrong("--bands", text, "the last band closes both legs whole: its fraction is 1")
    return tuple(found)


def _number(
    name: str,
    text: str,
    *,
    above: Decimal | None = None,
    least: Decimal | None = None,
    below: Decimal | None = None,
    most: Decimal | None = None,
) -> Decimal:
    """A finite decimal inside its bounds, or a UsageError that names the option and the bounds."""
    bounds = ((above, "above"), (least, "at least"), (below, "below"), (most, "at most"))
    words = " and ".join(f"{word} {bound.normalize():.6g}" for bound, word in bounds if bound is not None)
    try:
        value = Decimal(text.strip().replace("_", ""))
    except InvalidOperation:
        raise _wrong(name, text, f"give a plain number {words}") from None
    if not value.is_finite():
        raise _wrong(name, text, f"give a finite number {words}")
    inside = (
        (above is None or value > above)
        and (least is None or value >= least)
        and (below is None or value < below)
        and (most is None or value <= most)
    )
    if not inside:
        raise _wrong(name, text, f"it must be {words}")
    return value


def _wrong(name: str, text: str, remedy: str) -> UsageError:
    return UsageError("bad_option", f"{name} {text!r} cannot be used", remedy)


def _plot_target(path: str) -> None:
    from pathlib import Path

    target = Path(path)
    if target.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise _wrong("--plot", path, "give a file that ends in .png, .svg or .pdf")
    if not target.parent.is_dir():
        raise _wrong("--plot", path, f"the folder {target.parent} does not exist: create it first")


def _draw(sheet: "HedgeSheet", path: str) -> None:
    try:
        from orchestrator.cli.hedge_plot import draw
    except ModuleNotFoundError as error:
        raise HostError(
            "plot_unavailable", "drawing needs matplotlib", 'install the extra: pip install "volatility-gamma[plot]"'
        ) from error
    try:
        draw(sheet, path)
    except OSError as error:
        raise HostError("plot_failed", f"{path} cannot be written: {error.strerror}", "choose another file") from error
