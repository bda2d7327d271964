"""`volgamma exchange serve`: the paper exchange on loopback."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.output import command, emit
from orchestrator.errors import HostError, UsageError

if TYPE_CHECKING:
    from orchestrator.paper_exchange.server import ExchangeConfig


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="The paper exchange.", no_args_is_help=True)
    group.command("serve", help="Serve it, e.g. `volgamma exchange serve --frozen --scenario calm --port 8900`.")(serve)
    group.callback()(lambda: None)
    app.add_typer(group, name="exchange")


@command
def serve(
    market: Annotated[str, typer.Option(help="synthetic, recorded or live")] = "synthetic",
    seed: Annotated[int, typer.Option(help="of the synthetic market", min=0)] = 7,
    scenario: Annotated[str, typer.Option(help="calm, expanding, extreme or thin_book")] = "expanding",
    frozen: Annotated[bool, typer.Option("--frozen", help="time moves only by POST /_control/advance")] = False,
    speed: Annotated[float, typer.Option(help="exchange seconds per real second", min=0.001, max=100_000)] = 1.0,
    data: Annotated[Path | None, typer.Option(help="folder of feather files (recorded)")] = None,
    at: Annotated[str | None, typer.Option(help="start time (recorded), e.g. 2024-08-05T02:05:00Z")] = None,
    upstream: Annotated[
        str,
        typer.Option(help="venue a live market mirrors (Binance USD-M dialect)", envvar="VOLGAMMA_BINANCEUSDM_URL"),
    ] = "https://fapi.binance.com",
    port: Annotated[int, typer.Option(help="0 chooses a free one", min=0, max=65535)] = 8900,
    equity: Annotated[str, typer.Option(help="USDT on the account")] = "100000",
    faults: Annotated[Path | None, typer.Option(help="JSON list of faults to start with")] = None,
    state: Annotated[Path | None, typer.Option(help="file that keeps account and time between starts")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document when ready")] = False,
) -> None:
    """Serve until stopped."""
    import asyncio
    import json
    from decimal import Decimal, InvalidOperation

    from orchestrator.paper_exchange.faults import BadFault
    from orchestrator.paper_exchange.live_upstream import UpstreamDown
    from orchestrator.paper_exchange.recorded import NoRecording
    from orchestrator.paper_exchange.server import ExchangeConfig, PortTaken
    from orchestrator.paper_exchange.state_file import BadState

    try:
        wallet = Decimal(equity)
        if not wallet.is_finite() or wallet <= 0:
            raise InvalidOperation
    except InvalidOperation:
        raise UsageError("bad_equity", f"--equity {equity!r} is no amount above 0", "for example 100000") from None
    try:
        planned = json.loads(faults.read_text()) if faults is not None else []
    except (OSError, ValueError) as error:
        raise UsageError("bad_faults", f"{faults}: {error}", "a JSON list as in docs/paper_exchange.md") from error
    config = ExchangeConfig(
        market=market,
        seed=seed,
        scenario=scenario,
        frozen=frozen,
        speed=speed,
        data_dir=data,
        at=_millis(at),
        port=port,
        equity=wallet,
        state_file=state,
        faults=tuple(planned),
        upstream=upstream,
    )
    try:
        asyncio.run(_serve(config, as_json))
    except PortTaken as error:
        raise HostError("port_taken", str(error), "choose another with --port, or --port 0 for a free one") from error
    except UpstreamDown as error:
        raise HostError("upstream_down", str(error), "check the network, or name another --upstream") from error
    except NoRecording as error:
        raise HostError("no_recording", str(error), "see --data and --at") from error
    except BadState as error:
        raise HostError("bad_state", str(error), "choose another --state file, or delete it") from error
    except (ValueError, BadFault) as error:
        raise UsageError("bad_exchange", str(error), "see `volgamma exchange serve --help`") from error


async def _serve(config: "ExchangeConfig", as_json: bool) -> None:
    import asyncio
    import signal
    import sys

    from orchestrator.paper_exchange.server import start

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    running = await start(config)
    try:
        if as_json:
            emit(
                {
                    "schema": "volgamma.exchange/1",
                    "url": running.url,
                    "port": running.port,
                    "api_key": "key",
                    "secret": "secret",
                    "now": running.engine.now,
                    "market": config.market,
                }
            )
        else:
            typer.echo(f"paper exchange at {running.url} ({config.market}); API key `key`, secret `secret`")
            typer.echo(f"  VOLGAMMA_PAPER_URL={running.url} volgamma decide --policy rules")
            typer.echo("  ccxt: point every url of binanceusdm here; control side at /_control/state; Ctrl-C ends it")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await running.stop()


def _millis(text: str | None) -> int | None:
    from datetime import UTC, datetime

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise UsageError("bad_time", f"--at {text!r} is no time", "write it as 2024-08-05T02:05:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
