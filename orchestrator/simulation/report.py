"""The report of a run: one HTML file that needs nothing else."""

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.desk import TRADER_ID
from orchestrator.errors import HostError
from orchestrator.simulation import plots
from orchestrator.simulation.run import Done

#: The profile's claims (domain.md section 8: its author's expectations, never facts), for comparison only.
CLAIMS = (
    ("win rate", "55-60 %", "win_rate", "{:.1%}"),
    ("a month", "+15 to +25 %", "monthly", "{:+.2%}"),
    ("trades a month", "60-80", "trades_a_month", "{:.1f}"),
)


def write(file: Path, done: Done) -> None:
    """Draw and write. Raises HostError when the file cannot be written or matplotlib is missing."""
    text = render(done)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HostError("cannot_write", f"{file}: {error.strerror}", "name a file you may write") from error


def render(done: Done) -> str:
    """The page."""
    import jinja2

    template = (Path(__file__).parent / "templates" / "report.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["usdt"] = lambda value: f"{float(value):,.2f}"
    environment.filters["percent"] = lambda value, digits=2: "–" if value is None else f"{value:.{digits}%}"
    setup, d = done.setup, done.document
    one_leg = 0 < d["cycles"] == d["one_leg"]
    span = (setup.start, setup.end)
    months = monthly(done)
    drawn = pictures(done)
    figures = {
        "win_rate": d["win_rate"],
        "monthly": _mean([share for _, share, _ in months]),
        "trades_a_month": _mean([float(count) for _, _, count in months]),
    }
    return environment.from_string(template).render(
        d=d,
        period=tuple(datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d") for at in span),
        equity=drawn.pop("equity").svg(),
        scatter=drawn.pop("predicted").svg(),
        exits=drawn.pop("exits").svg(),
        rules=drawn.pop("refused_by").svg(),
        prices=[picture.svg() for picture in drawn.values()],
        months=months,
        cycles=done.cycles,
        of_one_leg=one_leg,
        held="positions" if one_leg else "pairs",
        claims=[
            (name, said, "–" if figures[key] is None else form.format(figures[key]))
            for name, said, key, form in CLAIMS
            if d["trader"]["trader_id"] == TRADER_ID  # they are this one profile's
        ],
        when=lambda ms: datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M"),
    )


def pictures(done: Done) -> dict[str, plots.Picture]:
    """Every plot by its name; those of prices are called price_SOL and so on."""
    setup, d = done.setup, done.document
    span = (setup.start, setup.end)
    return {
        "equity": plots.equity(done.curve, float(setup.capital), *span),
        **{
            f"price_{symbol.split('/')[0]}": plots.price(
                done.markets[symbol], [c for c in done.cycles if c.symbol == symbol], *span
            )
            for symbol in setup.symbols
        },
        "predicted": plots.predicted(done.cycles),
        "exits": plots.counts("Why pairs ended", d["exits"]),
        "refused_by": plots.counts("Entries refused by rule", d["refused_by"]),
    }


def write_pictures(folder: Path, done: Done) -> list[Path]:
    """Each plot as a PNG file. Raises HostError when they cannot be written or matplotlib is missing."""
    files = {folder / f"{name}.png": picture for name, picture in pictures(done).items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, picture in files.items():
            picture.png(file)
    except OSError as error:
        raise HostError("cannot_write", f"{folder}: {error.strerror}", "name a folder you may write") from error
    return list(files)


def monthly(done: Done) -> list[tuple[str, float, int]]:
    """(month, net of pairs closed in it as a fraction of capital, pairs) for every month of the period."""
    net: dict[str, float] = defaultdict(float)
    count: dict[str, int] = defaultdict(int)
    for cycle in done.cycles:
        month = _month(cycle.closed_at)
        net[month] += float(cycle.net)
        count[month] += 1
    at = datetime.fromtimestamp(done.setup.start / 1000, UTC)
    year, number = at.year, at.month
    found: list[tuple[str, float, int]] = []
    last = _month(done.setup.end - 1)
    while (name := f"{year}-{number:02d}") <= last:
        found.append((name, net[name] / float(done.setup.capital), count[name]))
        year, number = (year + 1, 1) if number == 12 else (year, number + 1)
    return found


def _month(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m")


def _mean(values: list[float]) -> Any:
    return sum(values) / len(values) if values else None
