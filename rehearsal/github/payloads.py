"""The payloads of webhooks: one or more for each event."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rehearsal.github import checks, merging, pull_store, statuses
from rehearsal.github.actions import show_run, show_workflow
from rehearsal.github.git_shapes import commit_shape
from rehearsal.github.git_store import NO_COMMIT, GitStore, Person
from rehearsal.github.pull_shapes import pull_json
from rehearsal.github.records import Record, Repository
from rehearsal.github.released import releases
from rehearsal.github.releases import show_release
from rehearsal.github.runs import Run, progress, runs, workflow_files
from rehearsal.github.shapes import PARTS, html_url, minimal_repository, repository_url, simple_user
from rehearsal.github.state import GitHubState

Facts = Mapping[str, Any]
Payload = tuple[str, dict[str, Any]]
Builder = Callable[[GitHubState, Repository, Facts], Iterator[Payload]]
ZEN = "Keep it logically awesome."
MOST_COMMITS = 2048


def _common(state: GitHubState, repository: Repository, login: str) -> dict[str, Any]:
    return {"repository": minimal_repository(state, repository), "sender": simple_user(state, login)}


def ping(state: GitHubState, repository: Repository, hook: Mapping[str, Any], login: str) -> dict[str, Any]:
    """The payload of a new hook's first delivery."""
    return {"zen": ZEN, "hook_id": hook["id"], "hook": dict(hook), **_common(state, repository, login)}


def _push(state: GitHubState, repository: Repository, facts: Facts) -> Iterator[Payload]:
    for ref, old, new in facts["changes"]:
        if ref.startswith(("refs/heads/", "refs/tags/")):
            yield "push", _one_push(state, repository, (ref, old, new), facts["login"])


def _one_push(state: GitHubState, repository: Repository, change: tuple[str, str, str], login: str) -> dict[str, Any]:
    ref, old, new = change
    git, page = state.git(repository), html_url(state, repository)
    is_new, is_gone = old == NO_COMMIT, new == NO_COMMIT
    brought = [] if is_gone or not ref.startswith("refs/heads/") else _brought(git, old, new)
    commits = [_commit(state, repository, sha) for sha in brought]
    return {
        "ref": ref,
        "before": old,
        "after": new,
        "created": is_new,
        "deleted": is_gone,
        "forced": not is_new and not is_gone and merging.is_ahead(git, old, new),
        "base_ref": None,
        "compare": f"{page}/compare/{old[:12]}...{new[:12]}",
        "commits": commits,
        "head_commit": None if is_gone else _commit(state, repository, git.line("rev-parse", f"{new}^{{commit}}")),
        **_common(state, repository, login),
        "pusher": {"name": login, "email": f"{login}@users.noreply.github.com"},
    }


def _brought(git: GitStore, old: str, new: str) -> list[str]:
    if old == NO_COMMIT:
        return git.log("--reverse", "--max-count=1", new)
    return git.log("--reverse", f"--max-count={MOST_COMMITS}", new, "--not", old)


def _commit(state: GitHubState, repository: Repository, sha: str) -> dict[str, Any]:
    commit = state.git(repository).commit(sha)
    shown = commit_shape(state, repository, commit)
    changed = state.git(repository).line("diff-tree", "-r", "--root", "--no-commit-id", "--name-status", sha)
    files = [line.split("\t", 1) for line in changed.splitlines()]
    letters = {"added": "A", "removed": "D", "modified": "M"}
    return {
        "id": sha,
        "tree_id": commit.tree,
        "distinct": True,
        "message": shown["commit"]["message"],
        "timestamp": shown["commit"]["committer"]["date"],
        "url": shown["html_url"],
        "author": _person(commit.author),
        "committer": _person(commit.committer),
        **{name: [path for status, path in files if status[0] == letter] for name, letter in letters.items()},
    }


def _person(person: Person) -> dict[str, str]:
    return {"name": person.name, "email": person.email}


def _pull_request(state: GitHubState, repository: Repository, facts: Facts) -> Iterator[Payload]:
    pull = pull_store.find_pull(state, repository, facts["number"])
    if pull is not None:
        looks = pull.looks
        shown = pull_json(state, repository, pull)
        pull.looks = looks  # a delivery is not a look
        body = {"action": facts["action"], "number": pull.number, "pull_request": shown}
        extra = {"before": facts["before"], "after": pull.head_sha} if "before" in facts else {}
        yield "pull_request", {**body, **extra, **_common(state, repository, facts["login"])}


def _status(state: GitHubState, repository: Repository, facts: Facts) -> Iterator[Payload]:
    status = state.table("statuses", statuses.Status)[str(facts["id"])]
    git = state.git(repository)
    shown = statuses.status_json(state, repository, status)
    kept = ("id", "avatar_url", "target_url", "context", "description", "state", "created_at", "updated_at")
    heads = [ref.removeprefix("refs/heads/") for ref, sha in git.refs("refs/heads/").items() if sha == status.sha]
    url = f"{repository_url(state, repository)}/commits/{status.sha}"
    protected = repository.protections
    yield (
        "status",
        {
            **{name: shown[name] for name in kept},
            "sha": status.sha,
            "name": repository.full_name,
            "commit": commit_shape(state, repository, git.commit(status.sha)),
            "branches": [
                {"name": head, "commit": {"sha": status.sha, "url": url}, "protected": head in protected}
                for head in heads
            ],
            **_common(state, repository, facts["login"]),
        },
    )


