"""A model for questions about the past: the configured server, another model name if wanted, answers kept."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from orchestrator import settings
from orchestrator.clock import SystemClock
from orchestrator.model_cache import CachedModel

CACHE_FOLDER = "model_cache"
M = TypeVar("M", bound=CachedModel)


@asynccontextmanager
async def asked_model(name: str | None, kind: type[M]) -> AsyncIterator[M]:
    """`name` None: as configured; `kind`: the class that keeps its replies. Raises HostError where no model is."""
    from orchestrator.host import require_model
    from orchestrator.model_choice import open_model

    loaded = settings.load()
    chosen = loaded if name is None else replace(loaded, model=name)
    require_model(chosen)
    async with open_model(chosen, SystemClock()) as model:
        yield kind(model, loaded.data_dir / CACHE_FOLDER, model.host)
