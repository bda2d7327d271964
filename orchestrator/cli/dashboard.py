"""`volgamma dashboard`: account, pairs, decisions and limits in a browser."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.output import command, emit
from orchestrator.errors import HostError, UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "dashboard",
        help="Look at everything in a browser, e.g. `volgamma dashboard`. Binds to this machine only; to change "
        "anything in it (kill switch, constraints) the printed token is needed.",
    )(dashboard)


@command
def dashboard(
    host: Annotated[str, typer.Option(help="address to bind; any but loopback demands a token of yours")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one")] = 8600,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="VOLGAMMA_DASHBOARD_TOKEN", show_envvar=True, show_default=False, help="at least 16 characters"
        ),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="demand the token for looking too, of other users of this machine")
    ] = False,
    name: Annotated[
        list[str] | None, typer.Option(help="a further host name it answers to, behind a proxy; repeatable")
    ] = None,
    exchanges: Annotated[
        str, typer.Option(help="what the funding page asks when told to: names, or LABEL=URL of paper exchanges")
    ] = "binanceusdm,bybit,okx,bitget",
    data: Annotated[
        Path | None, typer.Option(help="folder of feather files in freqtrade's futures layout, for the census")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document when it is up")] = False,
) -> None:
    """Serve until stopped."""
    from orchestrator import settings
    from orchestrator.clock import SystemClock
    from orchestrator.dashboard.config import DashboardConfig, chosen_token, is_loopback
    from orchestrator.dashboard.server import serve

    secret, made = chosen_token(host, token)
    config = DashboardConfig(
        settings=settings.load(),
        now_ms=SystemClock().now_ms,
        token=secret,
        host=host,
        port=port,
        reads_open=is_loopback(host) and not private,
        names=tuple(one.lower() for one in name or ()),
        funding_exchanges=exchanges,
        data=data,
    )

    def up(url: str) -> None:
        if as_json:
            emit({"schema": "volgamma.dashboard/1", "url": url, "token": secret.get_secret_value() if made else None})
            return
        typer.echo(f"dashboard at {url} (Ctrl-C ends it)")
        what = "change things in it" if config.reads_open else "look, and to change things"
        if made:
            typer.echo(f"token to {what}: {secret.get_secret_value()}")
        if not is_loopback(host):
            typer.echo("no TLS: keep it inside a network you trust, or behind a proxy that encrypts", err=True)

    try:
        serve(config, up)
    except OSError as error:
        raise HostError(
            "cannot_bind", f"{host}:{port} cannot be used: {error.strerror or error}", "name another --port or --host"
        ) from error
    except ValueError as error:
        raise UsageError("bad_host", f"--host {host}: {error}", "for example --host 127.0.0.1") from error
