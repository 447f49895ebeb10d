"""Protected branches and rulesets: which changes of refs they refuse, in GitHub's own words."""

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from interlock.common.frozen_model import FrozenModel
from rehearsal.github.access import may_change_workflows
from rehearsal.github.git_store import GitStore
from rehearsal.github.pushes import Change
from rehearsal.github.records import Protection, Repository, Ruleset, Token, TokenKind
from rehearsal.github.refusals import Refusal
from rehearsal.github.state import GitHubState

HEADS, WORKFLOWS = "refs/heads/", ".github/workflows"
QUEUE_BRANCHES = "gh-readonly-queue/"
BY_QUEUE = "Changes must be made through the merge queue"
BY_PULL_REQUEST = "Changes must be made through a pull request."
UNSIGNED = "Commits must have verified signatures."
MERGES = "This branch must not contain merge commits."


class Decline(FrozenModel):
    """A change that is refused.

    Attributes:
        status: The words behind the ref in the client's report.
        remote: Further lines for the client.
        reasons: The reasons.
    """

    status: str
    remote: tuple[str, ...]
    reasons: tuple[str, ...]


def declined(
    state: GitHubState, git: GitStore, repository: Repository, change: Change, token: Token | None
) -> Decline | None:
    """Why a change of a ref is refused; None if it is not.

    The new objects are read from `git`. A change without a token is GitHub's own, and is always allowed.
    """
    if token is None:
        return None
    return (
        _of_queue(change)
        or _by_workflows(git, change, token)
        or _by_protection(state, git, repository, change, token)
        or _by_rulesets(state, git, repository, change, token)
    )


def is_free(repository: Repository, changes: Iterable[Change], token: Token | None) -> bool:
    """Whether no rule could refuse these changes, whatever their content."""
    if token is None:
        return True
    bound = (
        change.ref.startswith(HEADS + QUEUE_BRANCHES)
        or change.ref.removeprefix(HEADS) in repository.protections
        or rulesets_for(repository, change.ref)
        for change in changes
    )
    return may_change_workflows(token) and not any(bound)


def refuse(
    state: GitHubState, git: GitStore, repository: Repository, change: Change, token: Token | None, status: int = 422
) -> None:
    """Check a change that is made by the API.

    Raises:
        Refusal: It is refused.
    """
    found = declined(state, git, repository, change, token)
    if found:
        raise Refusal(status, "Repository rule violations found\n\n" + "\n".join(found.reasons) + "\n\n")


def queue_rule(repository: Repository, branch: str) -> dict[str, Any] | None:
    """The parameters of a branch's merge queue; None when it has none."""
    rules = (rule for ruleset in rulesets_for(repository, HEADS + branch) for rule in ruleset.rules)
    return next((rule.get("parameters", {}) for rule in rules if rule["type"] == "merge_queue"), None)


def _of_queue(change: Change) -> Decline | None:
    """The branches of merge groups are GitHub's own."""
    if not change.ref.startswith(HEADS + QUEUE_BRANCHES):
        return None
    said = f"refusing to change {change.ref}: it is a branch of the merge queue"
    return Decline(status=said, remote=(), reasons=(said,))


def _by_workflows(git: GitStore, change: Change, token: Token) -> Decline | None:
    if change.is_gone or may_change_workflows(token):
        return None
    for commit in git.log(change.new, "--not", "--all", paths=[WORKFLOWS]):
        paths = git.line("diff-tree", "--no-commit-id", "--name-only", "-r", "--root", "-m", commit, "--", WORKFLOWS)
        app = token.kind is TokenKind.INSTALLATION
        who, needed = ("GitHub App", "`workflows` permission") if app else ("Personal Access Token", "`workflow` scope")
        said = f"refusing to allow a {who} to create or update workflow `{paths.splitlines()[0]}` without {needed}"
        return Decline(status=said, remote=(), reasons=(said,))
    return None


def _by_protection(
    state: GitHubState, git: GitStore, repository: Repository, change: Change, token: Token
) -> Decline | None:
    branch = change.ref.removeprefix(HEADS)
    found = repository.protections.get(branch) if change.ref.startswith(HEADS) else None
    is_admin = token.kind is not TokenKind.INSTALLATION and state.has_role(token.login, repository, "admin")
    if found is None or (is_admin and not found.admins):
        return None
    reasons = tuple(_broken(state, git, repository, change, found))
    if not reasons:
        return None
    first = f"error: GH006: Protected branch update failed for {change.ref}."
    remote = (first, *(f"error: {reason}" for reason in reasons))
    return Decline(status="protected branch hook declined", remote=remote, reasons=reasons)


