"""Pages of a long list."""

from dataclasses import dataclass, replace

_MOST = 100_000


@dataclass(frozen=True)
class Paging:
    """`number` counts from 1. `total` rows in all."""

    number: int
    per_page: int
    total: int = 0

    @classmethod
    def of(cls, given: str | None, per_page: int) -> "Paging":
        """Whatever is no page number is page 1."""
        number = int(given) if given and given.isascii() and given.isdigit() and len(given) < 8 else 1
        return cls(min(max(1, number), _MOST), per_page)

    def with_total(self, total: int) -> "Paging":
        """With what was found."""
        return replace(self, total=total)

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.number - 1) * self.per_page

    @property
    def pages(self) -> int:
        """How many there are, at least 1."""
        return max(1, -(-self.total // self.per_page))
