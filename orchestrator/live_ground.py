"""What the pre-flight finds before any venue is asked: limits, data folder, address of the venue, alerts."""

from decimal import Decimal
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orchestrator.errors import HostError
from orchestrator.finding import Finding
from orchestrator.live import MARK, refuse_paper_past
from orchestrator.settings import Settings
from traders.contract.constraints import ConstraintSet

if TYPE_CHECKING:
    from db.database import Database

_SET = 'volgamma constraints set KEY VALUE --why "..."'


def limits(constraints: ConstraintSet) -> list[Finding]:
    """Never changed, or such that what is asked for cannot pass the floor (domain.md section 5)."""
    found = []
    of = constraints.limits
    share = f"{float(of.pair_margin_min) * 100:g}-{float(of.pair_margin_max) * 100:g} %"
    if constraints.version == 1:
        text = f"delivered limits, never changed here: a pair's margin may be {share} of equity"
        remedy = f"begin smaller: `{_SET}` (pair_margin_min, pair_margin_max)"
        found.append(Finding("limits", "warn", text, remedy))
    floor = of.pair_margin_floor_numerator / of.leverage_min
    scaled = of.pair_margin_min * of.size_reduced_factor * of.size_high_vol_factor
    if scaled < floor:
        text = (
            f"{_percent(of.pair_margin_min)} of equity is {_percent(scaled)} after scaling, below the floor of "
            f"{_percent(floor)} (pair_margin_floor_numerator / leverage): hardly any entry would pass"
        )
        remedy = f"lower the floor too, `{_SET}` (pair_margin_floor_numerator), or raise pair_margin_min"
        found.append(Finding("size", "warn", text, remedy))
    return found


def folder(database: "Database", exchange: str) -> list[Finding]:
    """Whether this database may be of a live account on the exchange."""
    from db.journal_repository import JournalRepository
    from db.pairs_repository import PairsRepository
    from db.state_repository import StateRepository

    if StateRepository(database).get(MARK, exchange) is not None:
        return [Finding("folder", "ok", f"of the live account on {exchange}: {database.name}")]
    try:
        refuse_paper_past(JournalRepository(database), PairsRepository(database), exchange)
    except HostError as error:
        return [Finding("folder", "fail", error.message, error.remedy)]
    return [Finding("folder", "ok", f"new for {exchange}: {database.name}")]


def address(settings: Settings, exchange: str) -> Finding | None:
    """The address that stands in for the venue's own, None where none does. A failure: no key may be sent there."""
    name = f"VOLGAMMA_{exchange.upper()}_URL"
    given = settings.environment.get(name)
    if not given:
        return None
    try:
        parts = urlsplit(given if "//" in given else f"http://{given}")
    except ValueError:
        return Finding("address", "fail", f"what {name} says is no address", f"unset {name}")
    shown = f"NOT the venue: {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return Finding("address", "fail", f"{shown} is no address", f"unset {name}")
    if parts.scheme == "http" and not _loopback(parts.hostname):
        text = f"{shown}, without encryption: the requests that your key signs can be read and changed on the way"
        return Finding("address", "fail", text, f"unset {name}, or give it https")
    return Finding("address", "warn", f"{shown} ({name})", f"unset {name} unless you mean it")


def alerts(settings: Settings) -> Finding:
    """Whether anybody is told, and whether the addresses are any."""
    if not settings.alerts:
        return Finding("alerts", "warn", "nobody will be told", "VOLGAMMA_ALERTS; `volgamma alerts test`")
    from orchestrator.alerts.sender import channels

    try:
        names = ", ".join(channel.service for channel in channels(settings.alerts))
    except HostError as error:
        return Finding("alerts", "fail", error.message, error.remedy)
    return Finding("alerts", "ok", f"to {names} (not sent; `volgamma alerts test` does)")


def _percent(share: Decimal) -> str:
    return f"{float(share) * 100:.3g} %"


def _loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
