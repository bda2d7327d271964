"""A journalled decision for people: 80 columns, from the bundle document that `--json` prints."""

from typing import Any

from orchestrator.cli import order_words, text


def render(document: dict[str, Any]) -> str:
    """What was seen, said, judged and done."""
    record = document["record"]
    parts = [_head(record), _readings(document["context"]), _decision(record.get("proposal"))]
    parts += [_findings(record.get("verdict")), _execution(record.get("execution"))]
    return "".join(parts)


def _head(record: dict[str, Any]) -> str:
    about = [
        ("decision", record["decision_id"]),
        ("trader", str(record["trader_id"])),
        ("market", f"{record['symbol']} on {record['exchange']}"),
        ("policy", " ".join(filter(None, (record["policy"], record["model"])))),
        ("started", text.when(record["started_at"])),
        ("finished", text.when(record["finished_at"])),
        ("status", record["status"]),
        ("constraints", f"version {text.value(record['constraints_version'])}"),
    ]
    about += [("error", record["error"])] if record["error"] else []
    return text.fields(about)


def _readings(context: dict[str, Any] | None) -> str:
    if context is None:
        return text.heading("Readings") + "none: the decision ended before it saw the market\n"
    rows = [
        (name, f"{reading['value']:.{reading['digits']}f}", reading["unit"])
        for name, reading in sorted(context["readings"].items())
    ]
    out = text.heading(f"Readings at {text.when(context['as_of'])}, regime {context['regime']}")
    out += text.table(("name", "value", "unit"), rows)
    missing = sorted(context["unavailable"].items())
    return out + (("\nunavailable\n" + text.table(("name", "reason"), missing)) if missing else "")


def _decision(proposal: dict[str, Any] | None) -> str:
    out = text.heading("Decision")
    if proposal is None:
        return out + "none\n"
    decision = proposal["decision"]
    about = [("action", decision["action"]), ("confidence", text.value(decision["confidence"]))]
    about += [("abstained", decision["abstained"])] if decision["abstained"] else []
    about += [("rationale", decision["rationale"])]
    plan = decision["plan"]
    if plan is not None:
        bands = ", ".join(f"{b['move']:.2%} closes {b['fraction']:.0%} of {b['leg']}" for b in plan["bands"])
        about += [
            ("legs", ", ".join(f"{leg['side']} {leg['symbol']} ({leg['venue']})" for leg in plan["legs"])),
            ("size", f"{plan['pair_margin_fraction']:.2%} of equity at {plan['leverage']}x"),
            ("bands", bands),
            ("stop, target", f"{plan['stop_loss']:.2%}, {plan['take_profit']:.2%} of pair margin"),
        ]
    about += [("evidence", ", ".join(f"{e['reading']} = {text.value(e['value'])}" for e in decision["evidence"]))]
    signs = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}
    undone = ", ".join(f"{c['reading']} {signs[c['op']]} {text.value(c['value'])}" for c in decision["invalidation"])
    return out + text.fields([*about, ("invalid if", undone)])


def _findings(verdict: dict[str, Any] | None) -> str:
    out = text.heading("Verdict")
    if verdict is None:
        return out + "none\n"
    out += f"{verdict['outcome']} (guard {verdict['guard_version']})\n"
    order = {"refuse": 0, "amend": 1, "note": 2}
    findings = sorted(verdict["findings"], key=lambda finding: order[finding["effect"]])
    return out + text.fields((f"{one['effect']:<6}", f"{one['rule']}: {one['message']}") for one in findings)


def _execution(execution: Any) -> str:
    out = text.heading("Execution")
    if not isinstance(execution, dict):
        return out + "none\n"
    out += text.fields(
        [
            (name, text.value(execution[name]))
            for name in ("status", "reason", "pair_id", "net_delta", "protected")
            if name in execution
        ]
    )
    orders = execution.get("orders") or []
    rows = [
        (
            order_words.leg(order),
            *(text.value(order.get(name)) for name in ("kind", "side", "position_side")),
            order_words.quantity(order),
            *(text.value(order.get(name)) for name in ("average", "fee", "status")),
        )
        for order in orders
    ]
    if not rows:
        return out
    amount = "quantity" if order_words.none_sent(orders) else "filled"
    return out + "\n" + text.table(("leg", "kind", "side", "pos", amount, "average", "fee", "status"), rows)
