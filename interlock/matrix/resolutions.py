"""Resolutions are stored for some hours: an index's nodes may differ, and a matrix needs one answer."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from pydantic import AwareDatetime

from interlock.common.atomic_files import read_sealed, write_sealed
from interlock.common.clock import now
from interlock.common.frozen_model import FrozenModel
from interlock.errors import IndexUnavailableError
from interlock.model.lockfile import Filtered, Lock, Resolution, Unresolvable

# Shorter than a night, so that a nightly matrix gets the packages of its day.
MAX_AGE = timedelta(hours=6)


class StoredResolution(FrozenModel):
    """A resolution with the time at which the index gave it."""

    at: AwareDatetime
    lock: Lock | None = None
    reason: str | None = None

    @property
    def resolution(self) -> Resolution:
        """The resolution itself."""
        return self.lock if self.lock is not None else Unresolvable(reason=self.reason or "")


class Resolutions:
    """Stores resolutions in a directory, by the key of the request.

    Args:
        folder: The directory.
        fresh: Resolve again, whatever is stored.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self._folder = folder
        self._fresh = fresh
        self._is_offline = False
        self.notes: dict[str, None] = {}

    async def get(self, key: str, resolve: Callable[[], Awaitable[Resolution]]) -> Resolution:
        """The stored resolution, if it is young enough or the index does not answer; else a new one.

        Raises:
            IndexUnavailableError: The index did not answer, and nothing is stored.
        """
        path = self._folder / f"{key}.json"
        stored = _read(path)
        is_young = stored is not None and now() - stored.at < MAX_AGE
        # Once the index did not answer, asking it again for what is stored would only be another wait.
        if stored and (self._is_offline or (is_young and not self._fresh)):
            return stored.resolution
        try:
            found = await resolve()
        except IndexUnavailableError:
            if stored is None:
                raise
            self._is_offline = True
            note = f"the index did not answer: some environments are as resolved on {stored.at:%Y-%m-%d %H:%M}"
            self.notes[note] = None
            return stored.resolution
        if isinstance(found, Filtered):  # not the index's answer alone
            return found
        outcome = {"lock": found} if isinstance(found, Lock) else {"reason": found.reason}
        write_sealed(path, StoredResolution.model_validate({"at": now(), **outcome}).model_dump_json().encode())
        return found


def _read(path: Path) -> StoredResolution | None:
    try:
        content = read_sealed(path)
        return None if content is None else StoredResolution.model_validate_json(content)
    except ValueError:  # of another version
        return None
