"""The changes between two commits, file by file."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from rehearsal.github.git_store import GitStore
from rehearsal.github.records import Repository
from rehearsal.github.shapes import html_url, repository_url
from rehearsal.github.state import GitHubState

STATUSES = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}


class Changed(NamedTuple):
    """A changed file, with the SHA of its blob."""

    path: str
    before: str | None
    status: str
    sha: str
    added: int
    deleted: int
    patch: str | None


def files_since_parting(git: GitStore, base: str, head: str) -> list[Changed]:
    """The changes of a branch since it left its base."""
    return changed_files(git, git.line("merge-base", base, head), head)


def changed_files(git: GitStore, base: str | None, head: str) -> list[Changed]:
    """The files that differ between two commits; without a base, all files of the first commit."""
    commits = (base, head) if base else ("--root", "--no-commit-id", head)
    raw = git.git("diff-tree", "-r", "--raw", "--find-renames", "--no-abbrev", "-z", *commits)
    parts = iter(raw.decode(errors="replace").split("\0")[:-1])
    found = []
    for facts in parts:
        _, _, old, new, letter = facts.split(" ")
        first = next(parts)
        path = next(parts) if letter[0] in "RC" else first
        before = first if path != first else None
        found.append(_changed(git, commits, path, before, (letter[0], old if letter == "D" else new)))
    return found


def _changed(git: GitStore, commits: Sequence[str], path: str, before: str | None, facts: tuple[str, str]) -> Changed:
    paths = [path, before] if before else [path]
    counts = git.line("diff-tree", "-r", "--numstat", "--find-renames", *commits, "--", *paths).split("\t")
    diff = git.git("diff-tree", "-r", "--patch", "--find-renames", *commits, "--", *paths).decode(errors="replace")
    hunks = diff.find("\n@@")
    patch = diff[hunks + 1 :].rstrip("\n") if hunks >= 0 else None
    added, deleted = (int(count) if count.isdigit() else 0 for count in counts[:2])
    return Changed(path, before, STATUSES.get(facts[0], "changed"), facts[1], added, deleted, patch)


def diff_entry(state: GitHubState, repository: Repository, head: str, changed: Changed) -> dict[str, Any]:
    """A changed file as the API shows it."""
    page = html_url(state, repository)
    return {
        "sha": changed.sha,
        "filename": changed.path,
        "status": changed.status,
        "additions": changed.added,
        "deletions": changed.deleted,
        "changes": changed.added + changed.deleted,
        "blob_url": f"{page}/blob/{head}/{changed.path}",
        "raw_url": f"{page}/raw/{head}/{changed.path}",
        "contents_url": f"{repository_url(state, repository)}/contents/{changed.path}?ref={head}",
        **({"patch": changed.patch} if changed.patch else {}),
        **({"previous_filename": changed.before} if changed.before else {}),
    }
