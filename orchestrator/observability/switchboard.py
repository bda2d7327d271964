"""Whether anybody watches this process, known without loading what they watch with."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.observability.meters import Meters

#: Set while `/metrics` is served.
meters: "Meters | None" = None
#: True while logs are written.
logs = False


def watched() -> bool:
    """Whether there is anybody to tell."""
    return logs or meters is not None
