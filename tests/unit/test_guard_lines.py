"""`volgamma guard`: a verdict a line, whatever the line; errors that say what to do."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from orchestrator.cli import guard as command
from orchestrator.risk_guard.bench import Bench
from orchestrator.risk_guard.lines import judge_lines
from orchestrator.risk_guard.review import GUARD_VERSION
from tests.guard_scenario import limits_of, permitted
from traders.contract.bundle import Bundle
from traders.contract.constraints import ConstraintDocument, ConstraintRow, limit_values
from traders.contract.limits import unit_of

PINNED = [
    "line",
    "outcome",
    "decision",
    "plan",
    "findings",
    "constraints_version",
    "constraints_hash",
    "guard_version",
]


def bench() -> Bench:
    s = permitted()
    return Bench(s.context, s.quote, s.switches, s.constraints)


def entry() -> str:
    return permitted().decision.model_dump_json()


def bundle() -> Bundle:
    s = permitted()
    return Bundle(context=s.context, quote=s.quote, switches=s.switches)


def export(**changes: Any) -> dict[str, Any]:
    constraints = limits_of(**changes)
    rows = [
        ConstraintRow(key=key, value=value, unit=unit_of(key), source="profile", who="test", when=0, why="test")
        for key, value in sorted(limit_values(constraints.limits).items())
    ]
    document = ConstraintDocument(
        schema="volgamma.constraints/1", trader_id=11, version=1, hash=constraints.hash, values=tuple(rows)
    )
    return document.model_dump(mode="json", by_alias=True)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "bundle.json").write_text(json.dumps(bundle().model_dump(mode="json", by_alias=True), indent=2))
    (tmp_path / "decisions.jsonl").write_text(entry() + "\n")
    (tmp_path / "limits.json").write_text(json.dumps(export()))
    return tmp_path


def run(*arguments: str, text: str | None = None) -> Any:
    app = typer.Typer()
    command.register(app)
    app.command("other")(lambda: None)
    return CliRunner().invoke(app, ["guard", *arguments], input=text)


def on(files: Path, *more: str, text: str | None = None, **names: str) -> Any:
    chosen = {"context": "bundle.json", "decisions": "decisions.jsonl", "constraints": "limits.json", **names}
    arguments = [
        part for key, name in chosen.items() for part in (f"--{key}", name if name == "-" else str(files / name))
    ]
    return run(*arguments, *more, text=text)


def test_each_line_gets_a_verdict_with_its_number_and_blank_lines_none() -> None:
    lines = [entry(), "", "   \n", "{not json", entry().replace('"leverage":5', '"leverage":9')]
    verdicts = [json.loads(one.json()) for one in judge_lines(lines, bench())]
    assert [one["line"] for one in verdicts] == [1, 4, 5]
    assert [one["outcome"] for one in verdicts] == ["approved", "refused", "refused"]
    assert [finding["rule"] for finding in verdicts[1]["findings"]] == ["schema_invalid"]
    assert "leverage_range" in {finding["rule"] for finding in verdicts[2]["findings"]}
    assert all(list(one) == PINNED for one in verdicts)
    assert all(
        set(f) == {"rule", "effect", "observed", "limit", "unit", "message"} for v in verdicts for f in v["findings"]
    )


@pytest.mark.parametrize(
    "line",
    [
        "null",
        "[]",
        "1e999",
        '"enter"',
        "{}",
        '{"action": "enter"}',
        b"\xff\xfe not utf-8",
        "\ud800",
        '{"action": "hold", "symbol": "SOL", "extra": 1}',
        '{"action": "hold", "symbol": "???"}',
        "[" * 100_000,
        '{"action": "hold", "symbol": "SOL", "confidence": NaN}',
        '{"action": "hold", "symbol": "SOL", "confidence": "sNaN"}',
        '{"action": "hold", "symbol": "SOL", "confidence": "1e999999999999999999999"}',
        '{"action": "hold", "symbol": "SOL", "rationale": "\\ud800"}',
        '{"action": "hold", "symbol": "SOL", "confidence": ' + "9" * 10_000 + "}",
    ],
)
def test_a_malformed_line_is_refused_and_the_next_one_judged(line: str | bytes) -> None:
    first, second = judge_lines([line, entry()], bench())
    assert [finding.rule for finding in first.verdict.findings] == ["schema_invalid"]
    assert (first.verdict.outcome, first.verdict.decision, first.verdict.plan) == ("refused", None, None)
    assert len(first.json()) < 2_000, "the input is not echoed"
    assert second.verdict.outcome == "approved"


def test_the_numbers_travel_as_pinned() -> None:
    verdict = json.loads(next(judge_lines([entry()], bench())).json())
    assert verdict["plan"]["pair_margin"] == "20000"
    assert verdict["plan"]["legs"][0]["quantity"] == "416.66"
    assert verdict["decision"]["plan"]["stop_loss"] == 0.08
    assert verdict["guard_version"] == GUARD_VERSION


def test_the_command_prints_json_lines(files: Path) -> None:
    result = on(files, "--json")
    assert result.exit_code == 0
    assert [json.loads(line)["outcome"] for line in result.stdout.splitlines()] == ["approved"]
    assert result.stderr == ""


def test_the_command_summarises_on_stderr(files: Path) -> None:
    (files / "decisions.jsonl").write_text(f"{entry()}\n\nnonsense\n")
    result = on(files)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr == "1 decision: 1 approved, 0 amended, 0 refused, 1 unreadable (constraints version 1)\n"
    leveraged = entry().replace('"leverage":5', '"leverage":9')
    (files / "decisions.jsonl").write_text(f"{entry()}\n{leveraged}\n{{}}\n[]\nnull\n{{not json")
    assert on(files).stderr == ("2 decisions: 1 approved, 0 amended, 1 refused, 4 unreadable (constraints version 1)\n")


def past(decision: str | None) -> str:
    """A line of a journal export."""
    proposal = None if decision is None else {"decision": json.loads(decision), "policy": "rules"}
    document = bundle().model_dump(mode="json", by_alias=True)
    return json.dumps({**document, "record": {"decision_id": "11-X", "proposal": proposal}})


def test_what_was_proposed_is_judged_of_a_journal_export(files: Path) -> None:
    leveraged = entry().replace('"leverage":5', '"leverage":9')
    (files / "past.jsonl").write_text("\n".join([past(entry()), past(leveraged), past(None), leveraged]))
    (files / "plain.jsonl").write_text("\n".join([entry(), leveraged, "{}", leveraged]))
    done, plain = on(files, context="past.jsonl", decisions="past.jsonl"), on(files, decisions="plain.jsonl")
    assert (
        done.stderr
        == plain.stderr
        == ("3 decisions: 1 approved, 0 amended, 2 refused, 1 unreadable (constraints version 1)\n")
    )
    verdicts, same = ([json.loads(line) for line in one.stdout.splitlines()] for one in (done, plain))
    assert [verdicts[place] == same[place] for place in (0, 1, 3)] == [True, True, True]
    assert [one["rule"] for one in verdicts[2]["findings"]] == ["schema_invalid"]


def test_an_exported_line_that_says_a_key_twice_is_no_decision(files: Path) -> None:
    twice = past(entry()).replace('"proposal": ', '"proposal": null, "proposal": ')
    (files / "past.jsonl").write_text(twice + "\n" + '{"schema":"volgamma.bundle/1","x":' + "[" * 100_000)
    assert "0 decisions: 0 approved, 0 amended, 0 refused, 2 unreadable" in on(files, decisions="past.jsonl").stderr


def test_decisions_come_from_standard_input(files: Path) -> None:
    result = on(files, "--json", decisions="-", text=entry() + "\n" + entry())
    assert [json.loads(line)["line"] for line in result.stdout.splitlines()] == [1, 2]


def test_the_first_line_of_a_journal_export_is_a_bundle(files: Path) -> None:
    line = bundle().model_dump_json(by_alias=True)
    (files / "export.jsonl").write_text(f"\n{line}\n{line.replace('paper', 'other')}\n")
    assert json.loads(on(files, "--json", context="export.jsonl").stdout)["outcome"] == "approved"


def test_other_limits_give_another_verdict(files: Path) -> None:
    (files / "limits.json").write_text(json.dumps(export(leverage_max=7, leverage_min=6)))
    verdict = json.loads(on(files, "--json").stdout)
    assert "leverage_range" in {finding["rule"] for finding in verdict["findings"]}
    assert "constraints_changed" in {finding["rule"] for finding in verdict["findings"]}


def error(result: Any) -> dict[str, str]:
    assert result.exit_code == 1, result.output
    document: dict[str, str] = json.loads(result.stdout)["error"]
    assert document["remedy"]
    return document


@pytest.mark.parametrize("which", ["context", "decisions", "constraints"])
def test_a_file_that_is_not_there_is_named(files: Path, which: str) -> None:
    assert "absent.json" in error(on(files, "--json", **{which: "absent.json"}))["message"]


@pytest.mark.parametrize(
    ("text", "named"),
    [("nonsense", "no JSON"), ("[" * 50_000, "no JSON"), ("{}", "context"), ('{"contxt": 1}', "context")],
)
def test_a_broken_bundle_is_named(files: Path, text: str, named: str) -> None:
    (files / "bundle.json").write_text(text)
    found = error(on(files, "--json"))
    assert found["code"] == "bad_bundle"
    assert named in found["message"]


def test_a_bundle_that_is_no_text_is_named(files: Path) -> None:
    (files / "bundle.json").write_bytes(b"\xff\xfe\x00")
    assert error(on(files, "--json"))["code"] == "cannot_read"


def broken(change: Any) -> str:
    document = export()
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("nonsense", "no JSON"),
        (broken(lambda d: d["values"].pop(0)), "allowed_symbols"),
        (broken(lambda d: d["values"][0].update(key="alowed_symbols")), "did you mean 'allowed_symbols'"),
        (broken(lambda d: next(r for r in d["values"] if r["key"] == "leverage_max").update(value=4)), "leverage_min"),
        (broken(lambda d: d["values"][0].update(unit="percent")), "percent"),
    ],
)
def test_broken_constraints_are_named_by_key(files: Path, text: str, named: str) -> None:
    (files / "limits.json").write_text(text)
    assert named in error(on(files, "--json"))["message"]


def test_an_edited_export_is_judged_by_its_values(files: Path) -> None:
    """What-if: someone lowers a limit in the file and leaves the hash as it was."""
    before = on(files, "--json")
    text = broken(lambda d: next(r for r in d["values"] if r["key"] == "pair_margin_max").update(value=0.151))
    (files / "limits.json").write_text(text)
    after = on(files, "--json")
    assert (before.exit_code, after.exit_code) == (0, 0)
    assert "edited since its export" in after.stderr
    assert on(files).stderr.endswith("(edited limits)\n"), "they are not those of any version"
    old, new = (json.loads(done.stdout.splitlines()[0])["constraints_hash"] for done in (before, after))
    assert old != new


def test_without_a_file_the_databases_constraints_judge(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLGAMMA_DATA_DIR", str(files / "data"))
    monkeypatch.delenv("VOLGAMMA_DATABASE_URL", raising=False)
    (files / "data").mkdir()
    arguments = ("--context", str(files / "bundle.json"), "--decisions", str(files / "decisions.jsonl"), "--json")
    verdict = json.loads(run(*arguments).stdout)
    assert verdict["outcome"] == "approved"
    assert verdict["constraints_hash"] == permitted().constraints.hash, "the seed is the table of domain.md section 5"


JUDGE = """
import sys
from orchestrator.risk_guard.bench import Bench
from orchestrator.risk_guard.lines import judge_lines
from tests.guard_scenario import limits_of
from traders.contract.bundle import Bundle
b = Bundle.model_validate_json(open(sys.argv[1]).read())
for one in judge_lines(open(sys.argv[2], "rb"), Bench(b.context, b.quote, b.switches, limits_of())):
    print(one.json())
