"""The model client against a mocked transport: what goes out, what every kind of bad answer becomes."""

import asyncio
import contextlib
import json
from typing import Any

import httpx
import httpx2
import pytest
import respx

from orchestrator.model_call import OpenAIModel
from orchestrator.model_dialect import Dialect
from traders.contract.decision import AbstainReason
from traders.contract.model import Message, ModelFailed, ModelRequest

BASE = "https://models.example/v1"
URL = f"{BASE}/chat/completions"
KEY = "sk-secret-0123456789abcdef"
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["reasoning", "leverage"],
    "properties": {
        "reasoning": {"type": "string", "maxLength": 20},
        "leverage": {"type": "integer", "minimum": 5, "maximum": 8},
    },
}


class FakeClock:
    """Time that moves only by sleeping."""

    def __init__(self) -> None:
        self.ms = 1_740_000_000_000.0
        self.slept: list[float] = []

    def now_ms(self) -> int:
        return int(self.ms)

    def monotonic_ms(self) -> float:
        return self.ms

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ms += seconds * 1000


def request() -> ModelRequest:
    return ModelRequest(
        messages=(Message(role="system", content="be brief"), Message(role="user", content="now")),
        json_schema=SCHEMA,
        schema_name="thing",
        max_tokens=100,
        temperature=0,
        seed=7,
    )


def answer(text: str | None = '{"reasoning":"a","leverage":5}', **choice: Any) -> dict[str, Any]:
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "served-name",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}, **choice}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14},
    }


def model(clock: FakeClock, **changes: Any) -> OpenAIModel:
    values: dict[str, Any] = {
        "model": "m1",
        "base_url": BASE,
        "api_key": KEY,
        "clock": clock,
        "timeout_s": 30.0,
        "dialects": {},
    }
    return OpenAIModel(**(values | changes))


async def failure(subject: OpenAIModel) -> ModelFailed:
    with pytest.raises(ModelFailed) as caught:
        await subject.complete(request())
    await subject.aclose()
    assert KEY not in str(caught.value)
    return caught.value


async def test_a_request_and_its_answer(httpx2_mock: respx.Router) -> None:
    route = httpx2_mock.post(URL).respond(json=answer())
    subject = model(FakeClock(), prices=(0.4, 1.6))
    reply = await subject.complete(request())
    await subject.aclose()
    assert reply.text == '{"reasoning":"a","leverage":5}'
    assert (reply.finish_reason, reply.refusal, reply.model) == ("stop", None, "served-name")
    assert (reply.prompt_tokens, reply.completion_tokens) == (10, 4)
    sent = json.loads(route.calls[0].request.content)
    assert sent["temperature"] == 0 and sent["seed"] == 7 and sent["max_tokens"] == 100 and sent["model"] == "m1"
    assert sent["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "thing", "strict": True, "schema": SCHEMA},
    }
    assert subject.cost_usd(1_000_000, 500_000) == pytest.approx(1.2)


async def test_without_prices_there_is_no_cost() -> None:
    assert model(FakeClock()).cost_usd(5, 5) is None


async def test_an_unmocked_call_cannot_reach_the_network() -> None:
    """No mock at all: the network fixture stops it loudly, in our client and in plain httpx2."""
    subject = model(FakeClock())
    with pytest.raises(RuntimeError, match=r"a test tried to look up .*models\.example"):
        await subject.complete(request())
    await subject.aclose()
    with pytest.raises(RuntimeError, match="a test tried to"):
        async with httpx2.AsyncClient() as client:
            await client.get("https://models.example/")


async def test_an_unmocked_path_raises_under_the_mock(httpx2_mock: respx.Router) -> None:
    httpx2_mock.post(URL).respond(json=answer())
    subject = model(FakeClock())
    await subject.complete(request())
    with pytest.raises(AssertionError, match="not mocked"):
        await subject.models()
    await subject.aclose()


async def test_429_waits_as_long_as_it_says(httpx2_mock: respx.Router) -> None:
    route = httpx2_mock.post(URL)
    route.side_effect = [httpx.Response(429, headers={"retry-after": "3"}), httpx.Response(200, json=answer())]
    clock = FakeClock()
    subject = model(clock)
    assert (await subject.complete(request())).text
    await subject.aclose()
    assert clock.slept == [3.0] and route.call_count == 2


async def test_retry_after_may_be_a_date(httpx2_mock: respx.Router) -> None:
    clock = FakeClock()  # 2025-02-19T21:20:00Z
    date = {"retry-after": "Wed, 19 Feb 2025 21:20:07 GMT"}
    httpx2_mock.post(URL).side_effect = [httpx.Response(503, headers=date), httpx.Response(200, json=answer())]
    subject = model(clock)
    await subject.complete(request())
    await subject.aclose()
    assert clock.slept == [7.0]


