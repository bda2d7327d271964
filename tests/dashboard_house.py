"""A dashboard over a small, real data folder: two decisions with an open pair, and one reply full of malice."""

import copy
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.testclient import TestClient

from db.alerts_repository import AlertsRepository
from db.database import open_database
from db.journal_entry import KINDS, Summary
from db.journal_repository import JournalRepository
from orchestrator.dashboard.app import create_app
from orchestrator.dashboard.config import DashboardConfig
from orchestrator.settings import load
from tests.kept_pair import kept_pair

TOKEN = "the-token-of-the-tests-only"
ORIGIN = "http://127.0.0.1:8600"
#: Planted in the environment; in no response may any of them be found.
PLANTED = {
    "OPENAI_API_KEY": "sk-planted-0123456789abcdef",
    "BINANCE_SECRET": 'planted-<secret>&"quoted"',
    "VOLGAMMA_BYBIT_API_KEY": "planted-bybit-key-777",
    "MAIL_PASSWORD": "planted-password-888",
    "VOLGAMMA_ALERTS": "json://planted-user:planted-pass-999@127.0.0.1:9/planted-path",
}
HOSTILE = "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{ 7*7 }}${7*7}\u202e\x1b[31m"
REPORT = "december & <b>january.html"
TOLD_AT = 1_735_690_000_000
HOSTILE_ID = "11-SOLUSDT-20250101T000100Z"


async def build(folder: Path) -> str:
    """Fill a data folder; the id of the decision that opened the pair."""
    async with kept_pair(folder) as kept:
        opened = kept.pair.decision_id
        journal = kept.desk.store.journal
        store(journal, hostile(journal.export_line(opened)))
        AlertsRepository(kept.desk.store.database).keep([(TOLD_AT + n, "run on here", one) for n, one in told()])
    reports = folder / "reports"
    reports.mkdir()
    (reports / REPORT).write_text(f"<h1>Simulation</h1><script>parent.alert(1)</script>{PLANTED['OPENAI_API_KEY']}")
    (reports / "notes.txt").write_text("no report")
    (reports / "link.html").symlink_to(folder / "volgamma.sqlite")
    return opened


def told() -> Iterator[tuple[int, dict[str, Any]]]:
    """Alerts of each severity, with every fate; the newest means harm."""
    fates: tuple[tuple[str, str, str, dict[str, str]], ...] = (
        ("pair_opened", "info", "SOL/USDT:USDT on paper: pair p1 is open.", {"Telegram": "delivered"}),
        ("unprotected_leg", "failure", "SOL/USDT:USDT: the open pair has no bracket at the exchange.",
         {"Telegram": "failed: the service did not take it", "Mail": "delivered"}),
        ("over", "success", "Over: unprotected leg (SOL/USDT:USDT).", {"Telegram": "dropped", "Mail": "waiting"}),
        ("band_hit", "info", "SOL/USDT:USDT on paper: band 1 hit; left: long 5, short 2.5.", {}),
        ("not_done", "failure", f"{HOSTILE} {PLANTED['OPENAI_API_KEY']}", {HOSTILE: f"failed: {HOSTILE}"}),
    )  # fmt: skip
    for number, (kind, severity, text, services) in enumerate(fates):
        title = "it is over" if kind == "over" else kind.replace("_", " ")
        document = {"kind": kind, "severity": severity, "title": title, "text": text}
        yield number, {**document, "held_back": not services, "services": services}


def store(journal: JournalRepository, document: dict[str, Any]) -> None:
    """Write a bundle document as a decision of its own."""
    record = document["record"]
    first = ("decision_id", "trader_id", "symbol", "exchange", "policy", "started_at")
    journal.claim(*(record[name] for name in first))
    for kind in KINDS:
        part = document.get(kind, record.get(kind))
        if part is not None:
            journal.record(record["decision_id"], kind, part)
    summary = {name: record[name] for name in Summary.model_fields if name in record}
    journal.finish(record["decision_id"], record["status"], summary)


