"""`docs/commands.md`, made from the commands themselves: what `--help` says, on one page."""

import re
import typing
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import typer

from orchestrator.cli.app import COMMANDS
from orchestrator.cli.app import app as delivered
from orchestrator.reference.markdown import cell, table

#: What exit codes other than 0, 2 and the 1 of an error mean, by command. A test holds it to the code.
EXITS: dict[str, tuple[tuple[int, str], ...]] = {
    "replay verify": ((3, "a decision was recomputed differently"),),
    "simulate": ((1, "also when a run of `--sweep` failed"),),
    "funding": ((1, "also when no venue answered anything"),),
    "alerts test": ((3, "a message was not delivered"),),
    "live check": ((3, "something stands in the way of live orders"),),
    "doctor": ((3, "a finding says `fail`"),),
    "db check": ((3, "damage was found"),),
    "db restore": ((3, "the restored database has damage"),),
}
_EXAMPLE = re.compile(r"`((?:[A-Z_]+=\S+ )?(?:volgamma|\.\.\.) [^`]+)`")
_WORDS = {"str": "TEXT", "int": "INTEGER", "float": "NUMBER", "Path": "PATH"}
_HEAD = """# Commands

Generated from the commands themselves by `python -m orchestrator.reference`; do not edit. `volgamma COMMAND --help`
says the same in a terminal, `volgamma --install-completion` teaches your shell to complete them.

Every command that has `--json` prints one JSON document on standard output and nothing else there; messages and logs
go to standard error. `-h` is `--help`. Settings that no option names come from the environment or `volgamma.toml`
([settings](settings.md)).

| exit code | means |
| --- | --- |
| 0 | done. A refused decision, an abstention and standing aside are results too |
| 1 | could not be done; what happened and a remedy are on standard error, and under `--json` in `error` |
| 2 | the words of the command are wrong |
| 3 | a check found something |
| 130 | interrupted by Ctrl-C |

"""


def commands() -> "dict[str, Any]":
    """Every command by its full name (`replay verify`), in the order of `--help`, groups before their commands."""
    return dict(_walk(_root(), ()))


def _root() -> Any:
    """The program with all its commands, built anew: `delivered` gets them when it is started."""
    fresh = typer.Typer(name=delivered.info.name, help=delivered.info.help, add_completion=False)
    if delivered.registered_callback is not None and delivered.registered_callback.callback is not None:
        fresh.callback()(delivered.registered_callback.callback)
    for name in COMMANDS:
        import_module(f"orchestrator.cli.{name}").register(fresh)
    return typer.main.get_command(fresh)


def page() -> str:
    """The whole document."""
    root = _root()
    found = dict(_walk(root, ()))
    index = [f"[`{name}`](#{anchor(name)})" for name, one in found.items() if not is_group(one)]
    return (
        _HEAD
        + _of_all(root)
        + " · ".join(index)
        + "\n\n"
        + "\n".join(_section(name, one) for name, one in found.items())
    )


def is_group(one: Any) -> bool:
    """Whether it only holds other commands."""
    return bool(getattr(one, "commands", None))


def anchor(name: str) -> str:
    """Where a heading `name` is found on its page."""
    return name.lower().replace(" ", "-")


def options_of(one: Any) -> dict[str, Any]:
    """Spelling -> parameter, of every option."""
    spelt = {text: item for item in one.params for text in (*item.opts, *item.secondary_opts) if text.startswith("-")}
    return {**spelt, "--help": None, "-h": None}


def examples_of(name: str, help_text: str) -> list[str]:
    """The commands that the help gives as examples, in full: `... import x` is written out."""
    group = name.rsplit(" ", 1)[0]
    found = [
        text.replace("... ", f"volgamma {group} ") if text[0] == "." else text for text in _EXAMPLE.findall(help_text)
    ]
    return [text for text in found if f"volgamma {name}" in text]


