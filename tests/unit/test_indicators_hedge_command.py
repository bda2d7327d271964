"""`volgamma hedge`: the numbers of domain.md section 10 on a page of 80 columns, and its refusals."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from indicators.delta_neutral_hedge import BandSpec
from indicators.hedge_sheet import HedgeSheet, hedge_sheet
from orchestrator.cli import hedge as command
from orchestrator.cli.hedge import parse_bands
from orchestrator.cli.hedge_text import document, render

BASE = ("--equity", "100000", "--price", "120", "--leverage", "5")


def run(*arguments: str) -> Any:
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app)
    return CliRunner().invoke(app, ["hedge", *arguments])


def row(output: str, move: str) -> list[str]:
    return next(line for line in output.splitlines() if line.strip().startswith(f"{move} %")).split()[2:]


def test_the_table_of_the_specification() -> None:
    found = run(*BASE)
    assert found.exit_code == 0
    assert "20,000.00 USDT, 10,000.00 a leg" in found.output
    assert "416.6667 each, notional 50,000.00 USDT a leg" in found.output
    assert "41,666 a leg; band 1 closes 20,833" in found.output
    assert "+43.4028" in found.output
    assert "122.8855 (+2.40 %) up, 117.1255 (-2.40 %) down" in found.output
    assert "115.1940 (-4.01 %) after band 1 up, 124.7940 (+4.00 %) down" in found.output
    assert "long 96.96970 (-19.19 %), short 142.5743 (+18.81 %)" in found.output
    assert "best +401.75 (+2.01 % of margin), worst -1,100.50 (-5.50 %)" in found.output
    assert row(found.output, "+4.00") == ["124.80", "0.0000", "0.0000", "+500.00", "101.75", "+398.25", "flat"]
    assert row(found.output, "+2.00") == ["122.40", "416.6667", "208.3333", "0.00", "62.75", "-62.75", "-562.75"]
    assert row(found.output, "-4.00")[-2] == "+401.75"
    assert row(found.output, "0.00")[-1] == "-50.00"
    assert "neither delta nor gamma" in found.output
    assert max(len(line) for line in found.output.splitlines()) <= 80


def test_json_is_one_document_of_decimal_strings() -> None:
    found = run(*BASE, "--json")
    sheet = json.loads(found.output)
    assert sheet["schema"] == "volgamma.hedge/1"
    assert sheet["pair_margin"] == "20000"
    assert [leg["quantity"] for leg in sheet["legs"]] == ["416.66666667"] * 2
    assert [leg["liquidation_price"] for leg in sheet["legs"]] == ["96.96969697", "142.57425743"]
    assert sheet["one_ladder"]["net_win_up"] == "398.25"
    assert sheet["one_ladder"]["worst_loss"] == "1100.5"
    assert sheet["net_delta"] == 0 and sheet["net_delta_after"] == [pytest.approx(1 / 3), 0]
    by_move = {line["move"]: line for line in sheet["grid"]}
    assert by_move[0.04]["net"] == "398.25"
    assert by_move[0.02]["back_at_entry"] == "-562.75"
    assert sheet["notes"] == []


def test_eight_times_at_15_per_cent() -> None:
    sheet = json.loads(run(*BASE[:4], "--leverage", "8", "--margin-fraction", ".15", "--json").output)
    assert sheet["legs"][0]["quantity"] == "500" and sheet["legs"][0]["notional"] == "60000"


def test_a_grid_is_called_what_it_is() -> None:
    found = run(*BASE, "--bands", "0.02:0.5:winning,0.04:1")
    assert "-43.4028" in found.output
    assert "Note: effective gamma is not above 0" in found.output
    assert "never up, never down" in found.output


def test_what_is_wrong_with_a_pair_is_said() -> None:
    assert "liquidated before the outer band" in " ".join(run(*BASE[:4], "--leverage", "50").output.split())
    assert "earns less than it costs" in " ".join(run(*BASE, "--taker", "0.01").output.split())
    assert "lot(s) a leg cannot be closed" in " ".join(run(*BASE, "--step", "400").output.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--equity", "plenty", *BASE[2:]), "--equity 'plenty'"),
        (("--equity", "-5", *BASE[2:]), "--equity '-5'"),
        (("--equity", "nan", *BASE[2:]), "--equity 'nan'"),
        (("--equity", "1e400", *BASE[2:]), "--equity '1e400'"),
        ((*BASE[:2], "--price", "0", *BASE[4:]), "--price '0'"),
        ((*BASE[:4], "--leverage", "126"), "--leverage '126'"),
        ((*BASE[:4], "--leverage", "0"), "--leverage '0'"),
        ((*BASE, "--margin-fraction", "1.01"), "--margin-fraction '1.01'"),
        ((*BASE, "--taker", "0.5"), "--taker '0.5'"),
        ((*BASE, "--mmr", "0.2"), "--mmr '0.2'"),
        ((*BASE, "--stop-loss", "0"), "--stop-loss '0'"),
        ((*BASE, "--step", "0"), "--step '0'"),
        ((*BASE, "--reversal-rule", "maybe"), "--reversal-rule 'maybe'"),
        ((*BASE, "--bands", ""), "--bands ''"),
        ((*BASE, "--bands", "0.02"), "--bands '0.02'"),
        ((*BASE, "--bands", "0.02:0.5"), "--bands '0.02:0.5'"),
        ((*BASE, "--bands", "0.04:0.5,0.02:1"), "--bands (move) '0.02'"),
        ((*BASE, "--bands", "0.02:0.5:sideways,0.04:1"), "--bands '0.02:0.5:sideways'"),
        ((*BASE, "--bands", "0.02:1.5,0.04:1"), "--bands (fraction) '1.5'"),
        ((*BASE, "--plot", "picture.gif"), "--plot 'picture.gif'"),
        ((*BASE, "--plot", "/no/such/folder/p.png"), "--plot '/no/such/folder/p.png'"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_2(arguments: tuple[str, ...], words: str) -> None:
    found = run(*arguments)
    assert found.exit_code == 2
    assert found.stdout == ""
    first, remedy = found.stderr.splitlines()
    assert first.startswith("volgamma: ") and words in first
    assert remedy.startswith("  remedy: ")


def test_bad_input_under_json() -> None:
    found = run("--equity", "x", *BASE[2:], "--json")
    assert found.exit_code == 2
    assert set(json.loads(found.stdout)["error"]) == {"code", "message", "remedy"}


def test_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    target = tmp_path / "pair.png"
    found = run(*BASE, "--plot", str(target))
    assert found.exit_code == 0 and "Drawn:" in found.output
    assert target.read_bytes().startswith(b"\x89PNG")
    folder = tmp_path / "taken.png"
    folder.mkdir()
    refused = run(*BASE, "--plot", str(folder))
    assert refused.exit_code == 1 and "cannot be written" in refused.stderr


def test_matplotlib_is_loaded_only_for_a_drawing() -> None:
    code = (
        "import sys; from tests.unit import test_indicators_hedge_command as t; r = t.run(*t.BASE);"
        "assert not r.exit_code;"
        "print([m for m in ('matplotlib', 'numpy', 'talib', 'pandas', 'ccxt') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_exact_rooms_load_no_numpy() -> None:
    code = (
        "import sys, indicators.delta_neutral_hedge, indicators.gamma_pnl, indicators.entry_matrix, indicators.funding,"
        "indicators.order_book, indicators.basis, indicators.options, indicators.hedge_sheet;"
        "print([m for m in ('numpy', 'talib', 'pandas') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def sheet_of(equity: Decimal, leverage: int, entry: Decimal) -> HedgeSheet:
    return hedge_sheet(
        equity=equity,
        fraction=Decimal("0.2"),
        leverage=Decimal(leverage),
        entry=entry,
        bands=parse_bands("0.0123:.25,0.02:.5,0.04:1"),
        cost=Decimal("0.0005"),
        maintenance_margin_rate=Decimal("0.005"),
        stop_loss=Decimal("0.08"),
        step=Decimal("0.01"),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    equity=st.decimals("1e-3", "1e15", places=3),
    leverage=st.integers(1, 125),
    entry=st.decimals("1e-6", "1e6", places=6),
)
def test_any_sheet_fits_80_columns_and_json(equity: Decimal, leverage: int, entry: Decimal) -> None:
    sheet = sheet_of(equity, leverage, entry)
    assert max(len(line) for line in render(sheet).splitlines()) <= 80
    json.dumps(document(sheet), allow_nan=False)


def test_bands_are_parsed_as_written() -> None:
    assert parse_bands("0.02:0.5,0.04:1") == (
        BandSpec(Decimal("0.02"), "losing", Decimal("0.5")),
        BandSpec(Decimal("0.04"), "both", Decimal(1)),
    )


def test_the_drawing_jumps_at_the_bands_and_nowhere_else() -> None:
    """Just before a band only its fee is missing: -50.00, then -62.75; 437.25, then 398.25; back at E -562.75."""
    pytest.importorskip("matplotlib")
    from orchestrator.cli.hedge_plot import lines

    ladder = parse_bands("0.02:0.5,0.04:1")
    numbers = {"equity": "100000", "fraction": "0.2", "leverage": "5", "entry": "120", "cost": "0.0005"}
    rest = {"maintenance_margin_rate": "0.01", "stop_loss": "0.08", "step": "0.01"}
    sheet = hedge_sheet(bands=ladder, **{name: Decimal(text) for name, text in (numbers | rest).items()})
    up, down = lines(sheet)
    assert up.prices == pytest.approx([120, 121.2, 122.4, 122.4, 123.6, 124.8, 124.8, 126, 127.2])
    assert up.straight == pytest.approx([-50, -50, -50, -62.75, 187.25, 437.25, 398.25, 398.25, 398.25])
    assert up.back == pytest.approx([-50, -50, -50, -562.75, -562.75, -562.75, 398.25, 398.25, 398.25])
    assert down.prices[-1] == pytest.approx(112.8) and down.straight[-1] == pytest.approx(401.75)
