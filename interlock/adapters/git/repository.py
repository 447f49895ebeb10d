"""A repository on this disk and its remote: reads the remote's refs, fetches from them and pushes to them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from interlock.adapters.git.command import git, succeeded
from interlock.adapters.git.models import Author, Remote, checked_ref, checked_sha
from interlock.common.process import Completed
from interlock.errors import UsageError

PUSH = ("push", "--porcelain", "--atomic", "--no-verify", "--no-follow-tags", "--no-recurse-submodules")


class Repository:
    """A repository on this disk, with or without a work tree.

    Args:
        remote: Where it is fetched from and pushed to.
        path: Its directory.
    """

    def __init__(self, remote: Remote, path: Path) -> None:
        self.remote = remote
        self.path = path

    @classmethod
    async def create(cls, remote: Remote, path: Path) -> Self:
        """An empty repository without a work tree; the directory is made as needed.

        Raises:
            RepositoryError: It can't be made there.
        """
        created = await git("init", "--quiet", "--bare", "--template=", "--", path)
        succeeded(created, f"no repository can be made in {path}")
        return cls(remote, path)

    async def remote_refs(self, *patterns: str) -> dict[str, str]:
        """What the remote's refs point at now, by their whole names; for annotated tags also `…^{}`, their commits.

        Args:
            patterns: Which refs, as `refs/tags/v1`; all by default.

        Raises:
            RepositoryError: The remote can't be read.
            TokenError: Access was refused.
        """
        names = [checked_ref(pattern) for pattern in patterns]
        # ls-remote shows a tag's commit only on request.
        peeled = [f"{name}^{{}}" for name in names if name.startswith("refs/tags/")]
        listed = await self._git("ls-remote", "--quiet", "--", self.remote.url, *names, *peeled)
        lines = succeeded(listed, f"the refs of {self._name} can't be read").splitlines()
        found = {ref: sha for sha, _, ref in (line.partition("\t") for line in lines)}
        # ls-remote matches the ends of names: refs/x also finds refs/heads/refs/x.
        return {ref: sha for ref, sha in found.items() if not names or ref.removesuffix("^{}") in names}

    async def push(self, updates: Mapping[str, str], expected: Mapping[str, str]) -> None:
        """Change refs of the remote, all of them or none; each only if it still points at what was seen.

        Args:
            updates: What each ref shall point at; an empty text removes it.
            expected: What each of them pointed at when it was read; an empty text for one that was not there.

        Raises:
            UsageError: A ref has no expectation, or a name is not valid.
            PushRaceError: A ref is not where it was expected.
            ProtectedBranchError: A rule of the remote forbids it.
            TokenError: Access was refused.
            RemoteUnreachableError: There was no answer: the refs show whether it happened.
            RepositoryError: It failed for another reason.
        """
        if not updates or set(updates) != set(expected):
            raise UsageError("a push names what it changes, and for each ref what it was looked at as")
        leases = [f"--force-with-lease={checked_ref(ref)}:{old and checked_sha(old)}" for ref, old in expected.items()]
        changes = [f"{sha and checked_sha(sha)}:{ref}" for ref, sha in updates.items()]
        pushed = await self._git(*PUSH, *leases, "--", self.remote.url, *changes)
        succeeded(pushed, f"{', '.join(sorted(updates))} can't be pushed to {self._name}")

    async def fetch(self, *refspecs: str) -> None:
        """Fetch from the remote.

        Args:
            refspecs: As `+refs/heads/main:refs/remotes/origin/main`.

        Raises:
            RepositoryError: One of them can't be fetched.
            TokenError: Access was refused.
        """
        fetched = await self._git("fetch", "--quiet", "--no-tags", "--", self.remote.url, *refspecs)
        first = refspecs[0].lstrip("+").partition(":")[0].removeprefix("refs/heads/")
        succeeded(fetched, f"{first} of {self._name} can't be fetched")

    async def orphan(self, message: str, author: Author, when: int) -> str:
        """The SHA of a new commit that has no parents and no files, and that no ref points at yet."""
        tree = (await self._output("mktree")).strip()
        made = await self._git("commit-tree", tree, "-m", message, extra=author.environment(when))
        return succeeded(made, "a commit can't be made").strip()

    async def message(self, sha: str) -> str:
        """A commit's message.

        Raises:
            RepositoryError: It is not in this repository.
        """
        return await self._output("show", "--no-patch", "--format=%B", checked_sha(sha), "--")

    async def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether a commit is in another one's history, or the same.

        Raises:
            RepositoryError: One of them is not in this repository.
        """
        checked = await self._git("merge-base", "--is-ancestor", checked_sha(older), checked_sha(newer))
        if checked.returncode == 1:
            return False
        succeeded(checked, f"{older} can't be compared with {newer}")
        return True

    @property
    def _name(self) -> str:
        return self.remote.redact(self.remote.url)

    async def _output(self, *arguments: str | Path) -> str:
        return succeeded(await self._git(*arguments), f"git {arguments[0]} failed in {self.path}")

    async def _git(self, *arguments: str | Path, extra: Mapping[str, str] | None = None) -> Completed:
        return await git(*arguments, at=self.path, remote=self.remote, extra=extra)
