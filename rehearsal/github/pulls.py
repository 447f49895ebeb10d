"""The endpoints of pull requests."""

from typing import Any, Literal

from rehearsal.github import diffs, issues, merging, pull_store
from rehearsal.github.access import needs
from rehearsal.github.git_shapes import commit_shape
from rehearsal.github.pull_shapes import pull_json, simple_pull_json
from rehearsal.github.pull_store import Pull
from rehearsal.github.records import Repository
from rehearsal.github.refusals import Refusal, invalid, not_found
from rehearsal.github.shapes import repository_url
from rehearsal.github.state import GitHubState
from rehearsal.github.web import Answer, Body, Call, Routes, created

routes = Routes()
READ = needs("pull_requests")
# Reading is enough to open a pull request; pushing its branch needed more.
WRITE = needs("pull_requests", "write", role="read")
STATES = {"closed": ("closed",), "all": ("open", "closed")}


class NewPull(Body):
    """A new pull request."""

    title: str
    head: str
    base: str
    body: str | None = None
    draft: bool = False


class Changes(Body):
    """The changes of a pull request."""

    title: str | None = None
    body: str | None = None
    state: Literal["open", "closed"] | None = None
    base: str | None = None


class HowToMerge(Body):
    """How to merge it; `sha` is the expected head."""

    commit_title: str | None = None
    commit_message: str | None = None
    sha: str | None = None
    merge_method: merging.Method = "merge"


def find(call: Call) -> Pull:
    """The pull request that the path names.

    Raises:
        Refusal: There is none.
    """
    pull = pull_store.find_pull(call.state, call.repo, int(call.arguments["number"]))
    if pull is None:
        raise not_found()
    return pull


@routes.get("/repos/{owner}/{repo}/pulls", READ)
def listed(call: Call) -> Answer:
    """The pull requests, by default open ones; optionally of a head, or into a base."""
    query = call.query
    states = STATES.get(query.get("state", "open"), ("open",))
    pulls = [pull for pull in pull_store.pulls_of(call.state, call.repo) if pull.state in states]
    if head := query.get("head"):
        pulls = [pull for pull in pulls if f"{call.repo.owner}:{pull.head}".lower() == head.lower()]
    if base := query.get("base"):
        pulls = [pull for pull in pulls if pull.base == base]
    if query.get("direction", "desc") == "asc":
        pulls.reverse()
    return call.page(pulls, lambda pull: simple_pull_json(call.state, call.repo, pull))


@routes.post("/repos/{owner}/{repo}/pulls", WRITE)
def create(call: Call) -> Answer:
    """Open a pull request."""
    new = call.body(NewPull, "PullRequest")
    pull = open_pull(call.state, call.repo, new, call.caller.login)
    call.note(f"create pull {pull.number}: {pull.head} into {pull.base}")
    return created(
        pull_json(call.state, call.repo, pull), f"{repository_url(call.state, call.repo)}/pulls/{pull.number}"
    )


def open_pull(state: GitHubState, repository: Repository, new: NewPull, login: str) -> Pull:
    """Make a pull request.

    Raises:
        Refusal: 422; there is no such branch, nothing to merge, or a pull request already.
    """
    head, head_sha, base_sha = _ends(state, repository, new)
    _must_be_new(state, repository, head, new.base)
    if not merging.is_ahead(state.git(repository), head_sha, base_sha):
        raise _custom(f"No commits between {new.base} and {new.head}")
    now = state.now()
    pull = Pull(
        id=state.next_id(),
        number=issues.next_number(state, repository),
        repository=repository.key,
        title=new.title,
        body=new.body,
        head=head,
        base=new.base,
        head_sha=head_sha,
        base_sha=base_sha,
        login=login,
        draft=new.draft,
        created_at=now,
        updated_at=now,
    )
    pull_store.add_pull(state, repository, pull)
    pull_store.notify(state, repository, pull, "opened", login)
    return pull


def _ends(state: GitHubState, repository: Repository, new: NewPull) -> tuple[str, str, str]:
    """The head's branch, its commit, and the base's."""
    owner, _, branch = new.head.rpartition(":")
    git = state.git(repository)
    head_sha, base_sha = git.ref(f"refs/heads/{branch}"), git.ref(f"refs/heads/{new.base}")
    if base_sha is None:
        raise invalid("PullRequest", "base", "invalid")
    if head_sha is None or owner.lower() not in {"", repository.owner.lower()}:
        raise invalid("PullRequest", "head", "invalid")
    return branch, head_sha, base_sha


