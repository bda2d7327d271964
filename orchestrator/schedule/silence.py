"""A venue that stops answering a run under way is waited for: a run that ended would leave its pairs to nobody."""

from orchestrator.desk import Desk
from orchestrator.errors import HostError
from orchestrator.execution.venue import VenueError
from orchestrator.schedule.telling import Telling
from orchestrator.storage import translated

#: Kept in the database, by exchange, so that whoever tells people knows.
SILENT = "exchange_silent"
#: Times in a row that it did not answer before a word is said.
ATTEMPTS = 3


class Silence:
    """Asks for the exchange's time; says once that it is silent, and once that it answers again."""

    def __init__(self, desk: Desk, tell: Telling) -> None:
        self._desk = desk
        self._tell = tell
        self._unanswered = 0
        self._since = 0.0
        self._told = False

    async def time(self) -> int | None:
        """UTC ms, None while it is silent. Raises errors of the store as HostError."""
        asked = self._desk.clock.monotonic_ms()
        try:
            now = await self._desk.venue.server_time()
        except VenueError as error:
            self.unanswered(asked, error)
            return None
        self._tell.at(now)
        if self._told:
            silent = (self._desk.clock.monotonic_ms() - self._since) / 1000
            self._tell(f"{self._desk.exchange_name} answers again after {silent:.0f} s; the run goes on")
            self.over()
        self._unanswered = 0
        return now

    def unanswered(self, asked: float, error: Exception) -> None:
        """It did not answer what it was asked at `asked`, ms of the stopwatch."""
        self._since = asked if self._unanswered == 0 else self._since
        self._unanswered += 1
        if self._unanswered >= ATTEMPTS and not self._told:
            name = self._desk.exchange_name
            self._tell(f"{name} does not answer ({error}); open pairs keep their bracket there, the run waits for it")
            self._told = True
            self._note(str(error)[:200])

    def over(self) -> None:
        """It answers, or nobody asks any more: there is nothing to tell people of."""
        self._told = False
        self._note(None)

    def _note(self, why: str | None) -> None:
        state, name = self._desk.store.state, self._desk.exchange_name
        with translated():
            stored = state.get(SILENT, name)
            if (None if stored is None else stored.value) != why:
                state.set(SILENT, why, "run", why or "it answers", self._desk.clock.now_ms(), name)


async def first_time(desk: Desk) -> int:
    """The exchange's time at the start. Raises HostError when it does not answer three times in a row."""
    for attempt in range(ATTEMPTS):
        try:
            return await desk.venue.server_time()
        except VenueError as error:
            last = error
            await desk.clock.sleep(1.0 + attempt)
    raise HostError(
        "exchange_unreachable",
        f"{desk.exchange_name} does not tell its time: {last}",
        "open pairs stay protected by the bracket at the exchange; start again when it answers",
    )
