"""Prices of now: last, mark, index, basis, turnover."""

from data_fetchers.snapshot import MarketData, Unavailable
from traders.volatility_gamma.readings.notebook import UNDEFINED, Notebook, reason_of

_NO_PRICE = "not_supported: the venue does not say it"


def read_price(notebook: Notebook, prefix: str, data: MarketData | Unavailable) -> None:
    """`p.price.*` of the ticker. Basis = mark / index - 1 (domain.md section 5, `basis_max`)."""
    source = data if isinstance(data, Unavailable) else data.ticker
    if isinstance(source, Unavailable):
        notebook.miss_group(f"{prefix}.price.", reason_of(source))
        return
    at = source.as_of
    notebook.put(f"{prefix}.price.last", source.last, at)
    notebook.put(f"{prefix}.price.mark", source.mark, at, _NO_PRICE)
    notebook.put(f"{prefix}.price.index", source.index, at, _NO_PRICE)
    notebook.put(f"{prefix}.price.quote_volume_24h", source.quote_volume_24h, at, _NO_PRICE)
    if source.mark is None or source.index is None:
        notebook.miss((f"{prefix}.price.basis",), _NO_PRICE)
    else:
        basis = source.mark / source.index - 1 if source.index > 0 else None
        notebook.put(f"{prefix}.price.basis", basis, at, UNDEFINED)
