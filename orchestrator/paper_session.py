"""The paper exchange of a command: one that already runs, or one of its own whose state stays in the data folder."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from pathlib import Path

from orchestrator import file_lock
from orchestrator.errors import HostError
from orchestrator.settings import Settings

STATE_FILE = "paper-exchange.json"
#: Venues whose market a paper exchange can mirror: those of its own dialect.
MIRRORED = ("binanceusdm",)


@contextmanager
def data_folder_lock(data_dir: Path, name: str) -> Iterator[None]:
    """Hold a lock file while a command owns the data folder. Raises HostError when another process does."""
    lock = data_dir / f"{name}.lock"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = file_lock.take(lock)
    except OSError as error:
        raise HostError(
            "data_dir_unusable", f"the data folder {data_dir} cannot be used: {error}", "set VOLGAMMA_DATA_DIR"
        ) from error
    if handle is None:
        raise HostError(
            "data_dir_busy",
            f"another volgamma (process {file_lock.holder(lock) or 'unknown'}) is using {data_dir}",
            "wait for it, stop it, or choose another folder with VOLGAMMA_DATA_DIR",
        )
    with handle:
        yield


def equity_of(settings: Settings) -> Decimal:
    """USDT of an account that is opened anew; one that the data folder has keeps what it has."""
    return Decimal(repr(settings.paper_equity))


@asynccontextmanager
async def paper_exchange(settings: Settings) -> AsyncIterator[str]:
    """The URL of a paper exchange for as long as the block runs."""
    if settings.paper_url is not None:
        yield settings.paper_url.rstrip("/")
        return
    from orchestrator.paper_exchange.server import ExchangeConfig, start
    from orchestrator.paper_exchange.state_file import BadState

    with data_folder_lock(settings.data_dir, "paper-exchange"):
        file = settings.data_dir / STATE_FILE
        try:
            running = await start(ExchangeConfig(equity=equity_of(settings), state_file=file))
        except BadState as error:
            raise HostError("bad_state", str(error), f"move {file} away; the paper account begins anew then") from error
        try:
            yield running.url
        finally:
            await running.stop()


@asynccontextmanager
async def mirror_of(settings: Settings, name: str) -> AsyncIterator[str]:
    """The URL of a paper exchange on the live market of a venue, for as long as the block runs.

    Its account stays in the data folder; it is another one than that of the built-in market. Raises HostError.
    """
    from orchestrator.paper_exchange.live_upstream import DEFAULT_UPSTREAM, UpstreamDown
    from orchestrator.paper_exchange.server import ExchangeConfig, start
    from orchestrator.paper_exchange.state_file import BadState

    setting = f"VOLGAMMA_{name.upper()}_URL"
    upstream = settings.environment.get(setting) or DEFAULT_UPSTREAM
    file = settings.data_dir / f"paper-exchange-{name}.json"
    with data_folder_lock(settings.data_dir, "paper-exchange"):
        try:
            config = ExchangeConfig(market="live", upstream=upstream, equity=equity_of(settings), state_file=file)
            running = await start(config)
        except UpstreamDown as error:
            raise HostError(
                "exchange_unreachable", f"{name}: {error}", f"check the network and {setting}, or use --exchange paper"
            ) from error
        except BadState as error:
            raise HostError("bad_state", str(error), f"set {setting} back, or another VOLGAMMA_DATA_DIR") from error
        except ValueError as error:
            raise HostError("bad_address", str(error), f"write {setting} as https://fapi.binance.com") from error
        try:
            yield running.url
        finally:
            await running.stop()
