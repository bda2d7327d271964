"""What is taken out of a text before anybody sees it, and what is left in."""

import pytest

from orchestrator.observability.redaction import Redactor, secrets_in

ENVIRONMENT = {
    "OPENAI_API_KEY": "sk-planted-openai-key-1234567890",
    "VOLGAMMA_BINANCEUSDM_SECRET": "planted+binance/secret==",
    "SOME_TOKEN": "plantedtoken99",
    "VOLGAMMA_DATABASE_URL": "postgresql+psycopg://ann:planted-db-pw@db.example/volgamma",
    "OPENAI_BASE_URL": "http://user:planted-url-pw@127.0.0.1:9/v1",
    "VOLGAMMA_LLM_TOKENS_DAY": "2000000000",
    "PATH": "/usr/bin:/usr/local/bin",
    "A_KEY": "short",
}


def test_what_counts_as_a_secret() -> None:
    found = secrets_in(ENVIRONMENT, ["tgram://planted-alert"])
    assert set(found) == {
        "sk-planted-openai-key-1234567890",
        "planted+binance/secret==",
        "plantedtoken99",
        "planted-db-pw",
        "planted-url-pw",
        "tgram://planted-alert",
    }
    assert list(found) == sorted(found, key=len, reverse=True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot reach postgresql+psycopg://ann:other-pw@db/x", "cannot reach postgresql+psycopg://ann:***@db/x"),
        ("Incorrect API key provided: sk-unknownunknown12", "Incorrect API key provided: ***"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer ***"),
        ("X-MBX-APIKEY: abcdefghijklmnop", "X-MBX-APIKEY: ***"),
        ("signed with planted+binance/secret== today", "signed with *** today"),
        # and what is no secret stays
        ("http://127.0.0.1:8900/fapi/v1/order", "http://127.0.0.1:8900/fapi/v1/order"),
        ("decision 11-SOLUSDT-20250101T000000Z at 12:30:15", "decision 11-SOLUSDT-20250101T000000Z at 12:30:15"),
        ("2000000000 tokens a day", "2000000000 tokens a day"),
        ("the key 'leverage_max' is unknown", "the key 'leverage_max' is unknown"),
    ],
)
def test_texts(text: str, shown: str) -> None:
    assert Redactor.of(ENVIRONMENT).text(text) == shown


def test_documents_keep_their_shape() -> None:
    said = {"a": ["plantedtoken99", 3, None, True], "b": {"c": "x plantedtoken99 y"}, "d": ValueError("plantedtoken99")}
    shown = Redactor.of(ENVIRONMENT).value(said)
    assert shown == {"a": ["***", 3, None, True], "b": {"c": "x *** y"}, "d": "***"}
