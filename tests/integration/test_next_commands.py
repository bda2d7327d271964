"""What `decide` prints as the next commands is pasted into a shell, in the folder it was printed in."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).parent / "volgamma"


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VOLGAMMA_")}
    return subprocess.run(
        ["/bin/sh", "-c", line], cwd=folder, env=environment, text=True, capture_output=True, check=False
    )


@pytest.mark.skipif(not PROGRAM.exists(), reason="the program is not installed beside this interpreter")
def test_the_printed_commands_work_when_pasted(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "volgamma").symlink_to(PROGRAM)
    decided = shell("VOLGAMMA_DATA_DIR=var/demo bin/volgamma decide --policy rules --dry-run", tmp_path)
    assert decided.returncode == 0, decided.stderr
    after = decided.stdout.partition("Where to look next")[2]
    commands = [line.strip() for line in after.splitlines() if "volgamma" in line]
    assert len(commands) == 4
    for command in commands:
        assert command.startswith("VOLGAMMA_DATA_DIR=var/demo bin/volgamma ")
        done = shell(command, tmp_path)
        assert done.returncode == 0, (command, done.stderr)

    # nothing was sent: the page says what would have been, in the words of a real one
    assert "None" not in decided.stdout and "fees paid" not in decided.stdout
    assert re.search(r"entry 0-long +buy +long +[1-9]\d* .* not_sent", decided.stdout)
    for name in ("U-long", "D-long", "U-short", "D-short"):
        assert f"bracket {name}" in decided.stdout
    told = shell(commands[0], tmp_path).stdout
    assert re.search(r"0-long +entry +buy +long +[1-9]\d* ", told)
    assert "U-long" in told and "D-short" in told

    missing = shell("VOLGAMMA_DATA_DIR=var/demo bin/volgamma journal show nobody", tmp_path)
    assert missing.returncode == 1
    assert "there is no decision nobody in the journal (var/demo/volgamma.sqlite)" in missing.stderr
