"""What the fetchers bring home: raw typed venue data, nothing derived, and nothing invented.

A source that could not be had is `Unavailable` with a reason; it is never 0 and never an empty list. Times are UTC
milliseconds on the exchange's clock (`as_of`); `fetched_at` is the same clock when the answer arrived.
Importing this module loads neither ccxt nor pandas.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class Raw(BaseModel):
    """A frozen value of raw data."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


UnavailableCode = Literal[
    "not_supported", "not_requested", "error", "timeout", "empty", "too_short", "gap", "too_shallow", "banned"
]


class Unavailable(Raw):
    """A source that is not there, and why."""

    kind: Literal["unavailable"] = "unavailable"
    code: UnavailableCode
    reason: str


class Candles(Raw):
    """Closed candles, oldest first, one column a tuple. `time` is the bar's open; prices in quote, volume in base.

    `as_of` is the close time of the last bar. `fillers` are the open times of zero-volume bars.
    """

    kind: Literal["candles"] = "candles"
    venue: str
    symbol: str
    timeframe: str
    interval_ms: int
    time: tuple[int, ...]
    open: tuple[float, ...]
    high: tuple[float, ...]
    low: tuple[float, ...]
    close: tuple[float, ...]
    volume: tuple[float, ...]
    fillers: tuple[int, ...] = ()
    as_of: int
    fetched_at: int
    note: str = ""


class Ticker(Raw):
    """Prices of now, and the last 24 h's turnover in quote currency."""

    kind: Literal["ticker"] = "ticker"
    last: float
    mark: float | None
    index: float | None
    quote_volume_24h: float | None
    as_of: int
    fetched_at: int


class MarketData(Raw):
    """Candles of each time frame asked for, and the ticker."""

    kind: Literal["market_data"] = "market_data"
    candles: dict[str, Annotated[Candles | Unavailable, Field(discriminator="kind")]]
    ticker: Annotated[Ticker | Unavailable, Field(discriminator="kind")]


class FundingPoint(Raw):
    """A settled rate: fraction of notional per `interval_hours`, paid at `time`."""

    time: int
    rate: float
    interval_hours: float


class Funding(Raw):
    """Settled history, oldest first, and the predicted rate of the running interval (fractions)."""

    kind: Literal["funding"] = "funding"
    venue: str
    symbol: str
    history: tuple[FundingPoint, ...]
    predicted_rate: float | None
    interval_hours: float
    next_funding_time: int | None
    as_of: int
    fetched_at: int


class BookShot(Raw):
    """A book as it stood at `as_of`: levels as (price, quantity in base), best first."""

    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    as_of: int


class OrderBook(Raw):
    """The newest book, levels as (price, quantity in base), best first; `earlier`: those before it, oldest first."""

    kind: Literal["order_book"] = "order_book"
    venue: str
    symbol: str
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    as_of: int
    fetched_at: int
    note: str = ""
    earlier: tuple[BookShot, ...] = ()


class RatioPoint(Raw):
    """A long/short ratio (longs divided by shorts) at a time."""

    time: int
    ratio: float


class Positioning(Raw):
    """Long/short ratios, oldest first; each kind a venue lacks is Unavailable."""

    kind: Literal["positioning"] = "positioning"
    venue: str
    symbol: str
    accounts: tuple[RatioPoint, ...] | Unavailable
    top_accounts: tuple[RatioPoint, ...] | Unavailable
    top_positions: tuple[RatioPoint, ...] | Unavailable
    taker: tuple[RatioPoint, ...] | Unavailable
    as_of: int
    fetched_at: int
    note: str = ""


class OpenInterestPoint(Raw):
    """Open interest in coins, and in quote currency where the venue says it."""

    time: int
    coins: float
    quote: float | None


class OpenInterest(Raw):
    """History, oldest first (5-minute steps where the venue has them), the last point being the current one."""

    kind: Literal["open_interest"] = "open_interest"
    venue: str
    symbol: str
    points: tuple[OpenInterestPoint, ...]
    as_of: int
    fetched_at: int
    note: str = ""


class Extra(Raw):
    """What a third-party fetcher (entry point group `volgamma.fetchers`) brought, as it came."""

    kind: Literal["extra"] = "extra"
    venue: str
    symbol: str
    document: dict[str, JsonValue]
    as_of: int
    fetched_at: int


class SymbolData(Raw):
    """The five sources of one symbol, and those of third-party fetchers by name."""

    symbol: str
    market_data: Annotated[MarketData | Unavailable, Field(discriminator="kind")]
    funding: Annotated[Funding | Unavailable, Field(discriminator="kind")]
    order_book: Annotated[OrderBook | Unavailable, Field(discriminator="kind")]
    positioning: Annotated[Positioning | Unavailable, Field(discriminator="kind")]
    open_interest: Annotated[OpenInterest | Unavailable, Field(discriminator="kind")]
    extra: dict[str, Annotated[Extra | Unavailable, Field(discriminator="kind")]] = {}


class SourceTiming(Raw):
    """How one fetcher fared: milliseconds of wall time, or an error."""

    ms: int | None = None
    error_code: str | None = None
    error_message: str | None = None


class MarketSnapshot(Raw):
    """Everything a decision sees of the market. `timings` is keyed `<symbol prefix>.<fetcher>`."""

    kind: Literal["market_snapshot"] = "market_snapshot"
    venue: str
    primary: str
    as_of: int
    fetched_at: int
    clock_drift_ms: int
    symbols: dict[str, SymbolData]
    timings: dict[str, SourceTiming]
    requests: int


class Requirements(Raw):
    """What a trader asks the collector for.

    `candles` maps symbol -> time frame -> number of closed bars; `keywords` select the fetchers of `primary`; symbols
    other than the primary get candles, and a ticker unless `partner_tickers` is off. `book_snapshots` books are taken,
    `book_pause_s` apart: a fetch takes that much longer.
    """

    primary: str
    keywords: tuple[str, ...]
    candles: dict[str, dict[str, int]]
    funding_points: int = 90
    positioning_points: int = 30
    open_interest_points: int = 300
    book_levels: int = 1000
    partner_tickers: bool = True
    book_snapshots: int = Field(default=1, ge=1, le=10)
    book_pause_s: float = Field(default=1.0, ge=0, le=30)


TIMEFRAME_MS: dict[str, int] = {
    "1m": 60_000,
    "5m": 300_000,
    "15m": 900_000,
    "1h": 3_600_000,
    "4h": 14_400_000,
    "1d": 86_400_000,
}


def source_names() -> Sequence[str]:
    """The five fetchers by module name."""
    return ("market_data", "fundingratehistory", "fetch_orderbook", "longshortratio", "fetch_open_interest")
