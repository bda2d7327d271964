"""Every page of the dashboard over a real journal: what it says, escaped, with no secret in it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboard_house import HOSTILE, HOSTILE_ID, PLANTED, TOKEN, House, build, house


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
    return ["/", "/decisions", f"/decisions/{there.opened}", f"/decisions/{HOSTILE_ID}", "/unlock"]


def data(there: House) -> list[str]:
    return ["/charts/equity", f"/charts/pair/{there.opened}", f"/charts/decision/{HOSTILE_ID}"]


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
        assert "onclick" not in text and "http://" not in text and "https://" not in text, path


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
    assert "[hidden]" in there.get(f"/decisions/{HOSTILE_ID}").text


def test_overview_shows_account_pair_and_levels(there: House) -> None:
    text = there.get("/").text
    pair = there.journal()
    assert there.opened in text and pair.load(there.opened).info.pair_id in text
    for said in ("Drawdown", "of 25 % allowed", "bracket, upper edge", "band 1 up", "band 2 down", "kill switch off"):
        assert said in text, said
    assert "No open pair" not in text


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
    for said in ("not as shown", "Observed", "fetching data", "1,360 + 168 tokens", "Replay this", "Age"):
        assert said in text, said
    assert "as shown" in there.get(f"/decisions/{there.opened}").text


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
    assert gone.status_code == 404 and "there is no decision 11-NO" in gone.text
    assert empty.get("/nothing/here").status_code == 404
    assert empty.get("/charts/pair/x").json()["error"]["code"] == "not_found"


def test_damaged_database_is_a_page_with_a_remedy(empty: House) -> None:
    (empty.folder / "volgamma.sqlite").write_bytes(b"this is no database" * 100)
    answer = empty.get("/")
    assert answer.status_code == 503
    assert "What to do:" in answer.text and "restore a backup" in answer.text
    assert answer.headers["x-frame-options"] == "DENY"
