"""The environment variables that the program reads, and those that are nearly so."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from orchestrator.keys import PARTS, variable
from orchestrator.live import CONFIRM
from orchestrator.settings import _KEYS

_PREFIX = "VOLGAMMA_"
#: Besides settings and what belongs to a venue.
_OTHERS = ("VOLGAMMA_CONFIG", "VOLGAMMA_LLM_PRICES", "VOLGAMMA_DASHBOARD_TOKEN", CONFIRM)
_NEAR = 0.8


def known() -> frozenset[str]:
    """Every `VOLGAMMA_*` variable that is read."""
    return frozenset(
        {
            *(_PREFIX + key.upper() for key in _KEYS),
            *(variable(venue, part) for venue, parts in PARTS.items() for part in parts),
            *(f"{_PREFIX}{venue.upper()}_URL" for venue in PARTS),
            *_OTHERS,
        }
    )


def misspelt(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """`VOLGAMMA_*` variables that nothing reads, with the one that was probably meant; never their values."""
    names = known()
    short = {_short(name): name for name in sorted(names)}
    for name in sorted(environment):
        if name.upper().startswith(_PREFIX) and name not in names:
            near = get_close_matches(_short(name), sorted(short), n=1, cutoff=_NEAR)
            if near:
                yield name, short[near[0]]


def _short(name: str) -> str:
    """Without what all have in common, and what exchanges call their keys."""
    return name.upper().removeprefix(_PREFIX).replace("API_", "")