def _must_be_new(state: GitHubState, repository: Repository, head: str, base: str) -> None:
    for pull in pull_store.pulls_of(state, repository):
        if pull.state == "open" and (pull.head, pull.base) == (head, base):
            raise _custom(f"A pull request already exists for {repository.owner}:{head}.")


def _custom(message: str) -> Refusal:
    errors = [{"resource": "PullRequest", "code": "custom", "message": message}]
    return Refusal(422, "Validation Failed", errors=errors)


@routes.get("/repos/{owner}/{repo}/pulls/{number:int}", READ)
def show(call: Call) -> Answer:
    """A pull request; the request makes GitHub find out whether it can be merged."""
    return Answer(pull_json(call.state, call.repo, find(call)))


@routes.patch("/repos/{owner}/{repo}/pulls/{number:int}", WRITE)
def update(call: Call) -> Answer:
    """Change its title or text, close it, or open it again."""
    pull, changes = find(call), call.body(Changes, "PullRequest")
    issues.must_be_allowed(call, pull.login)
    pull.title = changes.title or pull.title
    if "body" in changes.model_fields_set:
        pull.body = changes.body
    if changes.base and changes.base != pull.base:
        _change_base(call, pull, changes.base)
    if changes.state and changes.state != pull.state:
        change = pull_store.close if changes.state == "closed" else pull_store.reopen
        change(call.state, call.repo, pull, call.caller.login)
    pull.updated_at = call.state.now()
    call.note(f"update pull {pull.number}: {pull.state}")
    return Answer(pull_json(call.state, call.repo, pull))


def _change_base(call: Call, pull: Pull, base: str) -> None:
    sha = call.git.ref(f"refs/heads/{base}")
    if sha is None or pull.state == "closed":
        raise invalid("PullRequest", "base", "invalid")
    pull.base, pull.base_sha = base, sha


@routes.get("/repos/{owner}/{repo}/pulls/{number:int}/files", READ)
def files(call: Call) -> Answer:
    """The files that it changes."""
    pull = find(call)
    changed = diffs.files_since_parting(call.git, pull.base_sha, pull.head_sha)
    return call.page(changed, lambda file: diffs.diff_entry(call.state, call.repo, pull.head_sha, file))


@routes.get("/repos/{owner}/{repo}/pulls/{number:int}/commits", READ)
def commits(call: Call) -> Answer:
    """Its commits."""
    pull = find(call)
    brought = merging.commits_between(call.git, pull.base_sha, pull.head_sha)
    return call.page(brought, lambda sha: commit_shape(call.state, call.repo, call.git.commit(sha)))


@routes.get("/repos/{owner}/{repo}/pulls/{number:int}/merge", READ)
def is_merged(call: Call) -> Answer:
    """204 if it is merged, otherwise 404."""
    if find(call).merged_at is None:
        raise not_found()
    return Answer(None, 204)


@routes.put("/repos/{owner}/{repo}/pulls/{number:int}/merge", needs("contents", "write"))
def merge(call: Call) -> Answer:
    """Merge it."""
    pull, how = find(call), call.body(HowToMerge, "PullRequest")
    if how.sha and how.sha != pull.head_sha:
        raise Refusal(409, "Head branch was modified. Review and try the merge again.")
    is_admin = call.state.has_role(call.caller.login, call.repo, "admin")
    reason = pull_store.why_not(call.state, call.repo, pull, how.merge_method, is_admin=is_admin)
    if reason:
        raise Refusal(405, reason)
    sha = pull_store.merge(
        call.state, call.repo, pull, call.caller, how.merge_method, title=how.commit_title, message=how.commit_message
    )
    call.note(f"merge pull {pull.number} ({how.merge_method})")
    body: dict[str, Any] = {"sha": sha, "merged": True, "message": "Pull Request successfully merged"}
    return Answer(body)


@routes.get("/repos/{owner}/{repo}/commits/{sha}/pulls", READ)
def of_commit(call: Call) -> Answer:
    """The pull requests that a commit is or was in."""
    sha = call.git.resolve(call.arguments["sha"])
    pulls = pull_store.pulls_of(call.state, call.repo)
    having = [
        pull
        for pull in pulls
        if sha and sha in {pull.merge_commit_sha, *merging.commits_between(call.git, pull.base_sha, pull.head_sha)}
    ]
    return call.page(having, lambda pull: simple_pull_json(call.state, call.repo, pull))
