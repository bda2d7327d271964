"""Who trader #11 is. Its limits are not here: they are in the database, which outranks the profile."""

from traders.contract.trader import CONTRACT_VERSION, TraderDescriptor

TRADER_ID = 11
NAME = "VolatilityGamma"
CREATED = "2025-02-02"
KEYWORDS = ("price_action", "funding_rate", "orderbook", "open_interest", "liquidation", "volatility")
SYMBOLS = ("SOL/USDT:USDT", "AVAX/USDT:USDT")
TIMEFRAMES = ("1h", "4h", "1d")
DIVERSITY_TAGS = (
    "volatility_trading",
    "delta_neutral",
    "gamma_scalping",
    "systematic_arbitrage",
    "options_strategy_in_futures",
    "regime_based",
    "high_frequency_rebalancing",
)

DESCRIPTOR = TraderDescriptor(
    contract_version=CONTRACT_VERSION,
    trader_id=TRADER_ID,
    name=NAME,
    summary=(
        "Delta-neutral volatility trader on SOL and AVAX perpetuals: opens a long and a short, closes the losing leg "
        "in bands as price moves, stands aside when conditions do not hold"
    ),
    symbols=SYMBOLS,
    timeframes=TIMEFRAMES,
    strategy_keywords=KEYWORDS,
    monitoring_interval_s=900,
    metadata={
        "title": "Volatility Gamma Scalper",
        "created": CREATED,
        "style": "Volatility Arbitrage / Gamma Scalping via Perpetual Futures",
        "background": "former options market maker, now on crypto perpetual futures",
        "experience_level": "Expert",
        "personality": "analytical, systematic, emotionally detached",
        "risk_tolerance": "Very Aggressive",
        "directional_bias": "Direction_neutral",
        "holding_period": "hours to days (typically 6-48 hours)",
        "diversity_score": "0.15",
        "diversity_tags": ", ".join(DIVERSITY_TAGS),
        "similar_traders": "None",
        "trader_type": "Volatility Specialist",
        "innovation_level": "High",
    },
)
