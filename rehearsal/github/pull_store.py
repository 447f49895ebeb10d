"""Pull requests: their records, whether they can be merged, and merging them."""

import functools
from collections.abc import Iterator
from datetime import datetime
from typing import Literal, get_args

from pydantic import Field

from rehearsal.github import checks, merging, statuses
from rehearsal.github.git_store import NO_COMMIT, GitStore, Person
from rehearsal.github.merging import Method
from rehearsal.github.protection import BY_QUEUE, queue_rule, rulesets_for
from rehearsal.github.pushes import moved
from rehearsal.github.records import Protection, Record, Repository, Token, TokenKind
from rehearsal.github.refusals import Refusal
from rehearsal.github.state import Event, GitHubState


class AutoMerge(Record):
    """A merge to be done as soon as possible."""

    login: str
    method: Method
    title: str | None = None
    message: str | None = None
    enabled_at: datetime


class Pull(Record):
    """A pull request within one repository.

    Attributes:
        head: The branch to merge.
        base: The branch that it is merged into.
        head_sha: The head's commit while the pull request was last open.
        base_sha: The base's commit at that time.
        looks: How often callers have asked whether it can be merged.
        removals: How often a merge queue has removed it.
    """

    id: int
    number: int
    repository: str
    title: str
    body: str | None
    head: str
    base: str
    head_sha: str
    base_sha: str
    login: str
    state: Literal["open", "closed"] = "open"
    draft: bool = False
    labels: list[str] = Field(default_factory=list)
    auto_merge: AutoMerge | None = None
    looks: int = 0
    removals: int = 0
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    merged_at: datetime | None = None
    merged_by: str | None = None
    merge_commit_sha: str | None = None


class Settings(Record):
    """How a repository treats its pull requests.

    Attributes:
        unknown_looks: How many of these looks GitHub answers by "unknown".
        methods: The permitted merge methods.
    """

    unknown_looks: int = 0
    methods: tuple[Method, ...] = ("merge", "squash", "rebase")


def settings_of(state: GitHubState, repository: Repository) -> Settings:
    """The settings of a repository, which callers may change."""
    return state.table("pull_settings", Settings).setdefault(repository.key, Settings())


def pulls_of(state: GitHubState, repository: Repository) -> list[Pull]:
    """The pull requests of a repository, newest first."""
    known = state.table("pulls", Pull).values()
    return sorted((pull for pull in known if pull.repository == repository.key), key=lambda pull: -pull.number)


def add_pull(state: GitHubState, repository: Repository, pull: Pull) -> None:
    """Record a new pull request, with the ref by which it can be fetched."""
    state.table("pulls", Pull)[f"{repository.key}#{pull.number}"] = pull
    state.git(repository).set_ref(f"refs/pull/{pull.number}/head", pull.head_sha)


def find_pull(state: GitHubState, repository: Repository, number: int) -> Pull | None:
    """The pull request of a number."""
    return state.table("pulls", Pull).get(f"{repository.key}#{number}")


def required_checks(repository: Repository, branch: str) -> tuple[str, ...]:
    """The names of the checks that must pass before a merge into a branch."""
    protection = repository.protections.get(branch, Protection())
    rules = [rule for ruleset in rulesets_for(repository, f"refs/heads/{branch}") for rule in ruleset.rules]
    contexts = [
        check["context"]
        for rule in rules
        if rule["type"] == "required_status_checks"
        for check in rule.get("parameters", {}).get("required_status_checks", ())
    ]
    return tuple(dict.fromkeys([*protection.checks, *contexts]))


def passing(state: GitHubState, repository: Repository, sha: str) -> frozenset[str]:
    """The names of the statuses and check runs of a commit that are green."""
    return frozenset(name for name, is_green in _outcomes(state, repository, sha) if is_green)


def _outcomes(state: GitHubState, repository: Repository, sha: str) -> Iterator[tuple[str, bool]]:
    for status in statuses.newest(statuses.statuses_of(state, repository, sha)):
        yield status.context, status.state == "success"
    for run in checks.newest(checks.check_runs_of(state, repository, sha)):
        yield run.name, run.conclusion in checks.PASSED


def look(state: GitHubState, repository: Repository, pull: Pull) -> str:
    """GitHub's `mergeable_state`; for the first looks it may be unknown."""
    if pull.state == "open" and pull.looks < settings_of(state, repository).unknown_looks:
        pull.looks += 1
        return "unknown"
    return mergeability(state, repository, pull)


