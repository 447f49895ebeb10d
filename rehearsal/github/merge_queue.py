"""Merge queues: groups of one pull request each, built on each other, and merged in their order when they are green.

A branch has a queue when a ruleset says `merge_queue`. Each entry has a commit of its own on a branch of GitHub's, of
which listeners are notified by `merge_group`. The first entry is merged when all required checks are green on its
commit, and removed when one of them is red, or its pull request has changed; those behind it are then built again.
"""

from datetime import datetime

from rehearsal.github import checks, pull_store, statuses
from rehearsal.github.git_store import NO_COMMIT, GitStore
from rehearsal.github.protection import QUEUE_BRANCHES, queue_rule
from rehearsal.github.pull_store import Pull
from rehearsal.github.pushes import moved
from rehearsal.github.records import Record, Repository, Token, TokenKind
from rehearsal.github.refusals import Refusal
from rehearsal.github.state import Event, GitHubState


class QueueEntry(Record):
    """A pull request in a queue.

    Attributes:
        pull_sha: The head of the pull request when it was enqueued.
        sha: The commit of the group.
        base_sha: Its parent: the base, or the group before it.
        ref: The branch of the group.
    """

    id: int
    repository: str
    number: int
    base: str
    login: str
    pull_sha: str
    sha: str
    base_sha: str
    ref: str
    enqueued_at: datetime


def entries_of(state: GitHubState, repository: Repository, base: str) -> list[QueueEntry]:
    """The entries of a branch's queue, first in, first out."""
    known = state.table("merge_queue", QueueEntry).values()
    return sorted(
        (one for one in known if (one.repository, one.base) == (repository.key, base)), key=lambda one: one.id
    )


def entry_of(state: GitHubState, repository: Repository, pull: Pull) -> QueueEntry | None:
    """The entry of a pull request."""
    return next((one for one in entries_of(state, repository, pull.base) if one.number == pull.number), None)


def enqueue(state: GitHubState, repository: Repository, pull: Pull, login: str) -> QueueEntry:
    """Add a pull request at the end of its base's queue, and notify the listeners of its group.

    Raises:
        Refusal: It can't be merged, is in the queue, or there is none.
    """
    if queue_rule(repository, pull.base) is None:
        raise _refused(f"The base branch {pull.base} does not have a merge queue")
    if entry_of(state, repository, pull) is not None:
        raise _refused("Pull request is already in the queue")
    if pull.state == "closed" or (why := pull_store.why_state(state, repository, pull, bypass=False)):
        raise _refused("Pull request is closed" if pull.state == "closed" else f"Pull request {why}")
    entry = QueueEntry(
        id=state.next_id(),
        repository=repository.key,
        number=pull.number,
        base=pull.base,
        login=login,
        pull_sha=pull.head_sha,
        sha="",
        base_sha="",
        ref="",
        enqueued_at=state.now(),
    )
    state.table("merge_queue", QueueEntry)[str(entry.id)] = entry
    if not _form(state, repository, entry):
        raise _refused("Pull request has merge conflicts")
    return entry


def _refused(message: str) -> Refusal:
    return Refusal(422, message)


def _form(state: GitHubState, repository: Repository, entry: QueueEntry) -> bool:
    """Make the group of an entry, on the group before it; one with a conflict leaves the queue."""
    git, pull = state.git(repository), pull_store.find_pull(state, repository, entry.number)
    ahead = [one for one in entries_of(state, repository, entry.base) if one.id < entry.id]
    onto = ahead[-1].sha if ahead else _tip(git, entry.base)
    rule = queue_rule(repository, entry.base) or {}
    method = pull_store.METHODS[rule.get("merge_method", "MERGE")]
    sha = pull and pull_store.merged_commit(state, repository, pull, onto, method, entry.login)
    if not sha:
        del state.table("merge_queue", QueueEntry)[str(entry.id)]
        return False
    entry.base_sha, entry.sha = onto, sha
    entry.ref = f"refs/heads/{QUEUE_BRANCHES}{entry.base}/pr-{entry.number}-{onto}"
    git.set_ref(entry.ref, sha)
    moved(state, repository, [(entry.ref, NO_COMMIT, sha)], _as(entry))
    _notify(state, repository, entry, "checks_requested")
    return True


