"""Logs, metrics, and secrets: what is planted everywhere is shown nowhere."""

import asyncio
import json
import re
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from orchestrator.observability import switchboard
from orchestrator.observability.logs import logging_to
from orchestrator.observability.meters import serving
from tests.e2e.house import House, house
from tests.ports import free_port

#: One secret for each place a secret may stand in; every one of them is looked for in everything that is said.
PLANTED = {
    "OPENAI_API_KEY": "sk-planted0openai0key0123456789",
    "BINANCEUSDM_API_KEY": "planted0venue0key0123456789",
    "VOLGAMMA_BINANCEUSDM_SECRET": "planted0venue0secret0123456789",
    "OKX_PASSPHRASE": "planted0passphrase0123",
    "GITHUB_TOKEN": "planted0token0123456789",
}
URL_PASSWORD, DB_PASSWORD, ALERT = "planted0url0password", "planted0db0password", "planted0alert0token0123"


@asynccontextmanager
async def rude_server() -> AsyncIterator[str]:
    """A model server that says the key it was given back, as real ones have done."""

    async def answer(request: web.Request) -> web.Response:
        said = f"Incorrect API key provided: {request.headers.get('Authorization')} at {request.url}"
        return web.json_response({"error": {"message": said, "code": "invalid_api_key"}}, status=401)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://user:{URL_PASSWORD}@127.0.0.1:{port}/v1"
    finally:
        await runner.cleanup()


async def said_by(it: House, *words: str, **environment: str) -> str:
    """Both streams of a command, run as a person would."""
    import os

    env = {**{k: v for k, v in os.environ.items() if not k.startswith("VOLGAMMA")}, **it.environment, **environment}
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestrator", *words,
        cwd=it.folder, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(running.communicate(), 300)
    return f"== {' '.join(words)} ==\n{out.decode()}\n{err.decode()}"


async def test_a_planted_secret_is_shown_nowhere(tmp_path: Path) -> None:
    (tmp_path / "volgamma.toml").write_text(f'alerts = "json://{ALERT}@127.0.0.1:9/x"\nllm_timeout_s = 5\n')
    log, port = tmp_path / "log.jsonl", free_port()
    async with (
        rude_server() as base_url,
        house(tmp_path, VOLGAMMA_CONFIG=str(tmp_path / "volgamma.toml"), VOLGAMMA_LOG_FILE=str(log)) as it,
    ):
        planted = {**PLANTED, "OPENAI_BASE_URL": base_url, "VOLGAMMA_MODEL": "gpt-planted"}
        said = [await said_by(it, "decide", "--policy", "llm", "--json", **planted)]
        assert '"abstained"' in said[0] and "invalid" in said[0].lower()
        metrics = asyncio.create_task(_scraped(port))
        run = ("run", "--policy", "llm", "--symbols", "AVAX", "--for", "12s", "--metrics-port", str(port))
        said.append(await said_by(it, *run, **planted))
        said.append(await metrics)
        assert "volgamma_abstentions_total" in said[-1]
        bad = f"postgresql+psycopg://ann:{DB_PASSWORD}@127.0.0.1:1/volgamma"
        odd = f"postgresql+nonsense://ann:{DB_PASSWORD}@127.0.0.1:1/volgamma"
        said += await asyncio.gather(
            said_by(it, "doctor", "--json", **planted),
            said_by(it, "journal", "export", "out.jsonl", **planted),
            said_by(it, "journal", "list", "--json", VOLGAMMA_DATABASE_URL=bad, **planted),
            said_by(it, "journal", "list", VOLGAMMA_DATABASE_URL=odd, **planted),
        )
        assert '"error"' in said[-2] and "remedy" in said[-1]
        files = [tmp_path / "out.jsonl", log, *sorted((tmp_path / "data").rglob("*.sqlite*"))]
        said += [path.read_bytes().decode("latin-1") for path in files]
        with it.store() as store:
            for info in store.journal.entries():
                said.append(json.dumps(store.journal.export_line(info.decision_id)))
    assert len(log.read_text().splitlines()) > 20
    everything = "\n".join(said)
    for secret in (*PLANTED.values(), URL_PASSWORD, DB_PASSWORD, ALERT):
        where = [text[:80] for text in said if secret in text]
        assert secret not in everything, f"{secret} is shown by {where}"


