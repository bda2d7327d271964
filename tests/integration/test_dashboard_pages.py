"""Every page of the dashboard over a real journal: what it says, escaped, with no secret in it."""

import asyncio
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import update

from db.constraints_repository import ConstraintsRepository
from db.database import open_database
from db.journal_repository import JournalRepository
from db.leases_repository import LeasesRepository
from db.models import BlobRow
from db.traders_repository import TradersRepository
from orchestrator.paper_session import data_folder_lock
from tests.dashboard_house import HOSTILE, HOSTILE_ID, PLANTED, REPORT, TOKEN, House, build, house


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("dashboard")
    return folder, asyncio.run(build(folder))


@pytest.fixture
def there(built: tuple[Path, str], tmp_path: Path) -> Iterator[House]:
    with house(built[0], tmp_path / "data", built[1]) as found:
        yield found


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "none").mkdir()
    with house(tmp_path / "none", tmp_path / "data") as found:
        yield found


def pages(there: House) -> list[str]:
    return [
        "/",
        "/decisions",
        f"/decisions/{there.opened}",
        f"/decisions/{HOSTILE_ID}",
        "/funding",
        "/census",
        "/constraints",
        "/constraints?key=leverage_max&version=1&first=1&second=2",
        "/journal",
        "/journal?text=script&deep=yes",
        "/journal?text=" + quote(HOSTILE),
        "/alerts",
        "/reports",
        f"/reports/{quote(REPORT)}",
        "/health",
        "/unlock",
    ]


def data(there: House) -> list[str]:
    return [
        "/charts/equity",
        f"/charts/pair/{there.opened}",
        f"/charts/decision/{HOSTILE_ID}",
        "/charts/census",
        "/charts/funding?source=fetched%20from%20paper",
    ]


def test_every_page_answers_with_all_headers(there: House) -> None:
    for path in pages(there) + data(there):
        answer = there.get(path)
        assert answer.status_code == 200, path
        assert "script-src 'self';" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"


def test_no_page_has_script_or_style_of_its_own(there: House) -> None:
    for path in pages(there):
        text = there.get(path).text
        assert "<script>" not in text and "<style" not in text and "style=" not in text, path
        assert "onclick" not in text, path
        assert 'src="http' not in text and 'href="http' not in text, path


def test_hostile_text_stays_text(there: House) -> None:
    text = there.get(f"/decisions/{HOSTILE_ID}").text
    assert "&lt;script&gt;alert(1)" in text
    for path in pages(there):
        found = there.get(path).text
        assert "<script>alert" not in found and "<img" not in found and ">49<" not in found, path
    assert HOSTILE not in text


def test_no_secret_is_ever_said(there: House) -> None:
    there.unlock()
    for path in pages(there) + data(there):
        text = there.get(path).text
        for secret in [TOKEN, *PLANTED.values()]:
            for written in (secret, json.dumps(secret)[1:-1], secret.replace("&", "&amp;").replace("<", "&lt;")):
                assert written not in text, (path, secret)
    assert "***" in there.get(f"/decisions/{HOSTILE_ID}").text


def test_overview_shows_account_pair_and_levels(there: House) -> None:
    text = there.get("/").text
    pair = there.journal()
    assert there.opened in text and pair.load(there.opened).info.pair_id in text
    for said in ("Drawdown", "of 25 % allowed", "bracket, upper edge", "band 1 up", "band 2 down", "kill switch off"):
        assert said in text, said
    assert "No open pair" not in text


def test_overview_says_whose_eyes_it_has_and_who_keeps_a_pair(there: House) -> None:
    page = there.get("/").text
    heading = re.sub(r"<[^>]+>", "", page.split('id="equity-title"')[1].split("</h2>")[0])
    assert re.search(r"account paper, as the decision at 20\d\d-\S+ \S+ UTC saw it", heading)
    assert "nobody keeps it" in page
    assert "volgamma run --exchange paper --symbols SOL/USDT:USDT" in page
    with data_folder_lock(there.folder, "run"):
        kept = there.get("/").text
    assert f"kept by run, process {os.getpid()}" in kept
    assert "nobody keeps it" not in kept


