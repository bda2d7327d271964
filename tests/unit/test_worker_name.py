"""Workers in containers have the same machine's name and process number: leases would be shared by two of a name."""

from orchestrator.cli.worker import name_of_its_own


def test_two_workers_of_one_machine_and_one_process_number_have_two_names() -> None:
    names = {name_of_its_own() for _ in range(100)}
    assert len(names) == 100
    assert all(len(name) <= 120 for name in names)
