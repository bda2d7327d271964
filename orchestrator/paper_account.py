"""The account on the paper exchange is ours to set up; a real one would be its owner's to set up."""

from orchestrator.desk import Desk
from orchestrator.errors import HostError
from orchestrator.execution.venue import VenueError


async def prepare(desk: Desk, symbol: str) -> None:
    """Hedge mode and isolated margin on the paper account, where nothing is open yet. Raises HostError."""
    if desk.live:  # its owner's; preflight sets what an entry needs, and says so
        return
    venue = desk.venue
    try:
        if await venue.position_mode(symbol) != "hedge":
            await venue.set_position_mode("hedge", symbol)
        if (await venue.settings(symbol)).margin_mode != "isolated":
            await venue.set_margin_mode(symbol, "isolated")
    except VenueError as error:
        raise HostError(
            "paper_account",
            f"the paper account cannot be set to hedge mode and isolated margin: {error}",
            "close its positions and cancel its orders, or start a fresh paper exchange",
        ) from error
