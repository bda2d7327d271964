"""The part of the diagnosis that asks others: venues, and the model's server. Reads only; nothing costs anything
unless the model is asked for an answer. Whoever does not answer is a finding, never an error."""

from collections.abc import Sequence
from typing import Literal

from orchestrator.clock import Clock
from orchestrator.errors import HostError
from orchestrator.finding import Finding
from orchestrator.keys import Keys, find, system_ring
from orchestrator.model_dialect import Dialect
from orchestrator.settings import Settings
from orchestrator.venue_check import client, examine

_ANSWER = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}


async def diagnose_network(
    settings: Settings, clock: Clock, exchanges: Sequence[str], *, ask_model: bool
) -> list[Finding]:
    """`exchanges`: those to ask; empty: the running paper exchange, and every venue that there are keys for."""
    found: list[Finding] = []
    symbols, skew = _limits(settings)
    for name in exchanges or _default(settings):
        try:
            keys = None if name == "paper" else find(name, settings.environment, system_ring())
        except HostError as error:
            found.append(Finding("keys", "fail", error.message, error.remedy))
            continue
        found.extend(await _venue(settings, clock, name, keys, symbols, skew))
    found.extend(await _model(settings, clock, ask_model))
    return found


def _default(settings: Settings) -> list[str]:
    from orchestrator.keys import states

    keyed = [state.venue for state in states(settings.environment, system_ring()) if state.source is not None]
    return (["paper"] if settings.paper_url else []) + keyed


def _limits(settings: Settings) -> tuple[tuple[str, ...], float | None]:
    from db.constraints_repository import ConstraintsRepository
    from orchestrator.desk import TRADER_ID
    from orchestrator.storage import opened

    try:
        with opened(settings) as database:
            limits = ConstraintsRepository(database).current(TRADER_ID).limits
    except HostError:  # found by a check of its own
        return (), None
    return limits.allowed_symbols, float(limits.clock_skew_max_ms)


async def _venue(
    settings: Settings, clock: Clock, name: str, keys: Keys | None, symbols: tuple[str, ...], skew: float | None
) -> list[Finding]:
    url = settings.paper_url if name == "paper" else None
    if name == "paper" and url is None:
        return [Finding("reachable", "ok", "the paper exchange is started by each command that needs it")]
    async with client(settings, name, url, keys) as exchange:
        state = await examine(exchange, name, clock, symbols, skew, signed=name == "paper" or keys is not None)
    return state.findings


async def _model(settings: Settings, clock: Clock, ask: bool) -> list[Finding]:
    from orchestrator.model_call import OpenAIModel
    from orchestrator.model_choice import choose_model
    from traders.contract.model import Message, ModelFailed, ModelRequest

    try:
        choice = choose_model(settings)
    except HostError as error:
        return [Finding("model", "fail", error.message, error.remedy)]
    if choice.kind == "embedded" or choice.base_url is None:
        return []  # what is installed has been looked at
    known: dict[tuple[str, str], Dialect] = {}
    found: list[Finding] = []
    names: tuple[str, ...] = ()
    listing = OpenAIModel(
        model=choice.model or "?", base_url=choice.base_url, api_key=settings.api_key, timeout_s=15, clock=clock
    )
    try:
        names = await listing.models()
        wanted = choice.model or (names[0] if names else None)
        if wanted is None or (names and wanted not in names):
            text = f"{listing.host} offers {', '.join(names[:5]) or 'no model'}, not {wanted or 'any'}"
            found.append(Finding("model server", "warn", text, "set VOLGAMMA_MODEL to one of them"))
        else:
            found.append(Finding("model server", "ok", f"{listing.host} answers and offers {wanted}"))
    except ModelFailed as error:
        wanted = choice.model
        remedy = "check address, key and quota; --policy rules needs no model"
        found.append(Finding("model server", "warn", str(error), remedy))
    finally:
        await listing.aclose()
    if not ask or wanted is None:
        return found
    model = OpenAIModel(
        model=wanted,
        base_url=choice.base_url,
        api_key=settings.api_key,
        timeout_s=choice.timeout_s,
        clock=clock,
        dialects=known,
    )
    try:
        reply = await model.complete(
            ModelRequest(
                messages=(Message(role="user", content='Answer with the JSON object {"ok": true} and nothing else.'),),
                json_schema=_ANSWER,
                schema_name="probe",
                max_tokens=50,
                temperature=0.0,
                seed=7,
            )
        )
        schema = next((dialect.schema for dialect in known.values()), "bounded")
        status, text, remedy_ = _SCHEMA[schema]
        found.append(Finding("structured output", status, f"{wanted}: {text} ({reply.latency_ms} ms)", remedy_))
    except ModelFailed as error:
        found.append(Finding("structured output", "fail", str(error), "see the model server's log"))
    finally:
        await model.aclose()
    return found


_SCHEMA: dict[str, tuple[Literal["ok", "warn"], str, str | None]] = {
    "bounded": ("ok", "takes a JSON schema with all bounds", None),
    "plain": ("ok", "takes a JSON schema without lengths and bounds; replies are validated here in full", None),
    "in_prompt": (
        "warn",
        "takes no JSON schema: it is asked for in words, and more replies will be unusable",
        "use a server that enforces schemas (llama.cpp, vLLM, Ollama, OpenAI)",
    ),
}
