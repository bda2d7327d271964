"""What happened to the account since it was last looked at, as the events of the venue's user stream.

Read from the engine's rows, which say all that happened; nothing in the engine knows that anybody looks. Fields and
names as documented for the USD-M user data streams.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orchestrator.paper_exchange.account import ZERO, Position, money
from orchestrator.paper_exchange.engine import Engine
from orchestrator.paper_exchange.forced import LIQUIDATION
from orchestrator.paper_exchange.rows import DONE, Row

Event = dict[str, Any]
#: After everything of the same time that has a number of its own.
_LAST = float("inf")
_ALGO_OPEN = "NEW"


@dataclass
class _Order:
    """How much of an order was told."""

    row: Row
    filled: Decimal
    spent: Decimal


class AccountWatch:
    """One look at an account after the other; the first is when this is made."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        account = engine.account
        self._orders, self._algos = len(engine.orders), len(engine.algos)
        self._trades, self._income = len(account.trades), len(account.income)
        self._open = {row["orderId"]: _known(row) for row in engine.open_orders()}
        self._waiting = {row["algoId"]: row for row in engine.open_algos()}
        self._realised: dict[tuple[str, str], Decimal] = {}
        for trade in account.trades:
            self._add_realised(trade)
        self._settings = self._settings_now()

    def events(self) -> list[Event]:
        """What happened since the last look, oldest first; empty when nothing did."""
        found = [*self._order_events(), *self._algo_events()]
        found.sort(key=lambda item: item[:2])
        now = self._engine.now
        return [{**event, "E": now} for *_, event in found] + [{**event, "E": now} for event in self._account_events()]

    # orders

    def _order_events(self) -> list[tuple[int, float, Event]]:
        found = []
        for row in self._engine.orders[self._orders :]:
            self._open[row["orderId"]] = _Order(row, ZERO, ZERO)
            event = _order_event(row, "NEW", "NEW", row["time"], ZERO, ZERO)
            found.append((row["time"], float(row["orderId"]), event))
        self._orders = len(self._engine.orders)
        self._new_trades = self._engine.account.trades[self._trades :]
        self._trades += len(self._new_trades)
        for trade in self._new_trades:
            self._add_realised(trade)
            order = self._open[trade["orderId"]]
            quantity = Decimal(trade["qty"])
            order.filled += quantity
            order.spent += quantity * Decimal(trade["price"])
            status = "FILLED" if order.filled >= Decimal(order.row["origQty"]) else "PARTIALLY_FILLED"
            kind = "CALCULATED" if order.row["clientOrderId"].startswith(LIQUIDATION) else "TRADE"
            event = _order_event(order.row, kind, status, trade["time"], order.filled, order.spent)
            event["o"].update(l=trade["qty"], L=trade["price"], t=trade["id"], m=trade["maker"])
            event["o"].update(rp=trade["realizedPnl"])
            if Decimal(trade["commission"]):
                event["o"].update(N=trade["commissionAsset"], n=trade["commission"])
            found.append((trade["time"], float(trade["id"]), event))
        for order in list(self._open.values()):
            row = order.row
            if row["status"] not in DONE:
                continue
            del self._open[row["orderId"]]
            if row["status"] != "FILLED":
                at = row["updateTime"]
                event = _order_event(row, row["status"], row["status"], at, order.filled, order.spent)
                found.append((at, _LAST, event))
        return found

    def _algo_events(self) -> list[tuple[int, float, Event]]:
        found = []
        for row in self._engine.algos[self._algos :]:
            self._waiting[row["algoId"]] = row
            found.append((row["createTime"], float(row["algoId"]), _algo_event(row, _ALGO_OPEN, row["createTime"])))
        self._algos = len(self._engine.algos)
        for row in list(self._waiting.values()):
            status = row["algoStatus"]
            if status == _ALGO_OPEN:
                continue
            del self._waiting[row["algoId"]]
            at = row["updateTime"]
            if status == "FINISHED":
                just_before = int(row["actualOrderId"]) - 0.5
                found.append((row["triggerTime"], just_before, _algo_event(row, "TRIGGERED", row["triggerTime"])))
            found.append((at, _LAST, _algo_event(row, status, at)))
        return found

    # balances and positions

    def _account_events(self) -> list[Event]:
        account = self._engine.account
        rows = [row for row in account.income[self._income :] if row["incomeType"] == "FUNDING_FEE"]
        self._income = len(account.income)
        found = []
        touched = dict.fromkeys((trade["symbol"], trade["positionSide"]) for trade in self._new_trades)
        if touched:
            at = self._new_trades[-1]["time"]
            found.append(self._account_event("ORDER", at, [account.positions[key] for key in touched], ZERO))
        if rows:
            symbols = {row["symbol"] for row in rows}
            isolated = [p for p in account.open_positions() if p.symbol in symbols and p.isolated]
            paid = sum((Decimal(row["income"]) for row in rows), ZERO)
            found.append(self._account_event("FUNDING_FEE", rows[-1]["time"], isolated, paid))
        settings = self._settings_now()
        for symbol, (leverage, kind) in settings.items():
            before = self._settings[symbol]
            if kind != before[1]:
                sides = [p for p in account.positions.values() if p.symbol == symbol]
                found.append(self._account_event("MARGIN_TYPE_CHANGE", self._engine.now, sides, ZERO))
            if leverage != before[0]:
                config = {"s": symbol, "l": leverage}
                found.append({"e": "ACCOUNT_CONFIG_UPDATE", "T": self._engine.now, "ac": config})
        self._settings = settings
        return found

    def _account_event(self, reason: str, at: int, positions: list[Position], change: Decimal) -> Event:
        account = self._engine.account
        cross = account.wallet - sum((p.margin for p in account.open_positions()), ZERO)
        balance = {"a": "USDT", "wb": _money(account.wallet), "cw": _money(cross), "bc": _money(change)}
        balances = [] if reason == "MARGIN_TYPE_CHANGE" else [balance]
        rows = [self._position(position) for position in positions]
        return {"e": "ACCOUNT_UPDATE", "T": at, "a": {"m": reason, "B": balances, "P": rows}}

    def _position(self, position: Position) -> Event:
        mark = self._engine.market.mark(position.symbol, self._engine.now)
        entry = format(position.entry.quantize(Decimal("1e-10")).normalize(), "f")
        isolated = self._engine.account.settings[position.symbol].margin_type == "ISOLATED"
        return {
            "s": position.symbol,
            "pa": format(position.quantity, "f"),
            "ep": entry,
            "bep": entry,
            "cr": _money(self._realised.get((position.symbol, position.side), ZERO)),
            "up": _money(position.unrealised(mark)),
            "mt": "isolated" if isolated else "cross",
            "iw": _money(position.margin),
            "ps": position.side,
            "ma": "USDT",
        }

    def _add_realised(self, trade: Row) -> None:
        key = (trade["symbol"], trade["positionSide"])
        self._realised[key] = self._realised.get(key, ZERO) + Decimal(trade["realizedPnl"])

    def _settings_now(self) -> dict[str, tuple[int, str]]:
        return {name: (s.leverage, s.margin_type) for name, s in self._engine.account.settings.items()}


