"""`volgamma replay what-if` and `replay outcome`: questions about past decisions. Nothing stored is touched."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestrator.cli import completion, text
from orchestrator.cli.output import command, emit
from orchestrator.cli.recordings import recordings
from orchestrator.errors import HostError, UsageError

if TYPE_CHECKING:
    from orchestrator.replay.what_if import Compared, Side

Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="decision ids", autocompletion=completion.decision_ids)
]
All = Annotated[bool, typer.Option("--all", help="every decision of the journal")]
File = Annotated[Path | None, typer.Option("--file", help="a journal export instead of the journal")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def register(group: typer.Typer) -> None:
    """Add the commands to `volgamma replay`."""
    group.command(
        "what-if",
        help="Past decisions under other limits, policy or model, e.g. "
        "`volgamma replay what-if --all --set slippage_max=0.0005`.",
    )(what_if)
    group.command(
        "outcome",
        help="What each past decision would have earned on the candles that followed, e.g. "
        "`volgamma replay outcome --all --data data/futures`.",
    )(outcome)


@command
def what_if(
    ids: Ids = None,
    everything: All = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="another limit; repeatable", autocompletion=completion.other_limits
        ),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(help="rules or llm; by default what was decided then", autocompletion=completion.policies),
    ] = None,
    model: Annotated[str | None, typer.Option(help="ask this model (implies --policy llm); answers are kept")] = None,
    file: File = None,
    html: Annotated[Path | None, typer.Option(help="also write the table as one HTML file")] = None,
    as_json: Json = False,
) -> None:
    """Compare."""
    from orchestrator.other_limits import changed, parsed

    changes = parsed(set_ or [])
    chosen = _policy(policy, model)
    if not changes and chosen is None:
        raise UsageError("usage", "nothing is different", "give --set KEY=VALUE, --policy or --model")
    found = asyncio.run(
        _compare(list(recordings(ids or [], everything, file)), lambda one: changed(one, changes), chosen, model)
    )
    document = _document(found, changes, chosen, model)
    if html is not None:
        _write(html, document)
    if as_json:
        emit(document)
    else:
        typer.echo(_table(found), nl=False)


@command
def outcome(
    data: Annotated[Path, typer.Option(help="folder of feather files in freqtrade's futures layout")],
    ids: Ids = None,
    everything: All = False,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Label."""
    from orchestrator.desk import find_trader
    from orchestrator.simulation.engine import survey_of
    from orchestrator.simulation.fill_model import FillModel
    from orchestrator.simulation.history import HistoryError, Market, load
    from orchestrator.simulation.outcome import document, follow

    chosen = [one for one in recordings(ids or [], everything, file) if one.context is not None]
    model, labels = FillModel(), []
    markets: dict[str, Market] = {}
    for one in chosen:
        symbol = one.context.symbol if one.context else ""
        if symbol not in markets:
            try:
                markets |= load(data, (symbol,), "history")
            except HistoryError as error:
                if error.code != "no_data" or not data.is_dir():
                    raise
    with_limits = next((one.constraints for one in chosen if one.constraints is not None), None)
    if with_limits is not None and markets:
        survey = survey_of(find_trader(), markets, with_limits)
        labels = [label for one in chosen if (label := follow(one, markets, survey, model)) is not None]
    if chosen and not markets:
        raise HostError("no_data", f"{data} has no candles of any decided symbol", "`volgamma data download`")
    found = document(labels, model)
    if as_json:
        emit(found)
        return
    rows = [
        (
            row["decision_id"],
            row["outcome"],
            "-" if row["net"] is None else f"{float(row['net']):+,.2f}",
            row["why"] or f"{row['ended_by']} after {row['hours']} h{'' if row['complete'] else ' (data end)'}",
        )
        for row in found["decisions"]
    ]
    typer.echo(text.table(("decision", "verdict", "USDT net", "what followed"), rows), nl=False)
    rules = [
        (name, str(one["entries"]), f"{float(one['net']):+,.2f}") for name, one in found["refused_by_rule"].items()
    ]
    if rules:
        typer.echo("\nWhat refusals cost (+) or saved (-)")
        typer.echo(text.table(("rule", "entries", "USDT net"), rules), nl=False)


