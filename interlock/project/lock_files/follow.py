"""Brings the locks of a project up to date with its release: its own version, and the upstreams that it was moved to.

The own version in uv's lock is one literal, and is written as such: that needs no tool and no network, and is the same
each time. An upstream is moved by the lock's own tool (`tools`, `sandboxed`), and what the tool made is taken over only
when it is what was asked for: the upstream has the very version, and every file that is new has a hash that the
family's index names. What can't be moved stays as it is, and a remark says so before anything is pushed.
"""

import asyncio
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from interlock.adapters.index.client import PackageIndex, Release
from interlock.common.atomic_files import read_sealed, write_sealed
from interlock.common.bounded_files import UnreadableFileError, read_bounded
from interlock.common.digest import digest
from interlock.common.sandbox_proxy import Server
from interlock.errors import DistributionError
from interlock.project.lock_files import addresses
from interlock.project.lock_files.lock_text import LARGEST_LOCK, LockedPackage, packages_of, tables_of
from interlock.project.lock_files.sandboxed import NotLockedError, Run, made_by
from interlock.project.lock_files.tools import TOOLS, LockTool, Place, Prepared, prepared
from interlock.project.lock_files.uv_lock import merged, with_own_version, without_own_version

# What a lock is made from.
INPUTS = ("pyproject.toml", "uv.toml", "poetry.toml", "pdm.toml", "setup.py", "setup.cfg", *(t.lock for t in TOOLS))
# Locks that no command of their tools moves by one package alone.
OTHERS = ("Pipfile.lock", "pylock.toml", "pylock.*.toml")


