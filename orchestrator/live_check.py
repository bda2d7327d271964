"""The pre-flight before live orders: what a person can check in a minute. Reads only; sends nothing."""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from orchestrator import kill_switch, live_ground
from orchestrator.clock import Clock
from orchestrator.doctor import hidden
from orchestrator.errors import HostError
from orchestrator.finding import Finding
from orchestrator.keys import Keys
from orchestrator.live import live_keys, phrase, refuse_live
from orchestrator.settings import Settings
from orchestrator.storage import opened
from orchestrator.venue_check import VenueState, client, examine
from orchestrator.venue_facts import VENUES, VenueFacts
from traders.contract.constraints import ConstraintSet
from traders.contract.limits import Limits


@dataclass(frozen=True)
class PreFlight:
    """`figures`: label and text, what a person compares with what they mean. `findings`: what was checked."""

    exchange: str
    figures: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        """Nothing is broken. What is merely worth a word does not count."""
        return not any(one.status == "fail" for one in self.findings)

    def document(self) -> dict[str, Any]:
        """`volgamma live check --json`."""
        return {
            "schema": "volgamma.live_check/1",
            "exchange": self.exchange,
            "ready": self.ready,
            "figures": dict(self.figures),
            "findings": [asdict(one) for one in self.findings],
        }


async def pre_flight(settings: Settings, clock: Clock, exchange: str) -> PreFlight:
    """Everything that stands between now and a live order. Raises HostError only for an unknown exchange."""
    facts = next((venue for venue in VENUES if venue.name == exchange), None)
    if facts is None or exchange == "paper":
        refuse_live(settings, exchange, live=True)
    assert facts is not None
    findings = [*(_steps(settings, exchange) if facts.execution_verified else ()), _verified(facts)]
    address = live_ground.address(settings, exchange)
    findings += [] if address is None else [address]
    keys: Keys | None = None
    try:
        keys = live_keys(settings, exchange)
        findings.append(Finding("key", "ok", f"from the {keys.source}"))
    except HostError as error:
        findings.append(Finding("key", "fail", error.message, error.remedy))
    constraints, ours, more = _ours(settings, exchange)
    findings += more
    limits = constraints.limits
    state = VenueState(exchange)
    if address is None or address.status != "fail":
        asked = tuple(dict.fromkeys((*limits.allowed_symbols, *ours)))
        skew = float(limits.clock_skew_max_ms)
        async with client(settings, exchange, None, keys) as real:
            state = await examine(real, exchange, clock, asked, skew, signed=keys is not None)
    if keys is not None and state.refused is not None and not state.account_read:
        findings = _one_of_the_key(findings, exchange, keys, state)
    findings += _stricter(state.findings)
    findings += _account(state, ours)
    findings.append(Finding("brackets", "ok", f"rest at the exchange: {facts.stops}, closed by {facts.closes_by}"))
    findings.append(live_ground.alerts(settings))
    figures = _figures(exchange, constraints, limits, state, ours)
    if address is not None:
        (shown,) = hidden(settings, [address])
        figures = (("address", shown.detail), *figures)
    return PreFlight(exchange, figures, tuple(hidden(settings, findings)))


def _steps(settings: Settings, exchange: str) -> list[Finding]:
    if settings.live:
        said = f"step 1 is taken (live = true); step 2 is --live with the phrase {phrase(exchange)}"
        return [Finding("two steps", "ok", said)]
    return [Finding("two steps", "fail", "step 1: live = true is not configured", "docs/going_live.md")]


def _verified(facts: VenueFacts) -> Finding:
    if facts.execution_verified:
        text = f"{facts.name}: requests and answers checked against recorded ones; no real order was ever sent by us"
        return Finding("venue", "warn", text, "begin with the least size, and look at every order at the venue")
    text = f"{facts.name} is {facts.execution}: live orders are refused"
    return Finding("venue", "fail", text, "see `volgamma venues`; without --live its data are read, no order is sent")


