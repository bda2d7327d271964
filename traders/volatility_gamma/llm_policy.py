"""Asks a language model: up to four tool calls, one answer, one repair that names what was wrong, then stands aside.

Nothing a model says raises out of here, and nothing unclear is acted on. Everything that was sent and received is in
the proposal, so that a decision can be played again from its replies.
"""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from prompts.loader import PromptSet, load
from traders.contract.base import canonical_json, content_hash
from traders.contract.context import Context
from traders.contract.decision import AbstainReason, Decision, stand_aside
from traders.contract.model import (
    Message,
    Model,
    ModelFailed,
    ModelOptions,
    ModelReply,
    ModelRequest,
    ToolCall,
    options_of,
)
from traders.contract.proposal import Proposal, Usage
from traders.contract.trader import Tools
from traders.volatility_gamma.prompting import repair_values, template_values
from traders.volatility_gamma.strict_json import WireError
from traders.volatility_gamma.wire import SCHEMA_NAME, Shape, Size, shape, to_decision

#: Tool calls before the answer. A model that asks for more is going in circles.
MOST_CALLS = 4
MAX_TOKENS = {"compact": 480, "full": 2000}
SEED = 7
#: A stop we asked for. Anything else is a reply that did not end as it should.
_GOOD_ENDINGS = ("stop", "eos_token")


@dataclass
class _Record:
    """What happened so far, for the proposal."""

    requests: list[ModelRequest] = field(default_factory=list)
    replies: list[ModelReply] = field(default_factory=list)
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    complaint: str | None = None


class _ToolMisuse(Exception):
    """A tool that does not exist, arguments that make no sense, or too many calls."""


async def propose(context: Context, model: Model, tools: Tools | None = None) -> Proposal:
    """The model's decision on `context`, or stand_aside with the reason. Awaits only the model; never raises."""
    size = model.template
    prompts = load(size)
    record = _Record()
    asked = shape(context, size)
    if asked is None:
        decision = stand_aside(context.symbol, "no reading is available; the model was not asked")
    else:
        decision = await _ask(context, model, tools, asked, size, prompts, record)
    first = record.requests[0] if record.requests else None
    return Proposal(
        decision=decision,
        policy="llm",
        model=record.replies[-1].model if record.replies else model.name,
        prompt_version=prompts.version,
        prompt_hash=None if first is None else content_hash(first.model_dump(mode="json")),
        requests=tuple(record.requests),
        replies=tuple(record.replies),
        tool_calls=tuple(record.tool_calls),
        usage=_usage(model, record.replies),
        attempts=len(record.requests),
        error=record.complaint,
    )


def first_request(
    context: Context, asked: Shape, size: Size, options: ModelOptions | None = None, tools: Tools | None = None
) -> ModelRequest:
    """The request a decision begins with; pure, so replay can make it again and compare its hash."""
    prompts = load(size)
    values = template_values(context, asked, size, may_ask=tools is not None)
    return _request(
        (
            Message(role="system", content=prompts.render("system", **values)),
            Message(role="user", content=prompts.render("context", **values)),
        ),
        asked,
        size,
        options or ModelOptions(),
        tools,
    )


async def _ask(
    context: Context,
    model: Model,
    tools: Tools | None,
    asked: Shape,
    size: Size,
    prompts: PromptSet,
    record: _Record,
) -> Decision:
    options = options_of(model)
    request = first_request(context, asked, size, options, tools if options.tools else None)
    reason = AbstainReason.INVALID
    for attempt in (1, 2):
        try:
            request, reply = await _answered(request, model, tools, record)
        except ModelFailed as error:
            record.complaint = str(error)
            return stand_aside(context.symbol, f"the model gave no answer: {error}", error.reason)
        except _ToolMisuse as error:
            record.complaint = str(error)
            return stand_aside(context.symbol, f"the model misused a tool: {error}", AbstainReason.TOOL_LOOP)
        try:
            return _read(reply, context, size)
        except WireError as error:
            reason = error.reason
            record.complaint = str(error)
            # a refusal is an answer: asking again would be arguing with it
            if attempt == 2 or error.reason is AbstainReason.REFUSAL:
                break
            request = _repair(request, prompts, error.problems, reply.text, asked)
    return stand_aside(context.symbol, f"the model's answer could not be used ({reason})", reason)


