"""A run as plain text for a terminal of 80 columns."""

from typing import Any

from orchestrator.cli import simulate_funding_text, text

#: domain.md section 9: what costs demand of P(outer band before the opposite first band | first band reached).
CHANCE, NEEDED = 2 / 3, 0.734

_TRADES = (
    "trades_per_day counts entries and half-closes of the last 24 hours; an entry needs room for its first half-close"
)
#: Limits that differ from the delivered ones and are named.
_NAMED = 6


def lines(document: dict[str, Any], period: tuple[str, str]) -> str:
    """The whole page."""
    d = document
    held = "positions" if _of_one_leg(d) else "pairs"
    parts = [
        f"{period[0]} to {period[1]}, {d['data']['venue']}, policy {d['policy']}\n",
        text.fields(
            [
                ("trader", f"{d['trader']['trader_id']} {d['trader']['name']}"),
                ("limits", _limits(d["constraints"])),
                ("bars", f"{d['bars']:,} in {d['seconds']} s ({d['bars_per_second']:,} bars/s)"),
                ("decisions", f"{d['decisions']:,} asked: {_actions(d['actions']) or 'none'}"),
                ("the guard", _counts(d["verdicts"]) or "-"),
                ("refused by", _counts(d["refused_by"]) or "-"),
                *([("", _TRADES)] if "trades_per_day" in d["refused_by"] else []),
                (held, f"{d['cycles']}; ended by {_counts(d['exits'])}" if d["cycles"] else _nothing(d)),
            ]
        ),
        text.heading("Result"),
        text.table(
            ("", held, "gross", "slippage", "fees", "funding", "net USDT"),
            [
                *(
                    _row(symbol, d["per_symbol"][symbol], d["per_symbol"][symbol]["cycles"])
                    for symbol in d["per_symbol"]
                ),
                _row("all", d, d["cycles"]),
            ],
        ),
        "\n",
        text.fields(
            [
                (f"per {held[:-1]}", f"{_mean(d)} USDT net{_interval(d['intervals']['net_per_cycle'], '{:.2f}')}"),
                ("win rate", f"{_share(d['win_rate'])}{_interval(d['intervals']['win_rate'], '{:.1%}')}"),
                ("Sharpe", f"{_plain(d['sharpe'])}{_interval(d['intervals']['sharpe'], '{:.2f}')}, daily, a year"),
                ("return", f"{_share(d['return'])} of capital; largest drawdown {d['max_drawdown']:.2%}"),
                *([("the edge", _edge(d["continuation"]))] if d["cycles"] > d["one_leg"] else []),
            ]
        ),
    ]
    if "model" in d:
        parts += [text.heading("The model"), text.fields(_model(d))]
    if "baselines" in d:
        parts.append(text.heading("Beside it"))
        if d["baselines"]["ladders"]:
            parts.append(text.table(("", "ladders", "net of N", "went on", "95 %"), _baselines(d)))
        coins = ", ".join(f"{symbol} {share:+.1%}" for symbol, share in d["baselines"]["buy_and_hold"].items())
        parts.append(text.fields([("holding", coins)]))
    if "cost_sensitivity" in d:
        rows: list[tuple[str, ...]] = [
            (f"x{factor}", str(one["cycles"]), _usdt(one["net"])) for factor, one in d["cost_sensitivity"].items()
        ]
        parts += [text.heading("Costs (fees and slippage)"), text.table(("", held, "net USDT"), rows)]
        parts += [text.fields(_none_at(d["cost_sensitivity"]))]
    if "funding_pairs" in d:
        parts.append(simulate_funding_text.lines(d["funding_pairs"]))
    parts += [text.heading("Assumptions"), _assumptions(d)]
    return "".join(parts)


def _limits(found: dict[str, Any]) -> str:
    """`version 5, 2 differ from the delivered ones: leverage_max 7, pairs_max 1`."""
    said = f"version {found['version']}"
    differ = found["differ"]
    if not differ:
        return f"{said}, as delivered"
    named = ", ".join(f"{key} {text.value(value)}" for key, value in list(differ.items())[:_NAMED])
    more = f" and {len(differ) - _NAMED} more" if len(differ) > _NAMED else ""
    once = f" (of this run only: {', '.join(found['changed'])})" if found["changed"] else ""
    count = "1 differs" if len(differ) == 1 else f"{len(differ)} differ"
    return f"{said}, {count} from the delivered ones: {named}{more}{once}"


