"""The pre-flight as people read it, and the question before live orders."""

import sys
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from orchestrator.live import CONFIRM, KEEP_ONLY, phrase

if TYPE_CHECKING:
    from orchestrator.live_check import PreFlight

_WIDTH = 80
_INDENT = " " * 20


def render(found: "PreFlight") -> str:
    """Figures first, then what was checked, then the verdict."""
    lines = [f"{label:<28} {text}" for label, text in found.figures]
    lines.append("")
    for one in found.findings:
        lines += _wrapped(f"{one.status:<5}{one.check:<14} {one.detail}", "")
        if one.remedy:
            lines += _wrapped(f"remedy: {one.remedy}", _INDENT)
    lines.append("")
    lines.append(_verdict(found))
    return "\n".join(lines) + "\n"


def _verdict(found: "PreFlight") -> str:
    if any(one.check == KEEP_ONLY for one in found.findings):
        return "KEEP ONLY: what is open is kept and closed, nothing is decided"
    return "nothing is broken" if found.ready else "NOT READY: live orders are refused"


def _wrapped(text: str, indent: str) -> list[str]:
    """In 80 columns; what a person has to copy, a phrase with hyphens or an address, stays in one piece."""
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=_INDENT,
        break_on_hyphens=False,
        break_long_words=False,
    )


def confirmation(found: "PreFlight", environment: Mapping[str, str]) -> str | None:
    """What the person says, from the environment or typed below the pre-flight; None where nobody can be asked."""
    typer.echo(render(found), err=True, nl=False)
    if CONFIRM in environment:
        return environment[CONFIRM]
    if not sys.stdin.isatty() or not found.ready:
        return None
    answer: str = typer.prompt(f"Real money. Type {phrase(found.exchange)} to go on", err=True)
    return answer