assert "ccxt" not in sys.modules and "sqlalchemy" not in sys.modules and "pandas" not in sys.modules
"""


@pytest.mark.parametrize(
    ("seed", "zone", "language"),
    [("1", "UTC", "C"), ("2", "Pacific/Kiritimati", "de_DE.UTF-8"), ("random", "Asia/Kathmandu", "tr_TR.UTF-8")],
)
def test_another_process_on_another_machine_says_the_same(files: Path, seed: str, zone: str, language: str) -> None:
    lines = [entry(), entry().replace('"leverage":5', '"leverage":9'), entry().replace("0.08", "0.079"), "nonsense"]
    (files / "decisions.jsonl").write_text("\n".join(lines))
    here = [one.json() for one in judge_lines(lines, bench())]
    environment = {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": language}
    there = subprocess.run(
        [sys.executable, "-c", JUDGE, str(files / "bundle.json"), str(files / "decisions.jsonl")],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.splitlines() == here


@pytest.mark.parametrize(
    ("wrong", "more"), [(1, ""), (3, ""), (4, " (and 1 more)"), (5, " (and 2 more)")], ids=["1", "3", "4", "5"]
)
def test_the_first_three_complaints_are_said_and_the_others_counted(wrong: int, more: str) -> None:
    fields = ["stop_loss", "take_profit", "trailing_atr_multiple", "max_holding_hours", "reopen"][:wrong]
    body = json.loads(entry())
    body["plan"] |= dict.fromkeys(fields, "?")
    (line,) = judge_lines([json.dumps(body)], bench())
    message = line.verdict.findings[0].message
    places = [part.split(":")[0] for part in message.removeprefix("the line is no decision: ").split("; ")]
    assert set(places) <= {f"plan.{name}" for name in fields}
    assert len(set(places)) == len(places) == min(wrong, 3)
    assert message.endswith(more) and ("more)" in message) is bool(more)


def test_a_long_complaint_is_cut_to_600_characters() -> None:
    (line,) = judge_lines([json.dumps(json.loads(entry()) | {"x" * 700: 1})], bench())
    assert line.verdict.findings[0].message == "the line is no decision: " + "x" * 600


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('"leverage":"5"', "plan.leverage"),
        ('"leverage":true', "plan.leverage"),
        ('"leverage":8,"leverage":5', "leverage: said twice"),
        ('"leverage":5,"leverage":5', "leverage: said twice"),
    ],
)
def test_what_is_not_said_once_as_a_number_is_not_guessed_at(written: str, said: str) -> None:
    line = entry()
    assert line.count('"leverage":5') == 1
    refused, permitted_ = judge_lines([line.replace('"leverage":5', written), line], bench())
    assert permitted_.verdict.outcome == "approved"
    assert [finding.rule for finding in refused.verdict.findings] == ["schema_invalid"]
    assert said in refused.verdict.findings[0].message


def test_a_fraction_is_a_number() -> None:
    line = entry()
    assert line.count('"stop_loss":0.08') == 1
    (refused,) = judge_lines([line.replace('"stop_loss":0.08', '"stop_loss":"0.08"')], bench())
    assert [finding.rule for finding in refused.verdict.findings] == ["schema_invalid"]


def test_a_line_is_one_line_for_every_reader() -> None:
    """U+2028 and U+0085 end a line for some: the rationale may hold them, the output must not."""
    document = json.loads(entry()) | {"rationale": "a\u2028b\u0085c\u2029d é"}
    (judged,) = judge_lines([json.dumps(document)], bench())
    assert len(judged.json().splitlines()) == 1
    assert json.loads(judged.json())["decision"]["rationale"] == document["rationale"]


@pytest.mark.parametrize(("hashed_as_written", "outcome"), [(True, "approved"), (False, "refused")])
def test_another_spelling_of_the_same_numbers_is_vouched_for_by_its_own_hash(
    files: Path, hashed_as_written: bool, outcome: str
) -> None:
    """A context of other hands: 9 for 9.0 and "100000.00" for "100000", hashed by the documented rule."""
    document = bundle().model_dump(mode="json", by_alias=True)
    context = document["context"]
    context["portfolio"]["equity"] += ".00"
    context["readings"]["sol.1h.bb_expansion_age"]["value"] = 9
    del context["context_hash"]
    vouched = context if hashed_as_written else context | {"symbol": "AVAX/USDT:USDT"}
    canonical = json.dumps(vouched, sort_keys=True, separators=(",", ":"))
    context["context_hash"] = hashlib.sha256(canonical.encode()).hexdigest()
    (files / "bundle.json").write_text(json.dumps(document))
    done = on(files, "--json", text=entry(), decisions="-")
    assert done.exit_code == 0, done.output
    verdict = json.loads(done.stdout)
    assert verdict["outcome"] == outcome
    assert ("context_tampered" in {finding["rule"] for finding in verdict["findings"]}) is (not hashed_as_written)
