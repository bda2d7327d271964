"""Configuration: command line > environment `VOLGAMMA_*` > `volgamma.toml` > defaults."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from orchestrator.errors import HostError
from orchestrator.keys import PARTS

_KEYS = {
    "data_dir",
    "database_url",
    "paper_url",
    "live",
    "model",
    "base_url",
    "prompt_template",
    "llm_timeout_s",
    "llm_port",
    "llm_cost_month",
    "llm_breaker_failures",
    "llm_breaker_pause_s",
    "on_llm_failure",
    "llm_tools",
    "llm_temperature",
    "llm_seed",
    "llm_max_tokens",
    "llm_reasoning_effort",
    "paper_equity",
    "alerts",
    "alerts_per_hour",
    "alerts_refused_in_a_row",
    "alerts_digest_hour",
    "log_format",
    "log_file",
    "account_margin_max",
    "account_gross_max",
    "account_symbol_max",
    "reconcile_every_s",
    "on_foreign_position",
    "on_foreign_order",
    "on_quantity_changed",
}
#: A key of this name is a secret that somebody wanted to keep here.
_SECRET = re.compile(r"(^|_)(key|apikey|secret|password|passphrase)$|dashboard_token")


@dataclass(frozen=True)
class Settings:
    """Resolved settings of one command."""

    data_dir: Path
    database_url: str
    paper_url: str | None
    #: USDT of a paper account that is opened anew.
    paper_equity: float
    live: bool
    model: str | None
    base_url: str | None
    prompt_template: str | None
    llm_timeout_s: float | None
    llm_port: int
    #: USD a UTC month; None: only the day's limit of the constraints.
    llm_cost_month: float | None
    llm_breaker_failures: int
    llm_breaker_pause_s: float
    #: "stand_aside" or "rules".
    on_llm_failure: str
    #: "auto" (remote models with the full prompt), "on" or "off".
    llm_tools: str
    llm_temperature: float | None
    llm_seed: int | None
    llm_max_tokens: int | None
    llm_reasoning_effort: str | None
    #: Addresses for apprise; they hold keys.
    alerts: tuple[SecretStr, ...]
    alerts_per_hour: int
    alerts_refused_in_a_row: int
    #: UTC hour of the daily digest, -1: none.
    alerts_digest_hour: int
    #: "console" or "json"; None: json where there is a file, else no logs.
    log_format: str | None
    log_file: Path | None
    #: Multiples of the account's equity, over all traders (`orchestrator.account_guard`).
    account_margin_max: float
    account_gross_max: float
    account_symbol_max: float
    #: Real seconds between two comparisons of the account with what is remembered.
    reconcile_every_s: float
    #: "alert" or "flatten", see `orchestrator.responses`.
    on_foreign_position: str
    #: "alert" or "protect".
    on_foreign_order: str
    #: "protect", "alert" or "flatten".
    on_quantity_changed: str
    environment: Mapping[str, str] = field(repr=False)

    @property
    def api_key(self) -> str | None:
        """The model server's key; never stored, logged or printed."""
        return self.environment.get("OPENAI_API_KEY") or None


