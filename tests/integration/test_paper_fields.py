"""Field for field: what the paper exchange answers against documented responses of the venue it speaks for."""

import gzip
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.market_files import data_folder
from tests.paper_client import Client, client

pytestmark = pytest.mark.data

#: endpoint: (recorded file, query, fields left out on purpose). Trailing stops (activatePrice, priceRate) are not here;
#: ids and times that the documentation quotes as text are numbers here, as real responses have them.
CASES: dict[str, tuple[str, dict[str, str], set[str]]] = {
    "GET /fapi/v1/order": ("Trading/GetOrder", {"orderId": "ORDER"}, {"activatePrice", "priceRate"}),
    "GET /fapi/v1/openOrders": ("Trading/GetOpenOrders", {}, {"activatePrice", "priceRate"}),
    "GET /fapi/v1/allOrders": ("Trading/GetOrders", {}, {"activatePrice", "priceRate"}),
    "GET /fapi/v1/forceOrders": ("Trading/GetForcedOrders", {}, set()),
    "GET /fapi/v1/userTrades": ("Trading/GetUserTrades", {}, set()),
    "GET /fapi/v3/positionRisk": ("Trading/GetPositions", {}, set()),
    "GET /fapi/v2/positionRisk": ("Account/GetPositionInformation", {}, set()),
    "GET /fapi/v1/openAlgoOrders": ("Trading/GetOpenConditionalOrders", {}, set()),
    "GET /fapi/v1/algoOrder": ("Trading/GetConditionalOrder", {"algoId": "ALGO"}, set()),
    "GET /fapi/v2/account": ("Account/GetAccountInfo", {}, {"tradeGroupId", "multiAssetsMargin"}),
    "GET /fapi/v3/account": ("Account/GetAccountInfoV3", {}, set()),
    "GET /fapi/v3/balance": ("Account/GetBalances", {}, set()),
    "GET /fapi/v1/income": ("Account/GetIncomeHistory", {}, {"tranId", "tradeId"}),
    "GET /fapi/v1/leverageBracket": ("Account/GetBrackets", {}, set()),
    "GET /fapi/v1/symbolConfig": ("Account/GetSymbolConfiguration", {}, set()),
    "GET /fapi/v1/accountConfig": ("Account/GetAccountConfiguration", {}, set()),
    "GET /fapi/v1/commissionRate": ("Account/GetUserCommissionRate", {}, {"rpiCommissionRate"}),
    "GET /fapi/v1/premiumIndex": ("ExchangeData/GetMarkPrice", {}, set()),
    "GET /fapi/v1/ticker/24hr": ("ExchangeData/GetTicker", {}, {"prevClosePrice"}),
    "GET /fapi/v1/ticker/bookTicker": ("ExchangeData/GetBookPrice", {}, {"lastUpdateId"}),
    "GET /fapi/v1/depth": ("ExchangeData/GetOrderBook", {"limit": "5"}, set()),
    "GET /fapi/v1/fundingRate": ("ExchangeData/GetFundingRates", {}, set()),
    "GET /fapi/v1/fundingInfo": ("ExchangeData/GetFundingInfo", {}, set()),
    "GET /fapi/v1/openInterest": ("ExchangeData/GetOpenInterest", {}, set()),
    "GET /futures/data/openInterestHist": ("ExchangeData/GetOpenInterestHistory", {"period": "5m"}, {"timestamp"}),
    "GET /futures/data/globalLongShortAccountRatio": (
        "ExchangeData/GetGlobalLongShortAccountRatio",
        {"period": "5m"},
        {"timestamp"},
    ),
    "GET /fapi/v1/klines": ("ExchangeData/GetKlines", {"interval": "1h"}, set()),
}


def documented(name: str) -> Any:
    path = data_folder() / "recorded_responses" / "jkorf_binance_usdm_endpoints.json.gz"
    with gzip.open(path, "rt") as handle:
        (found,) = [r for r in json.load(handle) if r["file"].endswith(f"Endpoints/UsdFutures/{name}.txt")]
    response = found["response"]
    return json.loads(response) if isinstance(response, str) else response


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return {int: "number", float: "number", str: "text", list: "list", dict: "object"}.get(type(value), "null")


def differences(theirs: Any, ours: Any, at: str = "") -> list[str]:
    """What the documented response has and ours has not, or has as another JSON type; lists by their first row."""
    if kind(theirs) == "null":
        return []
    if kind(theirs) != kind(ours):
        return [f"{at}: {kind(theirs)} documented, {kind(ours)} here"]
    if isinstance(theirs, list):
        if not theirs:
            return []
        return differences(theirs[0], ours[0], f"{at}[]") if ours else [f"{at}: empty"]
    if isinstance(theirs, dict):
        found = []
        for name, value in theirs.items():
            found += differences(value, ours[name], f"{at}.{name}") if name in ours else [f"{at}.{name}: missing"]
        return found
    return []


async def busy(paper: Client) -> dict[str, str]:
    """An account with one of everything."""
    await paper.hedge()
    await paper.open_pair()
    await paper.control("adl", {"symbol": "SOLUSDT", "side": "long", "quantity": "1"})
    resting = await paper.order("buy", "LONG", 10, "limit", 185.00)
    algo = await paper.conditional("sell", "LONG", "STOP_MARKET", 170)
    return {"ORDER": resting["id"], "ALGO": algo["id"]}


async def test_every_documented_field_is_there_with_its_type() -> None:
    complaints = {}
    async with client() as paper:
        ids = await busy(paper)
        for endpoint, (name, query, left_out) in CASES.items():
            _, path = endpoint.split()
            asked = {"symbol": "SOLUSDT", "period": "5m"}
            asked |= {key: str(ids.get(value, value)) for key, value in query.items()}
            text = urlencode({**asked, "timestamp": paper.engine.now})
            signature = hmac.new(b"secret", text.encode(), hashlib.sha256).hexdigest()
            target = f"{paper.running.url}{path}?{text}&signature={signature}"
            headers = {"X-MBX-APIKEY": "key"}
            async with paper.session.get(target, headers=headers) as answer:
                ours = await answer.json()
                assert answer.status == 200, (endpoint, ours)
            theirs = documented(name)
            if isinstance(theirs, list) and isinstance(ours, dict):
                theirs = theirs[0]
            elif isinstance(theirs, dict) and isinstance(ours, list):
                theirs = [theirs]
            found = [text for text in differences(theirs, ours) if text.split(":")[0].split(".")[-1] not in left_out]
            if found:
                complaints[endpoint] = found
    assert complaints == {}, json.dumps(complaints, indent=1)
