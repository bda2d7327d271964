"""One decimal arithmetic for whatever must come out the same again, whatever the thread's own has become.

Libraries set the context they share with us: ccxt turns it to rounding half up when it first writes a price. A
decision taken after that would differ in a last digit from its replay, where no such library was loaded.
"""

import functools
import inspect
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, DivisionByZero, InvalidOperation, Overflow, localcontext
from typing import Any, TypeVar

#: 28 digits, half even, errors raised.
ARITHMETIC = Context(prec=28, rounding=ROUND_HALF_EVEN, traps=[DivisionByZero, InvalidOperation, Overflow])

F = TypeVar("F", bound=Callable[..., Any])


def in_one_arithmetic(function: F) -> F:
    """The same function or coroutine function, with `ARITHMETIC` in force while it runs, and only there."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*values: Any, **named: Any) -> Any:
            with localcontext(ARITHMETIC):
                return await function(*values, **named)

        return awaited  # type: ignore[return-value]  # the same signature

    @functools.wraps(function)
    def called(*values: Any, **named: Any) -> Any:
        with localcontext(ARITHMETIC):
            return function(*values, **named)

    return called  # type: ignore[return-value]  # the same signature
