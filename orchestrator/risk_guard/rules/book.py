"""The fresh prices: is the book sound and deep, what would the orders cost, has the market moved on."""

from decimal import Decimal

from data_fetchers.symbols import prefix_of
from orchestrator.risk_guard.case import Case
from orchestrator.risk_guard.codes import RuleCode
from orchestrator.risk_guard.rule import Remark, money, num, pct, refuse, rule, unavailable


@rule(RuleCode.BOOK_INVALID)
def book_invalid(case: Case) -> Remark | None:
    """Prices are above 0, both sides of the book are there, sorted and not crossed, and mid lies between them."""
    for market in case.markets or ():
        if market.complaint is not None:
            return refuse(f"{market.quote.symbol}: {market.complaint}", None, None, "book")
    return None


@rule(RuleCode.DEPTH)
def depth(case: Case) -> Remark | None:
    """Both sides within 1 % of mid hold `depth_min` or more on the thinnest leg; a book that ends sooner is unknown."""
    limit = case.limits.depth_min
    if case.sound_markets is None:
        return None
    if case.depth is None:
        return unavailable("the depth within 1 % of mid (the book ends sooner)", money(limit), "USDT")
    if case.depth >= limit:
        return None
    return refuse(
        f"{case.depth:.0f} USDT within 1 % of mid, at least {limit:.0f}", money(case.depth), money(limit), "USDT"
    )


@rule(RuleCode.SLIPPAGE)
def slippage(case: Case) -> Remark | None:
    """Walking the book at the permitted quantity, each leg's average fill is within `slippage_max` of mid."""
    limit = case.limits.slippage_max
    for sized, share in zip(case.legs or (), case.slippages or (), strict=True):
        if share is None:
            return unavailable(
                f"a fill of {money(sized.quantity)} {sized.leg.symbol} (the book is too shallow)", num(limit), "of mid"
            )
        if share > limit:
            return refuse(
                f"the {sized.leg.side} leg would fill {pct(share)} from mid, at most {pct(limit)}",
                num(share),
                num(limit),
                "of mid",
            )
    return None


@rule(RuleCode.PRICE_BAND)
def price_band(case: Case) -> Remark | None:
    """Each leg's limit price lies inside the venue's price band around mark (multipliers), where it publishes one."""
    for sized in case.legs or ():
        quote = sized.market.quote
        price = sized.limit_price
        up, down = quote.contract.price_band_up, quote.contract.price_band_down
        if up is not None and price > quote.mark * up:
            return refuse(
                f"the limit price {money(price)} is above the venue's band",
                money(price),
                money(quote.mark * up),
                "price",
            )
        if down is not None and price < quote.mark * down:
            return refuse(
                f"the limit price {money(price)} is below the venue's band",
                money(price),
                money(quote.mark * down),
                "price",
            )
    return None


@rule(RuleCode.MARKET_TAKE_BOUND)
def market_take_bound(case: Case) -> Remark | None:
    """Each leg's limit price is within the venue's bound on what a market order may take, where it publishes one."""
    for sized in case.legs or ():
        quote = sized.market.quote
        bound = quote.contract.market_take_bound
        away = abs(sized.limit_price / quote.mark - 1)
        if bound is not None and away > bound:
            return refuse(
                f"the limit price is {pct(away)} from mark, the venue takes {pct(bound)}",
                num(away),
                num(bound),
                "of mark",
            )
    return None


@rule(RuleCode.TRIGGER_PROTECT)
def trigger_protect(case: Case) -> Remark | None:
    """Last and mark differ by less than the venue's trigger protection, else the bracket would not fire."""
    for market in case.sound_markets or ():
        quote, bound = market.quote, market.quote.contract.trigger_protect
        away = abs(quote.last / quote.mark - 1)
        if bound is not None and away >= bound:
            return refuse(
                f"last is {pct(away)} from mark; conditional orders are protected at {pct(bound)}",
                num(away),
                num(bound),
                "of mark",
            )
    return None


@rule(RuleCode.BASIS)
def basis(case: Case) -> Remark | None:
    """Mark is within `basis_max` of the index."""
    limit = case.limits.basis_max
    for market in case.sound_markets or ():
        index = market.quote.index
        if index is not None and index > 0:
            share = market.quote.mark / index - 1
        else:
            shown = case.bench.reading(f"{prefix_of(market.quote.symbol)}.price.basis")
            if shown is None:
                return unavailable(f"the index price of {market.quote.symbol}", num(limit), "of index")
            share = shown
        if abs(share) > limit:
            return refuse(
                f"mark is {pct(share)} from the index, at most {pct(limit)}", num(share), num(limit), "of index"
            )
    return None


@rule(RuleCode.MARK_LAST_DIVERGENCE)
def mark_last_divergence(case: Case) -> Remark | None:
    """Last and mark differ by at most `mark_last_divergence_max`: bands follow one, the bracket the other."""
    limit = case.limits.mark_last_divergence_max
    for market in case.sound_markets or ():
        share = market.quote.last / market.quote.mark - 1
        if abs(share) > limit:
            return refuse(f"last is {pct(share)} from mark, at most {pct(limit)}", num(share), num(limit), "of mark")
    return None


@rule(RuleCode.PRICE_MOVED)
def price_moved(case: Case) -> Remark | None:
    """Mid has moved at most `requote_move_max` from the prices the policy saw."""
    limit = case.limits.requote_move_max
    for market in case.sound_markets or ():
        prefix = prefix_of(market.quote.symbol)
        shown = [case.bench.reading(f"{prefix}.{name}") for name in ("book.mid", "price.last")]
        seen = [price for price in shown if price is not None]
        if not seen:
            return unavailable(f"the price of {market.quote.symbol} the policy saw", num(limit), "of price")
        moved: Decimal = max((market.quote.mid / price - 1 for price in seen), key=abs)
        if abs(moved) > limit:
            return refuse(
                f"the price moved {pct(moved)} since the context, at most {pct(limit)}",
                num(moved),
                num(limit),
                "of price",
            )
    return None
