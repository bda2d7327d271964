"""Whether a list of bands is a ladder at all (domain.md section 3), before anything is worked out from it."""

from collections.abc import Sequence

from traders.contract.decision import Band


def steps_complaint(bands: Sequence[Band]) -> str | None:
    """What is wrong with moves and fractions, or None: two or more, strictly rising, all closed at the last."""
    if len(bands) < 2:
        return "a ladder has at least two bands"
    moves = [band.move for band in bands]
    fractions = [band.fraction for band in bands]
    if moves[0] <= 0 or moves[-1] >= 1:
        return "moves are above 0 and below 1"
    if fractions[0] <= 0:
        return "fractions are above 0"
    if any(moves[i] >= moves[i + 1] for i in range(len(moves) - 1)):
        return "moves must rise strictly"
    if any(fractions[i] >= fractions[i + 1] for i in range(len(fractions) - 1)):
        return "fractions must rise strictly"
    if bands[-1].leg != "both" or fractions[-1] != 1:
        return "the last band closes both legs whole (leg both, fraction 1)"
    return None


def losing_complaint(bands: Sequence[Band]) -> str | None:
    """What keeps a ladder from being long gamma, or None: every band before the last closes the losing leg."""
    if any(band.leg != "losing" for band in bands[:-1]):
        return "bands before the last close the losing leg"
    return None