def _tip(git: GitStore, base: str) -> str:
    return git.ref(f"refs/heads/{base}") or NO_COMMIT


def _destroy(state: GitHubState, repository: Repository, entry: QueueEntry, reason: str) -> None:
    """Remove the group's branch; of an invalidated group only that."""
    state.git(repository).delete_ref(entry.ref)
    moved(state, repository, [(entry.ref, entry.sha, NO_COMMIT)], _as(entry))
    _notify(state, repository, entry, "destroyed", reason=reason)
    if reason != "invalidated":
        del state.table("merge_queue", QueueEntry)[str(entry.id)]


def _notify(state: GitHubState, repository: Repository, entry: QueueEntry, action: str, **facts: str) -> None:
    group = {"sha": entry.sha, "ref": entry.ref, "base_sha": entry.base_sha, "base": entry.base, "login": entry.login}
    state.happened("merge_group", repository, action=action, **group, **facts)


def _as(entry: QueueEntry) -> Token:
    return Token(sha256="", name=f"merge queue for {entry.login}", kind=TokenKind.CLASSIC, login=entry.login)


def attach(state: GitHubState) -> None:
    """Let the queues go on whenever something has happened to them."""

    def on_event(event: Event) -> None:
        with state.changing():
            settle(state, state.repository(event.repository))

    for kind in ("push", "status", "check_run", "merge_group", "pull_request"):
        state.listen(kind, on_event)


def settle(state: GitHubState, repository: Repository) -> None:
    """Enqueue what waits for it, merge what is green, and remove what is red."""
    for pull in pull_store.pulls_of(state, repository):
        if pull.auto_merge and queue_rule(repository, pull.base) is not None and _is_ready(state, repository, pull):
            wanted, pull.auto_merge = pull.auto_merge, None
            enqueue(state, repository, pull, wanted.login)
    for base in {one.base for one in state.table("merge_queue", QueueEntry).values()}:
        while _advance(state, repository, base):
            pass


def _is_ready(state: GitHubState, repository: Repository, pull: Pull) -> bool:
    is_waiting = pull.state == "open" and entry_of(state, repository, pull) is None
    return is_waiting and pull_store.why_state(state, repository, pull, bypass=False) is None


def _advance(state: GitHubState, repository: Repository, base: str) -> bool:
    """Do the next thing for the first entry of a queue; whether there was something to do."""
    entries = entries_of(state, repository, base)
    if not entries:
        return False
    first, *rest = entries
    pull = pull_store.find_pull(state, repository, first.number)
    is_current = first.base_sha == _tip(state.git(repository), base)
    if pull is None or pull.state == "closed" or pull.head_sha != first.pull_sha or _is_red(state, repository, first):
        if pull is not None:
            pull.removals += 1
        _destroy(state, repository, first, "dequeued")
        _form_again(state, repository, rest)
    elif not is_current:
        _form_again(state, repository, entries)
    elif set(pull_store.required_checks(repository, base)) <= pull_store.passing(state, repository, first.sha):
        _merge(state, repository, first, pull)
    else:
        return False
    return True


def _form_again(state: GitHubState, repository: Repository, entries: list[QueueEntry]) -> None:
    for entry in entries:
        _destroy(state, repository, entry, "invalidated")
        _form(state, repository, entry)


def _is_red(state: GitHubState, repository: Repository, entry: QueueEntry) -> bool:
    said = statuses.newest(statuses.statuses_of(state, repository, entry.sha))
    runs = checks.newest(checks.check_runs_of(state, repository, entry.sha))
    red = {one.context for one in said if one.state in {"failure", "error"}}
    red |= {run.name for run in runs if run.conclusion and run.conclusion not in checks.PASSED}
    return not red.isdisjoint(pull_store.required_checks(repository, entry.base))


def _merge(state: GitHubState, repository: Repository, entry: QueueEntry, pull: Pull) -> None:
    pull_store.conclude_merge(state, repository, pull, entry.base_sha, entry.sha, _as(entry))
    _destroy(state, repository, entry, "merged")