def mergeability(state: GitHubState, repository: Repository, pull: Pull) -> str:
    """`dirty`, `draft`, `blocked`, `behind`, `unstable` or `clean`; `unknown` once it is closed."""
    git = state.git(repository)
    base = git.ref(f"refs/heads/{pull.base}")
    if pull.state == "closed" or base is None:
        return "unknown"
    if merging.merged_tree(git, base, pull.head_sha) is None:
        return "dirty"
    if pull.draft:
        return "draft"
    protection = repository.protections.get(pull.base, Protection())
    if protection.approvals or missing_checks(state, repository, pull):
        return "blocked"
    if protection.strict and merging.is_ahead(git, base, pull.head_sha):
        return "behind"
    is_green = all(green for _, green in _outcomes(state, repository, pull.head_sha))
    return "clean" if is_green else "unstable"


def missing_checks(state: GitHubState, repository: Repository, pull: Pull) -> tuple[str, ...]:
    """The required checks that are not green."""
    green = passing(state, repository, pull.head_sha)
    return tuple(check for check in required_checks(repository, pull.base) if check not in green)


def why_not(state: GitHubState, repository: Repository, pull: Pull, method: Method, *, is_admin: bool) -> str | None:
    """Why it can't be merged now, in GitHub's words; None if it can."""
    if pull.state == "closed":
        return "Pull Request is not mergeable"
    protection = repository.protections.get(pull.base, Protection())
    if method not in settings_of(state, repository).methods or (method == "merge" and protection.linear):
        return f"{METHOD_NAMES[method]} are not allowed on this repository."
    bypass = is_admin and not protection.admins
    return why_state(state, repository, pull, bypass=bypass) or (
        BY_QUEUE if queue_rule(repository, pull.base) is not None else None
    )


