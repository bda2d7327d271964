"""What this process may act on: a lease for each symbol of the account, confirmed before every order."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from orchestrator.clock import Clock
from orchestrator.errors import HostError
from orchestrator.execution.fenced_venue import LeaseLost

if TYPE_CHECKING:
    from db.leases_repository import Lease, LeasesRepository

#: A lease lives so long without being renewed; whoever takes over a dead owner's pairs waits at most for this.
LENGTH_MS = 12_000
#: A request must be over, or refused as late by the venue, before the lease can run out under it.
MARGIN_MS = 6_000
_POLL_S = 0.2


class Ownership:
    """The leases of one process on one exchange account. `owner` is unique among all processes that live at once.

    `lazily`: the only process of its data folder takes a symbol with its first order on it. A worker takes symbols on
    purpose only, because it has to settle what the owner before it left open.
    """

    def __init__(
        self,
        leases: "LeasesRepository",
        account: str,
        owner: str,
        clock: Clock,
        *,
        lazily: bool = False,
        length_ms: int = LENGTH_MS,
    ) -> None:
        self._leases = leases
        self._account = account
        self.owner = owner
        self._clock = clock
        self._length = length_ms
        self._margin = min(MARGIN_MS, length_ms // 2)
        self._lazily = lazily
        self._held: dict[str, Lease] = {}
        self._lost: set[str] = set()
        self._reserved: dict[str, int] = {}
        self._renewed_at = clock.monotonic_ms()

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols held, as far as this process knows."""
        return tuple(sorted(self._held))

    def token(self, symbol: str) -> int:
        """The fencing token under which a symbol is held. Raises KeyError when it is not."""
        return self._held[symbol].token

    def name(self, symbol: str) -> str:
        """The lease of a symbol."""
        return f"symbol:{self._account}:{symbol}"

    def take(self, symbol: str, *, ask: bool = False) -> bool:
        """Hold a symbol's lease, now or already; False while another process does."""
        if symbol in self._held and self._renewed(symbol):
            return True
        lease = self._leases.acquire(self.name(symbol), self.owner, self._length, ask=ask)
        if lease is None:
            return False
        self._held[symbol] = lease
        self._lost.discard(symbol)
        return True

    def mine(self, symbols: Iterable[str]) -> set[str]:
        """Those of the symbols whose open business is this process's to settle."""
        if not self._lazily:
            return {symbol for symbol in symbols if symbol in self._held}
        others = {lease.name for lease in self._leases.live(self.name("")) if lease.owner != self.owner}
        return {symbol for symbol in symbols if self.name(symbol) not in others}

    async def obtain(self, symbol: str, patience_s: float) -> None:
        """Hold a symbol's lease, asking its owner to let go. Raises HostError when nobody lets go in time."""
        until = self._clock.monotonic_ms() + patience_s * 1000
        while not self.take(symbol, ask=True):
            if self._clock.monotonic_ms() >= until:
                raise HostError(
                    "symbol_busy",
                    f"{symbol} on {self._account} is kept by another process ({self._owner_of(symbol)})",
                    "stop that process, or let it take the decisions on this symbol; nothing was sent",
                )
            await self._clock.sleep(_POLL_S)

    def renew(self) -> tuple[str, ...]:
        """Renew every lease; the symbols that were lost. Raises errors of the store."""
        return tuple(symbol for symbol in self.symbols if not self._renewed(symbol))

    def renew_when_due(self) -> tuple[str, ...]:
        """`renew`, but no more often than is needed to keep the leases alive."""
        now = self._clock.monotonic_ms()
        if now - self._renewed_at < self._length / 3:
            return ()
        self._renewed_at = now
        return self.renew()

    def wanted(self) -> tuple[str, ...]:
        """Symbols held here that another process asks for, as of the last renewal."""
        return tuple(symbol for symbol in self.symbols if self._held[symbol].wanted_by not in (None, self.owner))

    def release(self, symbols: Iterable[str] | None = None) -> None:
        """Let go of some symbols, or of all."""
        for symbol in tuple(self._held) if symbols is None else tuple(symbols):
            lease = self._held.pop(symbol, None)
            if lease is not None:
                self._leases.release(lease)

    def confirm(self, symbol: str) -> None:
        """The fence: raises LeaseLost unless the database says, now, that the symbol is this process's.

        A lease that is about to run out is renewed first. Errors of the store pass through: what cannot be confirmed is
        not sent.
        """
        lease = self._held.get(symbol)
        if lease is None:
            if self._lazily and symbol not in self._lost and self.take(symbol):
                return
            raise LeaseLost(f"{symbol} on {self._account} is not held by this process: nothing is sent")
        left = self._leases.remaining(lease)
        if left is None or (left < self._margin and not self._renewed(symbol)):
            self._lose(symbol)
            raise LeaseLost(f"{symbol} on {self._account} was taken over by another process: nothing is sent")

    @asynccontextmanager
    async def holding(self, symbol: str, patience_s: float) -> AsyncIterator[None]:
        """Hold a symbol for a block; let go at its end unless it was held before. Raises HostError."""
        before = symbol in self._held
        await self.obtain(symbol, patience_s)
        try:
            yield
        finally:
            if not before:
                self.release((symbol,))

    @asynccontextmanager
    async def reserved(self, symbol: str, patience_s: float) -> AsyncIterator[None]:
        """Hold a symbol for a block, and keep it from being let go meanwhile. Raises HostError."""
        self._reserved[symbol] = self._reserved.get(symbol, 0) + 1
        try:
            await self.obtain(symbol, patience_s)
            yield
        finally:
            self._reserved[symbol] -= 1

    def give(self, symbol: str) -> bool:
        """Let go of a symbol that another process asks for, if nobody here is about to act on it; whether it was so.

        Only for whoever has the hands: nothing is being done on the symbol just then.
        """
        if symbol not in self.wanted() or not self.free(symbol):
            return False
        self.release((symbol,))
        return True

    def free(self, symbol: str) -> bool:
        """Whether nobody in this process is about to act on it."""
        return not self._reserved.get(symbol)

    def _renewed(self, symbol: str) -> bool:
        lease = self._leases.renew(self._held[symbol], self._length)
        if lease is None:
            self._lose(symbol)
            return False
        self._held[symbol] = lease
        return True

    def _lose(self, symbol: str) -> None:
        self._held.pop(symbol, None)
        self._lost.add(symbol)

    def _owner_of(self, symbol: str) -> str:
        held = self._leases.live(self.name(symbol))
        return held[0].owner if held else "nobody any more"
