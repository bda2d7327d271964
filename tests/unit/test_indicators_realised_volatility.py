"""Both estimators by hand, against each other on a path whose volatility is known, and their bad inputs."""

import math

import numpy as np
import pytest

from indicators.errors import IndicatorError
from indicators.realised_volatility import parkinson_volatility, realised_volatility


def test_parkinson_by_hand() -> None:
    """Ranges ln 1.1 and ln 1.2: sqrt((0.0953102^2 + 0.1823216^2) / 2 / 2.7725887) = 0.0873658; a year of 365 days."""
    found = parkinson_volatility([110.0, 120.0], [100.0, 100.0], 2, 365)
    assert np.isnan(found[0]) and found[1] == pytest.approx(0.0873658 * math.sqrt(365), rel=1e-6)


def test_close_to_close_by_hand() -> None:
    found = realised_volatility([100.0, 110.0, 99.0], 2, 1)
    assert np.isnan(found[:2]).all()
    assert found[2] == pytest.approx(math.sqrt((math.log(1.1) ** 2 + math.log(0.9) ** 2) / 2))


def test_both_find_the_volatility_of_a_known_path() -> None:
    """3,000 hours of 400 steps, 60 % a year; steps are discrete, so the range sees a little less than all of it."""
    random = np.random.default_rng(4)
    steps = random.normal(0, 0.6 / math.sqrt(8760 * 400), (3000, 400))
    path = np.exp(np.cumsum(steps)).reshape(3000, 400)
    opened = np.concatenate([[1.0], path[:-1, -1]])
    high, low = np.maximum(path.max(axis=1), opened), np.minimum(path.min(axis=1), opened)
    assert realised_volatility(path[:, -1], 2999)[-1] == pytest.approx(0.6, rel=0.04)
    assert parkinson_volatility(high, low, 3000)[-1] == pytest.approx(0.6 * 0.955, rel=0.03)


def test_a_still_price_has_none_and_too_few_bars_have_no_answer() -> None:
    still = np.full(5, 7.0)
    assert parkinson_volatility(still, still, 5)[-1] == 0 and realised_volatility(still, 4)[-1] == 0
    assert np.isnan(parkinson_volatility(still, still, 6)).all() and np.isnan(realised_volatility(still, 5)).all()
    assert parkinson_volatility([], [], 3).size == 0


def test_bad_input_is_an_error() -> None:
    for high, low, match in (
        ([1.0, np.nan], [1.0, 1.0], r"high\[1\]"),
        ([1.0], [0.0], "above 0"),
        ([1.0], [2.0], "below low"),
        ([1.0], [1.0, 1.0], "same bars"),
    ):
        with pytest.raises(IndicatorError, match=match):
            parkinson_volatility(high, low, 1)
    for year in (0.0, math.inf, math.nan):
        with pytest.raises(IndicatorError, match="bars_a_year"):
            parkinson_volatility([1.0], [1.0], 1, year)
    with pytest.raises(IndicatorError, match="n is 0"):
        realised_volatility([1.0, 1.0], 0)
