"""What the account looks like right now: portfolio, switches, budgets. The venue is the truth for amounts."""

from datetime import UTC, datetime
from decimal import Decimal

from orchestrator import blackout, kill_switch
from orchestrator.desk import Desk
from orchestrator.equity_watch import note_equity
from orchestrator.errors import HostError
from orchestrator.execution.venue import VenueError
from orchestrator.pair_book import load_state
from orchestrator.pair_money import pair_rows
from orchestrator.portfolio import build_portfolio, pair_state
from traders.contract.constraints import ConstraintSet
from traders.contract.portfolio import Portfolio
from traders.contract.quote import Switches

DAY_MS = 86_400_000


async def read_portfolio(desk: Desk) -> Portfolio:
    """Balance and positions from the venue, pairs from the database. Raises HostError when the venue does not say."""
    store = desk.store
    try:
        now = await desk.venue.server_time()
        balance = await desk.venue.balance()
        pairs = store.pairs.open_pairs(desk.exchange_name)
        current = []
        for pair in pairs:
            symbols = list(dict.fromkeys(leg.symbol for leg in pair.legs))
            fees = await desk.venue.fees(pair.symbol)
            fills, income = await pair_rows(desk, pair)
            positions = await desk.venue.positions(symbols)
            state = load_state(desk, pair.pair_id)
            carried = Decimal(0) if state is None else state.carried
            current.append(pair_state(pair, positions, fills, income, fees.taker, carried))
    except VenueError as error:
        raise HostError(
            "account_unknown",
            f"the account on {desk.exchange_name} cannot be read: {error}",
            "try again; nothing was sent",
        ) from error
    high, day_start = note_equity(desk, balance.equity, now)
    return build_portfolio(
        balance,
        current,
        equity_high=high,
        day_start_equity=day_start,
        trades_24h=store.pairs.trades_since(now - DAY_MS, desk.exchange_name),
    )


def budgets_left(desk: Desk, constraints: ConstraintSet, now: int) -> tuple[int, Decimal]:
    """Model tokens and USD left of this UTC day."""
    used, cost = desk.store.journal.model_usage_since(constraints.trader_id, now - now % DAY_MS)
    limits = constraints.limits
    return limits.llm_tokens_day - used, limits.llm_cost_day - Decimal(str(cost))


def month_cost(desk: Desk, constraints: ConstraintSet, now: int) -> float:
    """USD that models have cost since the first of this UTC month."""
    first = datetime.fromtimestamp(now / 1000, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return desk.store.journal.model_usage_since(constraints.trader_id, int(first.timestamp() * 1000))[1]


async def read_switches(desk: Desk, constraints: ConstraintSet) -> Switches:
    """Kill switch, latches, unknown orders and budgets as they are now; whatever cannot be read counts as thrown."""
    store, exchange = desk.store, desk.exchange_name
    now = await desk.venue.server_time()
    tokens, cost = budgets_left(desk, constraints, now)
    return Switches(
        kill=kill_switch.read(store.database, desk.settings.data_dir).killed,
        drawdown_latched=store.state.drawdown_latched(exchange, constraints.trader_id),
        unknown_orders=len(store.orders.blocking()),
        unprotected_pairs=sum(1 for pair in store.pairs.open_pairs(exchange) if not pair.protected),
        blackout=blackout.running(desk.settings.data_dir, now),
        llm_tokens_left=max(0, tokens),
        llm_cost_left=max(Decimal(0), cost),
    )
