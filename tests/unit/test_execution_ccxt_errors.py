"""Which of a venue's errors leave an order possibly alive: by code first, whatever class ccxt chose."""

from typing import Any

import pytest
from ccxt.base import errors as ccxt

from orchestrator.execution import ccxt_errors
from orchestrator.execution.venue import Duplicate, OutcomeUnknown, Rejected, Throttled, Transient


def error(cls: type[Exception], text: str, status: int | None = None) -> Exception:
    found = cls(text)
    if status is not None:
        found.http_status = status  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize(
    ("raised", "kind", "code"),
    [
        (
            error(ccxt.InvalidOrder, 'binanceusdm {"code":-4116,"msg":"ClientOrderId is duplicated."}'),
            Duplicate,
            "-4116",
        ),
        (error(ccxt.ExchangeError, 'binanceusdm {"code":-4116,"msg":"duplicated"}'), Duplicate, "-4116"),
        (
            error(ccxt.InvalidOrder, 'bybit {"retCode":110072,"retMsg":"OrderLinkedID is duplicate"}'),
            Duplicate,
            "110072",
        ),
        (
            error(ccxt.InvalidOrder, 'okx {"code":"1","data":[{"sCode":"51016","sMsg":"Duplicated"}]}'),
            Duplicate,
            "51016",
        ),
        (error(ccxt.DuplicateOrderId, "someone already placed it"), Duplicate, None),
        (
            error(ccxt.InvalidOrder, 'okx {"code":"1","data":[{"sCode":"51065","sMsg":"algoClOrdId exists"}]}'),
            Duplicate,
            "51065",
        ),
        (error(ccxt.ExchangeError, 'bitget {"code":"40786","msg":"Duplicate clientOid"}', 400), Duplicate, "40786"),
        (error(ccxt.ExchangeError, 'bitget {"code":"49999","msg":"clientOid duplicated"}', 400), Duplicate, "49999"),
        (error(ccxt.ExchangeError, "bitget <html>duplicate</html>", 502), OutcomeUnknown, None),
        (error(ccxt.ExchangeError, 'bitget {"code":"40010","msg":"Request timed out"}', 400), OutcomeUnknown, "40010"),
        (error(ccxt.InvalidNonce, 'bitget {"code":"40008","msg":"expired"}', 400), Rejected, "40008"),
        (error(ccxt.RateLimitExceeded, 'bybit {"retCode":10006,"retMsg":"Too many visits!"}', 200), Throttled, "10006"),
        (error(ccxt.RateLimitExceeded, 'okx {"code":"50011","msg":"Too Many Requests"}', 429), Throttled, "50011"),
        (
            error(ccxt.InvalidOrder, 'bybit {"retCode":110017,"retMsg":"reduce-only rule not satisfied"}'),
            Rejected,
            "110017",
        ),
        (
            error(ccxt.ExchangeError, 'bybit {"retCode":10016,"retMsg":"Internal server error"}'),
            OutcomeUnknown,
            "10016",
        ),
        (error(ccxt.ExchangeError, 'bybit {"retCode":10000,"retMsg":"Server Timeout"}'), OutcomeUnknown, "10000"),
        (error(ccxt.InvalidOrder, 'okx {"code":"1","data":[{"sCode":"51149"}]}'), OutcomeUnknown, "51149"),
        (error(ccxt.ExchangeError, 'binanceusdm {"code":-1007,"msg":"status unknown"}', 400), OutcomeUnknown, "-1007"),
        (error(ccxt.ExchangeError, "binanceusdm <html>"), OutcomeUnknown, None),
        (error(ccxt.RequestTimeout, "binanceusdm POST"), OutcomeUnknown, None),
        (error(ccxt.ExchangeNotAvailable, "binanceusdm 502"), OutcomeUnknown, None),
        (error(ccxt.BadResponse, "binanceusdm cannot parse"), OutcomeUnknown, None),
        (error(ConnectionResetError, "reset by peer"), OutcomeUnknown, None),
        (error(ValueError, "surprise"), OutcomeUnknown, None),
        (
            error(ccxt.InsufficientFunds, 'binanceusdm {"code":-2019,"msg":"Margin is insufficient."}', 400),
            Rejected,
            "-2019",
        ),
        (error(ccxt.AuthenticationError, "binanceusdm requires `apiKey` credential"), Rejected, None),
        (error(ccxt.InvalidNonce, 'binanceusdm {"code":-1021,"msg":"ahead"}', 400), Rejected, "-1021"),
        (error(ccxt.RateLimitExceeded, 'binanceusdm {"code":-1003,"msg":"many"}', 429), Throttled, "-1003"),
        (error(ccxt.DDoSProtection, 'binanceusdm 429 {"code":-1000,"msg":"x"}', 429), Throttled, "-1000"),
    ],
)
def test_of_a_request_that_may_have_changed_something(raised: Exception, kind: Any, code: str | None) -> None:
    found = ccxt_errors.of_write(raised)
    assert (type(found), found.code) == (kind, code)


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (error(ccxt.RequestTimeout, "binanceusdm GET"), Transient),
        (error(ccxt.ExchangeError, 'binanceusdm {"code":-1000,"msg":"unknown"}', 400), Transient),
        (error(ccxt.ExchangeError, 'binanceusdm {"code":-4000,"msg":"x"}', 500), Transient),
        (error(ccxt.ExchangeError, "binanceusdm <html>"), Transient),
        (error(ccxt.RateLimitExceeded, 'binanceusdm {"code":-1003}', 429), Transient),
        (error(ccxt.OrderNotFound, 'binanceusdm {"code":-2013,"msg":"Order does not exist."}', 400), Rejected),
        (error(ccxt.AuthenticationError, 'binanceusdm {"code":-2014,"msg":"API-key"}', 401), Rejected),
    ],
)
def test_of_a_read(raised: Exception, kind: Any) -> None:
    assert type(ccxt_errors.of_read(raised)) is kind
