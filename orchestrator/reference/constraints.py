"""`docs/constraints.md`, made from the typed limits and the rows that version 1 delivers."""

from collections.abc import Iterable
from typing import Any

from db.seed import SEED, TRADER_ID
from orchestrator.cli.text import value as plain
from orchestrator.reference.markdown import cell, table
from orchestrator.settings_file import SECTIONS
from traders.contract.limit_words import allowed
from traders.contract.limits import Limits, unit_of

#: Where each group of limits begins, in the order of the fields of `Limits`.
GROUPS: tuple[tuple[str, str], ...] = (
    ("allowed_symbols", "What may be traded"),
    ("leverage_min", "Size and leverage"),
    ("max_drawdown", "Losses"),
    ("rebalance_bands", "The ladder"),
    ("atr_ratio_full", "Volatility"),
    ("funding_extreme", "Funding, book, correlation"),
    ("liquidation_distance_min", "Protection, data, process"),
)
#: What must hold between values, and values that break it (a test tries them).
TOGETHER: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "A minimum is at most its maximum: `leverage`, `pair_margin`, `stop_loss`, `take_profit`, `depth`",
        {"leverage_min": 9},
    ),
    (
        "In this order: `atr_ratio_contraction`, `_reduced`, `_full`, `_extreme`; `vix_proxy_reenter` and `_fade`; "
        "`funding_spread_exit` and `_enter`; `correlation_min` and `_exit`; `entry_net_delta_max` and `net_delta_max`",
        {"atr_ratio_reduced": 2.5},
    ),
    ("`depth_min` and `depth_full` differ", {"depth_min": 5_000_000}),
    (
        "Some target and stop within their ranges reach `reward_risk_min`",
        {"take_profit_max": 0.05, "stop_loss_min": 0.08},
    ),
    (
        "`rebalance_bands` rise strictly in move and fraction",
        {"rebalance_bands": [{"move": 0.02, "fraction": 0.5}, {"move": 0.02, "fraction": 1}]},
    ),
    (
        "The last of `rebalance_bands` closes everything",
        {"rebalance_bands": [{"move": 0.02, "fraction": 0.4}, {"move": 0.04, "fraction": 0.5}]},
    ),
    (
        "Before the last band, `f / (2 - f)` is at most `net_delta_max`",
        {"rebalance_bands": [{"move": 0.02, "fraction": 0.6}, {"move": 0.04, "fraction": 1}]},
    ),
    ("`allowed_symbols` names one at least", {"allowed_symbols": []}),
    ("`allowed_symbols` are written in full, as `SOL/USDT:USDT`", {"allowed_symbols": ["SOL"]}),
    ("`band_high_vol_factor` is above 0", {"band_high_vol_factor": 0}),
    ("`effective_gamma_min` is not below 0: a grid is short gamma and never permitted", {"effective_gamma_min": -1}),
    ("`plan_ttl_s` is at most `monitoring_interval_s`", {"plan_ttl_s": 901}),
    ("`entry_min_signals` is at most 4", {"entry_min_signals": 5}),
)
_HEAD = """# Constraints

Generated from `traders/contract/limits.py` and `db/seed.py` by `python -m orchestrator.reference`; do not edit.

These {count} rows of the database are what the guard judges trader #{trader} by. They win over every text, prompt and
profile. *Delivered* is version 1; what holds at yours says `volgamma constraints show`. A change is a new version
with who, when and why; nothing is overwritten, and a decision keeps the version it was judged by:

```
volgamma constraints set stop_loss_max 0.06 --why "smaller losses first"
volgamma constraints set data_age_max_s.book 10 --why "part of a value"
volgamma constraints set allowed_symbols SOL,AVAX rebalance_bands 0.02:0.5,0.04:1 --why "lists"
volgamma constraints history stop_loss_max
volgamma replay what-if --all --set stop_loss_max=0.06
```

A value outside its range, or one that contradicts another, is refused whole, and nothing changes. There are no
defaults: a row that is missing stops the trader. Fractions are fractions: 0.05 is 5 %. A pair's margin is that of
both legs together. *Source* says where a value comes from: `profile` is the trader's own description, `article` the
text it rests on, `settled` what neither says clearly and the project decided; `volgamma constraints diff --profile`
shows both beside each other. Which rule uses a limit: [guard rules](guard_rules.md).
"""
_TOGETHER = """## What must hold between them

"""
_ACCOUNT = """## Limits of the account

A trader's limits see that trader's positions alone. These see all positions of the account, and openings that are
under way in any process; an entry that would break one is not sent, whatever the guard said. They are
[settings](settings.md), not rows, in multiples of the account's equity at entry prices.

"""


def page() -> str:
    """The whole document."""
    parts = [_HEAD.format(count=len(Limits.model_fields), trader=TRADER_ID)]
    for title, keys in groups():
        rows = [_row(key) for key in keys]
        heads = ("key", "delivered", "unit", "allowed", "what it limits", "source")
        parts.append(f"## {title}\n\n{table(heads, rows)}\n")
    parts.append(_TOGETHER + "".join(f"- {sentence}.\n" for sentence, _ in TOGETHER))
    account = [one for _, keys in SECTIONS for one in keys if one[0].startswith("account_")]
    rows_of_account = [(f"`{key}`", f"`{value}`", "x equity", "above 0", about) for key, value, about in account]
    parts.append(_ACCOUNT + table(("key", "delivered", "unit", "allowed", "what it limits"), rows_of_account) + "\n")
    return "\n".join(parts)


def groups() -> Iterable[tuple[str, list[str]]]:
    """Title and keys of each group."""
    starts = dict(GROUPS)
    title, keys = "", list[str]()
    for key in Limits.model_fields:
        if key in starts and keys:
            yield title, keys
            keys = []
        title = starts.get(key, title)
        keys.append(key)
    yield title, keys


def _row(key: str) -> tuple[str, ...]:
    value, source = SEED[key]
    meaning = Limits.model_fields[key].description or ""
    return f"`{key}`", cell(plain(value)), unit_of(key), allowed(key), cell(meaning), cell(source)
