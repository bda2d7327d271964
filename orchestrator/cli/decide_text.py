"""One decision as a page a person can read in a minute, in 80 columns."""

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from data_fetchers.symbols import prefix_of
from orchestrator.cli import order_words
from orchestrator.cli.kept_text import kept
from orchestrator.cli.pasting import pasted
from orchestrator.decide_report import Candidate, DecideReport
from traders.contract.context import Context
from traders.contract.decision import Decision, PairPlan

WIDTH = 80


def render(report: DecideReport) -> str:
    """The whole page."""
    lines: list[str] = []
    at = datetime.fromtimestamp(report.context.as_of / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    lines.append(f"VolatilityGamma, trader #{report.trader_id}: {report.symbol} on {report.exchange}, {at}")
    for note in report.recovery:
        lines += _wrap(f"recovered: {note}")
    lines += ["", *_heading("What it saw"), *_readings(report.context)]
    first, second = report.chosen, report.beside
    ordered = [item for item in (first, second) if item is not None]
    ordered.sort(key=lambda item: item.proposal.policy)
    for item in ordered:
        lines += ["", *_candidate(item, report)]
    lines += ["", *_execution(report), *kept(report)]
    lines += ["", *_heading("Where to look next"), *_next(report)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _heading(text: str) -> list[str]:
    return [text, "-" * len(text)]


def _wrap(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ") or [indent]


def _pct(value: float | Decimal, digits: int = 2) -> str:
    return f"{float(value) * 100:.{digits}f} %"


def _readings(context: Context) -> Iterator[str]:
    p, limits = prefix_of(context.symbol), context.limits

    def show(label: str, name: str, form: str, remark: str = "") -> str:
        value = context.value(name)
        text = "unavailable" if value is None else form.format(value)
        return f"  {label:<26}{text:>16}  {remark}"

    yield show("price", f"{p}.price.last", "{:,.4f}", "USDT")
    yield show(
        "ATR14/ATR50, 1h",
        f"{p}.1h.atr_ratio",
        "{:.4f}",
        f"> {float(limits.atr_ratio_reduced):g} expanding, > {float(limits.atr_ratio_full):g} full",
    )
    yield show("NATR14, 1h", f"{p}.1h.natr14", "{:.6f}", _median(context, p))
    yield show("last true range / ATR14", f"{p}.1h.tr_multiple", "{:.4f}", f"> {limits.tr_extreme_multiple} extreme")
    yield show("VIX proxy", f"{p}.1h.vix_proxy", "{:.4f}", f"> {float(limits.vix_proxy_fade):g} fade")
    yield show(
        "bars since band expansion",
        f"{p}.1h.bb_expansion_age",
        "{:.0f}",
        f"active for {limits.bb_active_bars} bars after a squeeze",
    )
    yield show("funding per 8 h", f"{p}.funding.rate_8h", "{:+.6f}", f"dislocated beyond {limits.funding_extreme}")
    yield show(
        "book: bid share in 1 %", f"{p}.book.imbalance", "{:.4f}", f">= {float(limits.imbalance_min):g} or mirrored"
    )
    yield show(
        "book: depth in 1 %", f"{p}.book.depth_usdt", "{:,.0f}", f"USDT; full size from {float(limits.depth_full):,.0f}"
    )
    yield show("open interest, 24 h", f"{p}.oi.change_24h", "{:+.4f}", "change in coins")
    yield show("long/short accounts", f"{p}.lsr.accounts", "{:.4f}")
    yield show(
        "entry signals", f"{p}.signal.count", "{:.0f} of 4", f"at least {limits.entry_min_signals}, ATR among them"
    )
    yield f"  {'regime':<26}{context.regime.value:>16}"
    if context.unavailable:
        yield f"  {len(context.unavailable)} readings unavailable (named in the journal)"


def _median(context: Context, prefix: str) -> str:
    median = context.value(f"{prefix}.1h.natr14_median_1y")
    return "" if median is None else f"1-year median {median:.6f}"


def _candidate(item: Candidate, report: DecideReport) -> Iterator[str]:
    proposal, decision = item.proposal, item.proposal.decision
    who = f"The model's decision ({proposal.model})" if proposal.policy == "llm" else "The rules' decision"
    yield from _heading(who)
    yield from _decision(decision)
    if proposal.error:
        yield from _wrap(f"model: {proposal.error}")
    if proposal.usage.prompt_tokens is not None:
        yield (
            f"  tokens {proposal.usage.prompt_tokens} + {proposal.usage.completion_tokens or 0}, "
            f"{item.timings_ms.get('policy', 0) / 1000:.1f} s, {proposal.attempts} attempt(s)"
        )
    yield from _evidence(decision, report.context)
    counts = {"refuse": 0, "amend": 0, "note": 0}
    for finding in item.verdict.findings:
        counts[finding.effect] += 1
    yield f"  guard: {item.verdict.outcome.upper()}  " + ", ".join(f"{n} {kind}" for kind, n in counts.items() if n)
    for finding in item.verdict.findings:
        if finding.effect != "note":
            yield from _wrap(f"{finding.effect:<7}{finding.rule}: {finding.message}", "    ")


def _decision(decision: Decision) -> Iterator[str]:
    text = decision.action.value.upper()
    if decision.abstained is not None:
        text += f" (abstained: {decision.abstained.value})"
    if decision.reduce_fraction is not None:
        text += f" {_pct(decision.reduce_fraction, 0)}"
    yield f"  {text}, confidence {float(decision.confidence):.2f}"
    if decision.plan is not None:
        yield from _plan(decision.plan)
    if decision.rationale:
        yield from _wrap(f'"{decision.rationale}"')


def _plan(plan: PairPlan) -> Iterator[str]:
    sides = " + ".join(f"{leg.side} {leg.symbol}" for leg in plan.legs)
    yield f"  {plan.kind}: {sides}, {plan.leverage}x"
    bands = ", ".join(f"±{_pct(band.move)} {band.leg} {_pct(band.fraction, 0)}" for band in plan.bands)
    yield from _wrap(f"bands {bands}; reversal {plan.reversal_rule}; at most {float(plan.max_holding_hours):g} h")
    yield (
        f"  margin {_pct(plan.pair_margin_fraction)} of equity asked, stop {_pct(plan.stop_loss)}, "
        f"target {_pct(plan.take_profit)} of it"
    )


def _evidence(decision: Decision, context: Context) -> Iterator[str]:
    for item in decision.evidence:
        shown = context.value(item.reading)
        same = shown is not None and Decimal(repr(shown)) == item.value
        mark = "ok " if same else "NOT"
        tail = "" if same else f" (was shown: {'nothing' if shown is None else shown})"
        yield from _wrap(f"evidence {mark} {item.reading} = {item.value}{tail}")


def _execution(report: DecideReport) -> Iterator[str]:
    execution: dict[str, Any] = dict(report.chosen.execution)
    whose = "the model's" if report.chosen.proposal.policy == "llm" else "the rules'"
    yield from _heading(f"What was done ({whose} decision)")
    status = execution["status"]
    meaning = {
        "none": "nothing: no order was called for",
        "dry_run": "nothing: dry run",
        "open": "pair open",
        "closed": "pair closed",
        "unwound": "entry unwound, flat again",
        "unknown": "an outcome is still unknown: new risk is blocked until it is known",
    }
    where = (
        f" (on paper, at {report.exchange}'s prices; no order was sent there)" if execution.get("paper_fills") else ""
    )
    yield f"  {meaning.get(status, status)}{where}"
    if execution.get("reason"):
        yield from _wrap(str(execution["reason"]))
    plan = report.chosen.verdict.plan
    if plan is not None and status in {"open", "dry_run", "unwound"}:
        yield (
            f"  pair margin {float(plan.pair_margin):,.2f} USDT at {plan.leverage}x, entry {plan.entry_price}, "
            f"stop {_pct(plan.stop)}, target {_pct(plan.target)}"
        )
    if execution["orders"]:
        yield f"  {'order':<18}{'side':<6}{'leg':<7}{'quantity':>10}{'average':>12}{'fee':>10}  status"
        fees = Decimal(0)
        for order in execution["orders"]:
            fee = Decimal(str(order["fee"] or 0))
            fees += fee
            amount = "all" if order["kind"] == "bracket" else order_words.quantity(order)
            price = order.get("trigger_price") if order["kind"] == "bracket" else order["average"]
            yield (
                f"  {order['kind'] + ' ' + order_words.leg(order):<18}{order['side']:<6}{order['position_side']:<7}"
                f"{amount:>10}{_price(price):>12}{fee:>10.4f}"
                f"  {order['status']}"
            )
        if order_words.none_sent(execution["orders"]):
            return
        protected = _yes(execution["protected"])
        yield f"  fees paid {fees:,.4f} USDT; net delta {_said(execution['net_delta'])}; protected: {protected}"


def _said(value: Any) -> str:
    return "-" if value is None else str(value)


def _price(value: Any) -> str:
    return "-" if value is None else f"{Decimal(str(value)):.4f}"


def _yes(value: Any) -> str:
    return {True: "yes", False: "NO"}.get(value, "-")


def _next(report: DecideReport) -> Iterator[str]:
    name = report.chosen.decision_id
    yield "  the decision, recomputed, the limits it was judged by, other choices:"
    for words in (("journal", "show", name), ("replay", "verify", name), ("constraints", "show"), ("decide", "--help")):
        yield f"  {pasted(*words)}"