def _known(row: Row) -> _Order:
    return _Order(row, Decimal(row["executedQty"]), Decimal(row["cumQuote"]))


def _order_event(row: Row, kind: str, status: str, at: int, filled: Decimal, spent: Decimal) -> Event:
    average = format((spent / filled).quantize(Decimal("1e-8")), "f") if filled else "0"
    order = {
        "s": row["symbol"],
        "c": row["clientOrderId"],
        "S": row["side"],
        "o": row["type"],
        "f": row["timeInForce"],
        "q": row["origQty"],
        "p": row["price"],
        "ap": average,
        "sp": row["stopPrice"],
        "x": kind,
        "X": status,
        "i": row["orderId"],
        "l": "0",
        "z": format(filled, "f"),
        "L": "0",
        "T": at,
        "t": 0,
        "b": "0",
        "a": "0",
        "m": False,
        "R": row["reduceOnly"],
        "wt": row["workingType"],
        "ot": row["origType"],
        "ps": row["positionSide"],
        "cp": row["closePosition"],
        "rp": "0",
        "pP": row["priceProtect"],
        "si": 0,
        "ss": 0,
        "V": row["selfTradePreventionMode"],
        "pm": row["priceMatch"],
        "gtd": row["goodTillDate"],
    }
    return {"e": "ORDER_TRADE_UPDATE", "T": at, "o": order}


def _algo_event(row: Row, status: str, at: int) -> Event:
    order = {
        "caid": row["clientAlgoId"],
        "aid": row["algoId"],
        "at": row["algoType"],
        "o": row["orderType"],
        "s": row["symbol"],
        "S": row["side"],
        "ps": row["positionSide"],
        "f": row["timeInForce"],
        "q": row["quantity"],
        "X": status,
        "ai": "" if status == _ALGO_OPEN else row["actualOrderId"],
        "tp": row["triggerPrice"],
        "p": row["price"],
        "V": row["selfTradePreventionMode"],
        "wt": row["workingType"],
        "pm": row["priceMatch"],
        "cp": row["closePosition"],
        "pP": row["priceProtect"],
        "R": row["reduceOnly"],
        "tt": 0 if status == _ALGO_OPEN else row["triggerTime"],
        "gtd": row["goodTillDate"],
    }
    if status in ("TRIGGERED", "FINISHED"):
        done = status == "FINISHED"
        order |= {"ap": row["actualPrice"] if done else "0.00000", "aq": row["actualQty"] if done else "0"}
        order |= {"act": row["actualType"]}
    if status == "REJECTED":
        order["rm"] = "Margin is insufficient."
    return {"e": "ALGO_UPDATE", "T": at, "o": order}


def _money(value: Decimal) -> str:
    return format(money(value), "f")
