"""Everything execution may report, one name each: events of a pair, and reasons a plan was not carried out.

None of the events counts as a trade: opening and half-closing are counted by the host when the pair is stored.
"""

from enum import StrEnum


class ExecutionEvent(StrEnum):
    """Events in the order they usually come."""

    ENTRY_STARTED = "entry_started"
    ORDER_SENT = "order_sent"
    ORDER_KNOWN = "order_known"
    ORDER_REFUSED = "order_refused"
    ORDER_ABSENT = "order_absent"
    OUTCOME_UNKNOWN = "outcome_unknown"
    OUTCOME_STILL_UNKNOWN = "outcome_still_unknown"
    LEG_INCOMPLETE = "leg_incomplete"
    LEGS_CUT = "legs_cut"
    UNWINDING = "unwinding"
    UNWOUND = "unwound"
    BRACKET_VERIFIED = "bracket_verified"
    BRACKET_IMPOSSIBLE = "bracket_impossible"
    BRACKET_CANCELLED = "bracket_cancelled"
    PAIR_PROTECTED = "pair_protected"
    CLOSE_STARTED = "close_started"
    LEG_GONE = "leg_gone"
    PAIR_REDUCED = "pair_reduced"
    PAIR_FLAT = "pair_flat"
    RECOVERED = "recovered"
    ORPHAN_CANCELLED = "orphan_cancelled"
    NOT_CARRIED_OUT = "not_carried_out"


class Difference(StrEnum):
    """How the venue's legs may differ from what is expected (`reconcile`)."""

    BOTH_GONE = "both_gone"
    LONG_GONE = "long_gone"
    SHORT_GONE = "short_gone"
    QUANTITY_LESS = "quantity_less"
    QUANTITY_MORE = "quantity_more"
    UNEXPECTED_POSITION = "unexpected_position"


class PreflightCode(StrEnum):
    """Why a plan is not sent at all."""

    PLAN_UNSUPPORTED = "plan_unsupported"
    PLAN_EXPIRED = "plan_expired"
    NOT_TRADING = "not_trading"
    CLOCK_SKEW = "clock_skew"
    POSITION_MODE = "position_mode"
    MARGIN_MODE = "margin_mode"
    LEVERAGE = "leverage"
    LEVERAGE_TIER = "leverage_tier"
    FOREIGN_POSITION = "foreign_position"
    FOREIGN_ORDER = "foreign_order"
    QUANTITY_STEP = "quantity_step"
    QUANTITY_MIN = "quantity_min"
    QUANTITY_MAX = "quantity_max"
    MARKET_QUANTITY = "market_quantity"
    NOTIONAL_MIN = "notional_min"
    HALF_TOO_SMALL = "half_too_small"
    PRICE_TICK = "price_tick"
    MARGIN = "margin"
    UNKNOWN_ORDERS = "unknown_orders"
    VENUE_SILENT = "venue_silent"
    PERMISSION = "permission"
    WITHDRAWAL = "withdrawal"
    ACCOUNT_KIND = "account_kind"