METHODS: dict[str, Method] = {method.upper(): method for method in get_args(Method)}
METHOD_NAMES = {"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}


def why_state(state: GitHubState, repository: Repository, pull: Pull, *, bypass: bool) -> str | None:
    """Why its state keeps it from being merged or enqueued, in GitHub's words."""
    found = mergeability(state, repository, pull)
    if found == "dirty":
        return "Pull Request has merge conflicts"
    if found == "draft":
        return "Pull Request is still a draft"
    if found == "behind" and not bypass:
        return "Head branch is out of date. Review and try the merge again."
    return _why_blocked(state, repository, pull) if found == "blocked" and not bypass else None


def _why_blocked(state: GitHubState, repository: Repository, pull: Pull) -> str:
    missing = missing_checks(state, repository, pull)
    if len(missing) == 1:
        return f'Required status check "{missing[0]}" is expected.'
    if missing:
        return f"{len(missing)} of {len(required_checks(repository, pull.base))} required status checks are expected."
    return "At least 1 approving review is required by reviewers with write access."


def merge(
    state: GitHubState,
    repository: Repository,
    pull: Pull,
    token: Token,
    method: Method,
    *,
    title: str | None = None,
    message: str | None = None,
) -> str:
    """Merge it; returns the new head of the base.

    Raises:
        Refusal: 405, it can't be merged like this.
    """
    old = state.git(repository).ref(f"refs/heads/{pull.base}") or NO_COMMIT
    new = merged_commit(state, repository, pull, old, method, token.login, (title, message))
    if new is None:
        raise Refusal(405, "This branch can't be rebased" if method == "rebase" else "Pull Request is not mergeable")
    conclude_merge(state, repository, pull, old, new, token)
    return new


def merged_commit(
    state: GitHubState,
    repository: Repository,
    pull: Pull,
    onto: str,
    method: Method,
    login: str,
    words: tuple[str | None, str | None] = (None, None),
) -> str | None:
    """Make the commit by which it is merged onto another, with this title and body; no ref moves. None: a conflict."""
    git, (title, message) = state.git(repository), words
    author = Person(login, f"{login}@users.noreply.github.com", git.web_flow().when)
    body = _body(git, pull, method) if message is None else message
    said = f"{title or _title(repository, pull, method)}\n\n{body}".strip() + "\n"
    return _merged(git, onto, pull, method, said, author)


def conclude_merge(state: GitHubState, repository: Repository, pull: Pull, old: str, new: str, token: Token) -> None:
    """Move the base to the commit by which it is merged, and close it."""
    ref = f"refs/heads/{pull.base}"
    state.git(repository).set_ref(ref, new, old)
    _close(state, pull)
    pull.base_sha, pull.merge_commit_sha = old, new
    pull.merged_at, pull.merged_by = pull.closed_at, token.login
    moved(state, repository, [(ref, old, new)], token)
    notify(state, repository, pull, "closed", token.login)


def _merged(git: GitStore, base: str, pull: Pull, method: Method, message: str, author: Person) -> str | None:
    if method == "rebase":
        return merging.rebase(git, base, pull.head_sha, author)
    way = merging.merge if method == "merge" else merging.squash
    return way(git, base, pull.head_sha, message, author)


def _title(repository: Repository, pull: Pull, method: Method) -> str:
    if method == "squash":
        return f"{pull.title} (#{pull.number})"
    return f"Merge pull request #{pull.number} from {repository.owner}/{pull.head}"


def _body(git: GitStore, pull: Pull, method: Method) -> str:
    if method == "merge":
        return pull.title
    brought = merging.commits_between(git, f"refs/heads/{pull.base}", pull.head_sha)
    return "\n\n".join(f"* {git.commit(sha).message.strip()}" for sha in brought) if len(brought) > 1 else ""


def _close(state: GitHubState, pull: Pull) -> None:
    pull.state, pull.auto_merge = "closed", None
    pull.closed_at = pull.updated_at = state.now()


def close(state: GitHubState, repository: Repository, pull: Pull, login: str) -> None:
    """Close it without merging."""
    _close(state, pull)
    notify(state, repository, pull, "closed", login)


def reopen(state: GitHubState, repository: Repository, pull: Pull, login: str) -> None:
    """Open it again.

    Raises:
        Refusal: It was merged, or its branch is gone.
    """
    head = state.git(repository).ref(f"refs/heads/{pull.head}")
    if pull.merged_at or head is None:
        errors = [{"resource": "PullRequest", "field": "state", "code": "invalid"}]
        raise Refusal(422, "Validation Failed", errors=errors)
    pull.state, pull.closed_at, pull.head_sha, pull.updated_at = "open", None, head, state.now()
    notify(state, repository, pull, "reopened", login)


def notify(state: GitHubState, repository: Repository, pull: Pull, action: str, login: str, **facts: str) -> None:
    """Notify the listeners, such as webhooks, of its new state."""
    state.happened("pull_request", repository, action=action, number=pull.number, login=login, **facts)


def attach(state: GitHubState) -> None:
    """Let pull requests follow their branches, and merge those with auto-merge once they can be merged."""
    state.passing = functools.partial(passing, state)

    def on_push(event: Event) -> None:
        with state.changing():
            repository = state.repository(event.repository)
            for ref, _, new in event.facts["changes"]:
                _follow(state, repository, ref.removeprefix("refs/heads/"), new, event.facts["login"])
        on_result(event)

    def on_result(event: Event) -> None:
        with state.changing():
            merge_waiting(state, state.repository(event.repository))

    state.listen("push", on_push)
    for kind in ("status", "check_run"):
        state.listen(kind, on_result)


def _follow(state: GitHubState, repository: Repository, branch: str, new: str, login: str) -> None:
    for pull in pulls_of(state, repository):
        if pull.state == "closed" or pull.head != branch or pull.head_sha == new:
            continue
        if new == NO_COMMIT:
            close(state, repository, pull, login)
            continue
        before, pull.head_sha = pull.head_sha, new
        pull.updated_at, pull.looks = state.now(), 0
        state.git(repository).set_ref(f"refs/pull/{pull.number}/head", new)
        notify(state, repository, pull, "synchronize", login, before=before)


def merge_waiting(state: GitHubState, repository: Repository) -> None:
    """Merge a pull request with auto-merge, in the name of the user who enabled it."""
    for pull in pulls_of(state, repository):
        wanted = pull.auto_merge
        if wanted and not why_not(state, repository, pull, wanted.method, is_admin=False):
            merge(
                state, repository, pull, _on_behalf(wanted), wanted.method, title=wanted.title, message=wanted.message
            )


def _on_behalf(wanted: AutoMerge) -> Token:
    return Token(sha256="", name=f"auto-merge of {wanted.login}", kind=TokenKind.CLASSIC, login=wanted.login)
