"""What a key may do, as each venue's documentation says it answers; anything else is an error, never a guess."""

from typing import Any

import pytest

from orchestrator.key_rights import Rights, judged, rights_of

BINANCE = {
    "ipRestrict": False,
    "createTime": 1698645219000,
    "enableReading": True,
    "enableSpotAndMarginTrading": False,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "enableMargin": False,
    "enableFutures": True,
    "permitsUniversalTransfer": False,
    "enableVanillaOptions": False,
}
BYBIT_RIGHTS = {"ContractTrade": ["Order", "Position"], "Spot": [], "Wallet": [], "Derivatives": []}
BYBIT = {"retCode": 0, "result": {"readOnly": 0, "permissions": BYBIT_RIGHTS, "ips": ["203.0.113.7"]}}
OKX = {"code": "0", "data": [{"perm": "read_only,trade", "ip": "", "posMode": "long_short_mode"}]}
BITGET = {"code": "00000", "data": {"userId": "1", "ips": "127.0.0.1", "authorities": ["coor", "coow", "cpow"]}}


@pytest.mark.parametrize(
    ("name", "raw", "rights"),
    [
        ("paper", {"canTrade": True, "canWithdraw": False}, Rights(True, False, False, None)),
        ("binanceusdm", BINANCE, Rights(True, False, False, False)),
        ("binanceusdm", BINANCE | {"enableWithdrawals": True, "ipRestrict": True}, Rights(True, True, False, True)),
        ("binanceusdm", BINANCE | {"permitsUniversalTransfer": True}, Rights(True, False, True, False)),
        ("bybit", BYBIT, Rights(True, False, False, True)),
        ("okx", OKX, Rights(True, False, False, False)),
        ("okx", {"data": [{"perm": "read_only,withdraw", "ip": "203.0.113.7"}]}, Rights(False, True, True, True)),
        ("bitget", BITGET, Rights(True, False, False, True)),
        ("bitget", {"data": {"ips": "", "authorities": ["coor", "wwow"]}}, Rights(False, True, False, False)),
    ],
)
def test_what_venues_say(name: str, raw: dict[str, Any], rights: Rights) -> None:
    assert rights_of(name, raw) == rights


def test_bybit_says_it_in_many_words() -> None:
    wide = {"ContractTrade": ["Order"], "Wallet": ["AccountTransfer", "Withdraw"]}
    assert rights_of("bybit", {"result": {"readOnly": "0", "permissions": wide, "ips": ["*"]}}) == Rights(
        False, True, True, False
    )
    read = {"readOnly": 1, "permissions": BYBIT_RIGHTS, "ips": []}
    assert rights_of("bybit", {"result": read}) == Rights(False, False, False, False)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("binanceusdm", {"code": -2015, "msg": "Invalid API-key"}),
        ("binanceusdm", BINANCE | {"enableWithdrawals": "perhaps"}),
        ("bybit", {"retCode": 10003, "result": {}}),
        ("okx", {"code": "50111", "data": []}),
        ("bitget", {"code": "40006", "data": None}),
    ],
)
def test_another_shape_is_no_permission(name: str, raw: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, IndexError)):
        rights_of(name, raw)


def test_a_key_that_may_withdraw_fails_and_what_is_unknown_warns() -> None:
    (worst, *_) = judged("bybit", Rights(True, True, True, False))
    assert (worst.status, "WITHDRAW" in worst.detail) == ("fail", True)
    assert [one.status for one in judged("bybit", Rights(True, True, True, False))] == ["fail", "warn", "warn"]
    assert [one.status for one in judged("bybit", Rights())] == ["warn"]
    assert [one.status for one in judged("bybit", Rights(True, False, False, True))] == ["ok"]
    assert all(one.remedy for one in judged("bybit", Rights(False, True, True, False)))
