"""A venue, a store and a clock kept in memory, for tests: they obey the ports, and fail where a script says so.

`CrashPoint` stops everything at the n-th touch of venue or store: before it took effect, or after, with the answer
lost. What the venue and the store hold at that moment is what a killed process leaves behind.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from orchestrator.execution.obstacles import Problem, Traits
from orchestrator.execution.store import ExecutionStore
from orchestrator.execution.venue import (
    Balance,
    ConditionalRequest,
    Duplicate,
    Fill,
    Income,
    OrderReport,
    OrderRequest,
    OutcomeUnknown,
    Position,
    Rejected,
    SymbolSettings,
    Throttled,
    TradingFees,
    Transient,
)
from traders.contract.decision import Side
from traders.contract.quote import Contract, LegQuote, MarginTier
from traders.contract.verdict import ExecutionPlan

SOL = "SOL/USDT:USDT"
START = 1_735_689_600_000
D = Decimal


class Crash(BaseException):
    """The process is killed here. No Exception, so that nothing can handle it."""


@dataclass
class CrashPoint:
    """Counts touches; raises Crash at the n-th. None: never."""

    at: int | None = None
    touches: int = 0

    def touch(self) -> None:
        self.touches += 1
        if self.at is not None and self.touches == self.at:
            raise Crash(f"touch {self.at}")


class FakeClock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.ms = 0.0

    def now_ms(self) -> int:
        return START + int(self.ms)

    def monotonic_ms(self) -> float:
        return self.ms

    async def sleep(self, seconds: float) -> None:
        self.ms += seconds * 1000


@dataclass
class Intent:
    client_order_id: str
    decision_id: str
    leg_id: str
    attempt: int
    kind: str
    request: Any
    intended_at: int
    status: str = "intended"
    report: Any = None


class MemoryOrders:
    """Order intents as the database keeps them: JSON values, one row an id."""

    def __init__(self, crash: CrashPoint) -> None:
        self.rows: dict[str, Intent] = {}
        self.crash = crash

    def intend(
        self, client_order_id: str, decision_id: str, leg_id: str, attempt: int, kind: str, request: Any, at: int
    ) -> bool:
        self.crash.touch()
        assert client_order_id not in self.rows, "an id stands for one order"
        document = request.model_dump(mode="json") if hasattr(request, "model_dump") else request
        self.rows[client_order_id] = Intent(client_order_id, decision_id, leg_id, attempt, kind, document, at)
        self.crash.touch()
        return True

    def resolve(self, client_order_id: str, status: str, report: Any, at: int) -> None:
        self.crash.touch()
        row = self.rows[client_order_id]
        row.status, row.report = status, report
        self.crash.touch()

    def unresolved(self) -> list[Intent]:
        return [row for row in self.rows.values() if row.status in ("intended", "unknown")]

    def of_decision(self, decision_id: str) -> list[Intent]:
        return [row for row in self.rows.values() if row.decision_id == decision_id]


class MemoryEvents:
    """Events in the order written."""

    def __init__(self, crash: CrashPoint) -> None:
        self.rows: list[tuple[str, str, Any]] = []
        self.crash = crash

    def event(self, pair_id: str, decision_id: str | None, name: str, document: Any, at: int) -> object:
        self.crash.touch()
        self.rows.append((pair_id, name, document))
        return len(self.rows)

    @property
    def names(self) -> list[str]:
        return [name for _, name, _ in self.rows]


def memory_store(crash: CrashPoint | None = None) -> ExecutionStore:
    """Both halves of the port."""
    crash = crash or CrashPoint()
    return ExecutionStore(MemoryOrders(crash), MemoryEvents(crash))


Do = Literal[
    "drop_response",
    "lose_request",
    "reject",
    "throttle",
    "duplicate",
    "partial",
    "nothing",
    "transient",
    "unknown_and_silent",
]


@dataclass
class Fault:
    """What goes wrong at calls of `method` number `first` to `last` (from 1) whose order matches `position_side`."""

    method: str
    do: Do
    first: int = 1
    last: int = 1
    position_side: str | None = None
    share: Decimal = Decimal("0.5")
    reduces: bool | None = None
    seen: int = 0


@dataclass
class FakeVenue:
    """One symbol in hedge mode. The book has one level a side of the given size, 1 tick around `mark`."""

    mark: Decimal = Decimal("120")
    tick: Decimal = Decimal("0.01")
    bid_size: Decimal = Decimal("10000")
    ask_size: Decimal = Decimal("10000")
    mode: Literal["hedge", "one_way"] = "hedge"
    leverage: int = 5
    margin_mode: Literal["isolated", "cross"] = "isolated"
    available: Decimal = Decimal("100000")
    crash: CrashPoint = field(default_factory=CrashPoint)
    clock: FakeClock = field(default_factory=FakeClock)
    faults: list[Fault] = field(default_factory=list)
    held: dict[Side, tuple[Decimal, Decimal]] = field(default_factory=dict)
    orders: dict[str, OrderReport] = field(default_factory=dict)
    conditionals: dict[str, OrderReport] = field(default_factory=dict)
    trades: list[Fill] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    silent: bool = False
    step: Decimal = Decimal("1")
    market_max: Decimal = Decimal("100000")
    own_traits: Traits = field(default_factory=Traits)
    own_obstacles: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        return "fake"

    @property
    def traits(self) -> Traits:
        return self.own_traits

    async def obstacles(self, plan: ExecutionPlan) -> tuple[Problem, ...]:
        return self.own_obstacles

    async def server_time(self) -> int:
        self.crash.touch()
        return self.clock.now_ms()

    def contract(self) -> Contract:
        return Contract(
            price_tick=self.tick,
            quantity_step=self.step,
            min_quantity=self.step,
            max_quantity=D("1000000"),
            market_quantity_step=self.step,
            market_min_quantity=self.step,
            market_max_quantity=self.market_max,
            min_notional=D("5"),
        )

    async def leg_quote(self, symbol: str) -> LegQuote:
        self.crash.touch()
        self._fault("leg_quote", None)
        tier = MarginTier(
            notional_floor=D(0),
            notional_cap=D("10000000"),
            max_leverage=50,
            maintenance_margin_rate=D("0.005"),
            maintenance_amount=D(0),
        )
        return LegQuote(
            venue="fake",
            symbol=symbol,
            mark=self.mark,
            last=self.mark,
            mid=self.mark,
            bids=((self.mark - self.tick, self.bid_size),),
            asks=((self.mark + self.tick, self.ask_size),),
            book_as_of=self.clock.now_ms(),
            contract=self.contract(),
            tiers=(tier,),
        )

    async def fees(self, symbol: str) -> TradingFees:
        return TradingFees(maker=D("0.0002"), taker=D("0.0005"))

    async def balance(self) -> Balance:
        return Balance(wallet=self.available, equity=self.available, available=self.available)

    async def positions(self, symbols: list[str]) -> list[Position]:
        self.crash.touch()
        self._fault("positions", None)
        return [
            Position(
                symbol=SOL,
                side=side,
                quantity=quantity,
                entry_price=price,
                mark_price=self.mark,
                liquidation_price=None,
                isolated_margin=None,
                leverage=self.leverage,
                margin_mode=self.margin_mode,
            )
            for side, (quantity, price) in self.held.items()
            if SOL in symbols
        ]

    async def position_mode(self, symbol: str | None = None) -> Literal["hedge", "one_way"]:
        return self.mode

    async def set_position_mode(self, mode: Literal["hedge", "one_way"], symbol: str | None = None) -> None:
        self.mode = mode

    async def settings(self, symbol: str) -> SymbolSettings:
        return SymbolSettings(symbol=symbol, leverage=self.leverage, margin_mode=self.margin_mode)

    async def set_leverage(self, symbol: str, leverage: int) -> None:
        self.leverage = leverage

    async def set_margin_mode(self, symbol: str, mode: Literal["isolated", "cross"]) -> None:
        self.margin_mode = mode

    async def place(self, order: OrderRequest) -> OrderReport:
        self.crash.touch()
        fault = self._fault("place", order.position_side, order.reduces)
        if order.client_order_id in self.orders:
            raise Duplicate("duplicate", "-4116")
        share = D(1)
        if fault is not None and fault.do in ("partial", "nothing"):
            share = fault.share if fault.do == "partial" else D(0)
        report = self._match(order, share)
        self.orders[order.client_order_id] = report
        self.accepted.append(order.client_order_id)
        self._after(fault)
        self.crash.touch()
        return report

    async def place_conditional(self, order: ConditionalRequest) -> OrderReport:
        self.crash.touch()
        fault = self._fault("place_conditional", order.position_side)
        if order.client_order_id in self.conditionals:
            raise Duplicate("duplicate", "-4116")
        above = order.trigger_price > self.mark
        if above != ((order.side == "buy") == (order.kind == "stop")):
            raise Rejected("Order would immediately trigger.", "-2021")
        for other in self.conditionals.values():
            same = other.status == "new" and other.position_side == order.position_side
            paired = self.own_traits.paired_bracket
            if same and (paired or (other.trigger_price > self.mark) == above):  # type: ignore[operator]
                raise Rejected("An open stop or take profit order with closePosition exists.", "-4130")
        report = OrderReport(
            client_order_id=order.client_order_id,
            exchange_order_id=f"a{len(self.accepted)}",
            symbol=order.symbol,
            side=order.side,
            position_side=order.position_side,
            status="new",
            quantity=D(0),
            filled=D(0),
            trigger_price=order.trigger_price,
            take_profit_price=order.take_profit_price,
        )
        self.conditionals[order.client_order_id] = report
        self.accepted.append(order.client_order_id)
        self._after(fault)
        self.crash.touch()
        return report

    async def find(self, symbol: str, client_order_id: str, *, conditional: bool) -> OrderReport | None:
        self.crash.touch()
        self._fault("find", None)
        if self.silent:
            raise Transient("no answer")
        return (self.conditionals if conditional else self.orders).get(client_order_id)

    async def cancel(self, symbol: str, client_order_id: str, *, conditional: bool) -> None:
        self.crash.touch()
        book = self.conditionals if conditional else self.orders
        if client_order_id in book and book[client_order_id].status == "new":
            book[client_order_id] = book[client_order_id].model_copy(update={"status": "canceled"})
        self.crash.touch()

    async def open_orders(self, symbol: str, *, conditional: bool) -> list[OrderReport]:
        self.crash.touch()
        book = self.conditionals if conditional else self.orders
        return [order for order in book.values() if order.status in ("new", "partially_filled")]

    async def fills(self, symbol: str, since: int | None = None) -> list[Fill]:
        return list(self.trades)

    async def income(self, symbol: str | None, since: int | None = None) -> list[Income]:
        return []

    async def close(self) -> None:
        pass

    # what a test does to the market

    def quantity(self, side: Side) -> Decimal:
        return self.held.get(side, (D(0), D(0)))[0]

    def resting(self) -> list[OrderReport]:
        return [order for order in self.conditionals.values() if order.status == "new"]

    def take_away(self, side: Side) -> None:
        """The venue liquidates a leg."""
        self.held.pop(side, None)

    def _match(self, order: OrderRequest, share: Decimal) -> OrderReport:
        buys, opens = order.side == "buy", (order.side == "buy") == (order.position_side == "long")
        price = self.mark + self.tick if buys else self.mark - self.tick
        size = self.ask_size if buys else self.bid_size
        inside = order.price is None or (price <= order.price if buys else price >= order.price)
        there, average = self.held.get(order.position_side, (D(0), D(0)))
        if not opens and order.quantity > there:
            raise Rejected("ReduceOnly Order is rejected.", "-2022")
        filled = min(order.quantity * share // self.step * self.step, size) if inside else D(0)
        if filled:
            if opens:
                average = (there * average + filled * price) / (there + filled)
            left = there + filled if opens else there - filled
            if left:
                self.held[order.position_side] = (left, average)
            else:
                self.held.pop(order.position_side, None)
                for name, other in self.conditionals.items():
                    if other.position_side == order.position_side and other.status == "new":
                        # binance expires close-position orders of a position that is gone
                        self.conditionals[name] = other.model_copy(update={"status": "expired"})
        number = str(len(self.accepted))
        if filled:
            self.trades.append(
                Fill(
                    trade_id=f"t{len(self.trades)}",
                    exchange_order_id=number,
                    symbol=order.symbol,
                    side=order.side,
                    position_side=order.position_side,
                    price=price,
                    quantity=filled,
                    fee=filled * price * D("0.0005"),
                    realized=D(0),
                    time=self.clock.now_ms(),
                )
            )
        return OrderReport(
            client_order_id=order.client_order_id,
            exchange_order_id=number,
            symbol=order.symbol,
            side=order.side,
            position_side=order.position_side,
            status="filled" if filled == order.quantity else "expired",
            quantity=order.quantity,
            filled=filled,
            average=price if filled else None,
        )

    def _fault(self, method: str, position_side: str | None, reduces: bool | None = None) -> Fault | None:
        for fault in self.faults:
            if fault.method != method or fault.position_side not in (None, position_side):
                continue
            if fault.reduces is not None and fault.reduces != reduces:
                continue
            fault.seen += 1
            if not fault.first <= fault.seen <= fault.last:
                continue
            if fault.do == "reject":
                raise Rejected("Margin is insufficient.", "-2019")
            if fault.do == "throttle":
                raise Throttled("Too many requests.", "-1003")
            if fault.do == "lose_request":
                raise OutcomeUnknown("no answer")
            if fault.do == "transient":
                raise Transient("busy")
            return fault
        return None

    def _after(self, fault: Fault | None) -> None:
        if fault is None:
            return
        if fault.do == "unknown_and_silent":
            self.silent = True
        if fault.do in ("drop_response", "unknown_and_silent"):
            raise OutcomeUnknown("the connection closed without an answer")
        if fault.do == "duplicate":
            raise Duplicate("ClientOrderId is duplicated.", "-4116")


def plan_for(quantity: Decimal = Decimal("312"), decision_id: str = "11-SOLUSDT-20250101T000000Z") -> ExecutionPlan:
    """The default plan at 120."""
    return ExecutionPlan.model_validate(
        {
            "decision_id": decision_id,
            "symbol": SOL,
            "pair_margin": 2 * quantity * 120 / 5,
            "leverage": 5,
            "entry_price": "120",
            "legs": [
                {
                    "leg_id": leg_id,
                    "venue": "fake",
                    "symbol": SOL,
                    "side": side,
                    "quantity": quantity,
                    "limit_price": limit,
                }
                for leg_id, side, limit in (("0-long", "long", "120.12"), ("1-short", "short", "119.88"))
            ],
            "bands": [
                {"move": "0.02", "leg": "losing", "fraction": "0.5"},
                {"move": "0.04", "leg": "both", "fraction": "1"},
            ],
            "bracket": {"upper": "126", "lower": "114"},
            "stop": "0.08",
            "target": "0.12",
            "expires_at": START + 30_000,
        }
    )
