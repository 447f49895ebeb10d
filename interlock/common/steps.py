"""How a workflow runs its steps: by plain calls, or as whatever the caller makes of them."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class RunStep(Protocol):
    """Runs a step: by a plain call, or as something that is shown, and tried again when that may help.

    A step that is tried again looks before it acts, and is right when it is done twice. Its name may say, after a
    space, what it is done with: `prove market-data-store`.
    """

    async def __call__(self, step: str, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function returns."""
        ...


async def call(_step: str, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a step by a plain call."""
    return await function(*args, **kwargs)
