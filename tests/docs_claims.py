"""What the pages for people claim to exist: links, anchors, pictures, commands, options, limits, files, modules.

`complaints(page)` gives one line for each claim that is not true. It reads Markdown as far as these pages use it.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from orchestrator.reference.commands import commands, is_group, options_of
from orchestrator.reference.settings import ENVIRONMENT
from orchestrator.settings_file import SECTIONS
from traders.contract.limits import Limits

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *(file for file in ROOT.glob("*.md") if file.name.isupper() or file.stem.isupper()),
        *(ROOT / "docs").glob("*.md"),
    ]
)
ROOMS = ("orchestrator", "traders", "db", "data_fetchers", "prompts", "indicators", "tests", "docs")
#: Options of other programs that the pages name by themselves.
FOREIGN_OPTIONS = {"--require-hashes", "--trader-constraints", "--pyargs"}
FOREIGN_PROGRAMS = {
    "volgamma",
    "pip",
    "python",
    "python3",
    "make",
    "ssh",
    "dask",
    "pg_dump",
    "git",
    "curl",
    "docker",
    "podman",
}
#: Variables of the tests, not of the program.
TEST_VARIABLES = ("VOLGAMMA_TEST_DATA", "VOLGAMMA_TEST_POSTGRES")

_FENCE = re.compile(r"^( *)```[^\n]*\n(.*?)^ *```", re.S | re.M)
_INDENTED = re.compile(r"(?:(?<=\n\n)|\A)((?: {4}\S[^\n]*\n?)+(?:\n? {4}[^\n]*\n?)*)")
_SPAN = re.compile(r"`([^`]+)`")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_PATH = re.compile(rf"(?<![\w/.$~-])((?:{'|'.join(ROOMS)})/[\w./-]*[\w/])(?:::(\w+))?")
_TEST_FILE = re.compile(r"(?<![\w/])(test_\w+\.py)")
_VARIABLE = re.compile(r"\bVOLGAMMA_[A-Z_]*[A-Z]\b")
_ELSEWHERE = re.compile(r"/(?:home|root|Users|tmp)/\w")


@dataclass(frozen=True)
class Page:
    """A page's text, and where links in it start from."""

    text: str
    folder: Path = ROOT

    @property
    def code(self) -> list[str]:
        """Lines of code blocks, and code spans (a span may go over a line end)."""
        rest, lines = self.text, list[str]()
        for pattern in (_FENCE, _INDENTED):
            for found in pattern.finditer(rest):
                lines += _joined(found.group(found.lastindex or 0))
            rest = pattern.sub("\n", rest)
        return [*lines, *(" ".join(span.split()) for span in _SPAN.findall(rest))]

    @property
    def prose(self) -> str:
        """The text without code."""
        return _SPAN.sub("", _INDENTED.sub("\n", _FENCE.sub("", self.text)))


def complaints(page: Page) -> list[str]:
    """One line for each thing that is named and does not exist."""
    found = [*_links(page), *_files(page)]
    for line in page.code:
        found += _commands(line)
        found += _make(line)
        found += _modules(line)
        found += _lone_option(line)
        found += _shortened(line)
    known = {f"VOLGAMMA_{key.upper()}" for _, keys in SECTIONS for key, _, _ in keys}
    known |= {name for name, _ in ENVIRONMENT} | set(TEST_VARIABLES) | _of_containers()
    found += [f"no variable {name}" for name in sorted(set(_VARIABLE.findall(page.text)) - known)]
    found += [f"a path of somebody's machine: {part}" for part in _ELSEWHERE.findall(page.text)]
    return list(dict.fromkeys(found))


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#{1,6} (.+)$", _FENCE.sub("", text), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
        if found[slug]:
            found[f"{slug}-{found[slug]}"] = 0
    return set(found)


def _links(page: Page) -> Iterator[str]:
    for picture, words, target in _LINK.findall(_FENCE.sub("", page.text)):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = page.folder / name if name else None
        if file is not None and not file.exists():
            yield f"no file {target}"
            continue
        if picture and not words:
            yield f"a picture without words: {target}"
        text = page.text if file is None else file.read_text(encoding="utf-8") if file.suffix == ".md" else ""
        if anchor and anchor not in anchors(text):
            yield f"no heading for {target}"


def _files(page: Page) -> Iterator[str]:
    for path, function in sorted(set(_PATH.findall(page.text))):
        file = ROOT / path.rstrip("/.")
        if path.endswith("/") or "." in Path(path).name:
            if not file.exists():
                yield f"no file {path}"
            elif function and not re.search(rf"def {function}\b", file.read_text(encoding="utf-8")):
                yield f"no function {function} in {path}"
    for name in sorted(set(_TEST_FILE.findall(page.text))):
        if name not in _test_files():
            yield f"no test file {name}"


