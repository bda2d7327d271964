"""`volgamma constraints`, `db`, `kill`, `resume`: words in, words and exit codes out."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from db.database import open_database
from orchestrator import kill_switch
from tests.store_cli import Volgamma
from traders.contract.limits import Limits


@pytest.fixture
def volgamma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volgamma:
    return Volgamma(tmp_path, monkeypatch)


def test_a_first_command_finds_a_seeded_database(volgamma: Volgamma) -> None:
    document = volgamma("constraints", "show", "--json").json
    assert (document["schema"], document["trader_id"], document["version"]) == ("volgamma.constraints/1", 11, 1)
    one = volgamma("constraints", "show", "stop_loss_max", "--json").json
    assert (one["key"], one["value"], one["unit"], one["who"]) == ("stop_loss_max", 0.08, "of pair margin", "seed")
    text = volgamma("constraints", "show")
    assert all(len(line) <= 80 for line in text.out.splitlines())
    assert "leverage_max" in text.out
    assert "profile: Exit Conditions" in volgamma("constraints", "show", "stop_loss_max").out


def test_set_history_diff(volgamma: Volgamma) -> None:
    words = ("leverage_max", "7", "reversal_rule", "entry", "data_age_max_s.book", "10", "allowed_timeframes", '["1h"]')
    done = volgamma("constraints", "set", *words, "--why", "calmer", "--who", "anna", "--json")
    assert (done.code, done.json["version"]) == (0, 2)
    rows = {row["key"]: row for row in done.json["values"]}
    assert [rows[key]["value"] for key in ("leverage_max", "reversal_rule", "allowed_timeframes")] == [
        7,
        "entry",
        ["1h"],
    ]
    assert rows["data_age_max_s"]["value"] == {"market": 120, "book": 10, "funding": 3600, "positioning": 7200}
    assert (rows["leverage_max"]["who"], rows["leverage_max"]["why"]) == ("anna", "calmer")
    history = volgamma("constraints", "history", "leverage_max", "--json").json["versions"]
    assert [(one["version"], one["changes"][0]["new"]) for one in history] == [(1, 8), (2, 7)]
    assert "data_age_max_s.book: 15 -> 10" in volgamma("constraints", "history").out
    assert len(volgamma("constraints", "diff", "1", "2", "--json").json["changes"]) == 4
    assert "version 1 -> 2: 4 changed" in volgamma("constraints", "diff", "--profile").out
    assert volgamma("constraints", "diff", "2").out == "version 2 -> 2: no difference\n"
    assert "nothing changed" in volgamma("constraints", "set", "leverage_max", "7", "--why", "again").out


def test_diff_against_the_words_of_the_profile(volgamma: Volgamma) -> None:
    volgamma("constraints", "set", "stop_loss_max", "0.06", "--why", "calmer")
    rows = {row["key"]: row for row in volgamma("constraints", "diff", "--profile", "--json").json["profile"]}
    # domain.md section 4: two numbers for one condition, four signals of which two are enough, a stop of the profile
    assert (rows["atr_ratio_reduced"]["profile"], rows["atr_ratio_reduced"]["current"]) == (2.0, 1.5)
    assert (rows["entry_min_signals"]["profile"], rows["entry_min_signals"]["current"]) == (4, 2)
    assert (rows["stop_loss_max"]["profile"], rows["stop_loss_max"]["current"]) == (0.08, 0.06)
    assert {key for key in ("atr_ratio_reduced", "entry_min_signals", "stop_loss_max") if rows[key]["differs"]} == {
        "atr_ratio_reduced",
        "entry_min_signals",
        "stop_loss_max",
    }
    assert rows["max_drawdown"]["differs"] is False
    assert rows["slippage_max"]["differs"] is None
    assert "confidence_min" not in rows, "the sources do not speak of it"
    text = volgamma("constraints", "diff", "--profile").out
    assert "stop_loss_max (differs)" in text and "version 1 -> 2: 1 changed" in text
    assert all(len(line) <= 80 for line in text.splitlines())
    assert set(rows) <= set(Limits.model_fields)


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("effective_gamma_min", "-1"), 1, "short gamma"),
        (("band_high_vol_factor", "0"), 1, "band_high_vol_factor"),
        (("plan_ttl_s", "1000"), 1, "outlive"),
        (("net_delta_max", "0.3"), 1, "rebalance_bands"),
        (("take_profit_max", "0.05", "take_profit_min", "0.05", "stop_loss_min", "0.04"), 1, "reward_risk_min"),
        (("depth_min", "5000000"), 1, "depth_min"),
        (("levrage_max", "7"), 1, "did you mean 'leverage_max'"),
        (("leverage_max", "many"), 1, "leverage_max"),
        (("leverage_max", "4"), 1, "leverage_min 5 is above leverage_max 4"),
        (("cash_reserve_min", "-0.1"), 1, "cash_reserve_min"),
        (("slippage_max", "NaN"), 1, "slippage_max"),
        (("leverage_max", "7", "pairs_max"), 2, "each KEY needs a VALUE"),
        (("leverage_max", "7", "leverage_max", "6"), 2, "given twice"),
    ],
)
def test_a_bad_change_changes_nothing(volgamma: Volgamma, words: tuple[str, ...], code: int, named: str) -> None:
    done = volgamma("constraints", "set", *words, "--why", "x", "--json")
    assert done.code == code
    assert named in done.json["error"]["message"]
    assert done.json["error"]["remedy"]
    assert named in done.err
    assert volgamma("constraints", "show", "--json").json["version"] == 1


def test_a_change_needs_a_reason(volgamma: Volgamma) -> None:
    assert volgamma("constraints", "set", "leverage_max", "7").code == 2
    assert "--why" in volgamma("constraints", "set", "leverage_max", "7", "--why", "  ").err


def test_export_and_import_to_another_machine(volgamma: Volgamma, monkeypatch: pytest.MonkeyPatch) -> None:
    volgamma("constraints", "set", "leverage_max", "7", "--why", "calmer", "--who", "anna")
    file = volgamma.folder / "limits.json"
    written = volgamma("constraints", "export", str(file))
    assert (written.code, written.out) == (0, f"{file}: 76 constraints of trader 11, version 2\n")
    before = file.read_text()
    again = volgamma("constraints", "export", str(file), "--version", "1", "--json")
    assert (again.code, again.json["error"]["code"], file.read_text()) == (1, "file_exists", before)
    assert volgamma("constraints", "export", str(file), "--version", "1", "--force").code == 0
    assert file.read_text() != before
    assert volgamma("constraints", "export", str(file), "--force").code == 0
    document = json.loads(file.read_text())
    assert document == volgamma("constraints", "export").json == volgamma("constraints", "show", "--json").json

    (volgamma.folder / "other").mkdir()
    other = Volgamma(volgamma.folder / "other", monkeypatch)
    assert other("constraints", "import", str(file), "--why", "from the lab").code == 0
    imported = other("constraints", "show", "--json").json
    assert imported["hash"] == document["hash"]
    assert [row["value"] for row in imported["values"]] == [row["value"] for row in document["values"]]

    file.write_text(json.dumps(document).replace('"value": 7', '"value": 6'))
    done = other("constraints", "import", str(file), "--why", "edited", "--json")
    assert (done.code, done.json["error"]["code"]) == (1, "bad_import")
    assert "--edited" in done.json["error"]["remedy"]
    taken = other("constraints", "import", str(file), "--why", "edited", "--edited")
    assert (taken.code, taken.out) == (0, "version 3\n    leverage_max: 7 -> 6\n")
    assert other("constraints", "show", "--json").json["hash"] != document["hash"]
    wrong = json.dumps(document).replace('"value": 7', '"value": "many"')
    file.write_text(wrong)
    done = other("constraints", "import", str(file), "--why", "edited", "--edited", "--json")
    assert "leverage_max: 'many' is no integer (allowed 1 to 125)" in done.json["error"]["message"]
    file.write_text("{")
    assert "no JSON" in other("constraints", "import", str(file), "--why", "x").err
    assert other("constraints", "import", "nowhere.json", "--why", "x", "--json").json["error"]["code"] == "cannot_read"
    assert other("constraints", "show", "--trader", "12", "--json").json["error"]["code"] == "constraints"


def test_an_unknown_name_or_version(volgamma: Volgamma) -> None:
    assert "did you mean 'leverage_max'" in volgamma("constraints", "show", "levrage_max").err
    assert volgamma("constraints", "diff", "1", "9", "--json").json["error"]["code"] == "not_found"
    assert volgamma("constraints", "export", "--version", "9").code == 1
    assert volgamma("constraints", "diff").code == 2
    assert volgamma("constraints", "export", str(volgamma.folder)).code == 1


def test_db_upgrade_check_backup(volgamma: Volgamma) -> None:
    missing = volgamma("db", "check", "--json")
    assert (missing.code, missing.json["error"]["code"]) == (1, "database_not_migrated")
    assert "volgamma db upgrade" in missing.json["error"]["remedy"]
    assert not (volgamma.folder / "volgamma.sqlite").exists()
    assert volgamma("db", "upgrade", "--json").json["before"] is None
    assert "was up to date" in volgamma("db", "upgrade").out
    assert volgamma("db", "check", "--deep", "--json").json["problems"] == []
    copy = volgamma.folder / "copy.sqlite"
    assert volgamma("db", "backup", str(copy), "--json").json["bytes"] == os.path.getsize(copy)
    assert volgamma("db", "backup", str(copy)).code == 1


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("UPDATE constraint_values SET value = '1' WHERE key = 'leverage_max'", "leverage_max"),
        ("INSERT INTO blobs VALUES ('00', x'00', 1)", "blob 00"),
        ("INSERT INTO state VALUES ('', 'kill', 'rubbish', 'x', 'y', 1)", "kill switch cannot be read"),
    ],
)
def test_damage_is_exit_3_and_named(volgamma: Volgamma, sql: str, named: str) -> None:
    volgamma("db", "upgrade")
    with sqlite3.connect(volgamma.folder / "volgamma.sqlite") as raw:
        raw.execute(sql)
    raw.close()
    done = volgamma("db", "check", "--deep", "--json")
    assert done.code == 3
    assert named in done.json["problems"][0]
    assert volgamma("db", "check", "--deep").code == 3


def test_a_bad_database_url_is_an_error_and_not_a_traceback(
    volgamma: Volgamma, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url, code in (("nonsense", "database_url"), (f"sqlite:///{volgamma.folder}", "database_unreachable")):
        monkeypatch.setenv("VOLGAMMA_DATABASE_URL", url)
        for words in (("constraints", "show"), ("journal", "list"), ("db", "upgrade")):
            done = volgamma(*words, "--json")
            assert (done.code, done.json["error"]["code"]) == (1, code)


def test_kill_and_resume(volgamma: Volgamma) -> None:
    done = volgamma("kill", "--flatten", "--why", "news", "--who", "anna", "--json")
    assert (done.code, done.json["killed"], done.json["flatten"]) == (0, True, True)
    database = open_database(f"sqlite:///{volgamma.folder}/volgamma.sqlite")
    switch = kill_switch.read(database, volgamma.folder)
    assert (switch.killed, switch.flatten, switch.who, switch.why) == (True, True, "anna", "news")
    assert volgamma("resume").out.startswith("kill switch off: it was thrown by anna (news)\n")
    assert not kill_switch.read(database, volgamma.folder).killed
    database.close()


def test_traders(volgamma: Volgamma) -> None:
    document = volgamma("traders", "list", "--json").json
    assert [(one["trader_id"], one["enabled"]) for one in document["traders"]] == [(11, True), (90, False)]
    shown = volgamma("traders", "show", "volatilitygamma", "--json").json
    assert (shown["trader_id"], shown["pairs"]) == (11, ["SOL/USDT:USDT", "AVAX/USDT:USDT"])
    assert "1h, 4h, 1d" in volgamma("traders", "show").out
    assert volgamma("traders", "show", "99", "--json").json["error"]["code"] == "unknown_trader"
