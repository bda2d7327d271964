"""The end of a run: the decision under way is dropped, or brought to its end where it is sending, and meanwhile the
open pairs are looked at as before."""

import asyncio
from collections.abc import Awaitable, Callable

from orchestrator.desk import Desk

DROPPED = "dropped: the run was stopped before an order was sent"


async def let_end(
    desk: Desk, slow: "asyncio.Task[None]", look: Callable[[], Awaitable[None]] | None, every_s: float
) -> None:
    """Wait for the decision under way, with a `look` each `every_s`. Raises what `look` raises, the decision having
    ended; what the decision raised is in `slow`.

    Whoever sends anything holds the desk's hands, so a decision is dropped while nobody does: nothing is under way to
    the venue then, and what was sent before is done and known.
    """
    try:
        while not slow.done():
            if not desk.hands.locked():
                slow.cancel()
            await asyncio.wait({slow}, timeout=every_s)
            if look is not None and not slow.done():
                await look()
    except Exception:
        await let_end(desk, slow, None, every_s)
        raise
