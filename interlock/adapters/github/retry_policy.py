"""Which requests are tried again, how often, and after how long."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from interlock.adapters.github.errors import RateLimitError
from interlock.common.frozen_model import FrozenModel
from interlock.common.retry import is_transient, retried

T = TypeVar("T")


class RetryPolicy(FrozenModel):
    """How a client tries again.

    Attributes:
        attempts: How often a request is sent at most.
        first: Seconds until the second attempt at most; they double with each further one.
        longest_backoff: Seconds of our own pauses at most.
        longest_wait: Seconds that GitHub may ask for; when it asks for more, that is an error.
    """

    attempts: int = 5
    first: float = 1.0
    longest_backoff: float = 15.0
    longest_wait: float = 300.0

    async def reading(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Send a read, and again after every transient error."""
        return await self._trying(ask, is_transient)

    async def writing(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Send a write once, and again only when a rate limit refused it before anything was done."""
        return await self._trying(ask, lambda error: isinstance(error, RateLimitError))

    async def _trying(self, ask: Callable[[], Awaitable[T]], may: Callable[[BaseException], bool]) -> T:
        return await retried(
            ask,
            stop=stop_after_attempt(self.attempts),
            wait=self._wait,
            retry=retry_if_exception(lambda error: may(error) and self._is_short(error)),
        )

    def _is_short(self, error: BaseException) -> bool:
        return not isinstance(error, RateLimitError) or error.seconds <= self.longest_wait

    def _wait(self, state: RetryCallState) -> float:
        backoff = wait_random_exponential(multiplier=self.first, max=self.longest_backoff)(state)
        error = state.outcome.exception() if state.outcome else None
        return error.seconds + backoff if isinstance(error, RateLimitError) else backoff
