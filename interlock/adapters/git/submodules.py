"""Git: submodules of a commit, and their files.

`git submodule` is not used: what `.gitmodules` says of updates, of options and of paths is a stranger's, and so is a
repository in a work tree. The file gives no more than an address for each submodule that is in the commit's tree, and
the files are read at the commit that the tree names, as those of a suite are (`files_at`).
"""

import asyncio
import ipaddress
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

from interlock.adapters.git.command import git, succeeded
from interlock.adapters.git.files import files_at
from interlock.adapters.git.models import Remote, checked_sha
from interlock.errors import InterlockError, RepositoryError

HINT = (
    "a submodule is fetched by https, from a public server or from the package's own; or leave it: submodules = false"
)
GITLINK = "160000"
# What no file of a submodule may be: Git reads it as a repository, whatever the case.
REPOSITORY = re.compile(r"(^|/)\.git(/|$)|(^|/)git~\d+(/|$)", re.IGNORECASE)


class Submodule(NamedTuple):
    """A submodule of a commit.

    Attributes:
        path: Where its files belong, relative to the repository.
        sha: Its commit.
        url: Its address, as `.gitmodules` has it; empty where it names none.
    """

    path: str
    sha: str
    url: str


class _Stranger(Remote):
    """A repository that a file of a repository names: no credentials of this machine are sent to it."""

    def settings(self) -> list[tuple[str, str]]:
        """Git's settings: no helper of credentials, and no redirect to elsewhere."""
        return [("credential.helper", ""), ("http.followRedirects", "false"), (f"http.{self.url}.extraHeader", "")]


async def submodules_of(clone: Path) -> tuple[Submodule, ...]:
    """The submodules of a clone's present commit, by path.

    Raises:
        RepositoryError: They can't be listed.
    """
    listed = succeeded(await git("ls-tree", "-r", "-z", "HEAD", at=clone), f"the files of {clone} can't be listed")
    entries = [entry.partition("\t") for entry in listed.split("\0") if entry.startswith(GITLINK)]
    urls = await _addresses(clone) if entries else {}
    return tuple(Submodule(path, facts.split()[2], urls.get(path, "")) for facts, _, path in entries)


async def _addresses(clone: Path) -> dict[str, str]:
    """The addresses in `.gitmodules`, by path."""
    command = ("config", "--no-includes", "--blob", "HEAD:.gitmodules", "--null", "--list")
    found = await git(*command, at=clone)  # it fails where there is no such file
    by_name: dict[str, dict[str, str]] = {}
    for entry in found.output.split("\0") if found.returncode == 0 else ():
        key, _, value = entry.partition("\n")
        if match := re.fullmatch(r"submodule\.(.*)\.(path|url)", key, re.DOTALL):
            by_name.setdefault(match[1], {})[match[2]] = value
    return {each["path"]: each["url"] for each in by_name.values() if {"path", "url"} <= each.keys()}


async def fetch_submodule(
    parent: Remote, submodule: Submodule, clone: Path, cache: Path, *, trusted: bool = True
) -> None:
    """Write the files of a submodule into the clone, where Git goes on to see none of them.

    Args:
        parent: The repository that has the submodule; its token goes to repositories of its own owner alone.
        submodule: The submodule.
        clone: The clone, with the empty folder of the submodule.
        cache: Where its repository is while it is read.
        trusted: Whether the commit is of the repository's own branches: else no token is sent for what it names.

    Raises:
        RepositoryError: Its address is not one that is fetched from, it can't be fetched, or it has submodules.
    """
    remote = await _remote_of(parent, submodule, trusted=trusted)
    nothing = cache / "no-home"
    nothing.mkdir(parents=True, exist_ok=True)
    protocols = "http:https" if remote.server else "file"
    own = (
        {}
        if not isinstance(remote, _Stranger)
        else {"HOME": str(nothing), "XDG_CONFIG_HOME": str(nothing), "NETRC": str(nothing)}
    )
    extra = {"GIT_ALLOW_PROTOCOL": protocols, **own}
    try:
        files = await files_at(remote, checked_sha(submodule.sha), cache, extra=extra)
    except InterlockError as error:
        if error.transient:
            raise
        raise RepositoryError(f"the submodule {submodule.path} can't be had: {error.message}", hint=HINT) from None
    if ".gitmodules" in files:
        raise RepositoryError(f"{submodule.path} has submodules itself, and these are not fetched", hint=HINT)
    await asyncio.to_thread(_write, clone, submodule.path, files)


def _write(clone: Path, path: str, files: Mapping[str, bytes]) -> None:
    target = clone / path
    inside = [folder for folder in target.parents if folder.is_relative_to(clone)]
    if any(folder.is_symlink() for folder in (target, *inside)) or (target.exists() and any(target.iterdir())):
        raise RepositoryError(f"{path} is not an empty folder of the clone", hint="run it again")
    for name, content in files.items():
        if REPOSITORY.search(name) or ".." in PurePosixPath(name).parts:
            raise RepositoryError(f"{path} has a file {name}, which is not written", hint=HINT)
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)


async def _remote_of(parent: Remote, submodule: Submodule, *, trusted: bool) -> Remote:
    """The repository of a submodule.

    Raises:
        RepositoryError: Its address is not one that is fetched from.
    """
    url = _absolute(parent, submodule.url)
    if url is None:
        raise RepositoryError(f'the submodule {submodule.path} has the address "{submodule.url}"', hint=HINT)
    try:
        remote = _Stranger(url=url)
    except ValueError:
        raise RepositoryError(f"the submodule {submodule.path} has no address without credentials", hint=HINT) from None
    if remote.server == parent.server:
        # The owner's own repositories, or a public one of the same server.
        is_own = trusted and _owner(url) == _owner(parent.url)
        return Remote(url=url, token=parent.token) if is_own else remote
    if not await _is_public(url):
        raise RepositoryError(f"the submodule {submodule.path} is on {remote.server}, in a private network", hint=HINT)
    return remote


def _absolute(parent: Remote, url: str) -> str | None:
    """The address, if it is of a kind that is fetched from: http, https, or relative to the parent's."""
    if re.search(r"[\x00-\x20\x7f\\]", url):
        return None
    if url.startswith(("./", "../")):
        base = parent.url.rstrip("/")
        root = parent.server or ("file://" if base.startswith("file://") else "")
        if parent.server is None and not base.removeprefix("file://").startswith("/"):
            return None  # by ssh
        path = posixpath.normpath(posixpath.join("/" + base[len(root) :].lstrip("/"), url))
        found = root.rstrip("/") + path if parent.server else root + path
        # Beside the parent on a disk; below the same server elsewhere.
        return found if parent.server or _owner(found) == _owner(base) else None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or parts.query or parts.fragment or not parts.hostname:
        return None
    return url


def _owner(url: str) -> str:
    """All but the last part of an address."""
    return posixpath.dirname(url.rstrip("/")).lower()


async def _is_public(url: str) -> bool:
    parts = urlsplit(url)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, parts.port or 443, proto=6)
    except (OSError, ValueError):
        return True  # Git will say why it can't be reached
    return all(ipaddress.ip_address(str(each[4][0])).is_global for each in found)