def load(environment: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Settings from all sources. Raises HostError for an unknown or ill-typed key, naming it."""
    env = dict(os.environ if environment is None else environment)
    values = _from_file(env)
    for key in _KEYS:
        if (text := env.get(f"VOLGAMMA_{key.upper()}")) is not None:
            values[key] = text
    values.update({key: value for key, value in (overrides or {}).items() if value is not None})
    data_dir = Path(str(values.get("data_dir") or _default_data_dir())).expanduser()
    base_url = values.get("base_url") or env.get("OPENAI_BASE_URL")
    return Settings(
        data_dir=data_dir,
        database_url=str(values.get("database_url") or f"sqlite:///{data_dir / 'volgamma.sqlite'}"),
        paper_url=_text(values.get("paper_url")),
        paper_equity=_positive("paper_equity", values.get("paper_equity"), 100_000.0),
        live=_switch(values.get("live", False)),
        model=_text(values.get("model")),
        base_url=_text(base_url),
        prompt_template=_text(values.get("prompt_template")),
        llm_timeout_s=_number("llm_timeout_s", values.get("llm_timeout_s")),
        llm_port=int(_number("llm_port", values.get("llm_port")) or 8931),
        llm_cost_month=_number("llm_cost_month", values.get("llm_cost_month")),
        llm_breaker_failures=max(1, int(_number("llm_breaker_failures", values.get("llm_breaker_failures")) or 5)),
        llm_breaker_pause_s=_number("llm_breaker_pause_s", values.get("llm_breaker_pause_s")) or 900.0,
        llm_tools=_choice("llm_tools", values.get("llm_tools"), ("auto", "on", "off")),
        llm_temperature=_number("llm_temperature", values.get("llm_temperature")),
        llm_seed=_whole("llm_seed", values.get("llm_seed")),
        llm_max_tokens=_whole("llm_max_tokens", values.get("llm_max_tokens")),
        llm_reasoning_effort=_text(values.get("llm_reasoning_effort")),
        on_llm_failure=_choice("on_llm_failure", values.get("on_llm_failure"), ("stand_aside", "rules")),
        alerts=_addresses(values.get("alerts")),
        alerts_per_hour=max(1, _whole("alerts_per_hour", values.get("alerts_per_hour")) or 20),
        alerts_refused_in_a_row=max(1, _whole("alerts_refused_in_a_row", values.get("alerts_refused_in_a_row")) or 8),
        alerts_digest_hour=_whole("alerts_digest_hour", values.get("alerts_digest_hour")) or 0,
        log_format=_choice("log_format", values["log_format"], ("console", "json"))
        if values.get("log_format")
        else None,
        log_file=None if _text(values.get("log_file")) is None else Path(str(values["log_file"])).expanduser(),
        account_margin_max=_positive("account_margin_max", values.get("account_margin_max"), 0.7),
        account_gross_max=_positive("account_gross_max", values.get("account_gross_max"), 5.0),
        account_symbol_max=_positive("account_symbol_max", values.get("account_symbol_max"), 2.5),
        reconcile_every_s=max(1.0, _number("reconcile_every_s", values.get("reconcile_every_s")) or 60.0),
        on_foreign_position=_choice("on_foreign_position", values.get("on_foreign_position"), ("alert", "flatten")),
        on_foreign_order=_choice("on_foreign_order", values.get("on_foreign_order"), ("alert", "protect")),
        on_quantity_changed=_choice(
            "on_quantity_changed", values.get("on_quantity_changed"), ("protect", "alert", "flatten")
        ),
        environment=env,
    )


def _default_data_dir() -> str:
    from platformdirs import user_data_dir

    return user_data_dir("volgamma", appauthor=False)


def _from_file(env: Mapping[str, str]) -> dict[str, Any]:
    path = Path(env.get("VOLGAMMA_CONFIG", "volgamma.toml"))
    if not path.is_file():
        if "VOLGAMMA_CONFIG" in env:
            raise HostError("config_missing", f"VOLGAMMA_CONFIG names {path}, which is no file", "correct the path")
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise HostError(
            "config_invalid", f"{path} is no UTF-8 text (byte {error.start})", "save it as UTF-8, as TOML asks for"
        ) from error
    except OSError as error:
        raise HostError(
            "config_invalid", f"{path}: {error.strerror}", "let it be read, or name another file"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise HostError("config_invalid", f"{path}: {error}", "correct the TOML") from error
    for key in values:
        if key not in _KEYS:
            raise HostError("config_invalid", f"{path}: unknown key {key!r}", _hint(key))
    return values


def _hint(key: str) -> str:
    """What was probably meant by a key that is none."""
    from traders.contract.limits import Limits

    if key in Limits.model_fields:
        return f'limits are rows of the database, not settings: volgamma constraints set {key} VALUE --why "..."'
    if _SECRET.search(key.lower()) or key.lower() in PARTS:
        return (
            "keys belong in the environment or the keyring, never in this file: VOLGAMMA_<VENUE>_KEY and "
            "VOLGAMMA_<VENUE>_SECRET, or `volgamma keys set`; the model's is OPENAI_API_KEY"
        )
    near = get_close_matches(key, sorted(_KEYS), n=1)
    return f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(_KEYS))}"


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in {"true", "false", "1", "0"}:
        raise HostError("config_invalid", f"live = {value!r} is neither true nor false", "write true or false")
    return text in {"true", "1"}


def _addresses(value: Any) -> tuple[SecretStr, ...]:
    """A list, or one text with commas between addresses (a comma within one is written %2C)."""
    parts = value if isinstance(value, list) else re.split(r"[,\s]+(?=\w+://)", str(value or ""))
    return tuple(SecretStr(part) for part in (str(part).strip().strip(",") for part in parts) if part)


def _number(key: str, value: Any) -> float | None:
    if value in (None, ""):
        return None
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise HostError("config_invalid", f"{key} = {value!r} is no number", "write a plain number") from error


def _positive(key: str, value: Any, otherwise: float) -> float:
    """A number above 0: a limit that is written as 0 is a slip, and one that is left out is not "none"."""
    number = _number(key, value)
    if number is None:
        return otherwise
    if not number > 0:
        raise HostError("config_invalid", f"{key} = {value!r} is not above 0", "write a number above 0")
    return number


def _whole(key: str, value: Any) -> int | None:
    number = _number(key, value)
    return None if number is None else int(number)


def _choice(key: str, value: Any, known: tuple[str, ...]) -> str:
    """One of `known`; the first when nothing is given."""
    if value in (None, ""):
        return known[0]
    if value not in known:
        raise HostError("config_invalid", f"{key} = {value!r} is unknown", f"write {' or '.join(known)}")
    return str(value)
