"""What Prometheus reads at `/metrics`. One registry a process, filled from what is journalled and from the database.

Names begin with `volgamma_`. Amounts are USDT (USD for models), times seconds. Nothing here decides anything.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from orchestrator.errors import HostError
from orchestrator.observability import switchboard

if TYPE_CHECKING:
    from db.database import Database

_LAG_EVERY_S = 0.5
#: Seconds: a source that took longer than the last of these has timed out.
_FETCH_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 10, 15, 20)


class Meters:
    """The counters and gauges of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.decisions = self._counter("decisions", "decisions judged", "trader", "symbol", "action", "outcome")
        self.refusals = self._counter("refusals", "refusals by rule of the guard", "trader", "rule")
        self.abstentions = self._counter("abstentions", "decisions without a usable answer", "trader", "reason")
        self.failures = self._counter("decisions_failed", "decisions that could not be taken", "trader")
        self.orders = self._counter("orders", "orders by kind and what became of them", "kind", "status")
        self.unknown = self._counter("unknown_outcomes", "orders whose outcome was unknown for a while")
        self.tokens = self._counter("llm_tokens", "model tokens", "trader", "model", "direction")
        self.cost = self._counter("llm_cost_usd", "USD for models, where a price is known", "trader", "model")
        self.fetch = Histogram(
            "volgamma_fetch_seconds",
            "time of one source",
            ("source",),
            buckets=_FETCH_BUCKETS,
            registry=self.registry,
        )
        self.fetch_errors = self._counter("fetch_errors", "sources that could not be had", "source", "code")
        self.stages = Histogram(
            "volgamma_stage_seconds", "time of one stage of a decision", ("stage",), registry=self.registry
        )
        self.equity = self._gauge("equity_usdt", "equity of the account when it was last read", "exchange")
        self.cash = self._gauge("cash_usdt", "free margin of the account when it was last read", "exchange")
        #: Decision -> what was proposed, until its verdict is there: a refused decision is not in the verdict.
        self.proposed: dict[str, str] = {}
        self.lag = self._gauge("loop_lag_seconds", "how late the event loop last woke up")

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"volgamma_{name}", about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"volgamma_{name}", about, labels, registry=self.registry)

    async def watch_loop(self) -> None:
        """Measure how late the loop wakes up, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LAG_EVERY_S
            await asyncio.sleep(_LAG_EVERY_S)
            self.lag.set(max(0.0, loop.time() - due))


class OpenBusiness(Collector):
    """Open pairs, their net delta and what is unsettled, read from the database at each scrape."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    def describe(self) -> Iterable[Metric]:
        """Nothing is read at registration."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The gauges; a database that does not answer leaves `volgamma_database_up` at 0 and the others out."""
        from db.errors import DatabaseError
        from db.orders_repository import OrdersRepository
        from db.pairs_repository import PairsRepository
        from db.state_repository import StateRepository

        up = GaugeMetricFamily("volgamma_database_up", "whether the database answered")
        pairs = GaugeMetricFamily("volgamma_open_pairs", "open positions", labels=["symbol", "kind"])
        delta = GaugeMetricFamily("volgamma_net_delta", "net delta of a position, of its gross", labels=["pair"])
        naked = GaugeMetricFamily("volgamma_unprotected_pairs", "open positions without protection at the exchange")
        unsettled = GaugeMetricFamily("volgamma_unresolved_orders", "orders and goals that are not settled")
        killed = GaugeMetricFamily("volgamma_kill_switch", "1: no new risk")
        try:
            standing = PairsRepository(self._database).open_pairs()
            count = len(OrdersRepository(self._database).everyones_unresolved())
        except DatabaseError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        counts: dict[tuple[str, str], int] = {}
        for pair in standing:
            key = (pair.symbol, pair.kind)
            counts[key] = counts.get(key, 0) + 1
            delta.add_metric([pair.pair_id], float(pair.net_delta))
        for labels, number in counts.items():
            pairs.add_metric(list(labels), number)
        naked.add_metric([], sum(not pair.protected for pair in standing))
        unsettled.add_metric([], count)
        killed.add_metric([], float(StateRepository(self._database).kill_switch().killed))
        yield from (up, pairs, delta, naked, unsettled, killed)


@contextmanager
def serving(port: int, database_url: str) -> Iterator[Meters]:
    """Meters for the length of a command, at `http://127.0.0.1:port/metrics`. Loopback only. Raises HostError."""
    from db.database import open_database

    meters = Meters()
    database = open_database(database_url)
    meters.registry.register(OpenBusiness(database))
    try:
        server, thread = start_http_server(port, addr="127.0.0.1", registry=meters.registry)
    except OSError as error:
        database.close()
        raise HostError(
            "metrics_port", f"port {port} on this machine cannot be used: {error.strerror}", "name another one"
        ) from None
    switchboard.meters = meters
    try:
        yield meters
    finally:
        switchboard.meters = None
        server.shutdown()
        server.server_close()
        thread.join()
        database.close()


@asynccontextmanager
async def loop_watched() -> AsyncIterator[None]:
    """The event loop's lag measured for the length of a block, where meters are served."""
    if switchboard.meters is None:
        yield
        return
    task = asyncio.create_task(switchboard.meters.watch_loop())
    try:
        yield
    finally:
        task.cancel()
