"""Who watches a matrix while it is made: the terminal of the command that started it, if one did."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from interlock.matrix.settle import Tally

Watch = Callable[[Tally], Awaitable[None]]


async def _nobody(_tally: Tally) -> None:
    return


# A flow's parameters are data; what is to be called in the same process goes beside them.
watcher: ContextVar[Watch] = ContextVar("watcher", default=_nobody)