async def test_a_wait_beyond_the_time_out_is_not_waited(httpx2_mock: respx.Router) -> None:
    route = httpx2_mock.post(URL).respond(429, headers={"retry-after": "120"}, json={"error": {"message": "slow down"}})
    clock = FakeClock()
    found = await failure(model(clock))
    assert found.reason is AbstainReason.MODEL_UNAVAILABLE and "slow down" in str(found)
    assert clock.slept == [] and route.call_count == 1


async def test_a_used_up_quota_is_not_asked_again(httpx2_mock: respx.Router) -> None:
    body = {"error": {"code": "insufficient_quota", "message": "pay"}}
    route = httpx2_mock.post(URL).respond(429, json=body)
    await failure(model(FakeClock()))
    assert route.call_count == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_server_errors_are_tried_four_times(httpx2_mock: respx.Router, status: int) -> None:
    route = httpx2_mock.post(URL).respond(status, text="<html>down</html>")
    clock = FakeClock()
    found = await failure(model(clock))
    assert found.reason is AbstainReason.MODEL_UNAVAILABLE and f"HTTP {status}" in str(found)
    assert route.call_count == 4 and clock.slept == [1.0, 2.0, 4.0]


async def test_a_lost_connection_is_tried_again(httpx2_mock: respx.Router) -> None:
    route = httpx2_mock.post(URL)
    route.side_effect = [httpx.ConnectError("no"), httpx.RemoteProtocolError("cut"), httpx.Response(200, json=answer())]
    subject = model(FakeClock())
    assert (await subject.complete(request())).finish_reason == "stop"
    await subject.aclose()


async def test_nobody_there(httpx2_mock: respx.Router) -> None:
    httpx2_mock.post(URL).mock(side_effect=httpx.ConnectError("refused"))
    found = await failure(model(FakeClock()))
    assert found.reason is AbstainReason.MODEL_UNAVAILABLE
    assert "https://models.example cannot be reached" in str(found)


async def test_a_read_time_out_is_a_time_out(httpx2_mock: respx.Router) -> None:
    httpx2_mock.post(URL).mock(side_effect=httpx.ReadTimeout("slow"))
    assert (await failure(model(FakeClock()))).reason is AbstainReason.MODEL_TIMEOUT


