"""Order intents as one of several processes may see them: what another one holds is under way there, not left over."""

from collections.abc import Callable, Iterable
from typing import Any

from db.database import Database
from db.orders_repository import UNKNOWN, OrdersRepository, StoredOrder


class OwnedOrders(OrdersRepository):
    """`mine` says which of some symbols are this process's to settle, `wanted` which orders at all."""

    def __init__(
        self,
        database: Database,
        mine: Callable[[Iterable[str]], set[str]],
        wanted: Callable[[StoredOrder], bool] = lambda _: True,
    ) -> None:
        super().__init__(database)
        self._mine = mine
        self._wanted = wanted

    def unresolved(self) -> tuple[StoredOrder, ...]:
        """Intents on this process's symbols whose fate is not known, oldest first."""
        found = super().unresolved()
        if not found:
            return found
        mine = self._mine({_symbol(row.request) for row in found})
        return tuple(row for row in found if _symbol(row.request) in mine and self._wanted(row))

    def blocking(self) -> tuple[StoredOrder, ...]:
        """These, and what anybody has asked the venue about in vain: an order just being sent elsewhere is neither."""
        found = super().unresolved()
        mine = self._mine({_symbol(row.request) for row in found}) if found else set()
        return tuple(row for row in found if row.status == UNKNOWN or _symbol(row.request) in mine)


def _symbol(request: Any) -> str:
    """Orders, brackets and goals all name their symbol."""
    return str(request["symbol"])
