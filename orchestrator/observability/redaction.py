"""Secrets taken out of whatever is about to be shown: by their value, and by the places they usually stand in.

Values are those of environment variables whose names say so, and what else the settings hold as secret. They are looked
up when asked, never kept anywhere else. A URL loses its password, and an address its token-like path and query.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

HIDDEN = "***"
_NAMES = re.compile(r"KEY|SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|ALERTS$", re.IGNORECASE)
#: Names that match and hold no secret.
_PLAIN = re.compile(r"(_FILE|_PATH|_DIR|_NAME|_ID)$|^LLM_TOKENS|TOKENS_", re.IGNORECASE)
#: Shorter values would take ordinary words out of every line.
_LEAST = 8
_URL_PASSWORD = re.compile(r"(?P<head>[a-z][a-z0-9+.-]*://[^\s/:@]*):(?P<password>[^\s/@]+)@", re.IGNORECASE)
_BEARER = re.compile(
    r"(?P<head>(?:bearer|api[_-]?key|x-mbx-apikey|authorization)[\"']?\s*[:= ]\s*[\"']?)[\w.+/=-]{8,}", re.I
)
#: What proves a request to be ours: anybody may send it again for as long as the venue takes it.
_SIGNATURE = re.compile(r"\b(?P<head>signature=)[\w%.+/=-]+", re.IGNORECASE)
_OPENAI = re.compile(r"\bsk-[A-Za-z0-9_-]{8,}")


def secrets_in(environment: Mapping[str, str], more: Iterable[str] = ()) -> tuple[str, ...]:
    """Every secret value, longest first, so that one inside another leaves nothing behind."""
    found = {value for name, value in environment.items() if _NAMES.search(name) and not _PLAIN.search(name)}
    for value in environment.values():
        found.update(match["password"] for match in _URL_PASSWORD.finditer(value))
    found.update(more)
    return tuple(sorted((one for one in found if len(one) >= _LEAST), key=lambda one: (-len(one), one)))


class Redactor:
    """Takes secrets out of texts and documents."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(secrets)

    @classmethod
    def of(cls, environment: Mapping[str, str], more: Iterable[str] = ()) -> "Redactor":
        """For the secrets of an environment, and `more`."""
        return cls(secrets_in(environment, more))

    def text(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        text = _URL_PASSWORD.sub(rf"\g<head>:{HIDDEN}@", text)
        text = _BEARER.sub(rf"\g<head>{HIDDEN}", text)
        text = _SIGNATURE.sub(rf"\g<head>{HIDDEN}", text)
        return _OPENAI.sub(HIDDEN, text)

    def value(self, value: Any) -> Any:
        """The same inside lists and mappings; keys stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.value(item) for item in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self.text(str(value))