def _broken(
    state: GitHubState, git: GitStore, repository: Repository, change: Change, protection: Protection
) -> Iterator[str]:
    if change.is_gone:
        if not protection.deletions:
            yield "Cannot delete a protected branch"
        return
    if not protection.force_pushes and _is_forced(git, change):
        yield "Cannot force-push to a protected branch"
    if protection.pull_request:
        yield BY_PULL_REQUEST
    if protection.signatures and _has_unsigned(git, change):
        yield UNSIGNED
    if protection.linear and _has_merges(git, change):
        yield MERGES
    yield from _missing_checks(state, repository, change, protection.checks)


def _missing_checks(
    state: GitHubState, repository: Repository, change: Change, checks: tuple[str, ...]
) -> Iterator[str]:
    missing = [check for check in checks if check not in state.passing(repository, change.new)]
    if len(missing) == 1:
        yield f'Required status check "{missing[0]}" is expected.'
    elif missing:
        yield f"{len(missing)} of {len(checks)} required status checks are expected."


def _by_rulesets(
    state: GitHubState, git: GitStore, repository: Repository, change: Change, token: Token
) -> Decline | None:
    reasons = tuple(
        reason
        for ruleset in rulesets_for(repository, change.ref)
        if token.login not in ruleset.bypass
        for rule in ruleset.rules
        for reason in _violated(state, git, repository, change, rule)
    )
    if not reasons:
        return None
    remote = (
        f"error: GH013: Repository rule violations found for {change.ref}.",
        "",
        *(f"- {reason}" for reason in reasons),
        "",
    )
    return Decline(status="push declined due to repository rule violations", remote=remote, reasons=reasons)


def rulesets_for(repository: Repository, ref: str) -> list[Ruleset]:
    """The rulesets that bind a ref."""
    kind = "branch" if ref.startswith(HEADS) else "tag" if ref.startswith("refs/tags/") else None
    default = f"{HEADS}{repository.default_branch}"
    return [
        ruleset
        for ruleset in repository.rulesets
        if ruleset.target == kind
        and any(
            pattern == "~ALL" or (pattern == "~DEFAULT_BRANCH" and ref == default) or fnmatchcase(ref, pattern)
            for pattern in ruleset.include
        )
    ]


def _violated(
    state: GitHubState, git: GitStore, repository: Repository, change: Change, rule: dict[str, Any]
) -> Iterator[str]:
    kind, parameters = rule["type"], rule.get("parameters", {})
    if kind == "required_status_checks" and not change.is_gone:
        checks = tuple(check["context"] for check in parameters.get("required_status_checks", ()))
        yield from _missing_checks(state, repository, change, checks)
    elif kind in RULES and RULES[kind][0](git, change):
        yield RULES[kind][1]


def _is_forced(git: GitStore, change: Change) -> bool:
    return change.is_update and bool(git.log("--max-count=1", change.old, "--not", change.new))


def _commits(git: GitStore, change: Change, *options: str) -> list[str]:
    excluded = ["--not", "--all"] if change.is_new else ["--not", change.old]
    return git.log(*options, change.new, *excluded)


def _has_merges(git: GitStore, change: Change) -> bool:
    return not change.is_gone and bool(_commits(git, change, "--min-parents=2"))


def _has_unsigned(git: GitStore, change: Change) -> bool:
    """Whether a commit has no signature; signatures are not verified."""
    commits = [] if change.is_gone else _commits(git, change)
    return any(b"\ngpgsig" not in git.git("cat-file", "commit", sha).partition(b"\n\n")[0] for sha in commits)


Broken = Callable[[GitStore, Change], bool]
# The check of each type of rule, and GitHub's words for its refusal.
RULES: dict[str, tuple[Broken, str]] = {
    "creation": (lambda _git, change: change.is_new, "Cannot create ref due to creations being restricted."),
    "update": (lambda _git, change: change.is_update, "Cannot update this protected ref."),
    "deletion": (lambda _git, change: change.is_gone, "Cannot delete this protected ref."),
    "non_fast_forward": (_is_forced, "Cannot force-push to this branch"),
    "merge_queue": (lambda _git, change: change.is_update, BY_QUEUE),
    "pull_request": (lambda _git, change: change.is_update, BY_PULL_REQUEST),
    "required_signatures": (_has_unsigned, UNSIGNED),
    "required_linear_history": (_has_merges, MERGES),
}
