"""The index's state: on disk after every change, so that the end of its process loses nothing."""

import math
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version
from pydantic import TypeAdapter

from interlock.adapters.index.rules import RuleSet
from interlock.common.atomic_files import write_whole
from interlock.common.frozen_model import FrozenModel
from interlock.errors import RehearsalError
from rehearsal.index.accounts import Accounts
from rehearsal.index.records import Record, describe, parse_filename

_OWNERS = TypeAdapter(dict[str, tuple[str, ...]])
_STATUSES = TypeAdapter(dict[str, str])


class Stale(FrozenModel):
    """The contents of stale pages.

    Attributes:
        until: When they are current again, in seconds since the epoch; None for never.
    """

    until: float | None
    shown: tuple[Record, ...]

    def lasts(self) -> bool:
        """Whether pages are still stale."""
        return self.until is None or time.time() < self.until


class IndexStore:
    """Projects, their owners and their files, in one directory.

    One process at a time changes it, by any of its threads. Others may read it, and see its state at that time. A
    file's record is written after its content, each atomically: a process that is killed in between has not taken it.

    Attributes:
        accounts: The accounts that may upload.
        incoming: The folder of uploads that are not taken yet, on the same disk; `tidy` makes it.
        rules: The rules by which it refuses files; those of PyPI unless it stands for another index.
        largest: By project, how large its files may be, in bytes, where it is granted more than others.
    """

    def __init__(
        self, directory: Path, rules: RuleSet = RuleSet.PYPI, largest: Mapping[str, int] | None = None
    ) -> None:
        self.rules = rules
        self.largest = largest or {}
        self._statuses_file = directory / "statuses.json"
        statuses = self._statuses_file.read_bytes() if self._statuses_file.exists() else b"{}"
        self._statuses = _STATUSES.validate_json(statuses)
        self._files = directory / "files"
        self._records = directory / "records"
        self._owners_file = directory / "owners.json"
        self._stale_file = directory / "stale.json"
        self._lock = threading.RLock()
        self.incoming = directory / "incoming"
        self.accounts = Accounts(directory / "accounts.json")
        self._owners = _OWNERS.validate_json(self._owners_file.read_bytes()) if self._owners_file.exists() else {}
        self._stale = Stale.model_validate_json(self._stale_file.read_bytes()) if self._stale_file.exists() else None
        found = (Record.model_validate_json(file.read_bytes()) for file in self._records.glob("[!.]*.json"))
        self._known = {record.filename: record for record in found}

    def tidy(self) -> None:
        """Remove the unfinished uploads of a killed process; call this before taking uploads."""
        shutil.rmtree(self.incoming, ignore_errors=True)
        self.incoming.mkdir(parents=True)

    # Reading, as pages show it.

    def projects(self) -> tuple[str, ...]:
        """The canonical names of all projects, sorted."""
        return tuple(sorted({record.project for record in self._shown()}))

    def files(self, project: str, *, fresh: bool = False) -> tuple[Record, ...] | None:
        """The files of a project as its page shows them, or as they are now; None if there is no such project."""
        records = self._all() if fresh else self._shown()
        of_it = [record for record in records if record.project == canonicalize_name(project)]
        present = (record for record in of_it if not record.deleted)
        return tuple(sorted(present, key=lambda record: record.filename)) if of_it else None

    def owners(self, project: str) -> tuple[str, ...]:
        """The users who may upload to it."""
        return self._owners.get(canonicalize_name(project), ())

    def content(self, sha256: str, filename: str) -> Path | None:
        """The path of a file that may be downloaded, also if pages are stale and don't show it yet."""
        record = self._known.get(filename)
        if record is None or record.deleted or record.sha256 != sha256:
            return None
        return self._files / sha256 / filename

    # Reading, with deleted files.

    def find(self, filename: str) -> Record | None:
        """The record of a file name, also of a deleted file."""
        return self._known.get(filename)

    def holding(self, blake2: str) -> Record | None:
        """The record of a file with this content, whatever its name."""
        return next((record for record in self._all() if record.blake2 == blake2), None)

    # Changing.

    def own(self, project: str, *users: str) -> None:
        """Let these users, and no others, upload to a project, which need not exist yet."""
        with self._lock:
            self._owners = {**self._owners, canonicalize_name(project): users}
            write_whole(self._owners_file, _OWNERS.dump_json(self._owners, indent=2))

    def add_file(self, path: Path, *, uploaded: datetime | None = None) -> Record:
        """Serve a wheel or an sdist without an upload; on the same disk it is linked, not copied.

        Raises:
            RehearsalError: It is neither, or damaged, or another file has its name.
        """
        try:
            record = describe(path, parse_filename(path.name), uploaded=uploaded or datetime.now(UTC))
        except ValueError as error:
            raise RehearsalError(f"{path.name} can't be put on the index: {error}") from None
        with self._lock:
            known = self.find(path.name)
            if known and (known.deleted or known.sha256 != record.sha256):
                raise RehearsalError(f"{path.name} can't be put on the index: another file has had its name")
            if not known:
                self.put(record, path)
            return known or record

    def put(self, record: Record, path: Path) -> None:
        """Take a file with its record; the caller decides, under `lock`, whether it may."""
        with self._lock:
            _link(path, self._files / record.sha256 / record.filename)
            self._keep(record)

    @property
    def lock(self) -> threading.RLock:
        """The lock that is held from a check of the files to the change that follows."""
        return self._lock

    def yank(self, project: str, version: str, reason: str = "", *, filename: str | None = None) -> None:
        """Yank a release, or one file of it (PEP 592): installers take it only for exactly this version.

        Raises:
            RehearsalError: There is no such release or file.
        """
        self._change(project, version, filename, lambda record: record.model_copy(update={"yanked": reason}))

    def status(self, project: str) -> str | None:
        """The status of a project (PEP 792); None for `active`."""
        return self._statuses.get(canonicalize_name(project))

    def set_status(self, project: str, status: str) -> None:
        """Mark a project as `archived`, `quarantined`, `deprecated` or `active` (PEP 792)."""
        with self._lock:
            self._statuses[canonicalize_name(project)] = status
            write_whole(self._statuses_file, _STATUSES.dump_json(self._statuses))

    def delete(self, project: str, version: str, *, filename: str | None = None) -> None:
        """Delete a release, or one file of it; the names of its files can never be used again.

        Raises:
            RehearsalError: There is no such release or file.
        """
        gone = self._change(project, version, filename, lambda record: record.model_copy(update={"deleted": True}))
        for record in gone:
            (self._files / record.sha256 / record.filename).unlink(missing_ok=True)

    def go_stale(self, seconds: float = math.inf) -> None:
        """Freeze the pages for so many seconds, whatever changes; 0 ends it."""
        with self._lock:
            until = None if math.isinf(seconds) else time.time() + seconds
            self._stale = Stale(until=until, shown=self._shown())
            write_whole(self._stale_file, self._stale.model_dump_json().encode())

    def _all(self) -> tuple[Record, ...]:
        with self._lock:
            return tuple(self._known.values())

    def _shown(self) -> tuple[Record, ...]:
        with self._lock:
            return self._stale.shown if self._stale and self._stale.lasts() else self._all()

    def _change(
        self, project: str, version: str, filename: str | None, change: Callable[[Record], Record]
    ) -> tuple[Record, ...]:
        with self._lock:
            wanted = Version(version)
            meant = [one for one in self.files(project, fresh=True) or () if Version(one.version) == wanted]
            meant = [one for one in meant if filename in {None, one.filename}]
            if not meant:
                raise RehearsalError(f"the index has no {filename or f'{project} {version}'}")
            return self._keep_all(change(record) for record in meant)

    def _keep_all(self, records: Iterable[Record]) -> tuple[Record, ...]:
        kept = tuple(records)
        for record in kept:
            self._keep(record)
        return kept

    def _keep(self, record: Record) -> None:
        write_whole(self._records / f"{record.filename}.json", record.model_dump_json(indent=2).encode())
        self._known[record.filename] = record


def _link(path: Path, target: Path) -> None:
    """Put a file at a path atomically; a file of a killed process at that path has the same content."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target)
    except FileExistsError:
        return
    except OSError:  # another disk, or one without links
        write_whole(target, path.read_bytes())