class Followed(NamedTuple):
    """What became of the locks.

    Attributes:
        files: Those that were written.
        remarks: What a person should know of the others.
    """

    files: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Locks:
    """The locks of a project.

    Attributes:
        top: The repository's files.
        project: The project's folder in it.
        name: Its canonical name.
        index: The family's index.
        when: The time of the release, in seconds: equal for runs that must come to the same lock.
    """

    top: Path
    project: Path
    name: str
    index: PackageIndex
    when: int

    async def follow(self, version: Version | None, moved: Mapping[str, Version]) -> Followed:
        """Bring them up to date, in place.

        Args:
            version: The project's new version; None where it keeps its own.
            moved: The upstreams that it was moved to, by canonical name.

        Raises:
            IndexUnavailableError: The index did not answer.
        """
        done = [await self._one(tool, path, version, moved) for tool, path in self._found()]
        others = [Followed(remarks=tuple(self._others(moved)))] if moved else []
        return Followed(
            tuple(file for each in done for file in each.files),
            tuple(remark for each in (*done, *others) for remark in each.remarks),
        )

    def _found(self) -> Iterator[tuple[LockTool, Path]]:
        """The project's own locks, and the one of the uv workspace that it belongs to."""
        for tool in TOOLS:
            above = [self.project]
            if tool.name == "uv":
                above += [each for each in self.project.parents if each.is_relative_to(self.top)]
            paths = (folder / tool.lock for folder in above)
            if path := next((each for each in paths if each.is_file() and not each.is_symlink()), None):
                yield tool, path

    async def _one(self, tool: LockTool, path: Path, version: Version | None, moved: Mapping[str, Version]) -> Followed:
        name = path.relative_to(self.top).as_posix()
        try:
            before = await asyncio.to_thread(_read, path)
            after = await asyncio.to_thread(self._own_version, tool, path, before, version)
        except ValueError as error:
            return Followed(remarks=(f"{name}: {error}, and was left as it is: see whether it still fits",))
        known = packages_of(after)
        held = {each: to for each, to in moved.items() if _versions(known, each) - {str(to)}}
        # What was moved may stand in the lock's copy of the requirements too, although its version is right.
        asked = held or {each: to for each, to in moved.items() if _versions(known, each)}
        remarks: tuple[str, ...] = ()
        if asked:
            path.write_bytes(after.encode())
            try:
                after, remarks = await self._moved(tool, path, after, asked)
            except NotLockedError as why:
                remarks = tuple(_stale(name, tool, known, asked, str(why)))
        path.write_bytes(after.encode())
        return Followed((path,) if after != before else (), remarks)

    def _own_version(self, tool: LockTool, path: Path, text: str, version: Version | None) -> str:
        if version is None or tool.name != "uv":
            tables_of(text)
            return text
        return with_own_version(text, self.name, self._place(path), str(version))

    async def _moved(
        self, tool: LockTool, path: Path, text: str, moved: Mapping[str, Version]
    ) -> tuple[str, tuple[str, ...]]:
        """The lock with the upstreams at their versions, and remarks.

        Raises:
            NotLockedError: It can't be had.
        """
        served = {name: (await self.index.served(name)).get(version) for name, version in moved.items()}
        for name, release in served.items():
            if release is None:
                raise NotLockedError(f"{self.index.index.name} does not serve {name} {moved[name]} yet")
        hosts = {server for each in served.values() if each for server in _servers(each)}
        try:
            how = prepared(tool, text, Place(self.top, self.project, path), moved, self.index.index)
            # The index itself leads to these.
            made = await self._made(how.run._replace(anywhere={*how.run.anywhere, *hosts}), path)
            new = await self._taken(tool, how, path, text, made)
            packages = packages_of(new)
        except ValueError as error:
            raise NotLockedError(f"what {tool.name} made {error}") from None
        await self._check(packages_of(text), packages, moved, served)
        return new, tuple(_also(path.relative_to(self.top).as_posix(), packages_of(text), packages, moved))

    async def _made(self, run: Run, path: Path) -> str:
        """What the tool makes; of the same files at the same time it is made once."""
        found = sorted(p for p in self.top.rglob("*.*") if p.name in INPUTS and p.is_file() and not p.is_symlink())
        inputs = [(p.relative_to(self.top).as_posix(), p.read_bytes().hex()) for p in found]
        key = digest(inputs, list(map(str, run.arguments)), self.index.index.key(), self.when)
        kept = self.index.cache / "locks" / key
        if (content := await asyncio.to_thread(read_sealed, kept)) is None:
            content = await made_by(run, self.top, path.relative_to(self.top))
            await asyncio.to_thread(write_sealed, kept, content)
        return content.decode("utf-8", "replace")

    async def _taken(self, tool: LockTool, how: Prepared, path: Path, old: str, new: str) -> str:
        """The new lock with the addresses of its own registry, and nothing else changed than what had to move."""
        if tool.name != "uv":
            return new
        if how.registry:
            new = new.replace(f'registry = "{how.stand_in}"', f'registry = "{how.registry}"')
        if how.is_dynamic:
            new = without_own_version(new, self.name, self._place(path))
        new = await asyncio.to_thread(merged, old, new)
        prefix = addresses.prefix_of(old)
        if not how.registry or prefix is None:
            return new
        known = {each.key for each in packages_of(old)}
        fresh = [each for each in packages_of(new) if each.key not in known]
        return addresses.replaced(new, {k: v for each in fresh for k, v in (await self._own(each, prefix)).items()})

    def _place(self, lock: Path) -> PurePosixPath:
        """The project's folder, as the lock names it."""
        return PurePosixPath(self.project.relative_to(lock.parent).as_posix())

    async def _own(self, package: LockedPackage, prefix: str) -> dict[str, str]:
        """For the addresses of a package on the stand-in, those of the lock's registry."""
        here = Server.of(self.index.index.url.get_secret_value())
        release = await self._release(package)
        files = {file.url.get_secret_value(): file for file in release.files} if release else {}
        paths = {url: await self.index.download(file) for url, file in files.items() if Server.of(url) == here}
        return {url: addresses.by_content(prefix, files[url].name, path) for url, path in paths.items()}

    async def _release(self, package: LockedPackage) -> Release | None:
        try:
            releases = await self.index.releases(package.name)
            found = releases.get(Version(package.version))
            return found or (await self.index.served(package.name)).get(Version(package.version))
        except (DistributionError, InvalidVersion):
            return None

    async def _check(
        self,
        old: tuple[LockedPackage, ...],
        new: tuple[LockedPackage, ...],
        moved: Mapping[str, Version],
        served: Mapping[str, Release | None],
    ) -> None:
        """Check that the upstreams are where they should be, and that new files are those of the index.

        Raises:
            NotLockedError: They are not.
        """
        for name, version in moved.items():
            if str(version) not in _versions(new, name):
                others = " and ".join(sorted(_versions(new, name))) or "none"
                raise NotLockedError(f"it would hold {name} {others}, not {version}")
        known = {(each.key, each.hashes) for each in old}
        for each in new:
            if (each.key, each.hashes) in known or each.is_local:
                continue
            release = served.get(each.name) if each.version == str(moved.get(each.name)) else None
            release = release or await self._release(each)
            if not each.hashes or not each.hashes <= {file.sha256 for file in (release.files if release else ())}:
                raise NotLockedError(
                    f"it would hold files of {each.name} {each.version} that are not on {self.index.index.name}"
                )

    def _others(self, moved: Mapping[str, Version]) -> Iterator[str]:
        paths = {path for folder in {self.top, self.project} for each in OTHERS for path in folder.glob(each)}
        for path in sorted(paths):
            for name, held in _held(path, moved):
                if held != str(moved[name]):
                    at = path.relative_to(self.top).as_posix()
                    yield f"{at}: holds {name} {held}, not {moved[name]}, and is not edited: make it again"


