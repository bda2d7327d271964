"""Asks a language model: one request, one repair that names what was wrong, then the trader stands aside.

Nothing a model says raises out of here, and nothing unclear is acted on. Everything that was sent and received is in
the proposal, so that a decision can be played again from its replies.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from prompts.loader import PromptSet, load
from traders.contract.base import content_hash
from traders.contract.context import Context
from traders.contract.decision import AbstainReason, Decision, stand_aside
from traders.contract.model import Message, Model, ModelFailed, ModelReply, ModelRequest
from traders.contract.proposal import Proposal, Usage
from traders.volatility_gamma.prompting import repair_values, template_values
from traders.volatility_gamma.strict_json import WireError
from traders.volatility_gamma.wire import SCHEMA_NAME, Shape, Size, shape, to_decision

MAX_TOKENS = {"compact": 480, "full": 2000}
SEED = 7
#: A stop we asked for. Anything else is a reply that did not end as it should.
_GOOD_ENDINGS = ("stop", "eos_token")


@dataclass
class _Record:
    """What happened so far, for the proposal."""

    requests: list[ModelRequest] = field(default_factory=list)
    replies: list[ModelReply] = field(default_factory=list)
    complaint: str | None = None


async def propose(context: Context, model: Model) -> Proposal:
    """The model's decision on `context`, or stand_aside with the reason. Awaits only the model; never raises."""
    size = model.template
    prompts = load(size)
    record = _Record()
    asked = shape(context, size)
    if asked is None:
        decision = stand_aside(context.symbol, "no reading is available; the model was not asked")
    else:
        decision = await _ask(context, model, asked, size, prompts, record)
    first = record.requests[0] if record.requests else None
    return Proposal(
        decision=decision,
        policy="llm",
        model=record.replies[-1].model if record.replies else model.name,
        prompt_version=prompts.version,
        prompt_hash=None if first is None else content_hash(first.model_dump(mode="json")),
        requests=tuple(record.requests),
        replies=tuple(record.replies),
        usage=_usage(model, record.replies),
        attempts=len(record.requests),
        error=record.complaint,
    )


def first_request(context: Context, asked: Shape, size: Size) -> ModelRequest:
    """The request a decision begins with; pure, so replay can make it again and compare its hash."""
    prompts = load(size)
    values = template_values(context, asked, size)
    return _request(
        (
            Message(role="system", content=prompts.render("system", **values)),
            Message(role="user", content=prompts.render("context", **values)),
        ),
        asked,
        size,
    )


async def _ask(
    context: Context, model: Model, asked: Shape, size: Size, prompts: PromptSet, record: _Record
) -> Decision:
    request = first_request(context, asked, size)
    reason = AbstainReason.INVALID
    for attempt in (1, 2):
        record.requests.append(request)
        try:
            reply = await model.complete(request)
        except ModelFailed as error:
            record.complaint = str(error)
            return stand_aside(context.symbol, f"the model gave no answer: {error}", error.reason)
        record.replies.append(reply)
        try:
            return _read(reply, context, size)
        except WireError as error:
            reason = error.reason
            record.complaint = str(error)
            # a refusal is an answer: asking again would be arguing with it
            if attempt == 2 or error.reason is AbstainReason.REFUSAL:
                break
            request = _repair(request, prompts, error.problems, reply.text, asked, size)
    return stand_aside(context.symbol, f"the model's answer could not be used ({reason})", reason)


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
    first: ModelRequest, prompts: PromptSet, problems: tuple[str, ...], text: str, asked: Shape, size: Size
) -> ModelRequest:
    values = repair_values(problems, text, asked)
    # the bad reply goes back as the assistant's turn: many servers insist that the roles alternate
    turns = (
        Message(role="assistant", content=values["quoted"]),
        Message(role="user", content=prompts.render("repair", **values)),
    )
    return _request((*first.messages, *turns), asked, size)


def _request(messages: tuple[Message, ...], asked: Shape, size: Size) -> ModelRequest:
    return ModelRequest(
        messages=messages,
        json_schema=asked.schema,
        schema_name=SCHEMA_NAME,
        max_tokens=MAX_TOKENS[size],
        temperature=Decimal(0),
        seed=SEED,
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
