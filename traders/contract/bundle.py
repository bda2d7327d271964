"""What the guard needs to judge a decision again, offline."""

from typing import Literal

from pydantic import Field, JsonValue

from traders.contract.base import Frozen
from traders.contract.context import Context
from traders.contract.quote import Quote, Switches


class Bundle(Frozen):
    """The unit of `guard --context`, `journal show --json` and `journal export`."""

    schema_: Literal["volgamma.bundle/1"] = Field(default="volgamma.bundle/1", alias="schema")
    context: Context
    quote: Quote
    switches: Switches
    #: The rest of a journal entry (snapshot, portfolio, proposal, verdict, ...), so that an export replays elsewhere.
    record: dict[str, JsonValue] | None = None
