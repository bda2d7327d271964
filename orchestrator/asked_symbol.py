"""Whether what a person asked for can be decided on at all: said before an exchange is started or a market is read."""

from collections.abc import Iterable

from data_fetchers.symbols import UnknownSymbol, base_of, normalise
from orchestrator.errors import HostError, UsageError
from orchestrator.paper_session import MIRRORED
from orchestrator.settings import Settings
from traders.contract.constraints import ConstraintSet


def require(settings: Settings, exchange: str, texts: Iterable[str], *, live: bool = False) -> None:
    """Raises UsageError or HostError for a symbol that the trader may not trade, or the paper exchange lacks."""
    from orchestrator.desk import TRADER_ID, open_store
    from orchestrator.storage import translated

    with open_store(settings) as store, translated():
        constraints = store.constraints.current(TRADER_ID)
    for text in texts:
        symbol = allowed_symbol(text, constraints)
        if exchange == "paper" or (exchange in MIRRORED and not live):
            _require_contract(symbol, exchange)


def allowed_symbol(text: str, constraints: ConstraintSet) -> str:
    """The unified symbol. Raises UsageError for no symbol at all, HostError for one that this trader may not trade."""
    try:
        symbol = normalise(text)
    except UnknownSymbol as error:
        raise UsageError("unknown_symbol", str(error), "use SOL or AVAX") from error
    allowed = constraints.limits.allowed_symbols
    if symbol not in allowed:
        raise HostError(
            "symbol_not_allowed",
            f"{symbol} is not among the symbols of trader #{constraints.trader_id}: {', '.join(allowed)}",
            "use one of them, or change allowed_symbols with `volgamma constraints set`",
        )
    return symbol


def _require_contract(symbol: str, exchange: str) -> None:
    """The paper exchange fills what is decided on these accounts; it knows few contracts, whatever is allowed."""
    from orchestrator.paper_exchange.synthetic import COINS

    known = [coin.base for coin in COINS.values()]
    if base_of(symbol) in known:
        return
    account = "" if exchange == "paper" else f", which fills the orders of {exchange} without --live,"
    raise HostError(
        "symbol_not_on_paper",
        f"{symbol} is allowed, but the paper exchange{account} has {' and '.join(known)} only",
        f"use {' or '.join(known)}; a venue that is only read (--exchange bybit, okx or bitget) can be asked "
        f"about {base_of(symbol)}, and `volgamma simulate` runs it over history",
    )
