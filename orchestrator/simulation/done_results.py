"""Finished items of a long job, one JSON line each, so that a second run goes on where the first was ended."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.errors import HostError

_REMEDY = "name another file, or repair this one"


def read(file: Path) -> dict[str, Any]:
    """Value by key; nothing where there is no file. A line that was being written when the run ended is left out.

    Raises HostError for a file that cannot be read or holds something else.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise HostError("bad_resume_file", f"{file} cannot be read: {error}", _REMEDY) from error
    found: dict[str, Any] = {}
    for line in lines:
        try:
            document = json.loads(line)
            found[document["key"]] = document["value"]
        except (ValueError, KeyError, TypeError):
            continue
    if lines and not found and len(lines) > 1:
        raise HostError("bad_resume_file", f"{file} holds no finished results", _REMEDY)
    return found


def append(file: Path, key: str, item: Mapping[str, Any], value: Any) -> None:
    """One line at the end, after whatever a killed run left there. Raises HostError when it cannot be written."""
    line = json.dumps({"key": key, "item": item, "value": value}, allow_nan=False)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab+") as stream:
            end = stream.seek(0, 2)
            torn = False
            if end:
                stream.seek(end - 1)
                torn = stream.read(1) != b"\n"
            stream.write((b"\n" if torn else b"") + line.encode() + b"\n")
    except OSError as error:
        raise HostError("bad_resume_file", f"{file} cannot be written: {error}", _REMEDY) from error
