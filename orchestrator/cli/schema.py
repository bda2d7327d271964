"""`volgamma schema NAME`: the JSON Schemas of the documents others rely on."""

from typing import Annotated

import typer

from orchestrator.cli import completion
from orchestrator.cli.output import command, emit
from orchestrator.errors import UsageError

NAMES = ("decision", "context", "constraints", "verdict", "bundle")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("schema", help="Print a JSON Schema, e.g. `volgamma schema decision`.")(schema)


@command
def schema(
    name: Annotated[str, typer.Argument(help=f"one of {', '.join(NAMES)}", autocompletion=completion.words(*NAMES))],
    as_json: Annotated[bool, typer.Option("--json", help="accepted for symmetry; the output is JSON anyway")] = False,
) -> None:
    """Print the JSON Schema of NAME."""
    from pydantic import BaseModel

    from traders.contract.bundle import Bundle
    from traders.contract.constraints import ConstraintDocument
    from traders.contract.context import Context
    from traders.contract.decision import Decision
    from traders.contract.verdict import Verdict

    types: dict[str, type[BaseModel]] = {
        "decision": Decision,
        "context": Context,
        "constraints": ConstraintDocument,
        "verdict": Verdict,
        "bundle": Bundle,
    }
    if name not in types:
        raise UsageError("unknown_schema", f"no schema {name!r}", f"one of {', '.join(NAMES)}")
    document = types[name].model_json_schema(mode="serialization", by_alias=True)
    emit({"$id": f"volgamma.{name}/1", **document})
