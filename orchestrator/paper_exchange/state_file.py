"""The account on disk, as JSON written in one piece: what the exchange needs to go on where it stopped."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from orchestrator import file_lock
from orchestrator.paper_exchange.account import Account, Owed, Position, SymbolSettings
from orchestrator.paper_exchange.engine import Engine

FORMAT = "volgamma.paper_state/1"
_MONEY = ("wallet", "deposit")


class BadState(Exception):
    """The file is no state of this exchange; the message names it and the remedy."""


def hold(path: Path) -> IO[str]:
    """Keep other exchanges from the file until what is returned is closed. Raises BadState when one has it.

    Two that wrote one account would each undo what the other did. The lock ends with the process, however it ends.
    """
    lock = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = file_lock.take(lock)
    except OSError as error:
        raise BadState(f"{path} cannot be written: {error.strerror}; choose another file") from error
    if handle is None:
        raise BadState(f"another exchange keeps its account in {path}; stop it, or choose another file")
    return handle


def save(path: Path, engine: Engine, identity: dict[str, Any]) -> None:
    """Write the state; a crash leaves the old file or the new one, never half of one."""
    account = engine.account
    document = {
        "format": FORMAT,
        "identity": identity,
        "now": engine.now,
        "overrides": {symbol: [list(item) for item in items] for symbol, items in engine.market.overrides.items()},
        "account": {
            "name": account.name,
            "wallet": str(account.wallet),
            "deposit": str(account.deposit),
            "hedge": account.hedge,
            "next_id": account.next_id,
            "settings": {name: [s.leverage, s.margin_type] for name, s in account.settings.items()},
            "positions": [
                [p.symbol, p.side, str(p.quantity), str(p.entry), str(p.margin), p.updated, p.isolated]
                for p in account.positions.values()
                if p.quantity
            ],
            "trades": account.trades,
            "income": account.income,
        },
        "orders": engine.orders,
        "algos": engine.algos,
        "owed": [[owed.symbol, owed.side, str(owed.quantity), owed.at, str(owed.mark)] for owed in engine.owed],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    with draft.open("w") as handle:
        json.dump(document, handle)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)


def read(path: Path) -> dict[str, Any]:
    """The document of a state file. Raises BadState."""
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadState(f"{path} cannot be read ({error}); delete it to start with a fresh account") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BadState(f"{path} is no state of this exchange; choose another file, or delete it for a fresh account")
    if not isinstance(document.get("now"), int):
        raise BadState(f"{path} is damaged (it holds no time); delete it to start with a fresh account")
    return document


def restore(document: dict[str, Any], engine: Engine, path: Path) -> None:
    """Put a stored state into an engine. Raises BadState."""
    try:
        stored = document["account"]
        if not Decimal(stored["wallet"]).is_finite():
            raise ValueError("the wallet is no amount")
        account = Account(
            wallet=Decimal(stored["wallet"]),
            deposit=Decimal(stored["deposit"]),
            hedge=bool(stored["hedge"]),
            trades=list(stored["trades"]),
            income=list(stored["income"]),
            next_id=int(stored["next_id"]),
            name=str(stored.get("name") or engine.account.name),
        )
        account.settings = {
            name: SymbolSettings(int(leverage), margin_type)
            for name, (leverage, margin_type) in stored["settings"].items()
        }
        for symbol, side, quantity, entry, margin, updated, isolated in stored["positions"]:
            account.positions[symbol, side] = Position(
                symbol, side, Decimal(quantity), Decimal(entry), Decimal(margin), updated, bool(isolated)
            )
        engine.account = account
        engine.now = int(document["now"])
        engine.orders = list(document["orders"])
        engine.algos = list(document["algos"])
        engine.owed = [
            Owed(symbol, side, Decimal(quantity), int(at), Decimal(mark))
            for symbol, side, quantity, at, mark in document.get("owed", ())
        ]
        engine.market.overrides = {
            symbol: [(int(at), float(factor)) for at, factor in items]
            for symbol, items in document["overrides"].items()
        }
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise BadState(f"{path} is damaged ({error!r}); delete it to start with a fresh account") from error
