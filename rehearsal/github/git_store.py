"""A bare Git repository, read and written by plumbing commands: GitHub's side, without a work tree."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from interlock.common.process import tool_environment
from rehearsal.github.git_objects import SHA, read_object, write_object, write_tree
from rehearsal.github.git_refs import read_refs

TIMEOUT = 120
SETTINGS = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
NO_COMMIT = "0" * 40
# The settings of every repository: authorized callers may push, and may fetch any object; garbage is not collected.
SERVED = {"http.receivepack": "true", "uploadpack.allowAnySHA1InWant": "true", "gc.auto": "0"}
CONFIG = """[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
[http]
\treceivepack = true
[uploadpack]
\tallowAnySHA1InWant = true
[gc]
\tauto = 0
"""
# The hook declines a ref if `git_http.py` has written a file for it, with the message.
HOOK = """#!/bin/sh
test -f "$REHEARSAL_DECLINED/$1" || exit 0
cat "$REHEARSAL_DECLINED/$1" >&2
exit 1
"""


class GitStoreError(Exception):
    """Git refused; the message is its own."""


class Entry(NamedTuple):
    """A file or folder of a commit."""

    mode: str
    kind: str
    sha: str
    size: int
    path: str


class Person(NamedTuple):
    """The author of a commit or tag, and its time (seconds since 1970 with the offset, as `1700000000 +0000`)."""

    name: str
    email: str
    when: str


class Commit(NamedTuple):
    """A commit, without its diff."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


class Tag(NamedTuple):
    """An annotated tag."""

    sha: str
    name: str
    message: str
    target: str
    target_kind: str
    tagger: Person


class GitStore:
    """A bare repository.

    Args:
        path: Its path.
        now: The clock for new commits.
        env: Additional variables of every Git command.
    """

    def __init__(self, path: Path, now: Callable[[], datetime], env: Mapping[str, str] | None = None) -> None:
        self.path = path
        self._now = now
        self._env = dict(env or {})

    def with_objects(self, folder: Path) -> "GitStore":
        """The same repository with additional objects, which are written to a folder of their own."""
        more = {"GIT_OBJECT_DIRECTORY": str(folder), "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(self.path / "objects")}
        return GitStore(self.path, self._now, more)

    def create(self, branch: str) -> None:
        """Make it, empty, unless it exists; in both cases, set its configuration and its hook."""
        if (self.path / "HEAD").exists():
            for name, value in SERVED.items():
                self.git("config", name, value)
        else:
            for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
                (self.path / folder).mkdir(parents=True)
            (self.path / "config").write_text(CONFIG)
            (self.path / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
        hook = self.path / "hooks" / "update"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(HOOK)
        hook.chmod(0o755)

    def git(self, *arguments: str, data: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """Run a Git command in it; returns its output.

        Raises:
            GitStoreError: It failed, or no program can have such arguments.
        """
        try:
            done = subprocess.run(  # noqa: S603  an argument list, from callers here
                ["git", "-C", str(self.path), *arguments],  # noqa: S607  the user's own git
                input=data,
                capture_output=True,
                check=False,
                timeout=TIMEOUT,
                env={**tool_environment(), **SETTINGS, **self._env, **(env or {})},
            )
        except ValueError as error:  # NUL, or half a character
            raise GitStoreError(str(error)) from None
        if done.returncode != 0:
            raise GitStoreError(done.stderr.decode(errors="replace").strip())
        return done.stdout

    def _content(self, kind: str, sha: str) -> bytes:
        found = read_object(self.path / "objects", sha)
        return found.content if found and found.kind == kind else self.git("cat-file", kind, sha)

    def line(self, *arguments: str, data: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """Run a Git command that prints one line; returns the line."""
        return self.git(*arguments, data=data, env=env).decode(errors="replace").strip()

    # --- refs ----------------------------------------------------------------------------------------------------

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """The refs with a prefix, and the SHAs that they point to (of an annotated tag's own object)."""
        return {name: sha for name, sha in sorted(read_refs(self.path).items()) if name.startswith(prefix)}

    def ref(self, name: str) -> str | None:
        """The SHA that a ref points to, by the ref's full name."""
        return self.refs(name).get(name)

    def set_ref(self, name: str, sha: str, old: str | None = None) -> None:
        """Point a ref to an object; `old` is the SHA that it must have had before, all zeros for none.

        Raises:
            GitStoreError: It had another SHA, its name is invalid, or there is no such object.
        """
        self.git("update-ref", name, sha, *([old] if old is not None else []))

    def delete_ref(self, name: str) -> None:
        """Delete a ref."""
        self.git("update-ref", "-d", name)

    def resolve(self, name: str) -> str | None:
        """The commit of a branch, tag, full ref or SHA, in GitHub's order; None if there is none."""
        refs = self.refs()
        known = (refs[full] for full in (f"refs/heads/{name}", f"refs/tags/{name}", name) if full in refs)
        return next((sha for sha in map(self._commit_of, (*known, name)) if sha), None)

    def _commit_of(self, name: str) -> str | None:
        found = read_object(self.path / "objects", name)
        if found and found.kind == "commit":
            return name
        if name.startswith("-"):
            return None
        try:
            return self.line("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        except GitStoreError:
            return None

    def kind_of(self, sha: str) -> str | None:
        """`commit`, `tag`, `tree` or `blob`; None if there is no such object."""
        if found := read_object(self.path / "objects", sha):
            return found.kind
        try:
            return self.line("cat-file", "-t", sha) if not sha.startswith("-") else None
        except GitStoreError:
            return None

    # --- commits and files ---------------------------------------------------------------------------------------

    def entries(self, commit: str, path: str = "", *, deep: bool = False) -> list[Entry]:
        """The entries of a commit's folder, none if it does not exist; with `deep` also those of folders below."""
        where = ["--", f"{path}/"] if path else []
        return self._listed(commit, *where, options=["-r"] if deep else [])

    def entry(self, commit: str, path: str) -> Entry | None:
        """The entry at a path of a commit; None if there is none, or if no file can have such a path."""
        if not _is_path(path):
            return None
        return next((entry for entry in self._listed(commit, "--", path) if entry.path == path), None)

    def _listed(self, commit: str, *where: str, options: Sequence[str] = ()) -> list[Entry]:
        words = ("ls-tree", "-z", "--long", "--full-tree", *options, commit, *where)
        # What a commit holds never changes; additional objects are not there for long.
        known = SHA.fullmatch(commit) and not self._env
        said = (_asked_once(self.path, words) if known else self.git(*words)).decode(errors="replace")
        return [_entry(line) for line in said.split("\0") if line]

    def read(self, sha: str) -> bytes:
        """The content of a file, by its blob's SHA."""
        return self._content("blob", sha)

    def commit(self, sha: str) -> Commit:
        """A commit."""
        return _commit(sha, self._content("commit", sha).decode(errors="replace"))

    def tag(self, sha: str) -> Tag:
        """An annotated tag, by its own SHA."""
        fields, message = _object(self._content("tag", sha).decode(errors="replace"))
        return Tag(
            sha=sha,
            name=fields["tag"][0],
            message=message,
            target=fields["object"][0],
            target_kind=fields["type"][0],
            tagger=_person(fields.get("tagger", ["nobody <> 0 +0000"])[0]),
        )

    def log(self, *arguments: str, paths: Sequence[str] = ()) -> list[str]:
        """The SHAs of the commits that `git rev-list` lists, newest first; none for paths that no file can have."""
        if not all(map(_is_path, paths)):
            return []
        return self.git("rev-list", *arguments, "--", *paths).decode().split()

    # --- writing -------------------------------------------------------------------------------------------------

    def write_commit(
        self,
        parent: str | None,
        files: Mapping[str, bytes | None],
        message: str,
        *,
        author: Person | None = None,
        committer: Person | None = None,
    ) -> str:
        """Make a commit that changes these files (None deletes one), with or without a parent; no ref moves."""
        for path in files:
            if not _is_path(path) or ".git" in path.split("/"):
                raise GitStoreError(f"invalid path '{path}'")
        before = self.entries(parent, deep=True) if parent else []
        kept = {entry.path: (entry.mode, entry.sha) for entry in before if entry.path not in files}
        modes = {entry.path: entry.mode for entry in before}
        objects = self.path / "objects"
        written = {
            path: (modes.get(path, "100644"), write_object(objects, "blob", content))
            for path, content in files.items()
            if content is not None
        }
        tree = write_tree(objects, {**kept, **written})
        return self.commit_tree(tree, [parent] if parent else [], message, author=author, committer=committer)

    def commit_tree(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        *,
        author: Person | None = None,
        committer: Person | None = None,
    ) -> str:
        """Make a commit of a tree; no ref moves."""
        by = committer or author or self.web_flow()
        people = [_line("author", author or by), _line("committer", by)]
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents), *people, "", message]
        return write_object(self.path / "objects", "commit", "\n".join(lines).encode())

    def write_tag(self, name: str, target: str, kind: str, message: str, tagger: Person | None = None) -> str:
        """Make an annotated tag's object; no ref is made."""
        by = tagger or self.web_flow()
        lines = [f"object {target}", f"type {kind}", f"tag {name}", _line("tagger", by), "", message.rstrip("\n"), ""]
        return write_object(self.path / "objects", "tag", "\n".join(lines).encode())

    def web_flow(self, name: str = "GitHub", email: str = "noreply@github.com") -> Person:
        """The committer on GitHub's side, with the current time."""
        return Person(name, email, f"{int(self._now().timestamp())} +0000")


@lru_cache(maxsize=4096)
def _asked_once(repository: Path, arguments: tuple[str, ...]) -> bytes:
    return GitStore(repository, datetime.now).git(*arguments)


def _is_path(path: str) -> bool:
    """Whether a file in a repository can have this path."""
    return "\0" not in path and not {"", ".", ".."} & set(path.split("/"))


def _line(role: str, person: Person) -> str:
    # Git reserves these characters.
    name, email = (text.translate(dict.fromkeys(map(ord, "<>\n"))) for text in (person.name, person.email))
    return f"{role} {name} <{email}> {person.when}"


def _entry(line: str) -> Entry:
    facts, _, path = line.partition("\t")
    mode, kind, sha, size = facts.split()
    return Entry(mode, kind, sha, 0 if size == "-" else int(size), path)


def _object(text: str) -> tuple[dict[str, list[str]], str]:
    head, _, message = text.partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.splitlines():
        if not line.startswith(" "):  # a signature has many lines
            name, _, value = line.partition(" ")
            fields.setdefault(name, []).append(value)
    return fields, message


def _commit(sha: str, text: str) -> Commit:
    fields, message = _object(text)
    return Commit(
        sha=sha,
        tree=fields["tree"][0],
        parents=tuple(fields.get("parent", ())),
        author=_person(fields["author"][0]),
        committer=_person(fields["committer"][0]),
        message=message,
    )


def _person(text: str) -> Person:
    name, _, rest = text.partition(" <")
    email, _, when = rest.partition("> ")
    return Person(name, email, when)