def hostile(document: dict[str, Any]) -> dict[str, Any]:
    """The same decision as a model might have answered that means harm."""
    made = copy.deepcopy(document)
    record = made["record"]
    record.update(
        decision_id=HOSTILE_ID,
        policy="llm",
        model=f"model {HOSTILE}",
        outcome="refused",
        refused_rules=["ungrounded", "confidence"],
        execution_status="none",
        pair_id=None,
        error=f"failed: {HOSTILE} {PLANTED['OPENAI_API_KEY']}",
        started_at=record["started_at"] + 60_000,
        prompt_tokens=1_360,
        completion_tokens=168,
    )
    record["execution"] = {"status": "none", "orders": [], "reason": HOSTILE}
    proposal = record["proposal"]
    proposal.update(policy="llm", model="m", attempts=1)
    proposal["decision"]["rationale"] = HOSTILE
    proposal["decision"]["evidence"] = [{"reading": "sol.1h.atr_ratio", "value": 1.5}]
    messages = [
        {"role": "system", "content": f"You are careful. {HOSTILE}"},
        {"role": "user", "content": f"{HOSTILE} key {PLANTED['BINANCE_SECRET']}"},
    ]
    request = {"json_schema": {}, "schema_name": "s", "max_tokens": 9, "temperature": 0, "seed": 1}
    proposal["requests"] = [{"messages": messages, **request}]
    reply = {"finish_reason": "stop", "refusal": HOSTILE, "model": HOSTILE, "latency_ms": 12}
    tokens = {"prompt_tokens": 1_360, "completion_tokens": 168}
    proposal["replies"] = [{"text": f"{HOSTILE} {TOKEN}", **reply, **tokens}]
    proposal["tool_calls"] = [{"name": HOSTILE, "arguments": HOSTILE}]
    record["failed_proposal"] = {**proposal, "error": HOSTILE}
    record["trigger"] = {"kind": HOSTILE}
    finding = {
        "rule": "ungrounded",
        "effect": "refuse",
        "observed": HOSTILE,
        "limit": {"x": HOSTILE},
        "unit": "reading",
    }
    record["verdict"]["findings"].append({**finding, "message": HOSTILE})
    record["verdict"]["outcome"] = "refused"
    return made


@dataclass
class House:
    """A client, and the folder it looks at. `opened` is the decision that opened the pair."""

    client: TestClient
    folder: Path
    opened: str

    def get(self, path: str, **how: Any) -> Any:
        return self.client.get(path, **how)

    def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Any:
        """A POST as our own pages send it, unless headers say otherwise."""
        sent = {"origin": ORIGIN, **{name.replace("_", "-"): value for name, value in headers.items()}}
        sent = {name: value for name, value in sent.items() if value}
        return self.client.post(path, data=form or {}, headers=sent, follow_redirects=False)

    def unlock(self) -> str:
        """Show the token; the form secret of the session."""
        assert self.post("/unlock", {"token": TOKEN}).status_code == 303
        return str(self.get("/constraints").text.split('name="csrf" value="')[1].split('"')[0])

    def journal(self) -> JournalRepository:
        return JournalRepository(open_database(f"sqlite:///{self.folder / 'volgamma.sqlite'}"))


@contextmanager
def house(
    template: Path, folder: Path, opened: str = "", environment: Mapping[str, str] | None = None, **how: Any
) -> Iterator[House]:
    """A dashboard over a copy of a built folder."""
    shutil.copytree(template, folder, dirs_exist_ok=True, symlinks=True)
    ids = count()
    config = DashboardConfig(
        settings=load({"VOLGAMMA_DATA_DIR": str(folder), **PLANTED, **(environment or {})}),
        now_ms=lambda: 1_735_700_000_000 + next(ids),
        token=SecretStr(TOKEN),
        funding_exchanges="a=http://127.0.0.1:9,b=http://127.0.0.1:9",
        new_id=lambda: f"id-{next(ids)}-drawn-at-random",
        **how,
    )
    with TestClient(create_app(config), base_url=ORIGIN, raise_server_exceptions=False) as client:
        yield House(client, folder, opened)
