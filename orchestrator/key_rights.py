"""What a venue says a key may do. Parsing is pure, by each venue's documentation; None where it does not say.

Sources: Binance `GET /sapi/v1/account/apiRestrictions`, Bybit `GET /v5/user/query-api`, OKX
`GET /api/v5/account/config`, Bitget `GET /api/v2/spot/account/info`; the paper exchange says it in
`GET /fapi/v2/account`. Unverified against the venues: the shapes are those of their documentation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.finding import Finding


@dataclass(frozen=True)
class Rights:
    """True, False, or None for unknown. `bound`: to addresses of the owner's."""

    trade: bool | None = None
    withdraw: bool | None = None
    transfer: bool | None = None
    bound: bool | None = None


async def read_rights(exchange: Any, name: str) -> Rights:
    """Ask a loaded ccxt client with keys. Raises ccxt's errors; KeyError, TypeError for an answer of another shape."""
    match name:
        case "paper":
            return rights_of(name, await exchange.fapiPrivateV2GetAccount())
        case "binanceusdm":
            return rights_of(name, await exchange.sapiGetAccountApiRestrictions())
        case "bybit":
            return rights_of(name, await exchange.privateGetV5UserQueryApi())
        case "okx":
            return rights_of(name, await exchange.privateGetAccountConfig())
        case "bitget":
            return rights_of(name, await exchange.privateSpotGetV2SpotAccountInfo())
        case _:
            return Rights()


def rights_of(name: str, raw: Mapping[str, Any]) -> Rights:
    """From a venue's answer. Raises KeyError, TypeError when it has another shape: never a guess."""
    match name:
        case "paper":
            return Rights(_flag(raw["canTrade"]), _flag(raw["canWithdraw"]), False, None)
        case "binanceusdm":
            transfers = ("enableInternalTransfer", "permitsUniversalTransfer")
            return Rights(
                _flag(raw["enableFutures"]),
                _flag(raw["enableWithdrawals"]),
                any(_flag(raw.get(key, False)) for key in transfers),
                _flag(raw["ipRestrict"]),
            )
        case "bybit":
            result = raw["result"]
            rights = result["permissions"]
            wallet = rights.get("Wallet") or []
            trade = str(result["readOnly"]) == "0" and {"Order", "Position"} <= set(rights.get("ContractTrade") or [])
            moves = any("Transfer" in right for right in wallet)
            return Rights(trade, "Withdraw" in wallet, moves, _listed(result["ips"]))
        case "okx":
            config = raw["data"][0]
            held = {part.strip() for part in str(config["perm"]).split(",")}
            return Rights(
                "trade" in held, "withdraw" in held, "withdraw" in held, _listed(str(config["ip"]).split(","))
            )
        case "bitget":
            data = raw["data"]
            held = {str(part) for part in data["authorities"]}
            # coow, cpow: futures orders and holdings, read-write; wwow: withdrawal; wtow: transfer
            return Rights(
                {"coow", "cpow"} <= held, "wwow" in held, "wtow" in held, _listed(str(data["ips"]).split(","))
            )
        case _:
            return Rights()


def judged(name: str, rights: Rights) -> Iterator[Finding]:
    """What a person should know of them."""
    who = f"key of {name}"
    guide = "make a key of its own for volgamma: docs/keys.md"
    if rights.withdraw:
        yield Finding("key rights", "fail", f"the {who} may WITHDRAW: whoever steals it takes the money", guide)
    elif rights.withdraw is None:
        yield Finding("key rights", "warn", f"{who}: {name} does not tell whether it may withdraw", "look by hand")
    if rights.transfer:
        yield Finding("key rights", "warn", f"the {who} may transfer to other accounts", guide)
    if rights.trade is False:
        yield Finding("key rights", "warn", f"the {who} may not trade futures: it can only read", guide)
    if rights.bound is False:
        yield Finding("key rights", "warn", f"the {who} works from any address", "bind it to this machine's address")
    if rights.withdraw is False:
        yield Finding("key rights", "ok", f"the {who} may not withdraw" + ("; it may trade" if rights.trade else ""))


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise TypeError(f"{value!r} is neither true nor false")


def _listed(addresses: Any) -> bool:
    """Whether a list of addresses binds anything: none, and `*`, is everywhere."""
    found = [str(one).strip() for one in addresses]
    return any(one and one != "*" for one in found) and "*" not in found