async def _answered(
    request: ModelRequest, model: Model, tools: Tools | None, record: _Record
) -> tuple[ModelRequest, ModelReply]:
    """The request that was answered and its answer, after whatever tools the model asked for."""
    while True:
        record.requests.append(request)
        reply = await model.complete(request)
        record.replies.append(reply)
        if not reply.tool_calls:
            return request, reply
        if tools is None or not request.tools:
            raise _ToolMisuse("a tool was called, and none is on offer")
        answers = []
        for call in reply.tool_calls:
            if len(record.tool_calls) == MOST_CALLS:
                raise _ToolMisuse(f"more than {MOST_CALLS} calls")
            result = _called(call, tools)
            record.tool_calls.append({"name": call.name, "arguments": call.arguments, "result": result})
            answers.append(Message(role="tool", content=canonical_json(result), call_id=call.call_id))
        asked = Message(role="assistant", content=reply.text, tool_calls=reply.tool_calls)
        request = request.model_copy(update={"messages": (*request.messages, asked, *answers)})


def _called(call: ToolCall, tools: Tools) -> dict[str, Any]:
    """What a tool says. Raises _ToolMisuse for an unknown one and for arguments that it does not take."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        raise _ToolMisuse("the arguments are no JSON") from None
    if not isinstance(arguments, dict):
        raise _ToolMisuse("the arguments are no JSON object")
    try:
        return tools.call(call.name, arguments)
    except (ValueError, KeyError, TypeError, ArithmeticError, LookupError) as error:
        raise _ToolMisuse(" ".join(str(error).split())[:120] or type(error).__name__) from None


def _read(reply: ModelReply, context: Context, size: Size) -> Decision:
    """The decision in a reply. Raises WireError; how the reply ended is looked at before what it says."""
    if reply.refusal or reply.finish_reason == "content_filter":
        raise WireError(AbstainReason.REFUSAL, ("the model refused to answer",))
    if reply.finish_reason == "length":
        raise WireError(AbstainReason.TRUNCATED, ("the reply ran into the token limit; answer more briefly",))
    if reply.finish_reason not in _GOOD_ENDINGS:
        raise WireError(AbstainReason.INVALID, ("the reply did not end normally",))
    return to_decision(reply.text, context, size)


def _repair(
    first: ModelRequest, prompts: PromptSet, problems: tuple[str, ...], text: str, asked: Shape
) -> ModelRequest:
    values = repair_values(problems, text, asked)
    # the bad reply goes back as the assistant's turn: many servers insist that the roles alternate
    turns = (
        Message(role="assistant", content=values["quoted"]),
        Message(role="user", content=prompts.render("repair", **values)),
    )
    return first.model_copy(update={"messages": (*first.messages, *turns)})


def _request(
    messages: tuple[Message, ...], asked: Shape, size: Size, options: ModelOptions, tools: Tools | None
) -> ModelRequest:
    """What was never set is left out, so that plain requests look as they always did."""
    more: dict[str, Any] = {}
    if options.reasoning_effort is not None:
        more["reasoning_effort"] = options.reasoning_effort
    if tools is not None:
        more["tools"] = tools.specs()
    return ModelRequest(
        messages=messages,
        json_schema=asked.schema,
        schema_name=SCHEMA_NAME,
        max_tokens=options.max_tokens or MAX_TOKENS[size],
        temperature=Decimal(0) if options.temperature is None else options.temperature,
        seed=SEED if options.seed is None else options.seed,
        **more,
    )


def _usage(model: Model, replies: list[ModelReply]) -> Usage:
    """Sums over all replies; None as soon as one reply does not say, because a partial sum looks like a whole one."""
    prompt = _sum([reply.prompt_tokens for reply in replies])
    completion = _sum([reply.completion_tokens for reply in replies])
    price: Any = getattr(model, "cost_usd", None)  # a model with a price table says what its tokens cost
    known = prompt is not None and completion is not None and callable(price)
    return Usage(
        prompt_tokens=prompt, completion_tokens=completion, cost_usd=price(prompt, completion) if known else None
    )


def _sum(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None