def _commands(line: str) -> Iterator[str]:
    for text in re.findall(r"(?:^|[\s/\"'(])volgamma (?!:)(.*)", line):
        # a listing: the command, two spaces, what it is for
        command = re.split(r"\s{2,}|\s+#\s|\s*[;|&]{1,2}\s+|(?:^|\s+)2?>", _QUOTED.sub("x", text))[0]
        group: tuple[str, ...] = ()
        for number, part in enumerate(re.split(r"\s*,\s+|\s+/\s+|(?<=[a-z])\|(?=[a-z])", command)):
            words = _words(part)
            if number == 0 or words[:1] == [] or words[0] in _names():
                path, found = _looked_up(words)
            else:  # `traders list / enable`: the same group
                path, found = _looked_up([*group, *words])
            group = path[:-1]
            yield from found


def _looked_up(words: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """The command that words name, and what is wrong with them."""
    path: tuple[str, ...] = ()
    while words and (" ".join((*path, words[0])) in _names()):
        path, words = (*path, words[0]), words[1:]
    one = _names().get(" ".join(path))
    if one is None or is_group(one):
        if words and not words[0].startswith("-") and not _placeholder(words[0]):
            return path, [f"no command `volgamma {' '.join((*path, words[0]))}`"]
        allowed = {"--help", "-h", "--version", "--install-completion", "--show-completion"}
        return path, [
            f"no option {word} of `volgamma`" for word in words if word.startswith("-") and word not in allowed
        ]
    known, found = options_of(one), list[str]()
    for at, word in enumerate(words):
        option, equals, _ = word.partition("=")
        if re.match(r"--?[a-z]", option) and option not in known:
            found.append(f"no option {option} of `volgamma {' '.join(path)}`")
        if option in ("--set", "--sweep") and not equals and at + 1 < len(words) and "=" in words[at + 1]:
            found += _limit(words[at + 1].partition("=")[0])
    if path == ("constraints", "set"):
        found += [text for word in words[:1] for text in _limit(word)]
    return path, found


def _limit(key: str) -> list[str]:
    name = key.split(".")[0]
    return [] if name in Limits.model_fields or _placeholder(name) else [f"no limit {name}"]


def _make(line: str) -> Iterator[str]:
    for target in re.findall(r"(?:^|[\s;])make ((?:[a-z][\w-]*))(?=\s|$|\W)", line):
        if target not in _targets():
            yield f"no target `make {target}`"


def _modules(line: str) -> Iterator[str]:
    for module in re.findall(r"python3? -m ([\w.]+)", line):
        if find_spec(module.split(".")[0]) is None or find_spec(module) is None:
            yield f"no module {module}"


def _lone_option(line: str) -> Iterator[str]:
    """`--shadow` by itself: some command must have it."""
    match = re.match(r"(--[a-z][\w-]*)", line)
    if match and match[1] not in FOREIGN_OPTIONS:
        known = {spelt for one in _names().values() if not is_group(one) for spelt in options_of(one)}
        if match[1] not in known | {"--version", "--install-completion"}:
            yield f"no command has {match[1]}"


def _shortened(line: str) -> Iterator[str]:
    """`constraints show`, `exchange serve --port 0`: a command without the program's name before it."""
    words = _words(re.split(r"\s{2,}|\s*[;|&]{1,2}\s+", line.removeprefix("... "))[0])
    if words[1:2] == ["="]:  # a setting
        return
    if len(words) < 2 or words[0] not in _names():
        if len(words) > 1 and re.fullmatch(r"[a-z][a-z-]+", words[0]) and words[0] not in FOREIGN_PROGRAMS:
            yield from (f"no command `{words[0]}` that has {word}" for word in words[1:] if re.match(r"--[a-z]", word))
        return
    if is_group(_names()[words[0]]) or any(word.startswith("--") for word in words):
        yield from _looked_up(words)[1]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _placeholder(word: str) -> bool:
    return word.isupper() or word[:1] in "[<.({"


def _joined(block: str) -> list[str]:
    """Lines of a block, those that end with a backslash together with the next."""
    return re.sub(r"\\\n\s*", "", block).splitlines()


@cache
def _names() -> dict[str, Any]:
    return commands()


@cache
def _targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z][\w-]*):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


@cache
def _of_containers() -> frozenset[str]:
    """Variables that the container files themselves read."""
    files = [file for file in (ROOT / "compose.yaml", ROOT / "Dockerfile") if file.is_file()]
    return frozenset(name for file in files for name in _VARIABLE.findall(file.read_text(encoding="utf-8")))


@cache
def _test_files() -> frozenset[str]:
    return frozenset(file.name for file in (ROOT / "tests").rglob("test_*.py")) | {
        file.name for file in (ROOT / "traders").rglob("test_*.py")
    }
