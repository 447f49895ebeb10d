"""How a workflow runs its steps: by plain calls, or as the caller's `RunStep` does."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class RunStep(Protocol):
    """Runs a step: by a plain call, or as a task that is shown, and tried again after a transient error.

    A step looks before it acts, so that a repetition does no harm. Its name may have a subject after a space, as in
    `prove market-data-store`.
    """

    async def __call__(self, step: str, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function returns."""
        ...


async def call(_step: str, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a step by a plain call."""
    return await function(*args, **kwargs)
