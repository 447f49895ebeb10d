"""Who watches a verification besides its cells: the terminal of the command that started it, if one did."""

from collections.abc import Callable
from contextvars import ContextVar

Doing = Callable[[str], None]


def _nobody(_what: str) -> None:
    return


# A flow's parameters are data; what is to be called in the same process goes beside them.
doing: ContextVar[Doing] = ContextVar("doing", default=_nobody)
