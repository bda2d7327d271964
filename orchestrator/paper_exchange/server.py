"""Starts and stops the paper exchange on loopback."""

import secrets
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from aiohttp import web

from orchestrator.paper_exchange import state_file
from orchestrator.paper_exchange.account import Account
from orchestrator.paper_exchange.control import Control
from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.http import Front
from orchestrator.paper_exchange.live_feed import LiveFeed
from orchestrator.paper_exchange.live_upstream import DEFAULT_UPSTREAM, Upstream
from orchestrator.paper_exchange.market import Market, Source
from orchestrator.paper_exchange.recorded import RecordedMarket
from orchestrator.paper_exchange.synthetic import START, SyntheticMarket
from orchestrator.paper_exchange.texture import TEXTURES, Texture
from orchestrator.paper_exchange.timekeeper import Timekeeper

HOST = "127.0.0.1"


class PortTaken(Exception):
    """The port is in use."""


@dataclass(frozen=True)
class ExchangeConfig:
    """What to serve. Money in USDT, fees as fractions of notional, times in UTC milliseconds."""

    market: str = "synthetic"
    seed: int = 7
    scenario: str = "expanding"
    frozen: bool = False
    speed: float = 1.0
    data_dir: Path | None = None
    at: int | None = None
    port: int = 0
    equity: Decimal = Decimal(100_000)
    state_file: Path | None = None
    taker_fee: Decimal = Decimal("0.0005")
    maker_fee: Decimal = Decimal("0.0002")
    faults: tuple[dict[str, Any], ...] = field(default=())
    #: Of a live market: the venue it mirrors, any server of the Binance USD-M REST dialect.
    upstream: str = DEFAULT_UPSTREAM

    @property
    def identity(self) -> dict[str, Any]:
        """What a stored state must agree with to be resumed."""
        if self.market == "recorded":
            return {"market": "recorded"}
        if self.market == "live":
            return {"market": "live", "upstream": Upstream(self.upstream).host}
        return {"market": self.market, "seed": self.seed, "scenario": self.scenario}


class RunningExchange:
    """A served exchange."""

    def __init__(self, runner: web.AppRunner, port: int, front: Front, held: ExitStack) -> None:
        self._runner = runner
        self._front = front
        self._held = held
        self.port = port
        self.url = f"http://{HOST}:{port}"

    @property
    def engine(self) -> Engine:
        """The engine behind the front (for tests and simulations in the same process)."""
        return self._front.engine

    async def stop(self) -> None:
        """Store the state and close the port."""
        if self._front.live is not None:
            await self._front.live.close()
        async with self._front.lock:
            self._front.tick()
            self._front.saved()
        await self._front.streams.close()
        await self._runner.cleanup()
        self._held.close()


async def start(config: ExchangeConfig) -> RunningExchange:
    """Serve an exchange on loopback.

    Raises ValueError (unknown market or scenario), NoRecording, BadState, BadFault, PortTaken, UpstreamDown.
    """
    if config.market != "live":
        return await _serve(config, None)
    if config.frozen or config.speed != 1.0:
        raise ValueError("the time of a live market is its venue's: it neither stands still nor runs faster")
    feed = LiveFeed(Upstream(config.upstream))
    try:
        return await _serve(config, feed)
    except BaseException:
        await feed.close()
        raise


async def _serve(config: ExchangeConfig, feed: LiveFeed | None) -> RunningExchange:
    with ExitStack() as held:
        if config.state_file is not None:
            held.enter_context(state_file.hold(config.state_file))
        runner, front = await _on_port(config, feed)
        return RunningExchange(runner, int(runner.addresses[0][1]), front, held.pop_all())


async def _on_port(config: ExchangeConfig, feed: LiveFeed | None) -> tuple[web.AppRunner, Front]:
    stored = None
    if config.state_file is not None and config.state_file.exists():
        stored = state_file.read(config.state_file)
        if stored.get("identity") != config.identity:
            raise state_file.BadState(
                f"{config.state_file} belongs to another market ({stored.get('identity')}); "
                "choose another file, or delete it for a fresh account"
            )
    if feed is not None:
        await feed.open()
    begin = int(stored["now"]) if stored is not None else feed.began if feed is not None else _begin(config)
    engine = _engine(config, begin, feed)
    if stored is not None and config.state_file is not None:
        state_file.restore(stored, engine, config.state_file)
    start_at = engine.now if feed is None else max(engine.now, feed.began)
    time = Timekeeper(start_at, config.frozen, config.speed)

    def saved() -> None:
        if config.state_file is not None:
            state_file.save(config.state_file, engine, config.identity)

    front = Front(engine, time, saved, live=feed)
    front.faults.replace(list(config.faults))
    app = web.Application()
    Control(front).add_to(app)
    app.router.add_route("*", "/{tail:.*}", front.handle)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, HOST, config.port)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise PortTaken(f"port {config.port} on {HOST} cannot be used: {error.strerror or error}") from error
    if feed is not None:
        feed.follow(front)
    saved()
    return runner, front


def _begin(config: ExchangeConfig) -> int:
    if config.market == "recorded":
        if config.at is None:
            raise ValueError("a recorded market needs --at, a time such as 2024-08-05T02:05:00Z")
        return config.at
    return START


def _engine(config: ExchangeConfig, begin: int, feed: LiveFeed | None) -> Engine:
    account = Account(wallet=config.equity, deposit=config.equity, name=secrets.token_hex(8))
    if feed is not None:
        rules = feed.contracts
        return Engine(feed.market, account, begin, config.taker_fee, config.maker_fee, contracts=rules)
    source: Source
    if config.market == "synthetic":
        source = SyntheticMarket(config.seed, config.scenario)
        texture = TEXTURES[config.scenario]
    elif config.market == "recorded":
        if config.data_dir is None:
            raise ValueError("a recorded market needs --data, a folder of feather files")
        source = RecordedMarket(config.data_dir, begin)
        texture = Texture(bid_share=0.56)
    else:
        raise ValueError(f"no market {config.market!r}; synthetic, recorded or live")
    return Engine(Market(source, config.seed, texture), account, begin, config.taker_fee, config.maker_fee)