async def _serve(answering: Any) -> tuple[asyncio.Server, str]:
    server = await asyncio.start_server(answering, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


async def _end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_server_that_drips_is_cut_off_by_the_total_time_out() -> None:
    """Each byte resets a read time-out; the total one does not care."""

    ended = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n")
        while not reader.at_eof() and not writer.is_closing():
            writer.write(b" ")
            try:
                await asyncio.wait_for(reader.read(65536), 0.02)
            except TimeoutError:
                continue
            except ConnectionError:
                break
        await _end(writer)
        ended.set()

    server, base = await _serve(drip)
    async with server:
        found = await failure(model(FakeClock(), base_url=base, timeout_s=0.3))
        await asyncio.wait_for(ended.wait(), 60)
    assert found.reason is AbstainReason.MODEL_TIMEOUT and "VOLGAMMA_LLM_TIMEOUT_S" in str(found)


async def test_a_body_cut_short_is_unavailable() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{"choices":[')
        await writer.drain()
        await _end(writer)

    server, base = await _serve(cut)
    async with server:
        found = await failure(model(FakeClock(), base_url=base, timeout_s=5.0))
    assert found.reason is AbstainReason.MODEL_UNAVAILABLE


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_named_and_never_shown(httpx2_mock: respx.Router, status: int) -> None:
    route = httpx2_mock.post(URL).respond(status, json={"error": {"message": f"Incorrect API key provided: {KEY}"}})
    found = await failure(model(FakeClock()))
    assert "OPENAI_API_KEY" in str(found) and route.call_count == 1


async def test_a_key_repeated_by_the_server_is_cut_out(httpx2_mock: respx.Router) -> None:
    httpx2_mock.post(URL).respond(500, text=f"upstream said Authorization: Bearer {KEY} \x1b[2J and sk-other-key-123")
    found = str(await failure(model(FakeClock())))
    assert "[key]" in found and "sk-other" not in found and "\x1b" not in found


async def test_credentials_in_the_address_stay_out_of_messages(httpx2_mock: respx.Router) -> None:
    httpx2_mock.post(path="/v1/chat/completions").respond(404)
    found = str(await failure(model(FakeClock(), base_url="https://user:pa55@models.example/v1")))
    assert "pa55" not in found and "https://models.example" in found and "'m1'" in found


@pytest.mark.parametrize(
    "body",
    [
        "<html>Welcome</html>",
        "",
        "null",
        "[]",
        "{}",
        '{"choices": []}',
        '{"choices": [null]}',
        '{"choices": [{"message": null}]}',
        '{"choices": {"0": 1}}',
        '{"error": {"message": "overloaded"}}',
    ],
)
async def test_another_document_is_unavailable(httpx2_mock: respx.Router, body: str) -> None:
    httpx2_mock.post(URL).respond(200, text=body, headers={"content-type": "text/html"})
    found = await failure(model(FakeClock()))
    assert found.reason is AbstainReason.MODEL_UNAVAILABLE and "no chat completion" in str(found)


async def test_content_in_parts_is_not_guessed_at(httpx2_mock: respx.Router) -> None:
    httpx2_mock.post(URL).respond(json=answer(message={"role": "assistant", "content": [{"type": "text"}]}))
    assert (await failure(model(FakeClock()))).reason is AbstainReason.INVALID


async def test_refusal_cut_and_empty_arrive_as_they_are(httpx2_mock: respx.Router) -> None:
    refused = answer(message={"role": "assistant", "content": None, "refusal": "I cannot"})
    httpx2_mock.post(URL).side_effect = [
        httpx.Response(200, json=refused),
        httpx.Response(200, json=answer('{"reas', finish_reason="length")),
        httpx.Response(200, text=json.dumps(answer("bad \ud800 half"))),
    ]
    subject = model(FakeClock())
    first, second, third = [await subject.complete(request()) for _ in range(3)]
    await subject.aclose()
    assert (first.text, first.refusal) == ("", "I cannot")
    assert (second.text, second.finish_reason) == ('{"reas', "length")
    assert third.text == "bad � half"


async def test_missing_usage_is_missing_not_zero(httpx2_mock: respx.Router) -> None:
    httpx2_mock.post(URL).respond(json=answer() | {"usage": None})
    subject = model(FakeClock())
    reply = await subject.complete(request())
    await subject.aclose()
    assert reply.prompt_tokens is None and reply.completion_tokens is None


async def test_the_schema_steps_down_and_the_server_is_remembered(httpx2_mock: respx.Router) -> None:
    route = httpx2_mock.post(URL)
    no = httpx.Response(400, json={"error": {"message": "response_format json_schema is not supported"}})
    route.side_effect = [no, no, httpx.Response(200, json=answer()), httpx.Response(200, json=answer())]
    dialects: dict[tuple[str, str], Dialect] = {}
    subject = model(FakeClock(), dialects=dialects)
    await subject.complete(request())
    await subject.complete(request())
    await subject.aclose()
    sent = [json.loads(call.request.content) for call in route.calls]
    assert [item["response_format"]["type"] for item in sent] == [
        "json_schema",
        "json_schema",
        "json_object",
        "json_object",
    ]
    plain = sent[1]["response_format"]["json_schema"]["schema"]
    assert plain["properties"]["leverage"] == {"type": "integer"} and plain["required"] == SCHEMA["required"]
    assert json.dumps(SCHEMA, separators=(",", ":")) in sent[2]["messages"][0]["content"]
    assert dialects[(BASE, "m1")].schema == "in_prompt"


async def test_parameters_a_server_does_not_know_are_given_up_one_by_one(httpx2_mock: respx.Router) -> None:
    route = httpx2_mock.post(URL)
    route.side_effect = [
        httpx.Response(400, json={"error": {"message": "use 'max_completion_tokens' instead of 'max_tokens'"}}),
        httpx.Response(400, json={"error": {"message": "'temperature' does not support 0"}}),
        httpx.Response(422, json={"detail": "seed: extra inputs are not permitted"}),
        httpx.Response(200, json=answer()),
    ]
    subject = model(FakeClock())
    await subject.complete(request())
    await subject.aclose()
    sent = json.loads(route.calls[-1].request.content)
    assert sent["max_completion_tokens"] == 100
    assert not {"max_tokens", "temperature", "seed"} & set(sent)
    assert sent["response_format"]["type"] == "json_schema"


async def test_a_400_that_nothing_helps_ends_and_is_not_remembered(httpx2_mock: respx.Router) -> None:
    route = httpx2_mock.post(URL).respond(400, json={"error": {"message": "context length exceeded"}})
    dialects: dict[tuple[str, str], Dialect] = {}
    found = await failure(model(FakeClock(), dialects=dialects))
    assert "context length exceeded" in str(found) and route.call_count == 3 and dialects == {}


async def test_listing_models(httpx2_mock: respx.Router) -> None:
    httpx2_mock.get(f"{BASE}/models").respond(json={"object": "list", "data": [{"id": "a"}, {"id": "b"}]})
    subject = model(FakeClock())
    assert await subject.models() == ("a", "b")
    await subject.aclose()
