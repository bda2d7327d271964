"""Collects readings: each is rounded the moment it is made, and each that cannot be made says why.

Reasons begin with a code and a colon (`too_short: 12 bars, 51 needed`); prompts show the code only.
"""

import math
from collections.abc import Iterable

from traders.contract.context import Reading
from traders.contract.sources import NOT_ASKED as NOT_ASKED
from traders.contract.sources import reason_of as reason_of
from traders.volatility_gamma.catalogue import Spec

#: A computation without a result (0 / 0, not enough history).
UNDEFINED = "undefined: the numbers do not define it"


class Notebook:
    """Readings by full name. Only names of the catalogue can be written."""

    def __init__(self, specs: dict[str, Spec]) -> None:
        self._specs = specs
        self.readings: dict[str, Reading] = {}
        self._missing: dict[str, str] = {}

    def put(self, name: str, value: float | None, as_of: int, otherwise: str = UNDEFINED) -> None:
        """Write a reading; None, NaN and infinity are missing, with `otherwise` as the reason."""
        spec = self._specs[name]
        if value is None or not math.isfinite(value):
            self.miss((name,), otherwise)
            return
        rounded = round(float(value), spec.digits) + 0.0  # no negative zero
        self.readings[name] = Reading(value=rounded, digits=spec.digits, unit=spec.unit, as_of=as_of)

    def miss(self, names: Iterable[str], reason: str) -> None:
        """Say why readings are missing; a reading that exists stays."""
        for name in names:
            if name not in self.readings:
                self._missing.setdefault(name, reason)

    def miss_group(self, start: str, reason: str) -> None:
        """`miss` for every name of the catalogue that begins with `start`."""
        self.miss((name for name in self._specs if name.startswith(start)), reason)

    def blank(self) -> "Notebook":
        """An empty notebook for the same names."""
        return Notebook(self._specs)

    def take(self, other: "Notebook") -> None:
        """Add what another notebook holds."""
        self.readings.update(other.readings)
        for name, reason in other._missing.items():
            self.miss((name,), reason)

    def unavailable(self) -> dict[str, str]:
        """Every name of the catalogue without a reading, and why, in the catalogue's order."""
        return {
            name: self._missing.get(name, "not_computed: nothing was said about it")
            for name in self._specs
            if name not in self.readings
        }
