"""One line of a diagnosis."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """`remedy`: what a person does about it; always there unless the status is ok."""

    check: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    remedy: str | None = None
