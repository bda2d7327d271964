"""Which paper account this is: the ledger of one must not take the trades of another, which counts from 1 as well.

The first account a database meets is "paper" in its ledger, the next "paper-2" and so on. Pairs that are open in one
are not looked for in another one that is known too.
"""

from typing import TYPE_CHECKING

from orchestrator.errors import HostError

if TYPE_CHECKING:
    from orchestrator.desk import Store

KNOWN = "paper_accounts"
PAPER = "paper"


async def identity(url: str) -> str | None:
    """What the exchange at `url` calls its account; None where it does not say, as a foreign server would not."""
    import aiohttp

    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(f"{url}/_control/account") as answer,
        ):
            document = await answer.json() if answer.status == 200 else {}
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None
    name = document.get("account") if isinstance(document, dict) else None
    return name if isinstance(name, str) and name else None


def ledger_name(store: "Store", account: str | None, at: int) -> str:
    """The account's name in the ledger. Raises HostError when open pairs are of another account that is known.

    An account that was never met before begins anew; what was open in the one before it went with it, or is still
    there: recovery says which pairs it misses.
    """
    if account is None:
        return PAPER
    stored = store.state.get(KNOWN)
    known: list[str] = [] if stored is None else list(stored.value["known"])
    last = None if stored is None else stored.value["last"]
    name = account if account in known else None
    if name is not None and last != account:
        pairs = store.pairs.open_pairs(PAPER)
        if pairs:
            raise HostError(
                "other_paper_account",
                f"this paper account is another one than that of the open pair(s) on "
                f"{', '.join(pair.symbol for pair in pairs)}, which stand in {_name(known, last)}",
                "use the exchange they were opened on (VOLGAMMA_PAPER_URL as it was then) until they are closed, or "
                "another VOLGAMMA_DATA_DIR for this one",
            )
    if name is None:
        known.append(account)
    if last != account:
        store.state.set(KNOWN, {"known": known, "last": account}, "volgamma", "a paper account is used", at)
    return _name(known, account)


def _name(known: list[str], account: str | None) -> str:
    place = known.index(account) + 1 if account in known else 1
    return PAPER if place == 1 else f"{PAPER}-{place}"