def _read(path: Path) -> str:
    try:
        return read_bounded(path, LARGEST_LOCK).decode("utf-8")
    except (OSError, UnreadableFileError, UnicodeDecodeError) as error:
        raise ValueError(f"can't be read ({error})") from None


def _servers(release: Release) -> Iterator[Server]:
    for file in release.files:
        if server := Server.of(file.url.get_secret_value()):
            yield server


def _versions(packages: Collection[LockedPackage], name: str) -> set[str]:
    """The versions at which a lock holds a package, which it names by its very name."""
    return {each.version for each in packages if each.name == name}


def _stale(
    name: str, tool: LockTool, known: Collection[LockedPackage], moved: Mapping[str, Version], why: str
) -> Iterator[str]:
    held = ", ".join(f"{each} {' and '.join(sorted(filter(None, _versions(known, each))))}".strip() for each in moved)
    yield f"{name}: holds {held} and was not moved, since {why}; by hand: {tool.command(moved)}"


def _also(
    name: str, old: Collection[LockedPackage], new: Collection[LockedPackage], moved: Mapping[str, Version]
) -> Iterator[str]:
    """What else moved, as where the lock did not fit its project before."""
    for each in sorted({package.name for package in old} - set(moved)):
        before, after = _versions(old, each), _versions(new, each)
        if before != after:
            words = " and ".join(sorted(after)) or "nothing"
            yield f"{name}: {each} moved too, from {' and '.join(sorted(before))} to {words}"


def _held(path: Path, names: Collection[str]) -> Iterator[tuple[str, str]]:
    """The packages of these names in a lock of another kind, with their versions; nothing where it can't be read."""
    try:
        text = _read(path)
        tables = json.loads(text) if path.suffix == ".lock" else tables_of(text)
        groups = [tables.get(key, {}) for key in ("default", "develop")]
        listed = [(each.get("name", ""), each) for each in tables.get("packages", [])]
        for name, entry in (*(pair for group in groups for pair in group.items()), *listed):
            if canonicalize_name(str(name)) in names:
                yield canonicalize_name(str(name)), str(entry.get("version", "")).removeprefix("==")
    except (ValueError, AttributeError, TypeError, RecursionError):
        return
