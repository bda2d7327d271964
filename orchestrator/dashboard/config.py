"""What a dashboard is started with."""

import ipaddress
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from orchestrator.errors import UsageError
from orchestrator.settings import Settings

LEAST_TOKEN = 16
_LOCAL_NAMES = ("localhost", "localhost.localdomain")


@dataclass(frozen=True)
class DashboardConfig:
    """`reads_open`: whoever reaches the address may look; to change anything the token is needed in any case."""

    settings: Settings
    now_ms: Callable[[], int]
    token: SecretStr
    host: str = "127.0.0.1"
    port: int = 8600
    reads_open: bool = True
    #: Further names in the Host header, for a reverse proxy.
    names: tuple[str, ...] = ()
    funding_exchanges: str = "binanceusdm,bybit,okx,bitget"
    #: A folder in freqtrade's futures layout for the census.
    data: Path | None = None
    poll_s: float = 2.0
    new_id: Callable[[], str] = field(default=lambda: secrets.token_urlsafe(32))

    def answers_to(self, name: str) -> bool:
        """Whether a Host header names this server. A name of somebody else's is how DNS rebinding gets in.

        An address cannot be rebound: on a wide binding every address is ours, on loopback only loopback's.
        """
        name = name.lower().rstrip(".")
        if name in _LOCAL_NAMES or name in self.names or name == self.host:
            return True
        try:
            address = ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return address.is_loopback or not is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host.lower() in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def chosen_token(host: str, given: str | None) -> tuple[SecretStr, bool]:
    """The token, and whether it was made up here. Raises UsageError without one on an address others can reach."""
    if given:
        if len(given) < LEAST_TOKEN or not given.isascii() or any(letter.isspace() for letter in given):
            raise UsageError(
                "weak_token",
                f"the token needs at least {LEAST_TOKEN} characters, ASCII, no blanks",
                "make one with `python -c 'import secrets; print(secrets.token_urlsafe(32))'`",
            )
        return SecretStr(given), False
    if not is_loopback(host):
        raise UsageError(
            "token_needed",
            f"{host} can be reached from other machines, so everybody must show a token",
            "set VOLGAMMA_DASHBOARD_TOKEN, or stay on 127.0.0.1 and forward the port with ssh -L",
        )
    return SecretStr(secrets.token_urlsafe(32)), True