def _policy(policy: str | None, model: str | None) -> Literal["llm", "rules"] | None:
    if policy not in (None, "llm", "rules"):
        raise UsageError("unknown_policy", f"no policy {policy!r}", "--policy llm or --policy rules")
    if model is not None and policy == "rules":
        raise UsageError("usage", "--model with --policy rules", "leave one of them out")
    if model is not None or policy == "llm":
        return "llm"
    return None if policy is None else "rules"


async def _compare(chosen: list[Any], other: Any, policy: Any, name: str | None) -> "list[Compared]":
    from orchestrator.replay.what_if import what_if as compare
    from traders.registry import discover

    traders = discover().traders
    missing = [one for one in chosen if one.trader_id not in traders]
    if missing:
        raise HostError(
            "unknown_trader",
            f"decision {missing[0].decision_id} was taken by trader {missing[0].trader_id}, which is not installed",
            "see `volgamma traders list`",
        )
    if policy != "llm":
        return [await compare(one, traders[one.trader_id], other, policy) for one in chosen]
    from orchestrator.asked_model import asked_model
    from orchestrator.model_cache import CachedModel

    async with asked_model(name, CachedModel) as model:
        return [await compare(one, traders[one.trader_id], other, policy, model) for one in chosen]


def _document(found: "list[Compared]", changes: dict[str, Any], policy: Any, model: str | None) -> dict[str, Any]:
    compared = [one for one in found if one.skipped is None]
    return {
        "schema": "volgamma.replay_what_if/1",
        "set": changes,
        "policy": policy,
        "model": model,
        "checked": len(compared),
        "changed": sum(one.changed for one in compared),
        "stopped_by": dict(Counter(rule for one in compared for rule in one.stopped).most_common()),
        "freed_from": dict(Counter(rule for one in compared for rule in one.freed).most_common()),
        "decisions": [
            {
                "decision_id": one.decision_id,
                "symbol": one.symbol,
                "changed": one.changed,
                "before": _side(one.before),
                "after": _side(one.after),
            }
            for one in compared
        ],
        "skipped": [{"decision_id": one.decision_id, "reason": one.skipped} for one in found if one.skipped],
    }


def _side(side: "Side | None") -> dict[str, Any] | None:
    if side is None:
        return None
    margin = None if side.pair_margin is None else format(side.pair_margin, "f")
    return {
        "action": side.action,
        "regime": side.regime,
        "outcome": side.outcome,
        "refused_by": list(side.refused_by),
        "pair_margin": margin,
    }


def _words(side: "Side | None") -> str:
    if side is None:
        return "-"
    if side.pair_margin is not None:
        return f"{side.action} {side.outcome} {side.pair_margin:,.0f}"
    return f"{side.action} {side.outcome}"


def _table(found: "list[Compared]") -> str:
    compared = [one for one in found if one.skipped is None]
    rows = []
    for one in compared:
        if one.changed:
            why = [f"+{rule}" for rule in one.stopped] + [f"-{rule}" for rule in one.freed]
            rows.append((one.decision_id, f"{_words(one.before)} -> {_words(one.after)}. {' '.join(why)}".strip()))
    lines = text.table(("decision", "then -> now (+ refuses now, - no longer)"), rows) if rows else ""
    skipped = sum(one.skipped is not None for one in found)
    return lines + f"{len(compared)} compared, {len(rows)} would differ, {skipped} without a verdict\n"


def _write(file: Path, document: dict[str, Any]) -> None:
    from orchestrator.cli.what_if_page import page

    try:
        file.write_text(page(document), encoding="utf-8")
    except OSError as error:
        raise HostError("cannot_write", f"{file}: {error.strerror}", "name a file you may write") from error
