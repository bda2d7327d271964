"""A limit that is unknown, missing, ill-typed or contradictory stops the trader and is named."""

from decimal import Decimal
from typing import Any

import pytest

from tests.limits_table import TABLE
from traders.contract.constraints import ConstraintError, constraints_hash, limit_values, parse_limits


def values(**changes: Any) -> dict[str, Any]:
    return {**{key: value for key, (value, _) in TABLE.items()}, **changes}


def test_the_table_of_the_domain_page_parses_and_survives_json() -> None:
    limits = parse_limits(values(), where="trader 11")
    assert limits.stop_loss_max == Decimal("0.08")
    again = parse_limits(limit_values(limits), where="again")
    assert again == limits
    assert constraints_hash(again) == constraints_hash(limits)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"levrage_max": 8}, "did you mean 'leverage_max'"),
        ({"leverage_max": "many"}, "leverage_max"),
        ({"leverage_max": 4}, "leverage_min"),
        ({"slippage_max": 0}, "slippage_max"),
        ({"slippage_max": "NaN"}, "slippage_max"),
        ({"cash_reserve_min": -0.1}, "cash_reserve_min"),
        ({"stop_loss_min": 0.09}, "stop_loss_min"),
        ({"reward_risk_min": 9}, "reward_risk_min"),
        ({"depth_min": 5e6}, "depth_min"),
        ({"rebalance_bands": [[0.02, 0.5]]}, "rebalance_bands"),
        (
            {"rebalance_bands": [{"move": 0.04, "fraction": 0.5}, {"move": 0.02, "fraction": 1}]},
            "rise strictly",
        ),
        ({"rebalance_bands": [{"move": 0.02, "fraction": 0.6}, {"move": 0.04, "fraction": 1}]}, "net_delta_max"),
        ({"allowed_symbols": ["SOLUSDT"]}, "SOL/USDT:USDT"),
        ({"monitoring_interval_s": 60}, "monitoring_interval_s"),
        ({"data_age_max_s": {"market": 120, "book": 15, "funding": 3600}}, "positioning"),
    ],
)
def test_a_bad_set_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConstraintError, match=named):
        parse_limits(values(**changes), where="trader 11")


@pytest.mark.parametrize("key", sorted(TABLE))
def test_each_key_is_needed(key: str) -> None:
    remaining = values()
    del remaining[key]
    with pytest.raises(ConstraintError, match=f"missing key '{key}'"):
        parse_limits(remaining, where="trader 11")
