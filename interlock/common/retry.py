"""Retries with growing pauses, until something is there, something works, or time is up."""

import asyncio
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
from tenacity.retry import retry_base
from tenacity.stop import stop_base
from tenacity.wait import WaitBaseT, wait_exponential_jitter

from interlock.errors import InterlockError

T = TypeVar("T")

sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
"""Sleeps for every pause between two tries, in seconds; tests replace it."""


async def retried(work: Callable[[], Awaitable[T]], *, stop: stop_base, wait: WaitBaseT, retry: retry_base) -> T:
    """The result of work, tried again by tenacity's rules.

    Args:
        work: The work.
        stop: When to stop; the result or error is then that of the last try.
        wait: The seconds of each pause.
        retry: After which results and errors to try again.
    """

    async def trying() -> T:  # tenacity awaits what a function is defined to be, not what it returns
        return await work()

    retrying = AsyncRetrying(sleep=sleep, stop=stop, wait=wait, retry=retry, retry_error_callback=_last)
    return await retrying(trying)


async def until(
    look: Callable[[], Awaitable[T | None]], *, seconds: float, first: float = 0.2, longest: float = 15.0
) -> T | None:
    """The first result of a function that is not None.

    Args:
        look: Called at once, then again and again; None when there is nothing yet. Transient errors count as nothing.
        seconds: After this time it is not called again.
        first: Seconds before the second call; each pause is about twice the one before.
        longest: Seconds of the longest pause.

    Returns:
        None when time is up.

    Raises:
        InterlockError: Time is up, and the last call ended in this transient error; or an error that is not transient.
    """
    return await retried(
        look,
        stop=stop_after_delay(seconds),
        wait=wait_exponential_jitter(multiplier=first, max=longest, jitter=first),
        retry=retry_if_result(lambda found: found is None) | retry_if_exception(is_transient),
    )


async def patiently(work: Callable[[], Awaitable[T]], *, tries: int = 5, first: float = 0.5) -> T:
    """The result of work, which is tried again after transient errors.

    Args:
        work: Looks before it acts, so that a repetition does no harm.
        tries: How often it is tried at most.
        first: Seconds before the second try; each pause is about twice the one before.

    Raises:
        InterlockError: The error of the last try.
    """
    return await retried(
        work,
        stop=stop_after_attempt(tries),
        wait=wait_exponential_jitter(multiplier=first, jitter=first),
        retry=retry_if_exception(is_transient),
    )


def is_transient(error: BaseException | None) -> bool:
    """Whether another try may help."""
    return isinstance(error, InterlockError) and error.transient


def _last(state: RetryCallState) -> object:
    assert state.outcome is not None
    return state.outcome.result()
