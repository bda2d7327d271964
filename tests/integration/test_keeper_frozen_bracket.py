"""An order of the bracket that somebody cancelled is placed again, also where the exchange's time stands still."""

from pathlib import Path

from orchestrator.clock import SystemClock
from orchestrator.desk import open_desk
from orchestrator.keeper import Keeper
from orchestrator.responses import Responses
from orchestrator.settings import load
from tests.e2e.house import SOL, assert_pair, house, resting


class Ahead(SystemClock):
    """This machine's clock, its stopwatch moved on by hand."""

    lead = 0

    def monotonic_ms(self) -> float:
        return super().monotonic_ms() + self.lead


async def test_it_is_placed_again_on_a_frozen_exchange(tmp_path: Path) -> None:
    clock = Ahead()
    async with house(tmp_path) as place:
        assert (await place.decide()).chosen.execution["status"] == "open"
        async with open_desk(load(place.environment), clock, "paper") as desk:
            keeper = Keeper(desk, desk.constraints(), Responses.of(desk.settings))
            await keeper.resume()
            await keeper.look()
            (one, *_) = await desk.venue.open_orders(SOL, conditional=True)
            await desk.venue.cancel(SOL, one.client_order_id, conditional=True)
            assert len(resting(await place.state())) == 3
            clock.lead = 11_000
            await keeper.look()
            assert_pair(await place.state())
