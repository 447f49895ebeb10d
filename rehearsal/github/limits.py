"""Rate limits: how many requests a token has left until when; not kept beyond the process."""

from datetime import timedelta

from rehearsal.fault_proxy import WRITES
from rehearsal.github.records import Token
from rehearsal.github.refusals import Refusal
from rehearsal.github.state import GitHubState, Usage

WINDOW = timedelta(hours=1)
WITHOUT_TOKEN = 60


class Limits:
    """The primary rate limit; the time is the state's."""

    def __init__(self, state: GitHubState) -> None:
        self._state = state

    def usage(self, token: Token | None) -> Usage:
        """The current usage, in the hour that started with the first request."""
        key = token.sha256 if token else ""
        now = self._state.now()
        found = self._state.usage.get(key)
        if found is None or found.reset <= now:
            found = self._state.usage[key] = Usage(0, now + WINDOW)
        return found

    def limit(self, token: Token | None) -> int:
        """How many requests an hour."""
        return self._state.limit if token else min(WITHOUT_TOKEN, self._state.limit)

    def count(self, token: Token | None, method: str, path: str) -> None:
        """Count a request; asking for the limit is free.

        Raises:
            Refusal: The limit is reached.
        """
        usage = self.usage(token)
        if path == "/rate_limit":
            return
        if self._state.slow_down is not None and method in WRITES:
            after = {"Retry-After": str(self._state.slow_down)}
            raise Refusal(403, "You have exceeded a secondary rate limit. Please wait a few minutes.", headers=after)
        if usage.used >= self.limit(token):
            raise Refusal(403, "API rate limit exceeded for user.")
        usage.used += 1

    def give_back(self, token: Token | None) -> None:
        """Don't count the last request: an answer of 304 is free."""
        self.usage(token).used -= 1

    def shown(self, token: Token | None) -> dict[str, int]:
        """The limit as `/rate_limit` shows it."""
        usage, limit = self.usage(token), self.limit(token)
        return {
            "limit": limit,
            "used": min(usage.used, limit),
            "remaining": max(0, limit - usage.used),
            "reset": int(usage.reset.timestamp()),
        }

    def headers(self, token: Token | None) -> dict[str, str]:
        """The limit in the headers of every answer."""
        said = {**self.shown(token), "resource": "core"}
        return {f"X-RateLimit-{name.capitalize()}": str(value) for name, value in said.items()}
