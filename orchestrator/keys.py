"""A venue's keys: from the environment, else from the system's keyring (optional package `keyring`).

They are held as SecretStr, handed to the one client that signs with them, and never printed, logged or stored.
The environment wins as a whole: half a key there is an error, not a reason to take the other half from elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal, Protocol

from pydantic import SecretStr

from orchestrator.errors import HostError, UsageError

SERVICE = "volgamma"
#: Parts each venue asks for, in the order in which a person is asked for them.
PARTS: dict[str, tuple[str, ...]] = {
    "binanceusdm": ("key", "secret"),
    "bybit": ("key", "secret"),
    "okx": ("key", "secret", "password"),
    "bitget": ("key", "secret", "password"),
}


@dataclass(frozen=True)
class Keys:
    """What a venue is signed with. `password` is the passphrase of OKX and Bitget."""

    key: SecretStr
    secret: SecretStr
    password: SecretStr | None
    source: Literal["environment", "keyring"]


class Ring(Protocol):
    """The part of the `keyring` package that is used."""

    def get_password(self, service: str, name: str) -> str | None: ...

    def set_password(self, service: str, name: str, value: str) -> None: ...

    def delete_password(self, service: str, name: str) -> None: ...


@dataclass(frozen=True)
class KeyState:
    """A line of `volgamma keys list`."""

    venue: str
    source: Literal["environment", "keyring"] | None
    missing: tuple[str, ...]


def known(venue: str) -> str:
    """The venue's name. Raises UsageError."""
    name = venue.strip().lower()
    if name not in PARTS:
        raise UsageError("unknown_exchange", f"no keys are kept for {venue!r}", f"one of {', '.join(PARTS)}")
    return name


def variable(venue: str, part: str) -> str:
    """The environment variable of a part, e.g. VOLGAMMA_OKX_SECRET."""
    return f"VOLGAMMA_{venue.upper()}_{part.upper()}"


def find(venue: str, environment: Mapping[str, str], ring: Ring | None) -> Keys | None:
    """The keys of a venue, None where there are none. Raises HostError for half of them, naming what is missing."""
    name = known(venue)
    for source, values in (("environment", _from_environment(name, environment)), ("keyring", _from_ring(name, ring))):
        if not values:
            continue
        missing = [part for part in PARTS[name] if part not in values]
        if missing:
            raise HostError(
                "keys_incomplete",
                f"the {source} has only part of the keys of {name}: {', '.join(missing)} missing",
                f"set {', '.join(variable(name, part) for part in missing)}, or `volgamma keys set {name}`",
            )
        return Keys(
            values["key"], values["secret"], values.get("password"), "keyring" if source == "keyring" else "environment"
        )
    return None


def states(environment: Mapping[str, str], ring: Ring | None) -> tuple[KeyState, ...]:
    """Where each venue's keys are, and what is missing of them; no part of them."""
    found = []
    for name, parts in PARTS.items():
        here, kept = _from_environment(name, environment), _from_ring(name, ring)
        values = here or kept
        source: Literal["environment", "keyring"] | None = "environment" if here else "keyring" if kept else None
        found.append(KeyState(name, source, tuple(part for part in parts if part not in values) if values else parts))
    return tuple(found)


def store(venue: str, values: Mapping[str, SecretStr], ring: Ring) -> None:
    """Keep all parts in the keyring. Raises HostError, nothing new being kept then."""
    name = known(venue)
    empty = [part for part in PARTS[name] if not values.get(part, SecretStr("")).get_secret_value().strip()]
    if empty:
        raise HostError("keys_incomplete", f"{', '.join(empty)} of {name} is empty", "give every part of the key")
    done: list[str] = []
    try:
        for part in PARTS[name]:
            ring.set_password(SERVICE, f"{name}:{part}", values[part].get_secret_value().strip())
            done.append(part)
    except Exception as error:
        for part in done:
            _forget(ring, f"{name}:{part}")
        raise _unusable(error) from None


def delete(venue: str, ring: Ring) -> bool:
    """Remove all parts; whether there were any."""
    name = known(venue)
    return sum(_forget(ring, f"{name}:{part}") for part in PARTS[name]) > 0


def system_ring() -> Ring | None:
    """The system's keyring, None where the package or a usable back end is missing."""
    if find_spec("keyring") is None:
        return None
    import keyring
    from keyring.backends.fail import Keyring as Missing

    return None if isinstance(keyring.get_keyring(), Missing) else keyring


def require_ring() -> Ring:
    """Raises HostError with what to do instead."""
    ring = system_ring()
    if ring is None:
        raise HostError(
            "no_keyring",
            "this system has no keyring that can be used",
            "install 'volatility-gamma[keyring]' and a back end, or set VOLGAMMA_<VENUE>_KEY and _SECRET",
        )
    return ring


def _from_environment(name: str, environment: Mapping[str, str]) -> dict[str, SecretStr]:
    found = {part: environment.get(variable(name, part), "").strip() for part in PARTS[name]}
    return {part: SecretStr(value) for part, value in found.items() if value}


def _from_ring(name: str, ring: Ring | None) -> dict[str, SecretStr]:
    if ring is None:
        return {}
    try:
        found = {part: ring.get_password(SERVICE, f"{name}:{part}") for part in PARTS[name]}
    except Exception as error:  # each back end has errors of its own: locked, refused, no bus
        raise _unusable(error) from None
    return {part: SecretStr(value) for part, value in found.items() if value}


def _forget(ring: Ring, name: str) -> bool:
    try:
        if ring.get_password(SERVICE, name) is None:
            return False
        ring.delete_password(SERVICE, name)
    except Exception as error:
        raise _unusable(error) from None
    return True


def _unusable(error: Exception) -> HostError:
    return HostError(
        "keyring_unusable",
        f"the keyring does not work: {type(error).__name__}",
        "unlock it, or use the environment instead: VOLGAMMA_<VENUE>_KEY and _SECRET",
    )
