"""The branch of a change: one commit on the base, the same whenever it is made again, pushed where nobody else was."""

import contextlib
import tempfile
from collections.abc import Callable, Mapping
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
Edit = Callable[[Path], Mapping[str, bytes]]


class Edge(FrozenModel):
    """An upstream's version that a repository is to take: what there is one pull request of.

    Attributes:
        repository: As owner/name.
        base: The branch that takes it.
    """

    repository: str
    base: str
    upstream: str
    version: VersionField

    @property
    def key(self) -> str:
        """The upstream and its version, as `market-data-core-1.2.11`."""
        return f"{self.upstream}-{self.version}"

    @property
    def branch(self) -> str:
        """The branch of the change."""
        return f"{PREFIX}{self.key}"

    def supersedes(self, branch: str) -> bool:
        """Whether a branch is that of an older version of the same upstream."""
        before = f"{PREFIX}{self.upstream}-"
        if not branch.startswith(before):
            return False
        text = branch.removeprefix(before)
        try:
            version = Version(text)
        except InvalidVersion:
            return False
        # Of "a-1-2" and upstream "a" this is not 1.post2, but version 2 of another one, "a-1".
        return str(version) == text and version < self.version


class Change(FrozenModel):
    """What is to be proposed.

    Attributes:
        body: What and why, for whoever is to merge it.
        edit: Tells from a work tree of the base what shall stand in which of its files; called again on each newer
            base, and the same for the same files.
        labels: Put on the pull request.
        trailers: Further lines for machines at the body's end, as `Interlock-Cascade`.
        auto_merge: Whether it is to be merged as soon as GitHub lets it.
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
        """Of the commit."""
        return f"{self.title}\n\n{TRAILER}: {self.edge.key}\n"

    @property
    def text(self) -> str:
        """The pull request's body, with what machines read at its end."""
        lines = {TRAILER: self.edge.key, **self.trailers}
        return "\n".join([self.body.strip(), "", *(f"{name}: {value}" for name, value in lines.items())])


class ChangeBranch:
    """The branch of a change, on the remote, and in a clone that is made when it is needed.

    Args:
        change: What is to be committed.
        remote: The repository.
        author: Who commits.
        work: A directory for clones.
    """

    def __init__(self, change: Change, remote: Remote, author: Author, work: Path) -> None:
        self._change = change
        self._remote = remote
        self._author = author
        self._work = work
        self._ref = f"refs/heads/{change.edge.branch}"

    async def make(self) -> str | None:
        """The branch's commit on the remote: what is there, or else made now; None when the base has the change.

        Raises:
            RepositoryError: The repository can't be had or written.
            TokenError: Access was refused.
            ProtectedBranchError: A rule forbids branches of this name.
        """
        cloned = await self._clone()
        base = await cloned.head()
        mine = await self._commit(cloned, base)
        if mine is None:
            return None
        there = (await cloned.remote_refs(self._ref)).get(self._ref, "")
        if there and not await self._is_within(cloned, there, base):
            return there
        return await self._push(cloned, mine, there)

    async def remake(self, seen: str) -> str | None:
        """Make the branch anew on the base as it is now.

        Args:
            seen: The branch's commit, which is replaced if it is what `make` made, and nobody has added to it.

        Returns:
            The branch's commit; None when it is not as it was made, or the base has the change by now.

        Raises:
            RepositoryError: The repository can't be had or written.
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
        """Remove a branch of the remote that nobody needs any more, unless it is not where it was seen, or must stay.

        Raises:
            RepositoryError: The remote can't be asked or written.
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
        wanted = {cloned.path / path: content for path, content in self._change.edit(cloned.path).items()}
        changed = {path: content for path, content in wanted.items() if not _has(path, content)}
        if not changed:
            return None
        for path, content in changed.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        # The base's own time: who makes it again, makes the same commit.
        when = await cloned.commit_time(base)
        return await cloned.commit_all(
            self._change.message, self._author, when, [path.relative_to(cloned.path) for path in changed]
        )

    async def _is_within(self, cloned: Checkout, there: str, base: str) -> bool:
        """Whether the branch has nothing that the base has not."""
        await cloned.fetch(f"+{self._ref}:{SEEN}")
        return await cloned.is_ancestor(there, base)

    async def _is_untouched(self, cloned: Checkout, seen: str) -> bool:
        """Whether a commit is what is made of its parent."""
        history = await cloned.log(since=None, until=seen)
        if len(history) < 2:
            return False
        parent = history[1].sha
        await cloned.switch(parent)
        return await self._commit(cloned, parent) == seen

    async def _push(self, cloned: Checkout, new: str, seen: str) -> str:
        """Push it where the branch was seen; what is there then, which may be what another run of this pushed."""
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