def _ours(settings: Settings, exchange: str) -> tuple[ConstraintSet, tuple[str, ...], list[Finding]]:
    """Limits, symbols of our own open pairs, and what the database says. Raises HostError when it says nothing."""
    from db.constraints_repository import ConstraintsRepository
    from db.orders_repository import OrdersRepository
    from db.pairs_repository import PairsRepository
    from db.state_repository import StateRepository
    from orchestrator.desk import TRADER_ID

    with opened(settings) as database:
        constraints = ConstraintsRepository(database).current(TRADER_ID)
        ours = tuple(pair.symbol for pair in PairsRepository(database).open_pairs(exchange))
        unknown = len(OrdersRepository(database).unresolved())
        latched = StateRepository(database).drawdown_latched(exchange)
        switch = kill_switch.read(database, settings.data_dir)
        found = [*live_ground.limits(constraints), *live_ground.folder(database, exchange)]
    if switch.killed:
        found.append(Finding("kill switch", "fail", f"ON ({switch.who}: {switch.why})", "`volgamma resume`"))
    else:
        found.append(Finding("kill switch", "ok", "off; `volgamma kill` stops all new risk, --flatten closes all"))
    if unknown:
        found.append(Finding("orders", "fail", f"{unknown} of unknown fate", "let `volgamma run` settle them"))
    if latched:
        found.append(
            Finding("drawdown", "fail", "entries are latched off", "find out why, then `volgamma resume --drawdown`")
        )
    return constraints, ours, found


def _stricter(findings: list[Finding]) -> list[Finding]:
    """For a look they are worth a word; before live orders an end: the guard would refuse every entry."""
    strict = ("reachable", "account", "position mode", "margin mode")
    return [
        Finding(one.check, "fail", one.detail, one.remedy) if one.status == "warn" and one.check in strict else one
        for one in findings
    ]


def _one_of_the_key(findings: list[Finding], exchange: str, keys: Keys, state: VenueState) -> list[Finding]:
    """A key that the venue does not take makes everything behind it unreadable: that is one finding."""
    text = f"{exchange} does not take the key from the {keys.source}: {state.refused}"
    remedy = "compare key and secret with the venue's page: still there, futures allowed, this machine's address bound"
    state.findings = [one for one in state.findings if one.check not in ("key rights", "account")]
    return [Finding("key", "fail", text, remedy) if one.check == "key" else one for one in findings]


def _account(state: VenueState, ours: tuple[str, ...]) -> list[Finding]:
    if not state.account_read:  # why, has been said
        return []
    strange = [one for one in state.holds if one.split()[0] not in ours]
    if strange:
        text = f"holds what this program did not open: {', '.join(strange)}"
        return [Finding("account", "fail", text, "trade on an account (or sub-account) that nothing else trades on")]
    if not state.equity:
        return [Finding("account", "fail", "it holds no USDT", "fund it with what you can afford to lose")]
    held = {one.split()[0] for one in state.holds}
    return [
        Finding(
            "open pair",
            "warn",
            f"{symbol}: remembered as open, and the account holds nothing of it: closed meanwhile, or this is another "
            "account",
            "compare before you go on",
        )
        for symbol in dict.fromkeys(ours)
        if symbol not in held
    ]


def _figures(
    exchange: str, constraints: ConstraintSet, limits: Limits, state: VenueState, ours: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    def money(share: Decimal) -> str:
        return f"{share:.2%}" + ("" if state.equity is None else f" = {state.equity * share:,.2f} USDT")

    most = limits.pair_margin_max
    return (
        ("account", exchange + ("" if state.equity is None else f", equity {state.equity:,.2f} USDT")),
        ("symbols", ", ".join(limits.allowed_symbols)),
        ("limits", f"version {constraints.version}, {constraints.hash[:12]}"),
        ("margin of a pair", f"{limits.pair_margin_min:.2%} to {money(most)}"),
        ("leverage", f"{limits.leverage_min}x to {limits.leverage_max}x"),
        ("largest pair, both legs", money(most * limits.leverage_max) + " notional"),
        ("a pair's stop loses at most", money(most * limits.stop_loss_max) + ", slippage beyond"),
        ("pairs at once", f"{limits.pairs_max}, {limits.pairs_per_symbol_max} a symbol; open now: {len(ours)}"),
        ("day's loss stops entries at", money(limits.daily_loss_max)),
        ("drawdown stops entries at", money(limits.max_drawdown)),
        ("position mode", state.position_mode or "unknown"),
    )
