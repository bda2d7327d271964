"""Files of one JSON document a line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestrator.errors import HostError


def read_lines(file: Path) -> Iterator[tuple[int, Any]]:
    """(line number, document) of every line that is not blank. Raises HostError, naming file and line."""
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    yield number, json.loads(line, parse_constant=_no_constant)
                except ValueError as error:
                    raise HostError(
                        "bad_import", f"{file}, line {number}: no JSON ({error})", "use one JSON document a line"
                    ) from error
    except UnicodeDecodeError as error:
        raise HostError("bad_import", f"{file} is no UTF-8 text", "use one JSON document a line") from error
    except OSError as error:
        raise HostError("cannot_read", f"{file}: {error.strerror}", "name a file you may read") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
