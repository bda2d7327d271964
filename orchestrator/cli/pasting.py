"""Commands that are printed to be pasted: the program as it was called, on the data folder of this command."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def pasted(*words: str) -> str:
    """`volgamma WORDS` as it has to be typed here and now."""
    return shown(words, os.environ, sys.argv[0])


def shown(words: Sequence[str], environment: Mapping[str, str], called: str) -> str:
    """`words` after the program `called` (an `argv[0]`), before it the data folder where it is not the default one.

    A folder that a settings file names needs no word: the next command reads that file too.
    """
    folder = environment.get("VOLGAMMA_DATA_DIR")
    prefix = "" if not folder or _is_default(folder) else f"VOLGAMMA_DATA_DIR={shlex.quote(folder)} "
    return prefix + " ".join([_program(called), *map(shlex.quote, words)])


def _is_default(folder: str) -> bool:
    from platformdirs import user_data_dir

    return Path(folder).expanduser().resolve() == Path(user_data_dir("volgamma", appauthor=False)).resolve()


def _program(called: str) -> str:
    """The bare name where the shell finds this very program under it."""
    if Path(called).name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m orchestrator"
    if Path(called).name != "volgamma":
        return "volgamma"
    found = shutil.which("volgamma")
    if found is not None and Path(found).resolve() == Path(called).resolve():
        return "volgamma"
    return shlex.quote(called)
