"""`volgamma eval`: policies and models side by side on stored contexts."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli import text
from orchestrator.cli.output import command, emit
from orchestrator.cli.recordings import recordings
from orchestrator.errors import HostError, UsageError

if TYPE_CHECKING:
    from orchestrator.evaluation.score import Answer
    from orchestrator.replay.recording import Recording


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "eval",
        help="Compare policies on stored contexts, e.g. "
        "`volgamma eval --contexts decisions.jsonl --policies rules,llm:gpt-4.1-mini --repeat 3`.",
    )(evaluate)


@command
def evaluate(
    contexts: Annotated[Path, typer.Option(help="a file of `volgamma journal export`")],
    policies: Annotated[str, typer.Option(help="comma-separated: rules, llm (as configured), llm:MODEL")] = "rules,llm",
    repeat: Annotated[int, typer.Option(min=1, max=50, help="how often a model is asked for each context")] = 1,
    html: Annotated[Path | None, typer.Option(help="also write the table as one HTML file")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
) -> None:
    """Compare. Models' answers are kept: a second run asks nothing."""
    from orchestrator.evaluation.score import judgeable

    names = _policies(policies)
    chosen = [one for one in recordings([], False, contexts) if judgeable(one)]
    if not chosen:
        raise HostError("no_contexts", f"{contexts} holds no decision with a quote", "`volgamma journal export`")
    found = asyncio.run(_evaluate(chosen, names, repeat))
    document = {"schema": "volgamma.eval/1", "contexts": len(chosen), "repeat": repeat, "policies": found}
    if html is not None:
        _write(html, document)
    if as_json:
        emit(document)
    else:
        typer.echo(_table(document), nl=False)


def _policies(given: str) -> list[str]:
    names = list(dict.fromkeys(part.strip() for part in given.split(",") if part.strip()))
    for name in names:
        if name not in ("rules", "llm") and not (name.startswith("llm:") and len(name) > 4):
            raise UsageError("unknown_policy", f"no policy {name!r}", "rules, llm or llm:MODEL")
    if not names:
        raise UsageError("usage", "--policies names none", "for example --policies rules,llm")
    return names


async def _evaluate(chosen: "list[Recording]", names: list[str], repeat: int) -> dict[str, Any]:
    from orchestrator.asked_model import asked_model
    from orchestrator.desk import find_trader
    from orchestrator.evaluation.score import answer, score
    from orchestrator.model_cache import CachedModel

    trader = find_trader()
    rules = [await answer(one, trader, "rules", None) for one in chosen]
    found: dict[str, Any] = {}
    for name in names:
        if name == "rules":
            found[name] = score([[one] for one in rules], rules)
            continue
        answers: list[list[Answer]] = []
        async with asked_model(name[4:] or None, CachedModel) as model:
            for one in chosen:
                repeats = []
                for number in range(repeat):
                    model.number = number
                    repeats.append(await answer(one, trader, "llm", model))
                answers.append(repeats)
            found[name] = {"model": model.name, **score(answers, rules), "asked": model.misses, "kept": model.hits}
    return found


_ROWS = (
    ("answers", "answers", "{:d}"),
    ("valid", "valid", "{:.0%}"),
    ("grounded", "grounded", "{:.0%}"),
    ("agrees with rules", "agrees_with_rules", "{:.0%}"),
    ("stable over repeats", "stable", "{:.0%}"),
    ("entries proposed", "entries", "{:d}"),
    ("entries permitted", "entries_permitted", "{:d}"),
    ("prompt tokens", "prompt_tokens", "{:,.0f}"),
    ("reply tokens", "completion_tokens", "{:,.0f}"),
    ("cost, USD", "cost_usd", "{:.4f}"),
    ("latency, ms", "latency_ms", "{:,.0f}"),
)


def _cells(one: dict[str, Any]) -> list[str]:
    return ["-" if one[key] is None else form.format(one[key]) for _, key, form in _ROWS]


def _table(document: dict[str, Any]) -> str:
    columns = {name: _cells(one) for name, one in document["policies"].items()}
    rows = [(label, *(cells[i] for cells in columns.values())) for i, (label, _, _) in enumerate(_ROWS)]
    lines = text.table((f"{document['contexts']} contexts", *columns), rows)
    for name, one in document["policies"].items():
        counts = [*one["abstained"].items(), *one["refused_by"].items()][:6]
        if counts:
            lines += text.fields([(f"{name} stopped by", ", ".join(f"{rule} {count}" for rule, count in counts))])
    return lines


def _write(file: Path, document: dict[str, Any]) -> None:
    import jinja2

    template = (Path(__file__).parent / "templates" / "eval.html").read_text(encoding="utf-8")
    columns = {name: _cells(one) for name, one in document["policies"].items()}
    rows = [(label, [cells[i] for cells in columns.values()]) for i, (label, _, _) in enumerate(_ROWS)]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(template).render(d=document, names=list(columns), rows=rows)
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise HostError("cannot_write", f"{file}: {error.strerror}", "name a file you may write") from error
