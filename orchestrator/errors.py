"""What the host says when something cannot be done.

HostError               what happened, on what, and the remedy; exit code 1
├── UsageError          the words of the command are off; exit code 2
└── CheckFailed         a check found a difference; exit code 3
"""


class HostError(Exception):
    """Base: `code` is stable and machine-readable, `remedy` tells a person what to do."""

    exit_code = 1

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy


class UsageError(HostError):
    """Wrong usage of a command."""

    exit_code = 2


class CheckFailed(HostError):
    """A check found a difference."""

    exit_code = 3
