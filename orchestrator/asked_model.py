"""A model for questions about the past: the configured server, another model name if wanted, answers kept."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from orchestrator import settings
from orchestrator.clock import SystemClock
from orchestrator.model_cache import CachedModel

CACHE_FOLDER = "model_cache"


@asynccontextmanager
async def asked_model(name: str | None) -> AsyncIterator[CachedModel]:
    """`name` None: as configured. Raises HostError where no model can be had."""
    from orchestrator.host import require_model
    from orchestrator.model_choice import open_model

    loaded = settings.load()
    chosen = loaded if name is None else replace(loaded, model=name)
    require_model(chosen)
    async with open_model(chosen, SystemClock()) as model:
        yield CachedModel(model, loaded.data_dir / CACHE_FOLDER, model.host)
