"""Limits typed by a person: every usual spelling is taken, and what cannot be used is said in that person's words."""

import json

import pytest

from tests.store_cli import Volgamma

BANDS = [{"move": 0.01, "fraction": 0.5}, {"move": 0.03, "fraction": 1.0}]


@pytest.fixture
def volgamma(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Volgamma:
    return Volgamma(tmp_path, monkeypatch)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("leverage_max", "abc", "leverage_max: 'abc' is no integer (now 8, allowed 1 to 125)"),
        ("leverage_max", "7.5", "leverage_max: 7.5 is no integer (now 8, allowed 1 to 125)"),
        ("leverage_max", "200", "leverage_max: 200 is out of range (now 8, allowed 1 to 125)"),
        ("stop_loss_max", "8%", "stop_loss_max: '8%' is no number (now 0.08, allowed 0 to 1): write 0.08"),
        ("stop_loss_max", "0,06", "stop_loss_max: '0,06' is no number (now 0.08, allowed 0 to 1): write 0.06"),
        ("stop_loss_max", "6", "stop_loss_max: 6 is out of range (now 0.08, allowed 0 to 1): 6 % is 0.06"),
        ("slippage_max", "NaN", "slippage_max: NaN is no number (now 0.001, allowed above 0)"),
        ("maker_allowed", "maybe", "maker_allowed: 'maybe' is neither true nor false (now false"),
        ("reversal_rule", "both", "(now 'opposite_band', allowed opposite_band or entry or none)"),
        ("data_age_max_s.book", "soon", "data_age_max_s.book: 'soon' is no number (now 15.0, allowed above 0)"),
        ("data_age_max_s.bok", "5", "data_age_max_s has no part 'bok'"),
        ("allowed_timeframes", "2h", "allowed_timeframes.0: '2h' is not one of the words it may be"),
        ("rebalance_bands", "0.01", "write for example 0.01:0.5,0.03:1"),
        (
            "rebalance_bands",
            "0.01:50%,0.03:1",
            "rebalance_bands.0.fraction: '50%' is no number (now 0.5, allowed 0 to 1): write 0.5",
        ),
        ("rebalance_bands", "0.01", "(now 0.02:0.5,0.04:1, allowed at least 2 of"),
        ("forbidden_bases", " ", "forbidden_bases: ' ' is no list (now BTC,ETH,"),
        ("allowed_symbols", "[]", "allowed_symbols is empty"),
        ("allowed_symbols", "S*L", "allowed_symbols: write 'S*L' in full"),
        ("leverage_max", "4", "leverage_min 5 is above leverage_max 4"),
        ("plan_ttl_s", "1000", "plan_ttl_s 1000 is above monitoring_interval_s 900"),
        ("net_delta_max", "0.2", "rebalance_bands leave more net delta than net_delta_max 0.2"),
        ("reward_risk_min", "9", "take_profit_max 0.15 over stop_loss_min 0.02 does not reach reward_risk_min 9"),
        ("levrage_max", "4", "did you mean 'leverage_max'"),
    ],
)
def test_a_wrong_value_is_told_in_words(volgamma: Volgamma, key: str, value: str, said: str) -> None:
    done = volgamma("constraints", "set", key, value, "--why", "x", "--json")
    message = done.json["error"]["message"]
    assert (done.code, done.json["error"]["code"]) == (1, "constraints")
    assert said in message
    assert done.json["error"]["remedy"].startswith("nothing was changed")
    assert "Input should" not in message and "cannot be used" not in message and "trader 11" not in message
    assert volgamma("constraints", "show", "--json").json["version"] == 1


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("allowed_symbols", "SOL", ["SOL/USDT:USDT"]),
        ("allowed_symbols", "avaxusdt, SOL-USDT-SWAP", ["AVAX/USDT:USDT", "SOL/USDT:USDT"]),
        ("allowed_symbols", "AVAX/USDT:USDT SOL/USDT:USDT", ["AVAX/USDT:USDT", "SOL/USDT:USDT"]),
        ("allowed_symbols", '["SOL/USDT"]', ["SOL/USDT:USDT"]),
        ("allowed_timeframes", "1h,1d", ["1h", "1d"]),
        ("forbidden_bases", "btc ETH", ["BTC", "ETH"]),
        ("rebalance_bands", "0.01:0.5,0.03:1", BANDS),
        ("rebalance_bands", "(move 0.01, fraction 0.5) (move 0.03, fraction 1)", BANDS),
        ("rebalance_bands", json.dumps(BANDS), BANDS),
        (
            "data_age_max_s",
            "market 60, book 10, funding 3600, positioning 7200",
            {"market": 60, "book": 10, "funding": 3600, "positioning": 7200},
        ),
    ],
)
def test_every_usual_spelling_of_a_list_is_taken(volgamma: Volgamma, key: str, text: str, value: object) -> None:
    assert volgamma("constraints", "set", key, text, "--why", "x").code == 0
    assert volgamma("constraints", "show", key, "--json").json["value"] == value


@pytest.mark.parametrize("key", ["allowed_symbols", "forbidden_bases", "rebalance_bands", "data_age_max_s"])
def test_what_show_prints_may_be_typed(volgamma: Volgamma, key: str) -> None:
    from orchestrator.cli import text

    printed = text.value(volgamma("constraints", "show", key, "--json").json["value"])
    done = volgamma("constraints", "set", key, printed, "--why", "x")
    assert (done.code, done.out) == (0, "nothing changed: these are the values of version 1\n")


def test_an_empty_reason_asks_for_a_reason_alone(volgamma: Volgamma) -> None:
    done = volgamma("constraints", "set", "leverage_max", "7", "--why", " ")
    assert done.code == 2
    assert "--why" in done.err and "--who" not in done.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("simulate", "--data", "nowhere", "--set", "leverage_max=abc"), 1),
        (("simulate", "--data", "nowhere", "--sweep", "leverage_max=7,abc"), 2),
    ],
)
def test_a_question_with_a_wrong_limit_is_told_the_same(volgamma: Volgamma, words: tuple[str, ...], code: int) -> None:
    done = volgamma(*words, "--json")
    message = done.json["error"]["message"].removeprefix("--sweep ")
    assert (done.code, message) == (code, "leverage_max: 'abc' is no integer (now 8, allowed 1 to 125)")
