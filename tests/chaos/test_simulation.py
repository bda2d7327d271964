"""Lives of a pair with seeded mishaps (500 here, 20,000 by `python -m tests.chaos.simulate`), and what makes them."""

import pytest

from tests.chaos import simulate
from tests.chaos.simulate import Broken, live

SEEDS, BATCHES = 500, 10


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_life_ends_well(batch: int) -> None:
    restarts = mishaps = 0
    for seed in range(batch * SEEDS // BATCHES, (batch + 1) * SEEDS // BATCHES):
        life = live(seed)
        restarts += life.crashes
        mishaps += life.mishaps
    assert mishaps > 50, "next to nothing went wrong: this proves nothing"
    assert restarts > 3


@pytest.mark.parametrize("seed", [3, 126])
def test_a_seed_plays_the_same_again(seed: int) -> None:
    first, again = live(seed), live(seed)
    assert first.chaos.log == again.chaos.log
    assert first.desk.store.pairs.log == again.desk.store.pairs.log
    assert first.engine.account.trades == again.engine.account.trades
    assert first.chaos.log != live(seed + 1).chaos.log


def test_an_order_placed_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The invariants can fail: an exchange that forgets its client ids lets a repeated request open twice."""
    from orchestrator.paper_exchange import engine

    original = engine.Engine.place

    def forgetful(self: engine.Engine, parameters: dict[str, str]) -> engine.Row:
        kept, self.orders = self.orders, []
        try:
            return original(self, parameters)
        finally:
            self.orders = kept + self.orders

    monkeypatch.setattr(engine.Engine, "place", forgetful)
    with pytest.raises(Broken, match="used for two orders"):
        _live_all(100)


def test_a_failing_seed_says_how_to_play_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(life: simulate.Life) -> None:
        life.demand(False, "planted")

    monkeypatch.setattr(simulate, "tied", never)
    assert simulate.main(["--seeds", "1", "--first", "5"]) == 1
    said = capsys.readouterr().out
    assert "planted" in said
    assert "--seed 5" in said
    assert "calm" in said


def _live_all(seeds: int) -> None:
    for seed in range(seeds):
        live(seed)
