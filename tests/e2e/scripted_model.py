"""A model server on loopback that speaks chat completions and says what the test wants."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

#: A request body to what is said: text, a whole answer, or an HTTP status.
Script = Callable[[dict[str, Any]], str | int | dict[str, Any]]


@dataclass
class ScriptedModel:
    """The server's address and what was asked of it."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {"OPENAI_BASE_URL": self.url, "OPENAI_API_KEY": "sk-test", "VOLGAMMA_MODEL": "scripted"}


@asynccontextmanager
async def scripted(say: Script) -> AsyncIterator[ScriptedModel]:
    """Serve `say`."""
    model = ScriptedModel("")

    async def complete(request: web.Request) -> web.Response:
        body = await request.json()
        model.requests.append(body)
        said = say(body)
        if isinstance(said, int):
            return web.json_response({"error": {"message": "out of order", "type": "server_error"}}, status=said)
        return web.json_response(said if isinstance(said, dict) else completion(said))

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    model.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield model
    finally:
        await runner.cleanup()


def completion(text: str | None, finish: str = "stop") -> dict[str, Any]:
    """A chat completion that says `text`."""
    message = {"role": "assistant", "content": text}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    }


def reply(body: dict[str, Any], **changes: Any) -> str:
    """A valid reply to a request: the schema's own bounds, evidence as the prompt shows it, then `changes`."""
    schema = body["response_format"]["json_schema"]["schema"]
    prompt = "\n".join(message["content"] for message in body["messages"])
    values = {name: _plain(spec) for name, spec in schema["properties"].items()}
    name = next(n for n in schema["properties"]["evidence"]["items"]["properties"]["reading"]["enum"] if "ratio" in n)
    values |= {"evidence": [{"reading": name, "value": shown(prompt, name)}], "invalidation": []}
    values |= {"reasoning": "scripted", "confidence_percent": 80}
    return json.dumps(values | {key: value for key, value in changes.items() if key in values})


def enter(body: dict[str, Any]) -> str:
    """Enters at 5x with 15 % margin where the schema allows it, holds otherwise."""
    actions = body["response_format"]["json_schema"]["schema"]["properties"]["action"]["enum"]
    action = "enter" if "enter" in actions else "hold"
    return reply(
        body, action=action, regime="low_vol_expanding", stop_bp=800, target_bp=1200, holding_hours=24, margin_bp=1500
    )


def shown(prompt: str, name: str) -> str:
    """The value of a reading as the prompt shows it."""
    found = re.search(re.escape(name) + r"[\s=:|]+(-?[0-9][0-9.]*)", prompt)
    assert found is not None, f"{name} is not shown"
    return found[1]


def _plain(spec: dict[str, Any]) -> Any:
    if "enum" in spec:
        return spec["enum"][0]
    if spec.get("type") == "integer":
        return spec["minimum"]
    return [] if spec.get("type") == "array" else ""
