"""The 1h regime of every bar of a history at once: `entry_matrix.classify_regime` as arrays (domain.md section 6).

Equal to the scalar rule on every bar: a float is above a limit of at most 15 digits exactly when its shortest text is.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from indicators.entry_matrix import (
    CONTRACTION,
    EXTREME_VOL,
    HIGH_VOL_SUSTAINED,
    LOW_VOL_EXPANDING,
    UNCLEAR,
    VOL_COLLAPSE,
    MatrixLimits,
)
from indicators.errors import IndicatorError
from indicators.series import Array, lagged


def classify_history(
    *,
    atr_ratio: ArrayLike,
    tr_multiple: ArrayLike,
    natr: ArrayLike,
    natr_median: ArrayLike,
    vix_proxy: ArrayLike,
    limits: MatrixLimits,
    collapse_level: ArrayLike = np.nan,
) -> NDArray[np.str_]:
    """The regime of each bar. What is not finite is missing, and never makes a regime that allows an entry.

    `collapse_level`: one value a bar or one for all, NaN where no pair is open. Raises IndicatorError for columns of
    unequal length.
    """
    columns = {
        "atr_ratio": atr_ratio,
        "tr_multiple": tr_multiple,
        "natr": natr,
        "natr_median": natr_median,
        "vix_proxy": vix_proxy,
    }
    ratio, true_range, own, median, proxy = (_finite(name, column) for name, column in columns.items())
    for name, column in zip(columns, (ratio, true_range, own, median, proxy), strict=True):
        if column.size != ratio.size:
            raise IndicatorError(f"{name} has {column.size} values, atr_ratio has {ratio.size}; pass the same bars")
    level = np.broadcast_to(np.asarray(collapse_level, dtype=np.float64), ratio.shape)
    level = np.where(np.isfinite(level), level, np.nan)
    previous = lagged(ratio)
    below = ratio < level
    unknown = np.isnan(true_range) | np.isnan(own) | np.isnan(median) | np.isnan(proxy)
    extreme = (
        (ratio > float(limits.atr_ratio_extreme))
        | (true_range > float(limits.tr_extreme_multiple))
        | (proxy > float(limits.vix_proxy_fade))
    )
    found: NDArray[np.str_] = np.select(
        [
            extreme,
            np.isnan(ratio),
            ratio < float(limits.atr_ratio_contraction),
            below & np.isnan(previous),
            below & (previous < level),
            unknown,
            own > median,
            ratio > float(limits.atr_ratio_reduced),
        ],
        [
            EXTREME_VOL,
            UNCLEAR,
            CONTRACTION,
            UNCLEAR,
            VOL_COLLAPSE,
            UNCLEAR,
            HIGH_VOL_SUSTAINED,
            LOW_VOL_EXPANDING,
        ],
        UNCLEAR,
    )
    return found


def _finite(name: str, values: ArrayLike) -> Array:
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise IndicatorError(f"{name} has {array.ndim} dimensions; pass one value a bar")
    return np.where(np.isfinite(array), array, np.nan)