def _walk(group: Any, above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    plain = [(name, one) for name, one in group.commands.items() if not is_group(one)]
    groups = [(name, one) for name, one in group.commands.items() if is_group(one)]
    for name, one in (*plain, *groups):
        yield " ".join((*above, name)), one
        if is_group(one):
            yield from _walk(one, (*above, name))


def _of_all(root: Any) -> str:
    """Options of the program itself, where it has any."""
    if not root.params:
        return ""
    kinds = typing.get_type_hints(root.callback)
    return (
        table(("`volgamma` alone", "default", "what it does"), [_option(item, kinds) for item in root.params]) + "\n\n"
    )


def _section(name: str, one: Any) -> str:
    text = " ".join((one.help or "").split())
    if is_group(one):
        return f"## {name}\n\n{text}\n"
    level = "###" if " " in name else "##"
    parts = [f"{level} {name}", _about(name, text), _usage(name, one)]
    arguments = [item for item in one.params if not item.opts[0].startswith("-")]
    if arguments:
        parts.append(table(("argument", "default", "what it is"), [_argument(item) for item in arguments]))
    options = [item for item in one.params if item.opts[0].startswith("-") and not item.hidden]
    if options:
        kinds = typing.get_type_hints(one.callback)
        parts.append(table(("option", "default", "what it does"), [_option(item, kinds) for item in options]))
    if name in EXITS:
        parts.append("Exit codes: " + "; ".join(f"{code}: {why}" for code, why in EXITS[name]) + ".")
    return "\n\n".join(part for part in parts if part) + "\n"


def _about(name: str, text: str) -> str:
    """The help without the examples, which are shown below it."""
    for example in _EXAMPLE.findall(text):
        if example[0] == "." or f"volgamma {name}" in example:
            text = re.sub(rf"(, e\.g\.|:)? `{re.escape(example)}`", "", text)
    return text


def _usage(name: str, one: Any) -> str:
    arguments = [_placeholder(item) for item in one.params if not item.opts[0].startswith("-")]
    usage = " ".join(["volgamma", name, *arguments, "[OPTIONS]"])
    examples = examples_of(name, one.help or "")
    return "```\n" + "\n".join([usage, *examples]) + "\n```"


def _placeholder(item: Any) -> str:
    if item.metavar:
        return str(item.metavar)
    word = item.name.upper()
    return word if item.required else f"[{word}]"


def _argument(item: Any) -> tuple[str, str, str]:
    default = "required" if item.required else _default(item)
    return f"`{_placeholder(item)}`", default, cell(item.help or "")


def _option(item: Any, kinds: dict[str, Any]) -> tuple[str, str, str]:
    spelt = ", ".join(f"`{text}`" for text in (*item.opts, *item.secondary_opts))
    if not item.is_flag:
        word = item.metavar or _WORDS.get(_kind(kinds.get(item.name)), "TEXT")
        spelt = spelt[:-1] + f" {word}`"
    default = "required" if item.required else _default(item)
    about = cell(item.help or "") + _range(item)
    if item.envvar:
        about += f" (environment: `{item.envvar}`)"
    return spelt, default, about


def _kind(annotation: Any) -> str:
    """`Path` of `Path | None`, `str` of `list[str]`."""
    inner = [part for part in typing.get_args(annotation) if part is not type(None)]
    return _kind(inner[0]) if inner else getattr(annotation, "__name__", "")


def _default(item: Any) -> str:
    if item.default in (None, "", False) or callable(item.default):
        return ""
    if isinstance(item.default, float) and item.default.is_integer():
        return f"`{item.default:.0f}`"
    return f"`{item.default}`"


def _range(item: Any) -> str:
    low, high = getattr(item, "min", None), getattr(item, "max", None)
    if low is None and high is None:
        return ""
    if high is None:
        return f"; at least {low:g}"
    return f"; {low:g} to {high:g}" if low is not None else f"; at most {high:g}"
