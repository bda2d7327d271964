"""The venue's rules of each perpetual: steps, minima, leverage brackets."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orchestrator.paper_exchange.synthetic import COINS

D = Decimal
_ONE, _FIVE, _TWENTIETH = D(1), D(5), D("0.05")
_MOST, _MARKET_MOST = D(1_000_000), D(80_000)
_UP, _DOWN = D("1.05"), D("0.95")


@dataclass(frozen=True)
class Bracket:
    """One leverage bracket: notional in USDT, rate as a fraction, cum in USDT."""

    number: int
    floor: Decimal
    cap: Decimal
    leverage: int
    rate: Decimal
    cum: Decimal


@dataclass(frozen=True)
class ContractRules:
    """Steps and minima of one perpetual."""

    symbol: str
    base: str
    tick: Decimal
    step: Decimal = _ONE
    min_quantity: Decimal = _ONE
    max_quantity: Decimal = _MOST
    market_max_quantity: Decimal = _MARKET_MOST
    min_notional: Decimal = _FIVE
    trigger_protect: Decimal = _TWENTIETH
    market_take_bound: Decimal = _TWENTIETH
    band_up: Decimal = _UP
    band_down: Decimal = _DOWN


BRACKETS: tuple[Bracket, ...] = (
    Bracket(1, D(0), D(10_000), 75, D("0.005"), D(0)),
    Bracket(2, D(10_000), D(200_000), 50, D("0.01"), D(50)),
    Bracket(3, D(200_000), D(1_000_000), 25, D("0.02"), D(2_050)),
    Bracket(4, D(1_000_000), D(5_000_000), 10, D("0.05"), D(32_050)),
    Bracket(5, D(5_000_000), D(10_000_000), 5, D("0.1"), D(282_050)),
    Bracket(6, D(10_000_000), D(100_000_000), 2, D("0.25"), D(1_782_050)),
)
CONTRACTS = {name: ContractRules(name, coin.base, D(coin.tick)) for name, coin in COINS.items()}


def bracket_of(notional: Decimal) -> Bracket:
    """The bracket of a notional in USDT."""
    return next((b for b in BRACKETS if notional <= b.cap), BRACKETS[-1])


def exchange_info(now: int) -> dict[str, Any]:
    """`exchangeInfo` as the venue sends it."""
    return {
        "timezone": "UTC",
        "serverTime": now,
        "futuresType": "U_MARGINED",
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
            {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
        ],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [_symbol(rules) for rules in CONTRACTS.values()],
    }


def _symbol(rules: ContractRules) -> dict[str, Any]:
    return {
        "symbol": rules.symbol,
        "pair": rules.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": rules.base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 4,
        "quantityPrecision": 0,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["Layer-1"],
        "triggerProtect": str(rules.trigger_protect),
        "liquidationFee": "0.015000",
        "marketTakeBound": str(rules.market_take_bound),
        "maxMoveOrderLimit": 10000,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": str(rules.tick),
                "maxPrice": "100000",
                "tickSize": str(rules.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": str(rules.min_quantity),
                "maxQty": str(rules.max_quantity),
                "stepSize": str(rules.step),
            },
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": str(rules.min_quantity),
                "maxQty": str(rules.market_max_quantity),
                "stepSize": str(rules.step),
            },
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
            {"filterType": "MIN_NOTIONAL", "notional": str(rules.min_notional)},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": str(rules.band_up),
                "multiplierDown": str(rules.band_down),
                "multiplierDecimal": "4",
            },
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }
