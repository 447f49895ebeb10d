"""A clone with a work tree: where a release is prepared, read and tagged."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from interlock.adapters.git.command import KEEP, git, succeeded
from interlock.adapters.git.models import Author, Commit, Remote, Tag, checked_ref, checked_sha
from interlock.adapters.git.repository import Repository
from interlock.errors import ConflictError, RepositoryError

# Messages may have any line; a NUL is in none.
_TAG = ("refname:strip=2", "objectname", "objecttype", "*objectname", "*objecttype", "taggerdate:unix", "contents")
_TAG_FORMAT = "".join(f"%({field})%00" for field in _TAG)
# Elsewhere a path is what it says; here one may be `:(exclude)…`.
NOT_LITERAL = {"GIT_LITERAL_PATHSPECS": "0"}
_LOG_FORMAT = "%H%x00%s%x00%an%x00"
_WITH_MESSAGES = f"{_LOG_FORMAT}%B%x00"
# Of more than `KEEP`, git's output would lose its beginning; a character has four bytes at most.
_MOST_CHARACTERS = KEEP // 4


class Checkout(Repository):
    """A clone with a work tree; `branch` is the remote's branch that it was made from."""

    def __init__(self, remote: Remote, path: Path, branch: str) -> None:
        super().__init__(remote, path)
        self.branch = branch

    @classmethod
    async def clone(cls, remote: Remote, branch: str | None, path: Path) -> Self:
        """The whole history of a branch, with all tags of the repository.

        Args:
            remote: Where from; no token is left in the clone.
            branch: Its name; None for the repository's default one.
            path: A directory that does not exist yet, or is empty.

        Raises:
            RepositoryError: The repository or the branch can't be fetched, or the directory is in use.
            TokenError: Access was refused.
        """
        if path.exists() and any(path.iterdir()):
            raise RepositoryError(f"{path} is not empty", hint="name a directory that does not exist yet")
        name = checked_ref(branch or await cls.default_branch(remote))
        made = await git("init", "--quiet", "--template=", f"--initial-branch={name}", "--", path)
        succeeded(made, f"no clone can be made in {path}")
        checkout = cls(remote, path, name)
        await checkout._output("remote", "add", "--", "origin", remote.url)
        await checkout.update()
        await checkout._output("reset", "--quiet", "--hard", f"refs/remotes/origin/{name}")
        return checkout

    @staticmethod
    async def default_branch(remote: Remote) -> str:
        """The name of a repository's default branch.

        Raises:
            RepositoryError: It has none, or can't be read.
        """
        listed = await git("ls-remote", "--quiet", "--symref", "--", remote.url, "HEAD", remote=remote)
        name = remote.redact(remote.url)
        first = succeeded(listed, f"the refs of {name} can't be read").partition("\n")[0]
        if not first.startswith("ref: refs/heads/"):
            raise RepositoryError(f"{name} has no default branch", hint="name the branch in the family file")
        return first.removeprefix("ref: refs/heads/").partition("\t")[0]

    async def update(self) -> str:
        """Fetch the remote's branch and tags, leaving the work tree alone; the branch's commit there.

        Raises:
            RepositoryError: They can't be fetched.
            TokenError: Access was refused.
        """
        seen = f"refs/remotes/origin/{self.branch}"
        await self.fetch(f"+refs/heads/{self.branch}:{seen}", "+refs/tags/*:refs/tags/*")
        return await self._object(f"{seen}^{{commit}}")

    async def changed(self) -> tuple[str, ...]:
        """The paths of files that differ from the commit, and of untracked files that are not ignored."""
        # This drops the file dates that git has cached: by them it would pass over some files that have changed.
        await self._output("read-tree", "HEAD")
        status = await self._output("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
        return tuple(entry[3:] for entry in status.split("\0") if entry)

    async def head(self) -> str:
        """The SHA of the work tree's commit."""
        return await self._object("HEAD^{commit}")

    async def tree_with(self, paths: Sequence[Path | str]) -> str:
        """The SHA of the tree that a commit of these files, as they are now, would have; nothing is committed."""
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            succeeded(await self._git("read-tree", "HEAD", extra=index), "HEAD can't be read")
            if paths:
                succeeded(await self._git("add", "--force", "--", *paths, extra=index), "files can't be added")
            return succeeded(await self._git("write-tree", extra=index), "a tree can't be made").strip()

    async def discard(self, paths: Sequence[str]) -> None:
        """Take changes of these files back: they are as in the work tree's commit again."""
        if paths:
            await self._output("checkout", "--quiet", "HEAD", "--", *paths)

    async def differ(self, one: str, two: str, paths: Sequence[str] = ()) -> bool:
        """Whether two trees, or the trees of two commits, differ in what some pathspecs match; without any, at all."""
        command = ("diff-tree", "--quiet", "-r", checked_sha(one), checked_sha(two), "--", *paths)
        compared = await self._git(*command, extra=NOT_LITERAL)
        if compared.returncode not in {0, 1}:
            succeeded(compared, f"{one} and {two} can't be compared")
        return compared.returncode == 1

    async def merged_tags(self, sha: str) -> frozenset[str]:
        """The names of the tags in a commit's history."""
        listed = await self._output(
            "for-each-ref", f"--merged={checked_sha(sha)}", "--format=%(refname:strip=2)", "refs/tags"
        )
        return frozenset(listed.split("\n")) - {""}

    async def latest(self, shas: Iterable[str]) -> frozenset[str]:
        """Those of some commits that are in no other's history."""
        given = sorted({checked_sha(sha) for sha in shas})
        if len(given) < 2:
            return frozenset(given)
        return frozenset((await self._output("merge-base", "--independent", *given)).split())

    async def commit_time(self, sha: str) -> int:
        """When a commit was made, in seconds since 1970."""
        return int(await self._output("show", "--no-patch", "--format=%ct", checked_sha(sha), "--"))

    async def tags(self) -> tuple[Tag, ...]:
        """The tags of commits, as they were when the clone was made or updated, by name."""
        listed = await self._output("for-each-ref", f"--format={_TAG_FORMAT}", "refs/tags")
        return tuple(tag for fields in _records(listed, len(_TAG)) if (tag := _tag(fields)))

    async def commit_all(self, message: str, author: Author, when: int, paths: Sequence[Path | str]) -> str:
        """Commit the changes in these files, and nothing else; equal input makes an equal commit.

        Args:
            message: The whole message.
            author: Also the committer.
            when: Seconds since 1970.
            paths: Relative to the work tree.

        Returns:
            The SHA of the commit, which is the work tree's now.

        Raises:
            RepositoryError: Nothing in them has changed.
        """
        await self._output("add", "--force", "--", *paths)
        same = await self._git("diff", "--quiet", "--no-ext-diff", "HEAD", "--", *paths)
        if same.returncode == 0:
            raise RepositoryError(f"nothing to commit in {', '.join(map(str, paths))}", hint="was it committed before?")
        await self._as(author, when, "commit", "--quiet", "--only", *_message(message), "--no-verify", "--", *paths)
        return await self.head()

    async def tag(self, name: str, message: str, author: Author, when: int, at: str) -> str:
        """Make an annotated tag of a commit; equal input makes an equal tag.

        Returns:
            The SHA of the tag's own object, which is pushed.

        Raises:
            ConflictError: There is a tag of this name.
            RepositoryError: It can't be made.
        """
        ref = f"refs/tags/{checked_ref(name)}"
        if (await self._git("rev-parse", "--quiet", "--verify", ref)).returncode == 0:
            raise ConflictError(
                f'there is a tag "{name}" already', hint="look at where it points before making another"
            )
        await self._as(author, when, "tag", "--annotate", *_message(message), "--", name, checked_sha(at))
        return await self._object(ref)

    async def switch(self, sha: str) -> None:
        """Check a commit out, on no branch.

        Raises:
            RepositoryError: It is not in this clone, or changed files are in its way.
        """
        await self._output("switch", "--quiet", "--detach", checked_sha(sha))

    async def log(
        self, since: str | None, until: str = "HEAD", *, paths: Sequence[str] = (), messages: bool = False
    ) -> tuple[Commit, ...]:
        """The commits that are in one history and not in another, newest first.

        Args:
            since: A tag's name or a SHA; its history is left out. None leaves out nothing.
            until: A SHA or a ref.
            paths: Pathspecs; only commits that touch one of them are listed. Without any, all are.
            messages: Whether the commits have their whole messages.

        Raises:
            RepositoryError: One of them is not in this clone; or there is more than can be read.
        """
        left_out = [f"^{checked_ref(since)}^{{commit}}"] if since else []
        order = ("log", "--topo-order", "--no-decorate", f"--format={_WITH_MESSAGES if messages else _LOG_FORMAT}")
        command = (*order, checked_ref(until), *left_out, "--", *paths)
        listed = succeeded(await self._git(*command, extra=NOT_LITERAL), f"the commits of {until} can't be read")
        if messages and len(listed) > _MOST_CHARACTERS:
            raise RepositoryError(f"the messages since {since} are too many to be read", hint="tag a release first")
        names = ("sha", "subject", "author", "message")[: 4 if messages else 3]
        return tuple(Commit(**dict(zip(names, fields, strict=True))) for fields in _records(listed, len(names)))

    async def changed_between(self, old: str, new: str) -> tuple[str, ...] | None:
        """The paths that differ between two commits; None when one of them is not in this clone."""
        listed = await self._git(
            "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", checked_sha(old), checked_sha(new), "--"
        )
        return tuple(path for path in listed.output.split("\0") if path) if listed.returncode == 0 else None

    async def export(self, sha: str, path: Path) -> None:
        """Write all files of a commit, as a clone has them, into a directory that is not a repository.

        Raises:
            RepositoryError: The commit is not in this clone.
        """
        path.mkdir(parents=True, exist_ok=True)
        index = {"GIT_INDEX_FILE": str(self.path / ".git" / f"index-of-{checked_sha(sha)}")}
        read = await self._git("read-tree", sha, extra=index)
        succeeded(read, f"{sha} can't be read")
        # Not `git archive`: by a repository's attributes it leaves files out, and changes others.
        written = await self._git("checkout-index", "--all", f"--prefix={path.resolve()}/", extra=index)
        succeeded(written, f"{sha} can't be written to {path}")
        Path(index["GIT_INDEX_FILE"]).unlink()

    async def _object(self, name: str) -> str:
        found = await self._git("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        if found.returncode != 0:
            raise RepositoryError(f"{name} is not in the clone of {self._name}", hint="is the clone up to date?")
        return found.output.strip()

    async def _as(self, author: Author, when: int, *arguments: str | Path) -> None:
        extra: Mapping[str, str] = author.environment(when)
        succeeded(await self._git(*arguments, extra=extra), f"git {arguments[0]} failed in {self.path}")


def _message(text: str) -> tuple[str, str]:
    return f"--message={text}", "--cleanup=verbatim"


def _records(text: str, width: int) -> Iterator[tuple[str, ...]]:
    """Fields that each end with a NUL, in records that each end with a newline."""
    fields = text.split("\0")[:-1]
    for start in range(0, len(fields), width):
        first, *others = fields[start : start + width]
        yield first.removeprefix("\n"), *others


def _tag(fields: tuple[str, ...]) -> Tag | None:
    name, sha, kind, target, target_kind, when, message = fields
    if kind == "commit":
        return Tag(name=name, sha=sha, commit=sha)
    if target_kind != "commit":
        return None
    return Tag(name=name, sha=sha, commit=target, message=message.removesuffix("\n"), when=int(when) if when else None)