def test_charts_have_what_the_page_says(there: House) -> None:
    pair = there.get(f"/charts/pair/{there.opened}").json()
    names = [label["text"] for label in pair["layout"]["annotations"]]
    assert [name.rsplit(" ", 1)[0] for name in names] == [
        "bracket, upper edge",
        "band 2 up",
        "band 1 up",
        "entry",
        "band 1 down",
        "band 2 down",
        "bracket, lower edge",
    ]
    assert len(pair["layout"]["shapes"]) == 8, "seven levels and the time it was opened"
    assert pair["data"][0]["type"] == "candlestick" and len(pair["data"][0]["x"]) == 120
    equity = there.get("/charts/equity").json()
    assert equity["data"][0]["y"] == [100000.0, 100000.0]


def test_decision_page_has_every_part(there: House) -> None:
    text = there.get(f"/decisions/{HOSTILE_ID}").text
    for said in (
        "not as shown",
        "Observed",
        "fetching data",
        "1,360 + 168 tokens",
        "Replay this",
        "Age",
        "What it was judged by",
        "and was not used",
    ):
        assert said in text, said
    assert "as shown" in there.get(f"/decisions/{there.opened}").text
    findings = there.get(f"/decisions/{there.opened}").text.split("What the guard found")[1].split("What was done")[0]
    assert "Observed" in findings
    assert not re.search(r"\d\.\d{9,}", findings), "long fractions are rounded for people"


def test_a_damaged_part_is_named_and_the_others_are_shown(there: House) -> None:
    database = open_database(f"sqlite:///{there.folder / 'volgamma.sqlite'}")
    parts = {record.kind: record.hash for record in JournalRepository(database).load(there.opened).records}
    with database.write() as connection:
        names = [parts["verdict"], parts["snapshot"]]
        connection.execute(update(BlobRow).where(BlobRow.hash.in_(names)).values(data=b"x"))
    database.close()
    answer = there.get(f"/decisions/{there.opened}")
    assert answer.status_code == 200
    assert "verdict" in answer.text and "It is left out below" in answer.text
    assert "sol.1h.atr_ratio" in answer.text and "the decision ended before the guard" in answer.text
    assert there.get(f"/charts/decision/{there.opened}").json()["error"]["code"] == "corrupt"
    assert there.post(f"/decisions/{there.opened}/replay").status_code == 503
    assert there.get("/").status_code == 200


def test_filters_and_pages(there: House) -> None:
    assert "2 decisions, newest first" in there.get("/decisions").text
    assert "1 decision fits" in there.get("/decisions?outcome=refused").text
    assert "1 decision fits" in there.get("/decisions?policy=rules&symbol=SOL/USDT:USDT").text
    assert "Nothing fits" in there.get("/decisions?symbol=nothing").text
    assert "No such page" in there.get("/decisions?page=77").text
    assert there.get("/decisions?page=%00&outcome=%27;drop").status_code == 200


def test_replay_and_what_if(there: House) -> None:
    same = there.post(f"/decisions/{there.opened}/replay")
    assert "identical" in same.text and same.status_code == 200
    drift = there.post(f"/decisions/{HOSTILE_ID}/replay")
    assert "The first field that differs is" in drift.text
    tight = there.post(f"/decisions/{there.opened}/what-if", {"key": "slippage_max", "value": "0.000001"})
    assert "it would differ" in tight.text
    loose = there.post(f"/decisions/{there.opened}/what-if", {"policy": "rules"})
    assert "it would be the same" in loose.text
    bad = there.post(f"/decisions/{there.opened}/what-if", {"key": "slippage_maxx", "value": "0.11"})
    assert bad.status_code == 422 and "did you mean &#39;slippage_max&#39;" in bad.text
    assert there.post(f"/decisions/{there.opened}/what-if", {}).status_code == 422
    assert there.post("/decisions/nothing/replay").status_code == 404


