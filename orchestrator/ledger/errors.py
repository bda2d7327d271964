"""What can be wrong with ledger rows.

LedgerError             base: what is wrong, where, and the remedy
├── BadRow              a row of a file cannot be read: names line and column
├── Conflicting         one id with two contents
└── Overclosed          more is closed than was open
"""


class LedgerError(Exception):
    """Base of the room's errors."""

    code = "ledger"

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy


class BadRow(LedgerError):
    """A row cannot be read."""

    code = "ledger_bad_row"


class Conflicting(LedgerError):
    """An id stands for one row."""

    code = "ledger_duplicate_id"


class Overclosed(LedgerError):
    """A position side never goes below zero."""

    code = "ledger_overclosed"
