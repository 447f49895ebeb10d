"""The effects of faults in GitHub's state: another user pushes first, or the caller's token expires."""

from anyio import to_thread
from starlette.types import Scope

from rehearsal.fault_proxy import Happen
from rehearsal.faults import Effect, InjectedFault
from rehearsal.github.access import token_text
from rehearsal.github.git_store import NO_COMMIT
from rehearsal.github.pushes import moved
from rehearsal.github.records import Repository
from rehearsal.github.state import GitHubState, hash_of


def race(state: GitHubState, repository: Repository, branch: str | None = None) -> str:
    """Push a commit of another user to a branch (default: the default branch); returns its SHA."""
    with state.changing():
        git, ref = state.git(repository), f"refs/heads/{branch or repository.default_branch}"
        old = git.ref(ref)
        somebody = git.web_flow("Somebody Else", "somebody@example.invalid")
        note = f"{state.next_id()}\n".encode()
        sha = git.write_commit(old, {"RACE": note}, "docs: somebody was faster", author=somebody)
        git.set_ref(ref, sha, old or NO_COMMIT)
        moved(state, repository, [(ref, old or NO_COMMIT, sha)], None)
    return sha


def expire(state: GitHubState, scope: Scope) -> None:
    """Let the token of a request expire."""
    header = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"), "")
    with state.changing():
        known = state.tokens.get(hash_of(token_text(header)))
        if known:
            known.expires_at = state.now()


def happen(state: GitHubState) -> Happen:
    """The function that makes these effects, for the `FaultProxy` of each of the three servers."""

    async def make(fault: InjectedFault, scope: Scope) -> None:
        if fault.effect is Effect.EXPIRE:
            await to_thread.run_sync(expire, state, scope)
        elif fault.effect is Effect.RACE and (repository := _repository_of(state, scope["path"])):
            await to_thread.run_sync(race, state, repository)

    return make


def _repository_of(state: GitHubState, path: str) -> Repository | None:
    """The repository of `/repos/owner/name/...` or `/owner/name.git/...`."""
    parts = path.removeprefix("/repos").strip("/").split("/")
    return state.repositories.get("/".join(parts[:2]).removesuffix(".git").lower())