def test_empty_and_missing(empty: House) -> None:
    text = empty.get("/").text
    assert "No decision yet" in text and "volgamma decide" in text and "No open pair" in text
    assert empty.get("/charts/equity").json() == {"empty": True}
    assert "No decision yet" in empty.get("/decisions").text
    gone = empty.get("/decisions/11-NO")
    assert gone.status_code == 404 and "here is no decision 11-NO" in gone.text
    assert empty.get("/nothing/here").status_code == 404
    assert empty.get("/charts/pair/x").json()["error"]["code"] == "not_found"


def test_damaged_database_is_a_page_with_a_remedy(empty: House) -> None:
    (empty.folder / "volgamma.sqlite").write_bytes(b"this is no database" * 100)
    answer = empty.get("/")
    assert answer.status_code == 503
    assert "What to do:" in answer.text and "restore a backup" in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


def test_constraints_are_shown_compared_and_changed(there: House) -> None:
    text = there.get("/constraints").text
    assert "version 2 (in force)" in text and "imbalance_grace_s" in text and "no waiting" in text
    csrf = there.unlock()
    form = {"key": "leverage_max", "value": "7", "why": "<i>calmer</i>", "csrf": csrf}
    made = there.post("/constraints/set", form)
    assert made.status_code == 303 and made.headers["location"] == "/constraints?trader=11&first=2&second=3#diff"
    text = there.get("/constraints?first=2&second=3").text
    assert "<del>8</del>" in text and "<ins>7</ins>" in text and "&lt;i&gt;calmer" in text
    assert "version 3 is in force" in text
    assert "not in force" in there.get("/constraints?version=1").text
    part = there.post("/constraints/set", {"key": "data_age_max_s.book", "value": "10", "why": "x", "csrf": csrf})
    assert part.status_code == 303
    assert "data_age_max_s.book" in there.get("/constraints?first=3&second=4").text
    same = there.post("/constraints/set", {**form, "why": "again"})
    assert same.headers["location"] == "/constraints?trader=11"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"key": "leverage_max", "value": "7", "why": "  "}, "a change needs a reason"),
        ({"key": "leverage_max", "value": "", "why": "x"}, "name a constraint and its new value"),
        ({"key": "leverage_maxx", "value": "7", "why": "x"}, "did you mean &#39;leverage_max&#39;"),
        ({"key": "leverage_max", "value": "1", "why": "x"}, "leverage_min 5 is above leverage_max 1"),
        ({"key": "leverage_max", "value": "lots", "why": "x"}, "leverage_max"),
    ],
)
def test_a_bad_change_changes_nothing_and_keeps_what_was_typed(there: House, form: dict[str, str], said: str) -> None:
    answer = there.post("/constraints/set", {**form, "csrf": there.unlock()})
    assert answer.status_code == 422
    assert "Nothing was changed" in answer.text and said in answer.text
    assert f'value="{form["value"]}"' in answer.text
    assert "version 2 (in force)" in there.get("/constraints").text


def test_journal_is_searched(there: House) -> None:
    assert "1 decision with" in there.get("/journal?text=UNGROUNDED").text
    assert "2 decisions with" in there.get("/journal?text=solusdt").text
    assert "Nothing found" in there.get("/journal?text=100%25").text, "a per cent sign is no wildcard"
    assert "Nothing found" in there.get("/journal?text=_____________").text
    assert "2 decisions." in there.get("/journal?since=2025-01-01&until=2025-01-01").text
    assert "0 decisions." in there.get("/journal?since=2025-01-02").text
    assert "is no day" in there.get("/journal?since=yesterday").text
    found = there.get("/journal?text=you+are+CAREFUL&deep=yes").text
    assert "1 found among" in found and "You are careful." in found
    assert "Nobody said that" in there.get("/journal?text=nowhere+to+be+found&deep=yes").text


