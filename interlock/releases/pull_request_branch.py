"""The branch of a change: one commit on the base, equal each time it is made, and pushed only where it was seen."""

import contextlib
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from packaging.version import InvalidVersion, Version

from interlock.adapters.git import (
    Author,
    Checkout,
    ProtectedBranchError,
    PushRaceError,
    Remote,
    RemoteUnreachableError,
)
from interlock.adapters.git import Repository as Bare
from interlock.common.frozen_model import FrozenModel
from interlock.model.versions import VersionField

PREFIX = "interlock/"
TRAILER = "Interlock-Change"
SEEN = "refs/seen/change"
Edit = Callable[[Path], Awaitable[Mapping[str, bytes]]]


class Edge(FrozenModel):
    """An upstream's version and the repository that takes it, by one pull request.

    Attributes:
        repository: The repository, as owner/name.
        base: The branch that takes the version.
        package: The package whose requirements are moved, where the repository has several.
    """

    repository: str
    base: str
    upstream: str
    version: VersionField
    package: str | None = None

    @property
    def key(self) -> str:
        """The upstream and its version, as `market-data-core-1.2.11`, below the package where the edge names one."""
        return f"{self._upstream}-{self.version}"

    @property
    def _upstream(self) -> str:
        return f"{self.package}/{self.upstream}" if self.package else self.upstream

    @property
    def branch(self) -> str:
        """The branch of the change."""
        return f"{PREFIX}{self.key}"

    def supersedes(self, branch: str) -> bool:
        """Whether a branch proposes an older version of the same upstream."""
        before = f"{PREFIX}{self._upstream}-"
        if not branch.startswith(before):
            return False
        text = branch.removeprefix(before)
        try:
            version = Version(text)
        except InvalidVersion:
            return False
        # "a-1-2" is version 2 of "a-1", not version 1.post2 of "a".
        return str(version) == text and version < self.version


class Change(FrozenModel):
    """The change that a pull request proposes.

    Attributes:
        body: What it changes and why, for the person who merges it.
        edit: Returns the new contents by file, given a work tree of the base; equal trees give equal contents.
        labels: Labels of the pull request.
        trailers: Further lines for machines at the body's end, as `Interlock-Cascade`.
        auto_merge: Whether to merge it as soon as GitHub allows it.
    """

    edge: Edge
    title: str
    body: str
    edit: Edit
    labels: tuple[str, ...] = ()
    trailers: Mapping[str, str] = {}
    auto_merge: bool = False

    @property
    def message(self) -> str:
        """The message of the commit."""
        return f"{self.title}\n\n{TRAILER}: {self.edge.key}\n"

    @property
    def text(self) -> str:
        """The pull request's body, with the trailers at its end."""
        lines = {TRAILER: self.edge.key, **self.trailers}
        return "\n".join([self.body.strip(), "", *(f"{name}: {value}" for name, value in lines.items())])


class ChangeBranch:
    """The branch of a change, on the remote and in clones made when needed.

    Args:
        change: The change to commit.
        remote: The repository.
        author: The author of the commit.
        work: A directory for clones.
    """

    def __init__(self, change: Change, remote: Remote, author: Author, work: Path) -> None:
        self._change = change
        self._remote = remote
        self._author = author
        self._work = work
        self._ref = f"refs/heads/{change.edge.branch}"

    async def make(self) -> str | None:
        """Return the branch's commit on the remote, and make it if there is none; None when the base has the change.

        Raises:
            RepositoryError: The repository can't be read or written.
            TokenError: Access was refused.
            ProtectedBranchError: A rule forbids branches of this name.
        """
        cloned = await self._clone()
        base = await cloned.head()
        mine = await self._commit(cloned, base)
        if mine is None:
            return None
        there = (await cloned.remote_refs(self._ref)).get(self._ref, "")
        if there:
            await cloned.fetch(f"+{self._ref}:{SEEN}")
            if not await cloned.is_ancestor(there, base):
                return there
        return await self._push(cloned, mine, there)

    async def remake(self, seen: str) -> str | None:
        """Make the branch again on the base's present head.

        Args:
            seen: The branch's commit, which is replaced only if it is exactly what `make` makes.

        Returns:
            The branch's commit; None when a person has changed the branch, or the base has the change.

        Raises:
            RepositoryError: The repository can't be read or written.
            TokenError: Access was refused.
        """
        cloned = await self._clone()
        base = await cloned.head()
        if (await cloned.remote_refs(self._ref)).get(self._ref) != seen:
            return None
        await cloned.fetch(f"+{self._ref}:{SEEN}")
        if not await self._is_untouched(cloned, seen):
            return None
        await cloned.switch(base)
        mine = await self._commit(cloned, base)
        return await self._push(cloned, mine, seen) if mine else None

    async def remove(self, branch: str, seen: str) -> None:
        """Remove a branch of the remote, unless it has moved or is protected.

        Raises:
            RepositoryError: The remote can't be read or written.
            TokenError: Access was refused.
        """
        ref = f"refs/heads/{branch}"
        bare = await Bare.create(self._remote, self._folder("bare-"))
        if (await bare.remote_refs(ref)).get(ref) == seen:
            with contextlib.suppress(PushRaceError, ProtectedBranchError):
                await bare.push({ref: ""}, {ref: seen})

    def _folder(self, prefix: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=prefix, dir=self._work))

    async def _clone(self) -> Checkout:
        return await Checkout.clone(self._remote, self._change.edge.base, self._folder("change-"))

    async def _commit(self, cloned: Checkout, base: str) -> str | None:
        """Commit the change on the work tree's commit; None when there is nothing to change."""
        wanted = {cloned.path / path: content for path, content in (await self._change.edit(cloned.path)).items()}
        changed = {path: content for path, content in wanted.items() if not _has(path, content)}
        if not changed:
            return None
        for path, content in changed.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        # The base's own time, so that a second run makes the same commit.
        when = await cloned.commit_time(base)
        return await cloned.commit_all(
            self._change.message, self._author, when, [path.relative_to(cloned.path) for path in changed]
        )

    async def _is_untouched(self, cloned: Checkout, seen: str) -> bool:
        """Whether a commit is the one that `make` makes on its parent."""
        history = await cloned.log(since=None, until=seen)
        if len(history) < 2:
            return False
        parent = history[1].sha
        await cloned.switch(parent)
        return await self._commit(cloned, parent) == seen

    async def _push(self, cloned: Checkout, new: str, seen: str) -> str:
        """Push a commit where the branch was seen; return the branch's commit, which another run may have pushed."""
        try:
            await cloned.push({self._ref: new}, {self._ref: seen})
        except (PushRaceError, RemoteUnreachableError):
            there = (await cloned.remote_refs(self._ref)).get(self._ref, "")
            if there in {"", seen}:
                raise
            return there
        return new


def _has(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content
