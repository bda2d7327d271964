"""SIGUSR1: an error while the kill switch is thrown ends in less risk."""

import asyncio
from pathlib import Path

import pytest

from orchestrator.clock import SystemClock
from orchestrator.host import _kill
from orchestrator.settings import load


@pytest.mark.parametrize("writable", [True, False])
async def test_a_switch_that_cannot_be_thrown_stops_the_run(tmp_path: Path, writable: bool) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / ("data" if writable else "file/data")
    said: list[str] = []
    stop = asyncio.Event()
    _kill(load({"VOLGAMMA_DATA_DIR": str(folder)}), SystemClock(), stop, said.append)
    assert stop.is_set() is not writable
    assert ("kill switch on" in said[0], "stopping instead" in said[0]) == (writable, not writable)
