"""The kill switch as a whole: the flag in the database, or a file `KILL` in the data folder. Either one is enough.

Both ways fail closed. A file that cannot be looked at counts as present, a database that cannot be read counts as
killed. Throwing the switch works without the database: then the file is written.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import HostError
from orchestrator.settings import Settings
from orchestrator.storage import opened

if TYPE_CHECKING:
    from db.database import Database
    from db.state_repository import KillSwitch

FILE = "KILL"


def kill_file(data_dir: Path) -> Path:
    """The file whose presence stops all new risk."""
    return data_dir / FILE


def read(database: "Database", data_dir: Path) -> "KillSwitch":
    """Both switches together; never raises."""
    from db.state_repository import KillSwitch, StateRepository

    flag = StateRepository(database).kill_switch()
    problem = _file_says(kill_file(data_dir))
    if problem is None:
        return flag
    if flag.killed:
        return replace(flag, why=f"{flag.why}; {problem}")
    return KillSwitch(True, False, "file", problem, None)


def kill(settings: Settings, who: str, why: str, at: int, flatten: bool) -> list[str]:
    """Throw the switch; what was done, one line each. Raises HostError only when neither way worked."""
    from db.state_repository import StateRepository

    try:
        with opened(settings) as database:
            StateRepository(database).kill(who, why, at, flatten)
        return ["kill switch on" + (", flattening requested" if flatten else "")]
    except HostError as error:
        path = kill_file(settings.data_dir)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{who}: {why}\n")
        except OSError as second:
            # made, and empty: on a full disk its presence is all that can be had, and enough
            if not path.is_file():
                raise HostError(
                    "kill_failed",
                    f"neither the database ({error.message}) nor {path} ({second.strerror}) can be written",
                    "stop the process, and close positions at the exchange by hand",
                ) from second
        done = [f"the database cannot be written ({error.message})", f"kill switch on by file {path}"]
        return done + (["flattening could NOT be requested: close positions by hand"] if flatten else [])


def resume(settings: Settings, who: str, why: str, at: int) -> list[str]:
    """Release both switches; what was done, one line each: who had thrown it, too. Raises HostError."""
    from db.state_repository import StateRepository

    path = kill_file(settings.data_dir)
    done: list[str] = []
    try:
        path.unlink()
        done.append(f"removed {path}")
    except FileNotFoundError:
        pass
    except OSError as error:
        raise HostError(
            "kill_file", f"{path} cannot be removed: {error.strerror}", "remove it by hand, then resume"
        ) from error
    with opened(settings) as database:
        state = StateRepository(database)
        before = state.kill_switch()
        if not before.killed:
            return [*done, "kill switch off"] if done else ["the kill switch was not on"]
        state.resume(who, why, at)
    return [*done, f"kill switch off: it was thrown by {before.who} ({before.why})"]


def release_drawdown(settings: Settings, who: str, why: str, at: int, *, really: bool) -> list[str]:
    """Release every thrown drawdown latch, or only name it; one line each. Raises HostError."""
    from db.state_repository import StateRepository

    done = []
    with opened(settings) as database:
        state = StateRepository(database)
        for exchange, stored in state.latched_accounts().items():
            if really:
                state.release_drawdown(exchange, who, why, at)
                done.append(f"{exchange}: drawdown latch released; drawdown is measured anew from the next equity seen")
            else:
                done.append(f"{exchange}: the drawdown latch stays thrown ({stored.why}); --drawdown releases it")
        if really and not done:
            done.append("no drawdown latch is thrown")
    return done


def _file_says(path: Path) -> str | None:
    """Why the file stops trading, or None when it is certainly absent."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return f"{path} cannot be looked at ({error.strerror})"
    return f"{path} exists"
