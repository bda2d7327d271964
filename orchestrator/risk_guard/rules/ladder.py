"""The ladder: a valid, tight one that is long gamma (domain.md sections 2 and 3)."""

from collections.abc import Sequence
from decimal import Decimal

from indicators.delta_neutral_hedge import effective_gamma as gamma_of
from indicators.delta_neutral_hedge import net_delta_after
from indicators.entry_matrix import band_factor
from orchestrator.risk_guard.case import PAIR_KINDS, Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Remark, amend, note, num, pct, refuse, rule
from orchestrator.risk_guard.tightening import Step, closes_as_early, looser_reversal
from traders.contract.decision import Band, Regime


def _scaled(bands: Sequence[Band], factor: Decimal) -> tuple[Band, ...]:
    return tuple(Band(move=band.move * factor, leg=band.leg, fraction=band.fraction) for band in bands)


def _text(bands: Sequence[Step]) -> str:
    return ", ".join(f"{pct(band.move)} -> {pct(band.fraction)}" for band in bands)


@rule(RuleCode.BANDS_TIGHTENED, "amend")
def bands_tightened(case: Case) -> Remark | None:
    """In sustained high volatility the ladder is at least as tight as `rebalance_bands` x `band_high_vol_factor`.

    A looser one has its moves multiplied by the factor. Since a permitted plan is no looser than the standing ladder,
    the result is tight enough, and a second review changes nothing.
    """
    bands, standing = case.plan.bands, case.limits.rebalance_bands
    if case.bench.regime is not Regime.HIGH_VOL_SUSTAINED or case.steps_wrong is not None:
        return None
    factor = band_factor(case.bench.regime, case.limits)
    if not closes_as_early(bands, standing):
        return None
    wanted = [Band(move=step.move * factor, leg="losing", fraction=step.fraction) for step in standing]
    if closes_as_early(bands, wanted):
        return None
    tighter = _scaled(bands, factor)
    plan = case.plan.model_copy(update={"bands": tighter})
    return amend(
        f"sustained high volatility: bands {_text(bands)} become {_text(tighter)}",
        [num(band.move) for band in bands],
        [num(band.move) for band in tighter],
        "of price",
        decision=case.decision.model_copy(update={"plan": plan}),
    )


@rule(RuleCode.BANDS_INVALID)
def bands_invalid(case: Case) -> Remark | None:
    """At least two bands, rising strictly; before the last they close the losing leg, the last closes both whole."""
    complaint = case.ladder_wrong
    if complaint is None:
        return None
    return refuse(
        complaint, [[num(band.move), band.leg, num(band.fraction)] for band in case.plan.bands], None, "bands"
    )


@rule(RuleCode.BANDS_LOOSE)
def bands_loose(case: Case) -> Remark | None:
    """At every move of the standing ladder `rebalance_bands` the plan has closed at least as much."""
    bands, standing = case.plan.bands, case.limits.rebalance_bands
    if case.steps_wrong is not None or closes_as_early(bands, standing):
        return None
    return refuse(
        f"the ladder {_text(bands)} is looser than the standing one, {_text(standing)}",
        [[num(band.move), num(band.fraction)] for band in bands],
        [[num(step.move), num(step.fraction)] for step in standing],
        "move, fraction",
    )


@rule(RuleCode.ENTRY_NET_DELTA, kinds=PAIR_KINDS)
def entry_net_delta(case: Case) -> Remark | None:
    """Net delta of the weights, and of the legs rounded to lots, is at most `entry_net_delta_max` of gross."""
    weights = [(leg.side, leg.weight) for leg in case.plan.legs]
    sized = [(sized.leg.side, sized.notional) for sized in case.legs or ()]
    worst = max(_share(weights), _share(sized))
    limit = case.limits.entry_net_delta_max
    if worst <= limit:
        return None
    return refuse(
        f"net delta at entry would be {pct(worst)} of gross, at most {pct(limit)}", num(worst), num(limit), "of gross"
    )


def _share(amounts: Sequence[tuple[str, Decimal]]) -> Decimal:
    """|longs - shorts| / gross; 0 of nothing."""
    gross = sum((abs(amount) for _, amount in amounts), Decimal(0))
    net = sum((amount if side == "long" else -amount for side, amount in amounts), Decimal(0))
    return abs(net) / gross if gross else Decimal(0)


@rule(RuleCode.NET_DELTA, kinds=PAIR_KINDS)
def net_delta(case: Case) -> Remark | None:
    """After each band net delta f / (2 - f) is at most `net_delta_max` of gross (f before the last <= 0.5185)."""
    if case.steps_wrong is not None:
        return None
    worst = max((abs(Decimal(share)) for share in net_delta_after(case.stages)), default=Decimal(0))
    limit = case.limits.net_delta_max
    if worst <= limit:
        return None
    return refuse(
        f"a band would leave net delta {pct(worst)} of gross, at most {pct(limit)}", num(worst), num(limit), "of gross"
    )


@rule(RuleCode.EFFECTIVE_GAMMA, kinds=("gamma",))
def effective_gamma(case: Case) -> Remark | None:
    """Effective gamma is above `effective_gamma_min`: a grid is short gamma, an instant re-hedge has none."""
    if case.steps_wrong is not None or not case.legs:
        return None
    sized = case.legs[0]
    gamma = gamma_of(case.stages, sized.notional, sized.entry, rehedge=case.plan.rehedge)
    limit = case.limits.effective_gamma_min
    if gamma > limit:
        return None
    return refuse(f"effective gamma is {gamma:.6g}, it must be above {limit}", num(gamma), num(limit), "1/price")


@rule(RuleCode.REVERSAL_RULE)
def reversal_rule(case: Case) -> Remark | None:
    """The plan's reversal rule is the constraint's or a tighter one (entry < opposite_band < none)."""
    mine, standing = case.plan.reversal_rule, case.limits.reversal_rule
    if not looser_reversal(mine, standing):
        return None
    return refuse(f"reversal rule {mine} is looser than {standing}", mine, standing, "rule")


@rule(RuleCode.REOPEN, "note")
def reopen(case: Case) -> Remark | None:
    """The plan may open a next ladder after a full close at the last band, under the conditions checked then."""
    if not case.plan.reopen:
        return None
    return note(
        "the cycle may re-open after a full close at the last band; its conditions are checked then",
        True,
        None,
        "switch",
    )
