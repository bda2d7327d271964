"""`volgamma decide`: one decision, end to end."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from orchestrator.cli import completion
from orchestrator.cli.output import command, complain, document_of, emit
from orchestrator.errors import HostError, UsageError

if TYPE_CHECKING:
    from orchestrator.decide_report import DecideReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("decide", help="Take one decision, end to end, e.g. `volgamma decide --symbol AVAX --policy rules`.")(
        decide
    )


@command
def decide(
    symbol: Annotated[
        str, typer.Option(help="any common spelling: SOL, SOLUSDT, SOL/USDT:USDT", autocompletion=completion.symbols)
    ] = "SOL/USDT:USDT",
    exchange: Annotated[
        str, typer.Option(help="paper, binanceusdm, bybit, okx or bitget", autocompletion=completion.exchanges)
    ] = "paper",
    policy: Annotated[str, typer.Option(help="llm or rules", autocompletion=completion.policies)] = "llm",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="judge and journal, but send no order")] = False,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="take the rules' decision on the same context too, and carry out the first of the two that acts "
            "and is permitted (falls back to the rules alone where no model can be had)",
        ),
    ] = False,
    live: Annotated[bool, typer.Option("--live", help="second step to live orders; asks for a phrase")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
) -> None:
    """Take one decision."""
    chosen: Literal["llm", "rules"]
    if policy == "llm":
        chosen = "llm"
    elif policy == "rules":
        chosen = "rules"
    else:
        raise UsageError("unknown_policy", f"no policy {policy!r}", "--policy llm or --policy rules")
    import asyncio
    import functools
    import signal

    from orchestrator import asked_symbol, settings
    from orchestrator.cli.live_text import confirmation

    chosen_settings = settings.load()
    asked_symbol.require(chosen_settings, exchange, [symbol], live=live)
    from orchestrator.host import Ask, decide_once

    ask = Ask(
        symbol=symbol,
        exchange=exchange,
        policy=chosen,
        dry_run=dry_run,
        compare=compare,
        live=live,
        confirm=functools.partial(confirmation, environment=chosen_settings.environment),
    )

    async def interruptible() -> "DecideReport":
        # a polite kill is an interruption: what is being carried out is finished first
        task = asyncio.ensure_future(decide_once(chosen_settings, ask))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    try:
        report = asyncio.run(interruptible())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    unsettled = _unsettled(report)
    if as_json:
        emit(report.document() | ({} if unsettled is None else {"error": document_of(unsettled)}))
    else:
        from orchestrator.cli.decide_text import render

        typer.echo(render(report), nl=False)
    if unsettled is not None:
        raise typer.Exit(complain(unsettled))


def _unsettled(report: "DecideReport") -> HostError | None:
    """Neither carried out nor unwound: the decision is told in full, and the command could not do it."""
    execution = report.chosen.execution
    if execution["status"] != "unknown":
        return None
    return HostError(
        "outcome_unknown",
        f"decision {report.chosen.decision_id} is not settled: {execution.get('reason')}",
        "no new risk is taken until it is; the next `volgamma decide` or `volgamma run` settles it first",
    )
