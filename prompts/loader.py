"""Loads the versioned prompt templates and renders them, strictly: an undefined name is an error, not a blank.

    PromptError     a template is missing or asks for a value it was not given

A set has three templates: `system` (who, what, how to answer), `context` (the situation), `repair` (what was wrong
with a reply). `compact` fits a small model's window, `full` says more. Plain text, so nothing is escaped.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from jinja2 import Environment, StrictUndefined, Template, TemplateError

#: Raise it with every change of meaning; the digest in `PromptSet.version` tells every other change.
VERSION = "2"
NAMES = ("system", "context", "repair")
SIZES = ("compact", "full")
_FOLDER = Path(__file__).parent / "templates"
_ENVIRONMENT = Environment(
    undefined=StrictUndefined,
    autoescape=False,  # the output is text for a model, not HTML
    trim_blocks=True,
    lstrip_blocks=True,
)


class PromptError(Exception):
    """A prompt cannot be made; the message names the template."""


@dataclass(frozen=True)
class PromptSet:
    """The templates of one size. `hashes` are SHA-256 of each template's text."""

    size: Literal["compact", "full"]
    version: str
    hashes: MappingProxyType[str, str]
    _templates: MappingProxyType[str, Template]

    def render(self, name: str, **values: Any) -> str:
        """The text of template `name`. Raises PromptError for an unknown template or a missing value."""
        template = self._templates.get(name)
        if template is None:
            raise PromptError(f"no template {name!r}; there are {', '.join(NAMES)}")
        try:
            return template.render(**values).strip()
        except TemplateError as error:
            raise PromptError(f"prompts/templates/{self.size}/{name}.txt: {error}") from error


_loaded: dict[str, PromptSet] = {}


def load(size: Literal["compact", "full"]) -> PromptSet:
    """The set of this size, read once. Raises PromptError when the size is unknown or a file is missing."""
    if size not in SIZES:
        raise PromptError(f"no prompt size {size!r}; there are {', '.join(SIZES)}")
    if size not in _loaded:
        texts = {name: _read(size, name) for name in NAMES}
        hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
        digest = hashlib.sha256("".join(hashes[name] for name in NAMES).encode()).hexdigest()
        _loaded[size] = PromptSet(
            size,
            f"{size}-{VERSION}-{digest[:8]}",
            MappingProxyType(hashes),
            MappingProxyType({name: _ENVIRONMENT.from_string(text) for name, text in texts.items()}),
        )
    return _loaded[size]


def _read(size: str, name: str) -> str:
    path = _FOLDER / size / f"{name}.txt"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PromptError(f"the template {path} cannot be read: {error.strerror}") from error
