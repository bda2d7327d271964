"""Verdicts for a stream of decisions as JSON lines: what `volgamma guard` prints."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from orchestrator.risk_guard.bench import Bench
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.review import GUARD_VERSION, judge
from traders.contract.decision import Decision
from traders.contract.verdict import Finding, Verdict


@dataclass(frozen=True, slots=True)
class LineVerdict:
    """The verdict on one line of the input, numbered from 1."""

    line: int
    verdict: Verdict

    @property
    def unreadable(self) -> bool:
        """The line was no decision, so that nothing was judged."""
        return any(finding.rule == RuleCode.SCHEMA_INVALID.value for finding in self.verdict.findings)

    def json(self) -> str:
        """The pinned output: `line` and the verdict's fields, one JSON object on one line."""
        body = self.verdict.model_dump_json(exclude={"schema_"}, ensure_ascii=True)
        return f'{{"line":{self.line},{body[1:]}'


def judge_lines(lines: Iterable[str | bytes], bench: Bench) -> Iterator[LineVerdict]:
    """A verdict for every line that is not blank. A malformed line is refused, never an abort."""
    for number, text in enumerate(lines, start=1):
        if text.strip():
            yield LineVerdict(number, judge_text(text, bench))


def judge_text(text: str | bytes, bench: Bench) -> Verdict:
    """The verdict on a decision's JSON text; rule `schema_invalid` when it is none."""
    try:
        decision = Decision.model_validate_json(text)
        json.loads(text, object_pairs_hook=_each_key_once)
    except ValidationError as error:
        return _malformed(_complaint(error), bench)
    except ValueError as error:
        return _malformed(str(error), bench)
    return judge(decision, bench)


def _each_key_once(pairs: list[tuple[str, Any]]) -> None:
    """Two values under one key: which was meant is not guessed at."""
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        twice = next(key for place, key in enumerate(keys) if key in keys[:place])
        raise ValueError(f"{twice}: said twice")


def _complaint(error: ValidationError) -> str:
    """The first complaints, with where they are; never the input itself."""
    items = error.errors(include_url=False, include_input=False, include_context=False)
    said = [f"{'.'.join(str(part) for part in item['loc']) or 'line'}: {item['msg']}" for item in items[:3]]
    more = f" (and {len(items) - 3} more)" if len(items) > 3 else ""
    return "; ".join(said)[:600] + more


def _malformed(complaint: str, bench: Bench) -> Verdict:
    finding = Finding(
        rule=RuleCode.SCHEMA_INVALID.value,
        effect="refuse",
        observed=None,
        limit=None,
        unit="schema",
        message=f"the line is no decision: {complaint}",
    )
    return Verdict(
        outcome="refused",
        decision=None,
        plan=None,
        findings=(finding,),
        constraints_version=bench.constraints.version,
        constraints_hash=bench.constraints.hash,
        guard_version=GUARD_VERSION,
    )
