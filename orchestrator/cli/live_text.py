"""The pre-flight as people read it, and the question before live orders."""

import sys
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from orchestrator.live import CONFIRM, phrase

if TYPE_CHECKING:
    from orchestrator.live_check import PreFlight


def render(found: "PreFlight") -> str:
    """Figures first, then what was checked, then the verdict."""
    lines = [f"{label:<28} {text}" for label, text in found.figures]
    lines.append("")
    for one in found.findings:
        lines += textwrap.wrap(f"{one.status:<5}{one.check:<14} {one.detail}", 100, subsequent_indent=" " * 20)
        if one.remedy:
            lines += textwrap.wrap(f"remedy: {one.remedy}", 80, initial_indent=" " * 20, subsequent_indent=" " * 20)
    lines.append("")
    lines.append("nothing is broken" if found.ready else "NOT READY: live orders are refused")
    return "\n".join(lines) + "\n"


def confirmation(found: "PreFlight", environment: Mapping[str, str]) -> str | None:
    """What the person says, from the environment or typed below the pre-flight; None where nobody can be asked."""
    typer.echo(render(found), err=True, nl=False)
    if CONFIRM in environment:
        return environment[CONFIRM]
    if not sys.stdin.isatty() or not found.ready:
        return None
    answer: str = typer.prompt(f"Real money. Type {phrase(found.exchange)} to go on", err=True)
    return answer
