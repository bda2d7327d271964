"""The four entry signals as flags, so that a model need not compare numbers. The guard works them out again."""

from traders.contract.limits import Limits
from traders.volatility_gamma.readings.notebook import Notebook
from traders.volatility_gamma.regime import signals_of

#: Signal -> the reading it rests on.
RESTS_ON = {
    "volatility": "1h.atr_ratio",
    "bollinger": "1h.bb_expansion_age",
    "funding": "funding.rate_8h",
    "imbalance": "book.imbalance",
}


def read_signals(notebook: Notebook, prefix: str, limits: Limits) -> None:
    """`p.signal.*`, from the rounded readings already in the notebook. The count is of those that are available."""
    signals = signals_of(notebook.readings, prefix, limits)
    times: list[int] = []
    for signal, rests_on in RESTS_ON.items():
        value: bool | None = getattr(signals, signal)
        name = f"{prefix}.signal.{signal}"
        if value is None:
            notebook.miss((name,), f"undefined: it rests on {prefix}.{rests_on}, which is unavailable")
            continue
        times.append(notebook.readings[f"{prefix}.{rests_on}"].as_of)
        notebook.put(name, float(value), times[-1])
    name = f"{prefix}.signal.count"
    if times:
        notebook.put(name, float(signals.count), min(times))
    else:
        notebook.miss((name,), "undefined: no signal is available")
