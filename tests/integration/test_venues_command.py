"""`volgamma venues`: one table in code, said by the command, by docs/venues.md and kept true by the adapters."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from data_fetchers.venue import SUPPORTED
from orchestrator.execution import ccxt_errors
from orchestrator.execution.limits import ExecutionLimits
from orchestrator.venue_facts import HEADERS, VENUES, VenueFacts, cells, markdown
from tests.dialect_stub import stubbed_venue
from tests.venue_stub import PUBLIC, exchanged

RUN = [sys.executable, "-c", "from orchestrator.cli.app import main; main()", "venues"]
DOC = Path(__file__).parents[2] / "docs" / "venues.md"


def said(*words: str) -> str:
    done = subprocess.run([*RUN, *words], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_document_has_the_table_of_the_code() -> None:
    made = re.search(r"<!-- made by `volgamma venues --markdown` -->\n(.*)<!-- end -->", DOC.read_text(), re.DOTALL)
    assert made is not None
    assert made[1] == markdown() == said("--markdown")


def test_json_and_text_say_the_same() -> None:
    document = json.loads(said("--json"))
    assert document["schema"] == "volgamma.venues/1"
    assert [row["name"] for row in document["venues"]] == list(SUPPORTED)
    assert {row["name"]: row["execution_verified"] for row in document["venues"]} == {
        "paper": True, "binanceusdm": True, "bybit": False, "okx": False, "bitget": False,
    }  # fmt: skip
    lines = said().splitlines()
    assert max(len(line) for line in lines) <= 80
    assert [line for line in lines if not line.startswith(" ")][:-1] == list(SUPPORTED)
    flat = " ".join(" ".join(lines).split())
    for venue in VENUES:
        for header, cell in zip(HEADERS[1:], cells(venue)[1:], strict=True):
            assert f"{header} {cell}" in flat
    assert lines[-1].startswith("execution unverified against the venue: bybit, okx, bitget")


@pytest.mark.parametrize("facts", [venue for venue in VENUES if venue.name in PUBLIC], ids=lambda venue: venue.name)
async def test_what_is_said_of_stops_and_time_is_what_the_adapter_does(facts: VenueFacts) -> None:
    async with exchanged(facts.name) as (venue, _):
        traits = venue.traits
    assert facts.stops.startswith("2 orders" if traits.paired_bracket else "4 orders")
    assert traits.only_receives
    assert facts.absent_after_s == max(traits.absent_after_s, ExecutionLimits().absent_after_s)


async def test_the_same_of_the_paper_exchange() -> None:
    async with stubbed_venue() as (venue, _):
        assert venue.traits.paired_bracket is False
        assert max(venue.traits.absent_after_s, ExecutionLimits().absent_after_s) == VENUES[0].absent_after_s


def test_the_codes_of_the_document_are_those_of_the_code() -> None:
    rows = {
        line.split("|")[1].strip(): set(re.findall(r"-?\d{4,}", line))
        for line in DOC.read_text().splitlines()
        if "|" in line
    }
    assert rows["this id is taken"] == ccxt_errors.DUPLICATE_CODES
    assert rows["no such order"] == ccxt_errors.ABSENT_CODES
    assert rows["nothing left to cancel"] == ccxt_errors.GONE_CODES
    assert rows["may have happened"] == ccxt_errors.UNKNOWN_CODES
    assert rows["too many requests, nothing happened"] == ccxt_errors.THROTTLED_CODES
    assert rows["the clock is off, nothing happened"] == ccxt_errors.STALE_CODES
