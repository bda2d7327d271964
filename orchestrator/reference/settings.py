"""`docs/settings.md`, made from the file that `volgamma init` writes and from what the program reads besides it."""

import tempfile

from orchestrator.keys import PARTS, variable
from orchestrator.live import CONFIRM
from orchestrator.reference.markdown import cell, table
from orchestrator.settings import Settings, load
from orchestrator.settings_file import SECTIONS

#: Defaults that are a place on the machine, or are chosen when they are needed.
_DEFAULTS = {
    "data_dir": "your user data folder",
    "database_url": "`volgamma.sqlite` in the data folder",
    "model": "see below",
    "base_url": "see below",
    "prompt_template": "full; compact for the embedded model",
    "llm_timeout_s": "60; 300 for the embedded model",
    "log_format": "json where there is a file, else no logs",
}
#: Read from the environment alone: secrets, and what belongs to one start of the program.
ENVIRONMENT: tuple[tuple[str, str], ...] = (
    ("OPENAI_API_KEY", "key of the model's server; with it and no address, `https://api.openai.com/v1` is asked"),
    ("OPENAI_BASE_URL", "address of an OpenAI-compatible server, where `base_url` is not set"),
    ("VOLGAMMA_CONFIG", "the settings file; by default `volgamma.toml` in the folder you are in"),
    ("VOLGAMMA_LLM_PRICES", "USD per million prompt and completion tokens, as `0.40,1.60`: what costs are counted by"),
    ("VOLGAMMA_DASHBOARD_TOKEN", "token of the dashboard, at least 16 characters; by default a new one is printed"),
    (CONFIRM, "the whole phrase, `I-ACCEPT-LOSSES-ON-BINANCEUSDM`, instead of typing it ([going live](going_live.md))"),
    *((variable(venue, part), f"{part} of {venue} ([keys](keys.md))") for venue in PARTS for part in PARTS[venue]),
    *(
        (f"VOLGAMMA_{venue.upper()}_URL", f"another address for {venue}, such as a proxy or a recorded one")
        for venue in PARTS
    ),
)
_HEAD = """# Settings

Generated from `orchestrator/settings_file.py` by `python -m orchestrator.reference`; do not edit.

`volgamma init` writes a `volgamma.toml` in which all of these stand, commented out. Each can also be set in the
environment, as `VOLGAMMA_` and the key in capitals (`VOLGAMMA_DATA_DIR`). The command line wins over the environment,
the environment over the file, the file over the default. An unknown key is an error that names the nearest known one.

The limits of a trader are not settings: they are rows of the database ([constraints](constraints.md)).
"""
_MODEL = """Which model is asked: the embedded one with `model = "embedded"`, and where neither `OPENAI_API_KEY` nor an
address is set. Else the server at `base_url` (or `OPENAI_BASE_URL`; without either, OpenAI's), and there `model`, or
the first model the server names, or `gpt-4.1-mini` at OpenAI. `volgamma doctor` says which it is.
"""


def page() -> str:
    """The whole document."""
    nothing_set = _nothing_set()
    parts = [_HEAD]
    for title, keys in SECTIONS:
        rows = [(f"`{key}`", default_of(key, nothing_set), f"`{example}`", cell(about)) for key, example, about in keys]
        parts.append(f"## {title}\n\n" + table(("key", "default", "example", "what it does"), rows) + "\n")
        if title.startswith("The model"):
            parts.append(_MODEL)
    rows_of_environment = [(f"`{name}`", about) for name, about in ENVIRONMENT]
    parts.append("## In the environment only\n\n" + table(("variable", "what it is"), rows_of_environment) + "\n")
    return "\n".join(parts)


def default_of(key: str, nothing_set: Settings) -> str:
    """What holds when nobody sets it, as the program itself resolves it."""
    if key in _DEFAULTS:
        return _DEFAULTS[key]
    value = getattr(nothing_set, key)
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _nothing_set() -> Settings:
    """Settings of an empty environment and an empty file, wherever this runs."""
    with tempfile.NamedTemporaryFile(suffix=".toml") as empty:
        return load({"VOLGAMMA_CONFIG": empty.name})
