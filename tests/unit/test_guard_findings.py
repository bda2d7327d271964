"""What a finding says in numbers: observed and limit, worked out by hand for the cases of tests/guard_cases.py."""

import pytest

from tests.guard_cases import CASES


@pytest.mark.parametrize(
    ("code", "number", "observed", "limit"),
    [
        ("holding_invalid", 0, 0, 0),
        ("reward_risk", 0, 1.4875, 1.5),  # 0.119 / 0.08
        ("kill_switch", 0, True, False),
        ("drawdown_latched", 0, True, False),
        ("unknown_orders", 0, 1, 0),
        ("unprotected_pairs", 0, 1, 0),
        ("reopen", 0, True, None),
        ("min_lots", 0, 1, 2),  # 416.66 in lots of 400
        ("price_band", 0, "120.12", "120.108"),  # 120 x 1.001; 120 x 1.0009
        ("price_band", 1, "119.88", "119.892"),  # 120 x 0.999; 120 x 0.9991
        ("pair_margin_floor", 0, 0.1999, 0.2),  # 1 / 5x
        ("break_even", 0, pytest.approx(0.024721, abs=1e-6), pytest.approx(0.0247)),  # 122.9665 / 120; 0.04 - 0.0153
        ("cost_multiple", 0, pytest.approx(3.21, abs=0.01), pytest.approx(3.3)),  # 381.3 / 118.7
    ],
)
def test_the_finding_carries_the_numbers(code: str, number: int, observed: object, limit: object) -> None:
    said = [finding for finding in CASES[code].fires[number]().review().findings if finding.rule == code]
    assert [(finding.observed, finding.limit) for finding in said] == [(observed, limit)]
