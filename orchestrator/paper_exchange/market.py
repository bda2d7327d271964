"""What the venue shows of its market at a time: candles, prices, book, funding, open interest, ratios.

Prices come from minute bars (synthetic or recorded), times a factor that the control side can set. Everything else is
generated around them, deterministically.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any, Protocol

import numpy as np

from orchestrator.paper_exchange.noise import noise
from orchestrator.paper_exchange.synthetic import COINS, DAY, HOUR, MINUTE, START, Bars, Floats
from orchestrator.paper_exchange.texture import Texture

INTERVALS = {"1m": MINUTE, "3m": 3 * MINUTE, "5m": 5 * MINUTE, "15m": 15 * MINUTE, "30m": 30 * MINUTE}
INTERVALS |= {"1h": HOUR, "2h": 2 * HOUR, "4h": 4 * HOUR, "6h": 6 * HOUR, "8h": 8 * HOUR, "12h": 12 * HOUR, "1d": DAY}
FUNDING_INTERVAL = 8 * HOUR
BOOK_LEVELS = 1000
Level = tuple[Decimal, Decimal]
#: Usual ratio of a kind, and how it leans with the trend of half a day.
_RATIOS = {"accounts": (1.7, -4), "top_accounts": (1.9, -3), "top_positions": (1.2, 2), "taker": (1.0, 3)}


class Source(Protocol):
    """Minute bars by symbol."""

    @property
    def first(self) -> int: ...

    def bars(self, symbol: str, until: int) -> Bars: ...


@dataclass
class Market:
    """The market of both symbols. `overrides`: (time, factor) by symbol, set by control, oldest first."""

    source: Source
    seed: int
    texture: Texture
    overrides: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    _books: dict[tuple[str, int, float], tuple[list[Level], list[Level]]] = field(default_factory=dict, repr=False)

    # prices

    def price(self, symbol: str, now: int) -> float:
        """The price between two minutes, on the straight line between open and close."""
        bars = self.source.bars(symbol, now)
        index = (now - bars.first) // MINUTE
        share = (now - bars.first) % MINUTE / MINUTE
        raw = bars.open[index] + (bars.close[index] - bars.open[index]) * share
        return float(raw) * self._factor(symbol, now)

    def set_price(self, symbol: str, price: float, now: int) -> None:
        """From now on every price is scaled so that it is `price` now."""
        factor = self._factor(symbol, now) * price / self.price(symbol, now)
        self.overrides.setdefault(symbol, []).append((now, factor))

    def mid(self, symbol: str, now: int) -> Decimal:
        """The price on the tick."""
        return on_tick(self.price(symbol, now), tick(symbol))

    def mark(self, symbol: str, now: int) -> Decimal:
        """Mark price; it follows the price, as the venue's does over minutes."""
        return self.mid(symbol, now)

    def index(self, symbol: str, now: int) -> Decimal:
        """Index price: mark less the basis."""
        return on_tick(self.price(symbol, now) / (1 + self.texture.basis), tick(symbol) / 100)

    def path(self, symbol: str, start: int, end: int) -> list[Decimal]:
        """Prices between which it moves in straight ways in [start, end], at most a minute; on the tick.

        The wicks of a minute show at its end, the low first when it rises: as recorded candles are played.
        """
        begin, finish = self.price(symbol, start), self.price(symbol, end)
        ways = [begin, finish]
        if end % MINUTE == 0:
            bars = self.source.bars(symbol, end)
            index, factor = (end - bars.first) // MINUTE - 1, self._factor(symbol, end - 1)
            low, high = float(bars.low[index]) * factor, float(bars.high[index]) * factor
            ways[1:1] = [low, high] if finish >= begin else [high, low]
        return [on_tick(price, tick(symbol)) for price in ways]

    def first_exit(self, symbol: str, start: int, end: int, low: Decimal, high: Decimal) -> int:
        """The first whole minute in [start, end) that leaves (low, high), else `end`; `start` is on a minute."""
        bars = self.source.bars(symbol, end)
        begin, stop = (start - bars.first) // MINUTE, -(-(end - bars.first) // MINUTE)
        factor, half = self._factor(symbol, start), float(tick(symbol)) / 2
        least, most = bars.low[begin : stop + 1] * factor - half, bars.high[begin : stop + 1] * factor + half
        out = np.flatnonzero((least <= float(low)) | (most >= float(high)))
        return min(end, start + int(out[0]) * MINUTE) if len(out) else end

    # candles

    def klines(self, symbol: str, interval: str, start: int | None, end: int | None, limit: int, now: int) -> list[Any]:
        """Candles as the venue sends them, oldest first, the running one last. Times in ms, prices as text."""
        step = INTERVALS[interval]
        last = now // step * step
        if end is not None:
            last = min(last, end // step * step)
        first = self.source.first + (-self.source.first) % step
        if start is not None:
            first = max(first, start + (-start) % step)
            last = min(last, first + (limit - 1) * step)
        else:
            first = max(first, last - (limit - 1) * step)
        if last < first:
            return []
        columns = self._columns(symbol, interval, first, last, now)
        digits = -int(tick(symbol).as_tuple().exponent) + 2
        rows = []
        for i, (o, h, low, c, v) in enumerate(zip(*columns, strict=True)):
            at = first + i * step
            quote = f"{v * (o + c) / 2:.4f}"
            prices = [_text(x, digits) for x in (o, h, low, c)]
            rows.append([at, *prices, _text(v, 3), at + step - 1, quote, int(v / 9) + 1, _text(v / 2, 3), quote, "0"])
        return rows

    def _columns(self, symbol: str, interval: str, first: int, last: int, now: int) -> list[Floats]:
        step = INTERVALS[interval]
        count = (last - first) // step + 1
        if not self.overrides.get(symbol):
            native = getattr(self.source, "native", lambda *_: None)(symbol, interval)
            closed = count if last + step <= now else count - 1
            if native is not None and closed > 0:
                begin = (first - native.first) // step
                head = [col[begin : begin + closed] for col in _five(native)]
                tail = self._from_minutes(symbol, first + closed * step, last, step, now) if closed < count else None
                return head if tail is None else [np.concatenate(pair) for pair in zip(head, tail, strict=True)]
        return self._from_minutes(symbol, first, last, step, now)

    def _from_minutes(self, symbol: str, first: int, last: int, step: int, now: int) -> list[Floats]:
        """Aggregate minute bars; the running minute reaches to the price of now and no further."""
        bars = self.source.bars(symbol, min(last + step, now))
        begin = (first - bars.first) // MINUTE
        stop = min((last + step - bars.first) // MINUTE, (now - bars.first) // MINUTE + 1)
        o, h, low, c, v = (column[begin:stop].copy() for column in _five(bars))
        times = bars.first + (np.arange(begin, stop)) * MINUTE
        before, after = self._factors(symbol, times), self._factors(symbol, times + MINUTE - 1)
        o, c = o * before, c * after
        h, low = np.maximum(h * before, np.maximum(o, c)), np.minimum(low * before, np.minimum(o, c))
        elapsed = (now - int(times[-1])) / MINUTE
        if elapsed < 1:
            c[-1] = self.price(symbol, now)
            h[-1], low[-1] = max(o[-1], c[-1]), min(o[-1], c[-1])
            v[-1] *= elapsed
        size = step // MINUTE
        starts = np.arange(0, len(o), size)
        closes = c[np.minimum(starts + size, len(c)) - 1]
        return [
            o[starts],
            np.maximum.reduceat(h, starts),
            np.minimum.reduceat(low, starts),
            closes,
            np.add.reduceat(v, starts),
        ]

    # book

    def book(self, symbol: str, now: int, around: Decimal | None = None) -> tuple[list[Level], list[Level]]:
        """(bids, asks), best first: one level a tick, shaped by the texture; it changes every second.

        `around` centres it on another price than that of now (a trigger met on the way to it).
        """
        mid = self.price(symbol, now) if around is None else float(around)
        key = (symbol, now // 1000, mid)
        if key not in self._books:
            self._books.clear()
            self._books[key] = self._make_book(symbol, now, mid)
        return self._books[key]

    def _make_book(self, symbol: str, now: int, mid: float) -> tuple[list[Level], list[Level]]:
        step = tick(symbol)
        rng = np.random.default_rng([self.seed, 23, _number(symbol), now // 1000])
        reach = max(20, int(mid * 0.01 / float(step)))
        sizes = rng.gamma(2.0, 0.5, (2, BOOK_LEVELS)) * (0.6 + 0.8 * np.minimum(1.0, np.arange(BOOK_LEVELS) / 40))
        shares = (self.texture.bid_share, 1 - self.texture.bid_share)
        sides: list[list[Level]] = []
        half = step / 2
        centre = Decimal(repr(mid))
        best = (
            (centre - half).quantize(step, ROUND_FLOOR),
            (centre + half).quantize(step, ROUND_CEILING),
        )
        for side in (0, 1):
            total = self.texture.depth * shares[side]
            scaled = sizes[side] * total / mid / sizes[side][:reach].sum()
            direction = -1 if side == 0 else 1
            levels = [
                (best[side] + direction * step * i, Decimal(max(1, round(float(size)))))
                for i, size in enumerate(scaled)
                if best[side] + direction * step * i > 0
            ]
            sides.append(levels)
        return sides[0], sides[1]

    # funding, open interest, ratios

    def predicted_funding(self, symbol: str, now: int) -> float:
        """The rate shown for the running interval; a recorded market shows the last settled one, not the future."""
        settled = self._recorded_funding(symbol)
        if settled:
            position = bisect_right([at for at, _ in settled], now)
            return settled[max(position - 1, 0)][1]
        trend = self.price(symbol, now) / self.price(symbol, now - 8 * HOUR) - 1
        return round(self.texture.funding + 0.0005 * math.tanh(trend * 10), 8)

    def next_funding(self, now: int) -> int:
        """The next funding time, strictly after now."""
        return now // FUNDING_INTERVAL * FUNDING_INTERVAL + FUNDING_INTERVAL

    def pays_funding(self, symbol: str, at: int) -> bool:
        """Whether a funding time is one of this symbol: here, always."""
        return True

    def funding_due(self, symbol: str, at: int) -> float | None:
        """The rate that is charged at a funding time, None while it is not settled; recorded times may be 1 s off."""
        for when, rate in self._recorded_funding(symbol):
            if abs(when - at) < MINUTE:
                return rate
        return self.predicted_funding(symbol, at - 1)

    def settled_funding(self, symbol: str, until: int) -> list[tuple[int, float]]:
        """(time, rate), oldest first, up to and including `until`."""
        recorded = self._recorded_funding(symbol)
        if recorded:
            return [(at, rate) for at, rate in recorded if at <= until]
        first = self.source.first + 2 * DAY
        first += (-first) % FUNDING_INTERVAL
        times = range(first, until + 1, FUNDING_INTERVAL)
        return [(at, self._settled(symbol, at)) for at in times]

    def _settled(self, symbol: str, at: int) -> float:
        if at > START:  # from the start on: what was shown just before, and what the account was charged
            return self.predicted_funding(symbol, at - 1)
        trend = self.price(symbol, at - MINUTE) / self.price(symbol, at - DAY) - 1
        wobble = noise(self.seed, 31, _number(symbol), at // FUNDING_INTERVAL)
        return round(0.0001 + 0.0005 * math.tanh(trend * 8) + 0.00004 * wobble, 8)

    def open_interest(self, symbol: str, at: int) -> float:
        """Coins, on a 5-minute grid: drifts with the trend of the day, with a little noise."""
        at = at // (5 * MINUTE) * 5 * MINUTE
        base = COINS[symbol].turnover * 900
        trend = self.price(symbol, at) / self.price(symbol, max(self.source.first, at - DAY)) - 1
        slow = math.sin(at / DAY / 3) * 0.04
        return round(base * (1 + slow + 0.8 * abs(trend)) * (1 + 0.001 * noise(self.seed, 37, _number(symbol), at)), 3)

    def ratio(self, symbol: str, kind: str, at: int) -> float:
        """Longs over shorts on a 5-minute grid; kinds: accounts, top_accounts, top_positions, taker."""
        at = at // (5 * MINUTE) * 5 * MINUTE
        trend = self.price(symbol, at) / self.price(symbol, max(self.source.first, at - 12 * HOUR)) - 1
        base, tilt = _RATIOS[kind]
        wobble = 0.02 * noise(self.seed, 41, _number(symbol), at, len(kind))
        return round(max(0.1, base * (1 + tilt * trend / 2 + wobble)), 4)

    def _recorded_funding(self, symbol: str) -> tuple[tuple[int, float], ...]:
        found: tuple[tuple[int, float], ...] = getattr(self.source, "funding", lambda _: ())(symbol)
        return found

    def _factor(self, symbol: str, at: int) -> float:
        changes = self.overrides.get(symbol)
        if not changes:
            return 1.0
        position = bisect_right([when for when, _ in changes], at)
        return changes[position - 1][1] if position else 1.0

    def _factors(self, symbol: str, times: Any) -> Any:
        changes = self.overrides.get(symbol)
        if not changes:
            return 1.0
        values = np.array([1.0, *(factor for _, factor in changes)])
        return values[np.searchsorted(np.array([when for when, _ in changes]), times, side="right")]


def tick(symbol: str) -> Decimal:
    """The venue's price step."""
    return Decimal(COINS[symbol].tick)


def on_tick(price: float, step: Decimal) -> Decimal:
    """The nearest multiple of the step."""
    return Decimal(repr(price)).quantize(step, ROUND_HALF_EVEN)


def _five(bars: Bars) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    return bars.open, bars.high, bars.low, bars.close, bars.volume


def _number(symbol: str) -> int:
    return list(COINS).index(symbol)


def _text(value: float, digits: int) -> str:
    return f"{value:.{digits}f}"
