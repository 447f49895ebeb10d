"""The bare repositories of a world: made from a template, always with the same SHAs, or mirrored from a user's own."""

import asyncio
import re
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from interlock.common.process import run, tool_environment
from interlock.errors import EnvironmentUnavailableError, RehearsalError, RepositoryError
from rehearsal.github.git_store import GitStore, GitStoreError
from rehearsal.template import Repository

MIRROR_SECONDS = 600
NO_GIT = "git is not installed"


def make_repositories(repositories: Collection[Repository], folder: Path) -> None:
    """Make a bare repository for each, as `name.git` in the folder, with its history and tags.

    Raises:
        EnvironmentUnavailableError: Git is not installed.
        RehearsalError: Git refused something.
    """
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda repository: _make(repository, folder / f"{repository.name}.git"), repositories))


async def mirror(source: str, target: Path) -> str:
    """Make a bare copy of a user's repository, with its branches and tags; returns its default branch.

    Args:
        source: A URL or a path.
        target: The path of the copy.

    Raises:
        EnvironmentUnavailableError: Git is not installed.
        RepositoryError: It can't be fetched.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    clone = ["git", "clone", "--quiet", "--mirror", "--template=", "--", source, str(target)]
    try:
        # With the user's own settings: their credential helper, their proxies.
        cloned = await run(clone, env={**tool_environment(), "GIT_TERMINAL_PROMPT": "0"}, timeout=MIRROR_SECONDS)
    except FileNotFoundError:
        raise EnvironmentUnavailableError(NO_GIT, hint="install git") from None
    if cloned.returncode != 0:
        words = f"not within {MIRROR_SECONDS} s" if cloned.timed_out else cloned.errors.strip()
        raise RepositoryError(
            f'"{source}" can\'t be mirrored: {words}', hint="check the repository and the access to it"
        )
    store = GitStore(target, _now)
    # The copy forgets its origin: nothing in a rehearsal can reach the user's repository.
    await asyncio.to_thread(store.git, "remote", "remove", "origin")
    return await asyncio.to_thread(store.line, "symbolic-ref", "--short", "HEAD")


def name_of(source: str) -> str:
    """The name of a repository, from its address or its path.

    Raises:
        RehearsalError: It has no name.
    """
    is_address = "://" in source or re.match(r"[\w.-]+@[\w.-]+:", source)
    path = re.split(r"[/:]", source.rstrip("/"))[-1] if is_address else Path(source).resolve().name
    # A `.git` directory has the name of its work tree.
    if path == ".git" and not is_address:
        path = Path(source).resolve().parent.name
    if not (name := path.removesuffix(".git")):
        raise RehearsalError(f'"{source}" names no repository', hint="give its URL or its path")
    return name


def _make(repository: Repository, target: Path) -> None:
    store = GitStore(target, _now)
    try:
        target.mkdir(parents=True)
        store.git("init", "--quiet", "--bare", "--template=", f"--initial-branch={repository.history.branch}")
        store.git("fast-import", "--quiet", data=b"".join(_stream(repository)))
    except FileNotFoundError:
        raise EnvironmentUnavailableError(NO_GIT, hint="install git") from None
    except GitStoreError as error:
        raise RehearsalError(f"the repository {repository.name} can't be made: {error}") from None


def _now() -> datetime:
    return datetime.now(UTC)


def _stream(repository: Repository) -> Iterator[bytes]:
    """A history in the format of `git fast-import`."""
    branch, author = repository.history.branch, repository.history.author
    for commit in repository.history.commits:
        person = f"{author} {int(commit.at.timestamp())} +0000"
        yield f"commit refs/heads/{branch}\nauthor {person}\ncommitter {person}\n".encode()
        yield _data(commit.message.encode() + b"\n") + b"deleteall\n"
        for path, content in repository.files_at(commit).items():
            yield f"M 100644 inline {path}\n".encode() + _data(content)
        if commit.tag:
            yield f"tag {commit.tag}\nfrom refs/heads/{branch}\ntagger {person}\n".encode()
            yield _data(f"Release {commit.version}\n".encode())


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
