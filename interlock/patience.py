"""Waiting for something to appear in the world: looking again with growing pauses, until it is there or time is up."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    retry_if_result,
    stop_after_attempt,
    stop_after_delay,
)
from tenacity.wait import wait_exponential_jitter

from interlock.errors import InterlockError

T = TypeVar("T")


async def until(
    look: Callable[[], Awaitable[T | None]], *, seconds: float, first: float = 0.2, longest: float = 15.0
) -> T | None:
    """What a look shows as soon as it shows something.

    Args:
        look: Called at once, then again and again; None when there is nothing yet. Transient errors count as nothing.
        seconds: After which time no further look is begun.
        first: Seconds before the second look; each pause is about twice the one before.
        longest: Seconds of the longest pause.

    Returns:
        None when time is up.

    Raises:
        InterlockError: Time is up, and the last look ended in this transient error; or one that no waiting cures.
    """

    async def looking() -> T | None:  # tenacity awaits what a function is defined to be, not what it returns
        return await look()

    retrying = AsyncRetrying(
        stop=stop_after_delay(seconds),
        wait=wait_exponential_jitter(multiplier=first, max=longest, jitter=first),
        retry=retry_if_result(lambda found: found is None) | retry_if_exception(is_transient),
        retry_error_callback=_last,
    )
    return await retrying(looking)


async def patiently(work: Callable[[], Awaitable[T]], *, tries: int = 5, first: float = 0.5) -> T:
    """What work gives, begun again when it ends in an error that another try may cure.

    Args:
        work: Looks before it acts, so that doing it again does no harm.
        tries: How often it is begun at most.
        first: Seconds before the second try; each pause is about twice the one before.

    Raises:
        InterlockError: The last try's.
    """

    async def working() -> T:
        return await work()

    retrying = AsyncRetrying(
        stop=stop_after_attempt(tries),
        wait=wait_exponential_jitter(multiplier=first, jitter=first),
        retry=retry_if_exception(is_transient),
        reraise=True,
    )
    return await retrying(working)


def is_transient(error: BaseException | None) -> bool:
    """Whether another try may help."""
    return isinstance(error, InterlockError) and error.transient


def _last(state: RetryCallState) -> object:
    assert state.outcome is not None
    return state.outcome.result()
