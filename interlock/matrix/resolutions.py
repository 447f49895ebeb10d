"""Resolutions that are kept for some hours: an index's nodes may differ, and one answer makes one matrix."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from pydantic import AwareDatetime

from interlock.common.atomic_files import write_whole
from interlock.common.clock import now
from interlock.common.frozen_model import FrozenModel
from interlock.errors import IndexUnavailableError
from interlock.model.lockfile import Lock, Resolution, Unresolvable

# Shorter than a night, so that a nightly matrix meets the packages of its day.
KEPT_FOR = timedelta(hours=6)


class StoredResolution(FrozenModel):
    """A resolution with the time at which the index gave it."""

    at: AwareDatetime
    lock: Lock | None = None
    reason: str | None = None

    @property
    def resolution(self) -> Resolution:
        """What was found."""
        return self.lock if self.lock is not None else Unresolvable(reason=self.reason or "")


class Resolutions:
    """Keeps resolutions in a directory, by the key of what was asked.

    Args:
        folder: Where they are kept.
        fresh: Ask again, whatever is kept.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self._folder = folder
        self._fresh = fresh
        self._away = False
        self.notes: dict[str, None] = {}

    async def get(self, key: str, resolve: Callable[[], Awaitable[Resolution]]) -> Resolution:
        """What is kept, if it is young enough; else what is found now; else, without an index, what is kept.

        Raises:
            IndexUnavailableError: The index did not answer, and nothing is kept.
        """
        path = self._folder / f"{key}.json"
        kept = _read(path)
        is_young = kept is not None and now() - kept.at < KEPT_FOR
        # Once the index was away, asking it again for what is kept would only be another wait.
        if kept and (self._away or (is_young and not self._fresh)):
            return kept.resolution
        try:
            found = await resolve()
        except IndexUnavailableError:
            if kept is None:
                raise
            self._away = True
            self.notes[f"the index did not answer: some environments are as resolved on {kept.at:%Y-%m-%d %H:%M}"] = (
                None
            )
            return kept.resolution
        write_whole(path, _kept(found).model_dump_json().encode())
        return found


def _kept(found: Resolution) -> StoredResolution:
    return (
        StoredResolution(at=now(), lock=found)
        if isinstance(found, Lock)
        else StoredResolution(at=now(), reason=found.reason)
    )


def _read(path: Path) -> StoredResolution | None:
    try:
        return StoredResolution.model_validate(json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError):
        return None