def test_census_counts_what_decisions_have_fetched(there: House) -> None:
    text = there.get("/census?symbol=SOL/USDT:USDT").text
    assert "fetched from paper" in text and "9,000" in text and "atr_ratio&gt;1.5" in text
    chart = there.get("/charts/census?symbol=SOL/USDT:USDT").json()["data"][0]
    share = dict(zip(chart["y"], chart["x"], strict=True))
    assert 0 < share["bb_expansion_active"] < 100
    assert there.get("/census?symbol=nothing").status_code == 404
    assert there.get("/census?source=../../etc").status_code == 404


def test_funding_shows_what_was_seen_and_asks_when_told(there: House) -> None:
    text = there.get("/funding").text
    assert "dislocated" in text and "Asked at" not in text
    assert there.post("/funding/ask").headers["location"] == "/funding#now"
    text = there.get("/funding").text
    assert "Asked at" in text and text.count("unavailable") == 4 and "fewer than two venues" in text
    chart = there.get("/charts/funding?source=fetched%20from%20paper").json()
    assert chart["data"][0]["name"] == "SOL" and len(chart["data"][0]["x"]) == 90
    assert there.get("/charts/funding?source=x").status_code == 404


def test_reports_are_listed_and_may_do_nothing(there: House) -> None:
    text = there.get("/reports").text
    assert "december &amp; &lt;b&gt;january.html" in text and "link.html" not in text and "notes.txt" not in text
    page = there.get(f"/reports/{quote(REPORT)}").text
    assert "<iframe" in page and " sandbox " in page
    file = there.get(f"/reports/{quote(REPORT)}/file")
    assert file.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert file.headers["x-frame-options"] == "SAMEORIGIN"
    assert PLANTED["OPENAI_API_KEY"] not in file.text
    for name in ("link.html", "notes.txt", "..%2Fvolgamma.sqlite", "..%2F..%2Fetc%2Fpasswd", "%2e%2e", "x.html"):
        assert there.get(f"/reports/{name}/file").status_code == 404, name


def test_empty_states_of_the_other_pages(empty: House) -> None:
    assert "No decision has seen a rate yet" in empty.get("/funding").text
    assert "There are no candles here yet" in empty.get("/census").text
    assert empty.get("/charts/census").json() == {"empty": True}
    assert "Nothing found" in empty.get("/journal").text
    assert "No report yet" in empty.get("/reports").text
    assert "Nothing was told yet" in empty.get("/alerts").text
    assert "the first version" in empty.get("/constraints").text.casefold()
    assert "volgamma doctor" in empty.get("/health").text


