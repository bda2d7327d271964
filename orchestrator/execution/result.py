"""What execution says at the end: the pinned `execution` document of `decide --json`."""

from typing import Any, Literal

from pydantic import JsonValue

from traders.contract.base import Fraction, Frozen, Money

Status = Literal["none", "dry_run", "open", "closed", "unwound", "unknown"]
Kind = Literal["entry", "bracket", "close"]


class OrderLine(Frozen):
    """One order of ours. `quantity` is None for close-position orders; `fee` in USDT, None when not read."""

    leg_id: str
    kind: Kind
    client_order_id: str
    exchange_order_id: str | None
    side: Literal["buy", "sell"]
    position_side: Literal["long", "short"]
    quantity: Money | None
    filled: Money
    average: Money | None
    fee: Money | None
    status: str
    trigger_price: Money | None = None


class LegHeld(Frozen):
    """What the venue says is held on one side after the work."""

    side: Literal["long", "short"]
    quantity: Money
    entry_price: Money
    liquidation_price: Money | None = None


class ExecutionResult(Frozen):
    """`net_delta` = (long - short)/(long + short) in quantity, 0 when flat, None when not known.

    `open`: legs are held and protected. `closed`: a pair was closed. `unwound`: an entry ended flat. `unknown`: an
    outcome could not be learnt in time; intents stay unresolved, `recover` goes on. `none`: nothing was sent.
    """

    status: Status
    pair_id: str | None = None
    orders: tuple[OrderLine, ...] = ()
    net_delta: Fraction | None = None
    protected: bool | None = None
    reason: str | None = None
    entry_price: Money | None = None
    legs: tuple[LegHeld, ...] = ()

    def document(self) -> dict[str, JsonValue]:
        """JSON value; absent is null."""
        document: dict[str, Any] = self.model_dump(mode="json")
        return document

    def leg(self, side: Literal["long", "short"]) -> LegHeld | None:
        """The leg of a side, None when nothing is held there."""
        return next((leg for leg in self.legs if leg.side == side), None)
