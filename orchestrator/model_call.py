"""Calls a language model over HTTP: any server that speaks OpenAI's chat completions.

Every failure becomes `traders.contract.model.ModelFailed` with the reason for which the trader abstains. The raw body
is read before anything is parsed, so that a reply that cannot be used is kept. The key appears in no message.
"""

import asyncio
import json
import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from orchestrator.clock import Clock
from orchestrator.model_dialect import Dialect
from traders.contract.decision import AbstainReason
from traders.contract.model import ModelFailed, ModelOptions, ModelReply, ModelRequest, ToolCall

if TYPE_CHECKING:
    import openai

DEFAULT_BASE_URL = "https://api.openai.com/v1"
RETRIES = 3
_BACKOFF_S = (1.0, 2.0, 4.0)
_RETRY_STATUS = frozenset({408, 409, 429, 500, 502, 503, 504})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_KEY_LIKE = re.compile(r"\b(sk|pk|key|bearer)[-_ ][A-Za-z0-9_\-.*]{6,}", re.IGNORECASE)
#: What each server turned out to accept, for the life of the process; keyed by base URL and model.
_known_dialects: dict[tuple[str, str], Dialect] = {}


class OpenAIModel:
    """One model on one server. Implements `traders.contract.model.Model`."""

    def __init__(
        self,
        *,
        model: str,
        base_url: str = DEFAULT_BASE_URL,
        api_key: str | None = None,
        template: Literal["compact", "full"] = "full",
        timeout_s: float = 60.0,
        clock: Clock,
        name: str | None = None,
        extra_body: dict[str, Any] | None = None,
        prices: tuple[float, float] | None = None,
        dialects: dict[tuple[str, str], Dialect] | None = None,
        options: ModelOptions | None = None,
    ) -> None:
        """`prices`: USD per million prompt and completion tokens. `timeout_s` covers all attempts of one request."""
        self._model = model
        self._base_url = base_url
        self._key = api_key
        self._template: Literal["compact", "full"] = template
        self._timeout_s = timeout_s
        self._clock = clock
        self._name = name or model
        self._extra_body = extra_body
        self._prices = prices
        self._dialects = _known_dialects if dialects is None else dialects
        self._client: openai.AsyncOpenAI | None = None
        #: What the user has set, read by the trader when it words a request.
        self.options = options or ModelOptions()

    @property
    def name(self) -> str:
        """As journalled."""
        return self._name

    @property
    def template(self) -> Literal["compact", "full"]:
        """Which prompt size it is given."""
        return self._template

    @property
    def host(self) -> str:
        """Scheme, host and port only: a base URL may carry credentials."""
        return host_of(self._base_url)

    def cost_usd(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """Cost of that many tokens, or None without a price table."""
        if self._prices is None:
            return None
        return round((prompt_tokens * self._prices[0] + completion_tokens * self._prices[1]) / 1e6, 8)

    async def complete(self, request: ModelRequest) -> ModelReply:
        """One answer. Raises ModelFailed; time-outs cover waiting and retries together."""
        started = self._clock.monotonic_ms()
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._attempts(request, started + self._timeout_s * 1000)
        except TimeoutError:
            raise self._failed(
                AbstainReason.MODEL_TIMEOUT, f"no answer within {self._timeout_s:g} s (set VOLGAMMA_LLM_TIMEOUT_S)"
            ) from None
        return self._reply(body, round(self._clock.monotonic_ms() - started))

    async def models(self) -> tuple[str, ...]:
        """Names the server offers. Raises ModelFailed."""
        import openai

        try:
            async with asyncio.timeout(min(self._timeout_s, 15.0)):
                raw = await self._open().models.with_raw_response.list()
            listed = json.loads(raw.text)["data"]
            return tuple(str(entry["id"]) for entry in listed)
        except (TimeoutError, openai.APITimeoutError):
            raise self._failed(AbstainReason.MODEL_TIMEOUT, "did not list its models in time") from None
        except openai.APIConnectionError as error:
            raise self._failed(AbstainReason.MODEL_UNAVAILABLE, _connection(error)) from None
        except openai.APIStatusError as error:
            raise self._refused(error) from None
        except (ValueError, KeyError, TypeError):
            raise self._failed(AbstainReason.MODEL_UNAVAILABLE, "did not answer with a list of models") from None

    async def aclose(self) -> None:
        """Release the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _open(self) -> "openai.AsyncOpenAI":
        if self._client is None:
            import openai

            # a proxy of the environment must not stand between us and a server on this machine
            direct = urlsplit(self._base_url).hostname in _LOOPBACK
            self._client = openai.AsyncOpenAI(
                api_key=self._key or "none",
                base_url=self._base_url,
                timeout=self._timeout_s,
                max_retries=0,
                http_client=openai.DefaultAsyncHttpxClient(trust_env=False) if direct else None,
            )
        return self._client

    async def _attempts(self, request: ModelRequest, deadline_ms: float) -> str:
        """The raw body. Retries what may pass, gives up what the server does not know, never beyond the deadline."""
        import openai

        endpoint = (self._base_url, self._model)
        dialect = self._dialects.get(endpoint, Dialect())
        failures = 0
        while True:
            try:
                raw = await self._open().chat.completions.with_raw_response.create(
                    **dialect.parameters(request, self._model), extra_body=self._extra_body
                )
            except openai.APITimeoutError:
                raise TimeoutError from None
            except openai.APIConnectionError as error:
                wait, failed = None, self._failed(AbstainReason.MODEL_UNAVAILABLE, _connection(error))
            except openai.APIStatusError as error:
                unknown = error.status_code in (400, 422)
                offered = bool(request.tools)
                simpler = dialect.simpler(error.response.text, tools_offered=offered) if unknown else None
                if simpler is not None:
                    dialect = simpler
                    continue
                failed = self._refused(error)
                if error.status_code not in _RETRY_STATUS or "insufficient_quota" in error.response.text:
                    raise failed from None
                wait = self._retry_after(error.response.headers.get("retry-after"))
            else:
                self._dialects[endpoint] = dialect
                body: str = raw.text
                return body
            if failures >= RETRIES:
                raise failed
            pause = _BACKOFF_S[failures] if wait is None else wait
            failures += 1
            if self._clock.monotonic_ms() + pause * 1000 >= deadline_ms:
                raise failed
            await self._clock.sleep(pause)

    def _retry_after(self, header: str | None) -> float | None:
        """Seconds of a Retry-After header, in either of its two forms; None when there is none to read."""
        if header is None:
            return None
        if re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", header.strip()):
            return float(header)
        try:
            return max(0.0, parsedate_to_datetime(header).timestamp() - self._clock.now_ms() / 1000)
        except ValueError:
            return None

    def _reply(self, body: str, latency_ms: int) -> ModelReply:
        """The reply in a body, whose text is not looked into here. Raises ModelFailed for another document."""
        try:
            document = json.loads(body)
            choice = document["choices"][0]
            message = choice["message"]
            text, refusal = message.get("content"), message.get("refusal")
            usage = document.get("usage") or {}
            counts = [usage.get(key) for key in ("prompt_tokens", "completion_tokens")]
            served, ending = document.get("model"), choice.get("finish_reason")
            calls = tuple(_tool_call(one) for one in message.get("tool_calls") or ())
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
            raise self._failed(
                AbstainReason.MODEL_UNAVAILABLE, f"answered something that is no chat completion: {self._safe(body)}"
            ) from None
        if text is not None and not isinstance(text, str):
            raise self._failed(AbstainReason.INVALID, "answered with content that is not text")
        return ModelReply(
            text=_encodable(text or ""),
            finish_reason=self._safe(str(ending or "")),
            refusal=_encodable(refusal) if isinstance(refusal, str) and refusal else None,
            model=self._safe(served) if self._name == self._model and isinstance(served, str) else self._name,
            prompt_tokens=_count(counts[0]),
            completion_tokens=_count(counts[1]),
            latency_ms=latency_ms,
            **({"tool_calls": calls} if calls else {}),
        )

    def _refused(self, error: "openai.APIStatusError") -> ModelFailed:
        status = error.status_code
        if status in (401, 403):
            # the server's own text may repeat the key, so it is left out
            words = f"refused the key (HTTP {status}); check OPENAI_API_KEY"
        elif status == 404:
            words = f"does not know the model {self._model!r} or the address (HTTP 404); check model and base_url"
        elif status == 429:
            words = f"is busy or the quota is used up (HTTP 429): {self._safe(error.response.text)}"
        else:
            words = f"answered HTTP {status}: {self._safe(error.response.text)}"
        return self._failed(AbstainReason.MODEL_UNAVAILABLE, words)

    def _failed(self, reason: AbstainReason, words: str) -> ModelFailed:
        return ModelFailed(reason, f"model server {self.host} {words}")

    def _safe(self, text: str) -> str:
        """A server's words for an error message: one short printable line without the key."""
        without = text.replace(self._key, "[key]") if self._key else text
        line = _KEY_LIKE.sub("[key]", " ".join(without.split()))
        return "".join(character if character.isprintable() else "?" for character in line)[:200]


def _tool_call(entry: Any) -> ToolCall:
    """One call of a reply. Raises TypeError, KeyError for another shape."""
    function = entry["function"]
    name, arguments, call_id = function["name"], function.get("arguments") or "{}", entry.get("id") or ""
    if not (isinstance(name, str) and isinstance(arguments, str) and isinstance(call_id, str)):
        raise TypeError("a tool call is made of texts")
    return ToolCall(call_id=call_id[:80], name=name[:80], arguments=_encodable(arguments)[:4000])


def host_of(base_url: str) -> str:
    """``http://host:port`` of a URL, without user, password and path."""
    parts = urlsplit(base_url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or '?'}{port}"


def _connection(error: "openai.APIConnectionError") -> str:
    cause = error.__cause__
    return f"cannot be reached ({type(cause or error).__name__}); is it running, is base_url right?"


def _encodable(text: str) -> str:
    """Lone surrogates cannot be stored as UTF-8: they become U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else None
