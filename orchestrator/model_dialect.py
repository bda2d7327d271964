"""What an OpenAI-compatible server accepts: servers differ in schema support and in the names of parameters.

A request starts in the strictest form. When the server answers 400 or 422, `simpler` gives the next form to try, so
that the sequence always ends. The reply is validated against the full schema whatever the server enforced.
"""

import json
from dataclasses import dataclass, replace
from typing import Any, Literal

from traders.contract.model import Message, ModelRequest

#: Outside the subset that every schema-enforcing server knows.
_LENGTHS_AND_BOUNDS = ("maxLength", "pattern", "minimum", "maximum", "minItems", "maxItems")


@dataclass(frozen=True)
class Dialect:
    """One form of the request."""

    schema: Literal["bounded", "plain", "in_prompt"] = "bounded"
    tokens_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    seed: bool = True
    tools: bool = True
    effort: bool = True

    def simpler(self, complaint: str, *, tools_offered: bool = False) -> "Dialect | None":
        """The form to try after the server's `complaint`, or None when there is nothing left to give up.

        Tools go before the schema: an answer is worth more with a schema than with a preview.
        """
        text = complaint.lower()
        if self.tokens_key == "max_tokens" and "max_completion_tokens" in text:
            return replace(self, tokens_key="max_completion_tokens")
        if self.temperature and "temperature" in text:
            return replace(self, temperature=False)
        if self.seed and "seed" in text:
            return replace(self, seed=False)
        if self.effort and "reasoning" in text:
            return replace(self, effort=False)
        if self.tools and tools_offered:
            return replace(self, tools=False)
        if self.schema == "bounded":
            return replace(self, schema="plain")
        if self.schema == "plain":
            return replace(self, schema="in_prompt")
        return None

    def parameters(self, request: ModelRequest, model: str) -> dict[str, Any]:
        """Keyword arguments of `chat.completions.create`."""
        found: dict[str, Any] = {
            "model": model,
            "messages": self._messages(request),
            "response_format": self._response_format(request),
            self.tokens_key: request.max_tokens,
        }
        if self.temperature:
            found["temperature"] = float(request.temperature)
        if self.seed:
            found["seed"] = request.seed
        if self.effort and request.reasoning_effort is not None:
            found["reasoning_effort"] = request.reasoning_effort
        if self.tools and request.tools:
            found["tools"] = [{"type": "function", "function": tool.model_dump()} for tool in request.tools]
        return found

    def _messages(self, request: ModelRequest) -> list[dict[str, Any]]:
        messages = [_message(message) for message in request.messages]
        if self.schema == "in_prompt":
            text = json.dumps(request.json_schema, separators=(",", ":"))
            messages[0]["content"] += f"\n\nThe JSON object must satisfy this JSON Schema:\n{text}"
        return messages

    def _response_format(self, request: ModelRequest) -> dict[str, Any]:
        if self.schema == "in_prompt":
            return {"type": "json_object"}
        schema = request.json_schema if self.schema == "bounded" else _without_bounds(request.json_schema)
        return {
            "type": "json_schema",
            "json_schema": {"name": request.schema_name, "strict": True, "schema": schema},
        }


def _message(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        found["tool_calls"] = [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.call_id is not None:
        found["tool_call_id"] = message.call_id
    return found


def _without_bounds(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _without_bounds(value) for key, value in schema.items() if key not in _LENGTHS_AND_BOUNDS}
    if isinstance(schema, list):
        return [_without_bounds(item) for item in schema]
    return schema
