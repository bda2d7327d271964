"""The context of a decision carries what became of the last ones: verdicts, refusing rules, what pairs earned."""

from pathlib import Path

from tests.e2e.house import AVAX, house


async def test_verdicts_and_results_are_remembered_for_the_symbol(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        first = await h.decide()
        assert first.context.portfolio.memory == ()
        opened = first.chosen.decision_id
        await h.control("advance", {"ms": 60_000})
        second = await h.decide()
        (seen,) = second.context.portfolio.memory
        assert (seen.action, seen.outcome, seen.executed, seen.net) == ("enter", "approved", "open", None)
        assert (await h.decide("AVAX")).context.portfolio.memory == (), "another symbol is another memory"
        with h.store() as store:
            assert store.journal.load(opened) is not None
        # a run of the same is one line
        for _ in range(3):
            await h.control("advance", {"ms": 60_000})
            last = await h.decide()
        assert [one.action for one in last.context.portfolio.memory] == ["hold", "enter"]
        assert last.context.portfolio.memory[0].times == 3
        assert AVAX not in str(last.context.portfolio.memory)