def test_alerts_and_what_became_of_them(there: House) -> None:
    page = there.get("/alerts").text
    rows = page.split("<tbody>")[1].split("</tbody>")[0].split("<tr>")[1:]
    assert [row.split("<b>")[1].split("</b>")[0] for row in rows] == [
        "not done", "band hit", "it is over", "unprotected leg", "pair opened",
    ]  # fmt: skip
    _, held, over, bare, first = (" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows)
    assert first.startswith(
        "2025-01-01 00:06:40 UTC run on here i info pair opened SOL/USDT:USDT on paper: pair p1 is open."
    )
    assert first.endswith("Telegram ✓ delivered")
    assert "Telegram ✕ failed the service did not take it" in bare and "Mail ✓ delivered" in bare
    assert "What to do: See that volgamma run is alive." in bare
    assert held.endswith("◐ held back by the rate")
    assert over.endswith("Mail ? not known Telegram ✕ dropped"), "nobody waits for hours"
    assert "alert(1)</script>" not in page
    assert "No such page" in there.get("/alerts?page=7").text


def test_without_an_address_the_page_says_how_to_be_told(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with house(tmp_path / "none", tmp_path / "data", environment={"VOLGAMMA_ALERTS": ""}) as found:
        page = found.get("/alerts").text
    assert "Nobody is told" in page and "VOLGAMMA_ALERTS" in page and "volgamma alerts test" in page
    assert "refused_in_a_row" in page, "what there is to be told"


def test_health_answers_with_a_damaged_database(empty: House) -> None:
    (empty.folder / "volgamma.sqlite").write_bytes(b"this is no database" * 100)
    answer = empty.get("/health")
    assert answer.status_code == 200 and "fault" in answer.text


def test_charts_come_from_the_installed_package(there: House) -> None:
    address = there.get("/").text.split('src="/static/plotly-')[1].split('"')[0]
    answer = there.get(f"/static/plotly-{address}")
    assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
    assert answer.text.lstrip().startswith("/**\n* plotly.js")
    assert there.get("/static/app.py").status_code == 404


def test_a_defect_shows_its_kind_only(there: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the key is sk-secret")

    monkeypatch.setattr("orchestrator.dashboard.page_overview.open_pairs", broken)
    answer = there.get("/")
    assert answer.status_code == 500 and "RuntimeError" in answer.text and "sk-secret" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


def test_workers_that_live_and_that_do_not(there: House) -> None:
    database = open_database(f"sqlite:///{there.folder / 'volgamma.sqlite'}")
    leases = LeasesRepository(database)
    assert "nothing is scheduled" in there.get("/").text
    living = leases.acquire("worker:left", "left", 60_000)
    assert living is not None
    assert "at work: left" in there.get("/").text
    leases.acquire("worker:right", "right", -1)
    assert "no sign of life from right" in there.get("/").text
    database.close()


def test_limits_of_another_trader(there: House) -> None:
    database = open_database(f"sqlite:///{there.folder / 'volgamma.sqlite'}")
    limits = ConstraintsRepository(database).current(11).limits
    TradersRepository(database).enrol(12, "<b>Other</b>", limits, "test", "x", 1)
    database.close()
    assert "12 &lt;b&gt;Other" in there.get("/constraints").text
    assert "version 1 (in force)" in there.get("/constraints?trader=12").text
    form = {"trader": "12", "key": "leverage_max", "value": "7", "why": "x", "csrf": there.unlock()}
    assert there.post("/constraints/set", form).headers["location"].startswith("/constraints?trader=12&first=1")
    assert "version 2 (in force)" in there.get("/constraints").text, "trader 11 has the versions it had"
    assert there.get("/constraints?trader=99").status_code == 422


def test_pages_on_postgresql(
    built: tuple[Path, str], postgres_database: Callable[[], str], tmp_path: Path, there: House
) -> None:
    url = postgres_database()
    database = open_database(url)
    database.migrate()
    ConstraintsRepository(database).set(11, {"leverage_max": 6}, "test", "x", 1)
    for name in (there.opened, HOSTILE_ID):
        JournalRepository(database).import_line(there.journal().export_line(name))
    database.close()
    with house(built[0], tmp_path / "other", built[1], {"VOLGAMMA_DATABASE_URL": url}) as found:
        for path in [*pages(found), "/charts/equity", f"/charts/decision/{HOSTILE_ID}"]:
            assert found.get(path).status_code == 200, path
        assert "2 decisions, newest first" in found.get("/decisions").text
        assert "1 found among" in found.get("/journal?text=you+are+careful&deep=yes").text
        csrf = found.unlock()
        form = {"key": "leverage_max", "value": "7", "why": "x", "csrf": csrf}
        assert "first=2&second=3" in found.post("/constraints/set", form).headers["location"]


def test_a_long_list_is_paged(empty: House) -> None:
    assert empty.get("/").status_code == 200
    journal = empty.journal()
    for number in range(60):
        journal.claim(f"11-SOLUSDT-{number:03d}", 11, "SOL/USDT:USDT", "paper", "rules", number)
    first, second = empty.get("/decisions").text, empty.get("/decisions?page=2&symbol=SOL/USDT:USDT").text
    assert "60 decisions" in first and "page 1 of 2" in first and "/decisions?page=2" in first
    assert "11-SOLUSDT-059" in first and "11-SOLUSDT-009" not in first
    assert "11-SOLUSDT-009" in second and "11-SOLUSDT-010" not in second
    assert "/decisions?symbol=SOL%2FUSDT%3AUSDT&amp;page=1" in second, "the filter stays"
    assert "page 2 of 2" in empty.get("/journal?text=SOL&page=2").text