def _check_run(state: GitHubState, repository: Repository, facts: Facts) -> Iterator[Payload]:
    run = state.table("check_runs", checks.CheckRun)[str(facts["id"])]
    if facts["action"] in {"created", "completed"}:
        shown = checks.check_run_json(state, repository, run)
        yield "check_run", {"action": facts["action"], "check_run": shown, **_common(state, repository, facts["login"])}


def _repository_dispatch(state: GitHubState, repository: Repository, facts: Facts) -> Iterator[Payload]:
    body = {
        "action": facts["event_type"],
        "branch": repository.default_branch,
        "client_payload": facts.get("client_payload"),
    }
    yield "repository_dispatch", {**body, **_common(state, repository, facts.get("login", repository.owner))}


def _workflow_dispatch(state: GitHubState, repository: Repository, facts: Facts) -> Iterator[Payload]:
    body = {"inputs": facts.get("inputs") or {}, "ref": facts.get("ref"), "workflow": facts.get("workflow")}
    yield "workflow_dispatch", {**body, **_common(state, repository, facts.get("login", repository.owner))}


def _release(state: GitHubState, repository: Repository, facts: Facts) -> Iterator[Payload]:
    release = releases(state).get(str(facts["id"]))
    if release is None:  # it is deleted, and its facts with it
        return
    action, login = facts["action"], facts.get("login", release.login)
    shown = show_release(state, repository, release)
    # For a new release that is not a draft, GitHub sends created, published and released at once.
    actions = ["created", "published", "released"] if action == "published" else [action]
    if release.prerelease and "released" in actions:
        actions[-1] = "prereleased"
    for one in actions:
        yield "release", {"action": one, "release": shown, **_common(state, repository, login)}


def _merge_group(state: GitHubState, repository: Repository, facts: Facts) -> Iterator[Payload]:
    shown = _commit(state, repository, facts["sha"])
    kept = ("id", "tree_id", "message", "timestamp", "author", "committer")
    group = {
        "head_sha": facts["sha"],
        "head_ref": facts["ref"],
        "base_sha": facts["base_sha"],
        "base_ref": f"refs/heads/{facts['base']}",
        "head_commit": {name: shown[name] for name in kept},
    }
    reason = {"reason": facts["reason"]} if "reason" in facts else {}
    body = {"action": facts["action"], **reason, "merge_group": group}
    yield "merge_group", {**body, **_common(state, repository, facts["login"])}


class Announced(Record):
    """The status of a run at the last delivery."""

    attempt: int
    phases: list[str]


PHASES = {"queued": ("requested",), "in_progress": ("requested", "in_progress")}
# The fields of a repository in a run's payload, except for the addresses of its parts.
LITE = ("id", "node_id", "name", "full_name", "private", "owner", "html_url", "description", "fork", "url")
ALL_PHASES = ("requested", "in_progress", "completed")


def _run(state: GitHubState, repository: Repository, facts: Facts) -> Iterator[Payload]:
    """The progress of a run since the last delivery; the clock moves a run, so this is called again later."""
    run = runs(state)[str(facts["id"])]
    table = state.table("announced_runs", Announced)
    known = table.get(str(run.id))
    if known is None or known.attempt != run.attempt:
        known = table[str(run.id)] = Announced(attempt=run.attempt, phases=[])
    reached = PHASES.get(progress(run, state.now()).status, ALL_PHASES)
    for phase in reached[len(known.phases) :]:
        known.phases.append(phase)
        yield "workflow_run", _one_run(state, repository, run, phase)


def _one_run(state: GitHubState, repository: Repository, run: Run, phase: str) -> dict[str, Any]:
    shown = show_run(state, repository, run)
    if phase != "completed":
        shown |= {"status": "in_progress" if phase == "in_progress" else "queued", "conclusion": None}
    files = [file for file in workflow_files(state, repository) if file.path == run.path]
    workflow = show_workflow(state, repository, files[0]) if files else None
    lite = {name: value for name, value in shown["repository"].items() if name in LITE or name in PARTS}
    shown |= {"repository": lite, "head_repository": lite}
    body = {"action": phase, "workflow_run": shown, "workflow": workflow}
    return {**body, **_common(state, repository, run.login)}


BUILDERS: dict[str, Builder] = {
    "push": _push,
    "pull_request": _pull_request,
    "merge_group": _merge_group,
    "status": _status,
    "check_run": _check_run,
    "repository_dispatch": _repository_dispatch,
    "workflow_dispatch": _workflow_dispatch,
    "release": _release,
    "run": _run,
}
