"""The decision under way at the end of a run: dropped while it sends nothing, else waited for, with looks meanwhile."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest

from orchestrator.desk import Desk
from orchestrator.schedule.ending import let_end


@dataclass
class Hands:
    hands: asyncio.Lock = field(default_factory=asyncio.Lock)


async def test_whoever_sends_is_brought_to_its_end_with_looks_and_then_dropped() -> None:
    desk, looks, sent = Hands(), 0, asyncio.Event()

    async def decision() -> None:
        async with desk.hands:
            await asyncio.sleep(0.2)
            sent.set()
        await asyncio.sleep(60)

    async def look() -> None:
        nonlocal looks
        looks += 1

    slow = asyncio.create_task(decision())
    await asyncio.sleep(0)
    await asyncio.wait_for(let_end(cast("Desk", desk), slow, look, 0.05), 5)
    assert sent.is_set() and slow.cancelled()
    assert looks >= 3


async def test_a_look_that_fails_does_not_leave_a_decision_between_two_legs() -> None:
    desk, sent = Hands(), asyncio.Event()

    async def decision() -> None:
        async with desk.hands:
            await asyncio.sleep(0.2)
            sent.set()

    async def look() -> None:
        raise ValueError("the store")

    slow = asyncio.create_task(decision())
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match="the store"):
        await asyncio.wait_for(let_end(cast("Desk", desk), slow, look, 0.05), 5)
    assert sent.is_set() and slow.done() and not slow.cancelled()
