"""The survivors that no test can or should kill, each with its reason, and their table in docs/mutation.md."""

import sys
import tomllib
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tests.mutation.mutants import ROOT

LIST = Path(__file__).with_name("justified.toml")
PAGE = ROOT / "docs" / "mutation.md"
BEGIN, END = "<!-- survivors: begin -->", "<!-- survivors: end -->"


@dataclass(frozen=True)
class Justified:
    """One survivor: what `Mutant.key` says, and why it may live."""

    module: str
    function: str
    change: str
    why: str

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.module, self.function, self.change)


def justified() -> list[Justified]:
    """The list, in its order."""
    found = tomllib.loads(LIST.read_text(encoding="utf-8")).get("survivor", [])
    return [Justified(**entry) for entry in found]


def table() -> str:
    """The survivors by module, for the page."""
    lines = []
    for module, entries in groupby(justified(), key=lambda entry: entry.module):
        lines += [f"### {module}", "", "| Function | Change | Why it may live |", "|---|---|---|"]
        lines += [f"| `{e.function}` | {_cell(e.change)} | {_cell(e.why)} |" for e in entries]
        lines.append("")
    return "\n".join(lines).rstrip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def page() -> str:
    """The page with its table renewed."""
    text = PAGE.read_text(encoding="utf-8")
    return f"{text.split(BEGIN)[0]}{BEGIN}\n\n{table()}\n\n{END}{text.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.exit(0)