def _actions(counts: dict[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda one: -one[1])
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in ordered)


def _nothing(d: dict[str, Any]) -> str:
    """Why a run opened nothing: what refused it, or the trader's own most frequent reason."""
    wanted = d["actions"].get("enter", 0)
    if not d["decisions"]:
        return "none: at no hour of this period was an entry possible by the trader's own conditions"
    if wanted and d["refused_by"]:
        return f"none: {wanted:,} entries wanted, refused most often by {_counts(dict([*d['refused_by'].items()][:3]))}"
    if wanted:
        return f"none: {wanted:,} entries wanted, {d['expired']:,} came too late for a next bar"
    for why, count in d["stood_aside"].items():
        return f'none, and none wanted: it stood aside, {count:,} times saying "{why}"'
    return "none"


def _none_at(costs: dict[str, Any]) -> list[tuple[str, str]]:
    """Why nothing was opened at some costs: the guard sees them too."""
    return [
        (f"x{factor}", f"nothing was opened: the guard sees these costs too, refused by {_counts(one['refused_by'])}")
        for factor, one in costs.items()
        if not one["cycles"] and one["refused_by"]
    ]


def _of_one_leg(d: dict[str, Any]) -> bool:
    """Whether what was opened are positions of one leg: what is said of ladders does not hold for them."""
    return bool(0 < d["cycles"] == d["one_leg"])


def _model(d: dict[str, Any]) -> list[tuple[str, str]]:
    model = d["model"]
    return [
        ("model", f"{model['name']}: {model['asked']:,} replies asked for, {model['kept']:,} from before"),
        ("abstained", _counts(model["abstained"]) or "never"),
        ("rules alone", f"{model['rules_cycles']} pairs, net {_usdt(model['rules_net'])} USDT"),
        ("added", f"{_usdt(str(float(d['net']) - float(model['rules_net'])))} USDT by asking it"),
        ("it had no", ", ".join(model["without"])),
    ]


def _row(name: str, money: dict[str, Any], cycles: int) -> tuple[str, ...]:
    return (name, str(cycles), *(_usdt(money[key]) for key in ("gross", "slippage", "fees", "funding", "net")))


def _usdt(value: str) -> str:
    return f"{float(value):,.2f}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:6])


def _mean(d: dict[str, Any]) -> str:
    return f"{float(d['net']) / d['cycles']:,.2f}" if d["cycles"] else "-"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}" if abs(value) > 0.02 else f"{value:.2%}"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _interval(found: tuple[float, float] | None, form: str) -> str:
    return "" if found is None else f" (95 %: {form.format(found[0])} to {form.format(found[1])})"


def _edge(one: dict[str, Any]) -> str:
    asked = f"chance is {CHANCE:.3f}, costs demand {NEEDED} of the standing ladder"
    if one["share"] is None:
        return f"no pair reached its first band ({asked})"
    return f"{one['went_on']} of {one['reached_band_1']} went on after band 1: {one['share']:.3f} ({asked})"


def _baselines(d: dict[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, per_symbol in d["baselines"]["ladders"].items():
        for symbol, one in per_symbol.items():
            found = one["net_interval"]
            rows.append(
                (
                    f"{name} {symbol.split('/')[0]}",
                    str(one["ladders"]),
                    "-" if one["net_mean"] is None else f"{one['net_mean']:+.3%}",
                    _plain3(one["continuation"]),
                    "-" if found is None else f"{found[0]:+.3%} to {found[1]:+.3%}",
                )
            )
    return rows


def _plain3(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _assumptions(d: dict[str, Any]) -> str:
    model = d["fill_model"]
    said = [
        ("entries", f"filled at the {model['entry']}; inside a bar {model['inside_a_bar']}"),
        (
            "costs",
            f"taker fee {model['taker']:.4%}, spread {model['spread']:.4%} of mid, an even book with "
            f"{float(model['depth_usdt']):,.0f} USDT within 1 %",
        ),
        ("path", ", ".join(f"{symbol} {timeframe}" for symbol, timeframe in d["data"]["path"].items())),
        *(("guard", line) for line in d["not_evaluable"]),
    ]
    return text.fields(said)
