"""One whole decision with the embedded model: asked over HTTP, judged, recorded, played again."""

import json
from pathlib import Path

import pytest

from orchestrator.local_model import is_installed
from tests.e2e.house import assert_flat, assert_pair, house, volgamma
from tests.ports import free_port

pytestmark = [
    pytest.mark.llm,
    pytest.mark.skipif(not is_installed(), reason="the embedded model is not installed (extra local-llm)"),
    pytest.mark.timeout(300),
]


async def test_the_embedded_model_decides_and_replays(tmp_path: Path) -> None:
    async with house(tmp_path, VOLGAMMA_LLM_PORT=str(free_port())) as h:
        report = await h.decide("SOL", "llm")
        document = report.document()
        assert document["model"] == "embedded/gemma-3-270m-q4_k_m"
        assert document["llm"]["attempts"] in (1, 2)
        # issue 2: the compact prompt stays under 1,500 tokens; a repair asks a second time
        assert 500 < document["llm"]["prompt_tokens"] / document["llm"]["attempts"] < 2000
        assert document["decision"]["action"] in ("enter", "stand_aside")
        status, outcome = document["execution"]["status"], document["verdict"]["outcome"]
        if document["decision"]["action"] == "enter" and outcome != "refused":
            assert status == "open"
            assert_pair(await h.state())
        else:
            assert status == "none"
            assert_flat(await h.state())
        with h.store() as store:
            proposal = store.journal.export_line(document["decision_id"])["record"]["proposal"]
        assert len(proposal["replies"]) == document["llm"]["attempts"] == len(proposal["requests"])
        assert all(reply["text"] for reply in proposal["replies"]), "the raw reply is kept"
        environment = h.environment
    # the exchange and the model are gone by now
    done = volgamma(environment, "replay", "verify", "--all", "--json")
    assert done.returncode == 0, done.stdout
    again = json.loads(done.stdout)
    assert (again["checked"], again["identical"]) == (1, 1)
