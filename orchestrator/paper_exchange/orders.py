"""Reading an order as the venue does: every parameter checked, every refusal in the venue's own words."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Literal

from orchestrator.paper_exchange.account import PositionSide
from orchestrator.paper_exchange.contracts import CONTRACTS, ContractRules, bracket_of
from orchestrator.paper_exchange.errors import Refusal, bad_precision, bad_symbol, missing

if TYPE_CHECKING:
    from orchestrator.paper_exchange.engine import Engine

Side = Literal["BUY", "SELL"]


@dataclass(frozen=True)
class Ticket:
    """A checked order."""

    symbol: str
    side: Side
    position_side: PositionSide
    type: str
    time_in_force: str
    quantity: Decimal
    price: Decimal | None
    client_id: str
    reduce_only: bool

    @property
    def immediate(self) -> bool:
        """Whether what does not fill now is gone."""
        return self.type == "MARKET" or self.time_in_force in ("IOC", "FOK")


@dataclass(frozen=True)
class ConditionalTicket:
    """A checked conditional order."""

    symbol: str
    side: Side
    position_side: PositionSide
    type: str
    quantity: Decimal
    trigger: Decimal
    client_id: str
    close_position: bool
    reduce_only: bool
    working_type: str


def read_order(parameters: dict[str, str], engine: "Engine") -> Ticket:
    """Check a new order. Raises Refusal."""
    rules = engine.contracts[known_symbol(parameters.get("symbol"))]
    side, position_side = _sides(parameters, engine)
    kind = parameters.get("type", "")
    if kind in ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"):
        raise Refusal(-4120, "Order type not supported for this endpoint. Please use the Algo Order API.")
    if kind not in ("MARKET", "LIMIT"):
        raise Refusal(-1116, "Invalid orderType.")
    quantity = _number(parameters, "quantity")
    if quantity % rules.step:
        raise bad_precision()
    if quantity < rules.min_quantity:
        raise Refusal(-4003, "Quantity less than or equal to zero.")
    if quantity > (rules.market_max_quantity if kind == "MARKET" else rules.max_quantity):
        raise Refusal(-4005, "Quantity greater than max quantity.")
    price = None
    time_in_force = parameters.get("timeInForce", "GTC")
    mark = engine.market.mark(rules.symbol, engine.now)
    if kind == "LIMIT":
        price = _number(parameters, "price")
        _check_price(price, rules)
        if time_in_force not in ("GTC", "IOC", "FOK", "GTX"):
            raise Refusal(-1115, "Invalid timeInForce.")
        if side == "BUY" and price > mark * rules.band_up:
            raise Refusal(-4016, f"Limit price can't be higher than {mark * rules.band_up}.")
        if side == "SELL" and price < mark * rules.band_down:
            raise Refusal(-4024, f"Limit price can't be lower than {mark * rules.band_down}.")
    reduce_only = parameters.get("reduceOnly", "false").lower() == "true"
    if reduce_only and engine.account.hedge:
        raise Refusal(-1106, "Parameter 'reduceonly' sent when not required.")
    position = engine.account.position(rules.symbol, position_side)
    signed = quantity if side == "BUY" else -quantity
    closes = position.quantity * signed < 0
    if engine.account.hedge:
        opens = (side == "BUY") == (position_side == "LONG")
        if not opens and quantity > abs(position.quantity):
            raise Refusal(-2022, "ReduceOnly Order is rejected.")
    elif reduce_only and not closes:
        raise Refusal(-2022, "ReduceOnly Order is rejected.")
    elif reduce_only:
        quantity = min(quantity, abs(position.quantity))
    if not closes:
        notional = quantity * (price or mark)
        if notional < rules.min_notional:
            raise Refusal(
                -4164,
                f"Order's notional must be no smaller than {rules.min_notional} (unless you choose reduce only).",
            )
        held = abs(position.quantity) * mark
        if engine.account.settings[rules.symbol].leverage > bracket_of(held + notional).leverage:
            raise Refusal(-2027, "Exceeded the maximum allowable position at current leverage.")
    client_id = parameters.get("newClientOrderId") or f"web_{engine.account.new_id()}"
    _check_client_id(client_id)
    return Ticket(rules.symbol, side, position_side, kind, time_in_force, quantity, price, client_id, reduce_only)


def read_conditional(parameters: dict[str, str], engine: "Engine") -> ConditionalTicket:
    """Check a new conditional order. Raises Refusal."""
    rules = engine.contracts[known_symbol(parameters.get("symbol"))]
    side, position_side = _sides(parameters, engine)
    kind = parameters.get("type", "")
    if kind not in ("STOP_MARKET", "TAKE_PROFIT_MARKET"):
        raise Refusal(-1116, "Invalid orderType.")
    trigger = _number(parameters, "triggerPrice")
    _check_price(trigger, rules)
    closes = parameters.get("closePosition", "false").lower() == "true"
    if closes and ("quantity" in parameters or "reduceOnly" in parameters):
        raise Refusal(-4137, "Quantity must be zero with closePosition equals true")
    if engine.account.hedge and "reduceOnly" in parameters:
        raise Refusal(-1106, "Parameter 'reduceonly' sent when not required.")
    if engine.account.hedge and (side == "BUY") == (position_side == "LONG"):
        raise Refusal(-4061, "Order's position side does not match user's setting.")
    quantity = Decimal(0) if closes else _number(parameters, "quantity")
    if quantity % rules.step:
        raise bad_precision()
    reduce_only = parameters.get("reduceOnly", "false").lower() == "true"
    client_id = parameters.get("clientAlgoId") or f"web_{engine.account.new_id()}"
    _check_client_id(client_id)
    working = parameters.get("workingType", "CONTRACT_PRICE")
    return ConditionalTicket(
        rules.symbol, side, position_side, kind, quantity, trigger, client_id, closes, reduce_only, working
    )


def known_symbol(text: str | None) -> str:
    """A symbol the venue lists. Raises Refusal -1121, -1102."""
    if not text:
        raise missing("symbol")
    if text not in CONTRACTS:
        raise bad_symbol()
    return text


def _sides(parameters: dict[str, str], engine: "Engine") -> tuple[Side, PositionSide]:
    side = parameters.get("side")
    if side not in ("BUY", "SELL"):
        raise Refusal(-1117, "Invalid side.")
    position_side = parameters.get("positionSide", "BOTH")
    if position_side not in ("LONG", "SHORT", "BOTH"):
        raise missing("positionSide")
    if engine.account.hedge == (position_side == "BOTH"):
        raise Refusal(-4061, "Order's position side does not match user's setting.")
    return ("BUY" if side == "BUY" else "SELL"), position_side  # type: ignore[return-value]  # checked above


def _number(parameters: dict[str, str], name: str) -> Decimal:
    text = parameters.get(name)
    if not text:
        raise missing(name)
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise missing(name) from None
    if not value.is_finite():
        raise missing(name)
    if value <= 0:
        raise Refusal(-4003, "Quantity less than or equal to zero.") if name == "quantity" else missing(name)
    return value


def _check_price(price: Decimal, rules: ContractRules) -> None:
    if price % rules.tick:
        raise Refusal(-4014, "Price not increased by tick size.")


def _check_client_id(text: str) -> None:
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/_-")
    if not 0 < len(text) <= 36 or not set(text) <= allowed:
        raise Refusal(-4015, "Client order id is not valid.")
