"""A venue asked a few questions, reading only: does it answer, whose clock is off, what may the key, which mode."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from data_fetchers.translate import without_query
from orchestrator.clock import Clock
from orchestrator.finding import Finding
from orchestrator.key_rights import Rights, judged, read_rights
from orchestrator.keys import Keys
from orchestrator.settings import Settings

#: What decisions read, by the name ccxt has for it.
_READ = {
    "candles": "fetchOHLCV",
    "order book": "fetchOrderBook",
    "funding rate": "fetchFundingRate",
    "funding history": "fetchFundingRateHistory",
    "open interest": "fetchOpenInterest",
    "open interest history": "fetchOpenInterestHistory",
    "long/short ratio": "fetchLongShortRatioHistory",
}


@dataclass
class VenueState:
    """What was found. `skew_ms`: the venue's clock minus ours, half the round trip being uncertain."""

    name: str
    findings: list[Finding] = field(default_factory=list)
    skew_ms: int | None = None
    rights: Rights | None = None
    position_mode: str | None = None
    equity: Decimal | None = None
    holds: tuple[str, ...] = ()
    account_read: bool = False
    #: What the venue said when it did not take the key.
    refused: str | None = None


@asynccontextmanager
async def client(settings: Settings, name: str, url: str | None, keys: Keys | None) -> AsyncIterator[Any]:
    """A ccxt client, markets not loaded. Raises FetchError for an unknown name."""
    from data_fetchers.venue import open_exchange

    address = url or settings.environment.get(f"VOLGAMMA_{name.upper()}_URL")
    if name == "paper":  # this pair opens nothing else
        exchange = open_exchange(name, base_url=address, api_key="key", secret="secret")
    else:
        exchange = open_exchange(
            name,
            base_url=address,
            api_key=None if keys is None else keys.key.get_secret_value(),
            secret=None if keys is None else keys.secret.get_secret_value(),
            password=None if keys is None or keys.password is None else keys.password.get_secret_value(),
        )
    try:
        yield exchange
    finally:
        await exchange.close()


async def examine(
    exchange: Any, name: str, clock: Clock, symbols: tuple[str, ...], skew_max_ms: float | None, *, signed: bool
) -> VenueState:
    """All questions, each on its own: one that fails is a finding, and the others are still asked. Never raises
    for what the venue says or does not say."""
    state = VenueState(name)
    if not await _reached(exchange, name, clock, skew_max_ms, state):
        return state
    if not signed:
        state.findings.append(Finding("key rights", "ok", f"no key of {name}: it is read without one"))
        return state
    await _rights(exchange, name, state)
    await _account(exchange, name, symbols, state)
    return state


async def _reached(exchange: Any, name: str, clock: Clock, skew_max_ms: float | None, state: VenueState) -> bool:
    try:
        await exchange.load_markets()
        before = clock.now_ms()
        theirs = int(await exchange.fetch_time())
        after = clock.now_ms()
    except Exception as error:
        what = f"{name} does not answer: {_named(error)}"
        state.findings.append(
            Finding("reachable", "warn", what, "check network and address; some venues refuse some countries")
        )
        return False
    state.findings.append(Finding("reachable", "ok", f"{name} answers in {after - before} ms"))
    lacks = [what for what, needs in _READ.items() if not exchange.has.get(needs)]
    if lacks:
        text = f"{name} does not offer: {', '.join(lacks)}"
        state.findings.append(Finding("venue lacks", "warn", text, "decisions do without; see docs/venues.md"))
    if name == "paper":  # has a time of its own
        return True
    state.skew_ms = theirs - (before + after) // 2
    off = f"{name}'s clock is {state.skew_ms:+d} ms from ours (±{(after - before) // 2})"
    if skew_max_ms is not None and abs(state.skew_ms) > skew_max_ms:
        state.findings.append(
            Finding("clock", "fail", f"{off}; at most {skew_max_ms:g} allowed", "let NTP set this machine's clock")
        )
    else:
        state.findings.append(Finding("clock", "ok", off))
    return True


async def _rights(exchange: Any, name: str, state: VenueState) -> None:
    try:
        state.rights = await read_rights(exchange, name)
    except Exception as error:
        state.refused = _refusal(error) or state.refused
        text = f"what the key of {name} may do cannot be read: {_named(error)}"
        state.findings.append(Finding("key rights", "warn", text, "look at the venue whether it may withdraw"))
        return
    state.findings.extend(judged(name, state.rights))


async def _account(exchange: Any, name: str, symbols: tuple[str, ...], state: VenueState) -> None:
    from orchestrator.execution.accounts import account

    try:
        venue = account(exchange, name)
        state.position_mode = await venue.position_mode(symbols[0] if symbols else None)
        state.equity = (await venue.balance()).equity
        state.holds = tuple(f"{p.symbol} {p.side} {p.quantity}" for p in await venue.positions(list(symbols)))
        modes = {symbol: (await venue.settings(symbol)).margin_mode for symbol in symbols}
        state.account_read = True
    except Exception as error:
        state.refused = _refusal(error) or state.refused
        text = f"the account on {name} cannot be read: {_named(error)}"
        state.findings.append(Finding("account", "warn", text, "check the key, its rights, and its bound addresses"))
        return
    if state.position_mode == "hedge":
        state.findings.append(Finding("position mode", "ok", f"{name}: hedge"))
    else:
        state.findings.append(
            Finding(
                "position mode",
                "warn",
                f"{name}: one-way: the short leg would close the long one",
                "set hedge mode at the venue while nothing is open (on paper the first decision does)",
            )
        )
    crossed = [symbol for symbol, mode in modes.items() if mode != "isolated"]
    if crossed:
        text = f"{name}: {', '.join(crossed)} not isolated: a loss would not end at its margin"
        remedy = "set isolated margin at the venue (on paper the first decision does)"
        state.findings.append(Finding("margin mode", "warn", text, remedy))
    elif modes:
        state.findings.append(Finding("margin mode", "ok", f"{name}: isolated"))
    state.findings.append(Finding("account", "ok", f"{name}: equity {state.equity:.2f} USDT"))


def _refusal(error: BaseException | None) -> str | None:
    """What was said where an error, or one behind it, is ccxt's for a key that the venue does not take."""
    while error is not None:
        if any(kind.__name__ == "AuthenticationError" for kind in type(error).__mro__):
            return _named(error)
        error = error.__cause__ or error.__context__
    return None


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {without_query(str(error))[:140]}"
