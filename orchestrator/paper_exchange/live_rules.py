"""The contract rules of a live venue, read from its own `exchangeInfo` and `fundingInfo`.

Leverage brackets are told to account holders only: the built-in table stays in force for them.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from orchestrator.paper_exchange.contracts import CONTRACTS, ContractRules
from orchestrator.paper_exchange.live_upstream import UpstreamDown

_USUAL_HOURS = 8


def rules_of(info: Any) -> dict[str, ContractRules]:
    """Steps, minima and bands by symbol. Raises UpstreamDown naming the symbol and what is missing."""
    rows = {row.get("symbol"): row for row in _rows(info, "symbols") if isinstance(row, dict)}
    found = {}
    for symbol, built_in in CONTRACTS.items():
        row = rows.get(symbol)
        if row is None or row.get("status") != "TRADING":
            state = "is not listed there" if row is None else f"is {row.get('status')} there"
            raise UpstreamDown(f"exchangeInfo cannot be used: {symbol} {state}")
        try:
            found[symbol] = _rules(row, built_in)
        except (KeyError, TypeError, InvalidOperation) as error:
            raise UpstreamDown(f"exchangeInfo cannot be used: {symbol} lacks {error}") from error
    return found


def _rules(row: Mapping[str, Any], built_in: ContractRules) -> ContractRules:
    filters = {item["filterType"]: item for item in row["filters"]}
    price, lot, market = filters["PRICE_FILTER"], filters["LOT_SIZE"], filters["MARKET_LOT_SIZE"]
    band = filters["PERCENT_PRICE"]
    rules = ContractRules(
        symbol=built_in.symbol,
        base=built_in.base,
        tick=Decimal(price["tickSize"]),
        step=Decimal(lot["stepSize"]),
        min_quantity=Decimal(lot["minQty"]),
        max_quantity=Decimal(lot["maxQty"]),
        market_max_quantity=Decimal(market["maxQty"]),
        min_notional=Decimal(filters["MIN_NOTIONAL"]["notional"]),
        trigger_protect=Decimal(row["triggerProtect"]),
        market_take_bound=Decimal(row["marketTakeBound"]),
        band_up=Decimal(band["multiplierUp"]),
        band_down=Decimal(band["multiplierDown"]),
    )
    above_zero = ("tick", "step", "min_quantity", "max_quantity", "market_max_quantity", "band_up", "band_down")
    for name in above_zero:
        value = getattr(rules, name)
        if not value.is_finite() or value <= 0:
            raise KeyError(f"a usable {name} ({value})")
    return rules


def own_symbols(info: Mapping[str, Any]) -> dict[str, Any]:
    """The venue's `exchangeInfo` with the symbols that are traded here."""
    return {**info, "symbols": [row for row in info["symbols"] if row["symbol"] in CONTRACTS]}


def funding_hours(info: Any) -> dict[str, int]:
    """Hours between funding times by symbol; the venue names only those that differ from eight."""
    hours = dict.fromkeys(CONTRACTS, _USUAL_HOURS)
    for row in info if isinstance(info, list) else []:
        given = row.get("fundingIntervalHours") if isinstance(row, dict) else None
        if isinstance(given, int) and 0 < given <= 24 and row.get("symbol") in hours:
            hours[row["symbol"]] = given
    return hours


def _rows(document: Any, name: str) -> list[Any]:
    rows = document.get(name) if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise UpstreamDown(f"exchangeInfo cannot be used: it has no list of {name}")
    return rows