async def _scraped(port: int) -> str:
    """`/metrics` of a process that is starting, once it has decided."""

    def read() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            return str(answer.read().decode())

    text = ""
    for _ in range(1200):
        try:
            text = await asyncio.to_thread(read)
        except OSError:
            pass
        if "volgamma_decisions_total{" in text:
            break
        await asyncio.sleep(0.1)
    return text


async def test_every_line_of_a_decision_carries_its_id(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    async with house(tmp_path, VOLGAMMA_LOG_FILE=str(log)) as it:
        with logging_to(it.settings):
            report = await it.decide("SOL")
            other = await it.decide("AVAX")
    assert not switchboard.watched()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    names = {report.chosen.decision_id, other.chosen.decision_id}
    assert {line["decision_id"] for line in lines} == names
    events = [line["event"] for line in lines if line["decision_id"] == report.chosen.decision_id]
    assert events[0] == "decision_claimed"
    assert "decision_finished" in events
    assert events.count("order_resolved") == 7, "two entries, four brackets, one goal"
    verdict = next(line for line in lines if line["event"] == "journal_verdict")
    assert (verdict["outcome"], verdict["action"], verdict["refused_by"]) == ("approved", "enter", [])
    assert all(re.match(r"\d{4}-\d\d-\d\dT", line["timestamp"]) for line in lines)


async def test_without_settings_there_are_no_logs_and_standard_output_is_clean(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        quiet = await said_by(it, "journal", "list", "--json")
        loud = await said_by(it, "decide", "--policy", "rules", "--json", VOLGAMMA_LOG_FORMAT="json")
    assert quiet.split("==\n", 1)[1].strip().endswith("}"), "nothing on stderr"
    assert '"event"' not in quiet
    assert loud.count("decision_claimed") == 1
    document, _, _ = loud.partition("\n\n{")
    json.loads(document.split("==\n", 1)[1])


async def test_metrics_tell_what_happened(tmp_path: Path) -> None:
    port = free_port()
    async with house(tmp_path) as it:
        with serving(port, it.settings.database_url):
            before = await asyncio.to_thread(_read, port)
            assert "volgamma_database_up 0.0" in before, "no schema yet: that is no reason to fail"
            await it.decide("SOL")
            second = await it.decide("SOL")
            refused = [f.rule for f in second.chosen.verdict.findings if f.effect == "refuse"]
            text = await asyncio.to_thread(_read, port)
    assert switchboard.meters is None
    values = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line[0] != "#"}
    sol = 'symbol="SOL/USDT:USDT",trader="11"'
    assert values[f'volgamma_decisions_total{{action="enter",outcome="approved",{sol}}}'] == 1
    assert sum(value for name, value in values.items() if name.startswith("volgamma_decisions_total{")) == 2
    for rule in refused:
        assert values[f'volgamma_refusals_total{{rule="{rule}",trader="11"}}'] == 1
    assert values['volgamma_orders_total{kind="entry",status="filled"}'] == 2
    assert values['volgamma_orders_total{kind="bracket",status="new"}'] == 4
    assert values['volgamma_open_pairs{kind="gamma",symbol="SOL/USDT:USDT"}'] == 1
    assert values["volgamma_database_up"] == 1
    assert 90_000 < values['volgamma_equity_usdt{exchange="paper"}'] <= 100_000
    assert values['volgamma_fetch_seconds_count{source="sol.market_data"}'] == 2


def _read(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return str(answer.read().decode())


async def test_metrics_are_served_to_this_machine_only(tmp_path: Path) -> None:
    port = free_port()
    async with house(tmp_path) as it:
        with serving(port, it.settings.database_url):
            socket.create_connection(("127.0.0.1", port), 1).close()
            # the whole of 127/8 is this machine; a server on all addresses would answer here as well
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.2", port), 1)
