"""The page on operations names every metric there is, and no other."""

import re
from pathlib import Path

from orchestrator.observability.meters import Meters, OpenBusiness
from tests.store import fresh

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()


def test_the_table_is_what_is_served(tmp_path: Path) -> None:
    database = fresh(tmp_path)
    meters = Meters()
    families = [*meters.registry.collect(), *OpenBusiness(database).collect()]
    database.close()
    served = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    assert set(re.findall(r"`(volgamma_\w+)`", PAGE)) == served


def test_the_settings_it_names_exist_with_those_defaults() -> None:
    from orchestrator.settings import load

    settings = load({})
    for name, value in re.findall(r"`(account_\w+)` \(([\d.]+)", PAGE):
        assert getattr(settings, name) == float(value)
    assert (settings.log_format, settings.log_file) == (None, None)
