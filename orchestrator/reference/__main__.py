"""`python -m orchestrator.reference [FOLDER]`: write the generated pages, by default into `docs/`."""

import sys
from collections.abc import Callable
from pathlib import Path

from orchestrator.reference import commands, constraints, settings

#: File name -> what writes it. `tests/unit/test_docs_generated.py` holds the files current.
PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands.page,
    "constraints.md": constraints.page,
    "settings.md": settings.page,
}
FOLDER = Path(__file__).parents[2] / "docs"


def main(arguments: list[str]) -> None:
    """Write them."""
    if any(argument.startswith("-") for argument in arguments):
        raise SystemExit(__doc__)
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
