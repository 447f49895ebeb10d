"""A change by pull request: proposed, replaced by newer ones, merged.

**What it promises.** A repository has one branch and one pull request for an upstream's version, however often and
from wherever `propose` is called. It overwrites no person's commit, and never opens again what a person closed.

**What can interrupt it.** Anything: `propose` remembers nothing between calls. It finds the branch by its name and the
pull request by its branch, and each step looks before it acts, so that a further call does what is missing. A lost
answer and a faster run look alike, so both are treated alike: after an error it looks for the pull request, and raises
only if there is none.

**Why it is right.** The commit is a function of its base: same files, author and time (the base's own). So two runs
push the same commit. A branch that differs from the commit that its parent would give was changed by a person, and is
left alone. Pushes that move or remove a branch expect it where it was seen. Older versions are closed before a newer
one is merged, and GitHub closes a pull request that loses its branch, so none stays open without one. A merge names
the commit that was looked at; where the base does not allow it yet, GitHub's auto-merge waits. Where
the base has a merge queue, nothing else merges: what could be merged is enqueued once, and a person decides about what
the queue has removed.
"""

from enum import StrEnum
from pathlib import Path
from typing import Self

from interlock.adapters.code_host import PullRequests
from interlock.adapters.git import Author, Remote
from interlock.adapters.github import (
    AlreadyExistsError,
    PullRequest,
    Queue,
    UnprocessableError,
    UnreachableError,
    Waiting,
)
from interlock.common.frozen_model import FrozenModel
from interlock.common.retry import until
from interlock.errors import GitHubError
from interlock.releases.pull_request_branch import Change, ChangeBranch, Edge

SETTLES = 30.0  # seconds within which GitHub finds out whether something can be merged
MOST_REMAKES = 3
# GitHub's words for the state of a merge, and what the pull request waits for then.
WAITS = {
    "behind": "its branch to be brought up to date with its base",
    "blocked": "checks or reviews that its base requires",
    "clean": "somebody to merge it",
    "dirty": "somebody to resolve its conflict with the base",
    "draft": "somebody to say that it is ready",
    "has_hooks": "somebody to merge it",
    "unknown": "GitHub to find out whether it can be merged",
    "unstable": "checks to be green that nothing requires",
}
CLEAN = frozenset({"clean", "has_hooks"})
OUTDATED = frozenset({"dirty", "behind"})


class ProposalState(StrEnum):
    """What became of a proposal."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"  # by a person, and stays so


class Proposal(FrozenModel):
    """A pull request as it was last seen.

    Attributes:
        merge_commit: Its commit in the base; None unless it is merged.
        waits_for: What has to happen before it is merged; empty when it is not open.
    """

    number: int
    url: str
    state: ProposalState
    merge_commit: str | None = None
    waits_for: str = ""

    @classmethod
    def of(cls, pull: PullRequest, waits_for: str = "") -> Self:
        """Read a pull request of GitHub."""
        merged = pull.merged_at is not None
        state = ProposalState.MERGED if merged else ProposalState.OPEN if pull.is_open else ProposalState.CLOSED
        return cls(
            number=pull.number,
            url=pull.html_url,
            state=state,
            merge_commit=pull.merge_commit_sha if merged else None,
            waits_for=(waits_for or WAITS.get(pull.mergeable_state, pull.mergeable_state)) if pull.is_open else "",
        )


async def look(github: PullRequests, edge: Edge) -> Proposal | None:
    """Find the pull request of an edge; None when there is none. This changes nothing.

    Raises:
        GitHubError: GitHub does not answer, or refuses.
        TokenError: The token may not see it.
    """
    found = await _find(github, edge)
    if found is not None and found.is_open:
        found = await github.pull(edge.repository, found.number)
    return Proposal.of(found) if found is not None else None


async def propose(
    github: PullRequests, change: Change, *, remote: Remote, author: Author, work: Path, settles: float = SETTLES
) -> Proposal | None:
    """Propose a change, or resume a proposal; call it again when what the proposal waits for has happened.

    Its branch is `interlock/UPSTREAM-VERSION`. Open pull requests of older versions of the same upstream are closed,
    with a comment that links to this one. Where its base has moved so that it can't be merged, its branch is made
    again, unless a person has changed it. With `auto_merge` it is merged now if it is clean, or else by GitHub later.

    Args:
        github: GitHub, with the token that makes, labels and merges it.
        change: The change, and the repository that takes it.
        remote: The repository.
        author: The author of the commit.
        work: A directory for clones, removed by the caller.
        settles: How many seconds GitHub may take to find out whether it can be merged.

    Returns:
        None when the base has the change already.

    Raises:
        GitHubError, RepositoryError: GitHub refuses; when transient, call it again.
        TokenError: The token may not do it.
        ProtectedBranchError: A rule forbids branches of this name.
    """
    return await _Proposing(github, change, ChangeBranch(change, remote, author, work), settles).run()


async def _find(github: PullRequests, edge: Edge) -> PullRequest | None:
    """The pull request of the edge's branch: the open one, or else the newest."""
    found = await github.pulls(edge.repository, head=edge.branch, state="all")
    return next((pull for pull in found if pull.is_open), found[0] if found else None)


class _Proposing:
    """One call of `propose`."""

    def __init__(self, github: PullRequests, change: Change, branch: ChangeBranch, settles: float) -> None:
        self._github = github
        self._change = change
        self._edge = change.edge
        self._repo = change.edge.repository
        self._branch = branch
        self._settles = settles

    async def run(self) -> Proposal | None:
        pull = await _find(self._github, self._edge) or await self._create()
        if pull is None:
            return None
        if not pull.is_open and pull.merged_at is None:
            return Proposal.of(pull)
        waits_for = ""
        await self._supersede(pull)
        if pull.is_open:
            await self._label(pull)
            pull, waits_for = await self._merge(await self._current(await self._settled(pull.number)))
        if pull.merged_at is not None:
            await self._branch.remove(pull.head.ref, pull.head.sha)
        return Proposal.of(pull, waits_for)

    async def _create(self) -> PullRequest | None:
        if await self._branch.make() is None:
            return None
        edge, change = self._edge, self._change
        try:
            return await self._github.create_pull(
                self._repo, head=edge.branch, base=edge.base, title=change.title, body=change.text
            )
        except (AlreadyExistsError, UnprocessableError, UnreachableError):
            # The answer was lost, or another run was faster.
            found = await _find(self._github, edge)
            if found is None:
                raise
            return found

    async def _label(self, pull: PullRequest) -> None:
        there = {label.name.lower() for label in pull.labels}
        missing = [label for label in self._change.labels if label.lower() not in there]
        if missing:
            await self._github.add_labels(self._repo, pull.number, missing)

    async def _supersede(self, newer: PullRequest) -> None:
        """Close the pull requests of older versions of the same upstream."""
        for pull in await self._github.pulls(self._repo):
            if self._edge.supersedes(pull.head.ref):
                await self._close(pull, f"Superseded by #{newer.number}: {newer.html_url}")

    async def _close(self, pull: PullRequest, words: str) -> None:
        said = await self._github.comments(self._repo, pull.number)
        if not any(comment.body == words for comment in said):
            await self._github.comment(self._repo, pull.number, words)
        # GitHub closes a pull request that loses its branch, so the branch is never left over alone.
        await self._branch.remove(pull.head.ref, pull.head.sha)
        if (await self._github.pull(self._repo, pull.number)).is_open:
            await self._github.update_pull(self._repo, pull.number, state="closed")

    async def _settled(self, number: int, sha: str | None = None) -> PullRequest:
        """The pull request, once GitHub knows its head (`sha`) and whether it can be merged, or time is up."""

        async def settled() -> PullRequest | None:
            pull = await self._github.pull(self._repo, number)
            is_known = pull.mergeable_state != "unknown" and sha in {None, pull.head.sha}
            return pull if is_known or not pull.is_open else None

        return await until(settled, seconds=self._settles, longest=3) or await self._github.pull(self._repo, number)

    async def _current(self, pull: PullRequest) -> PullRequest:
        """The pull request, with its branch made again as often as its base has moved."""
        for _ in range(MOST_REMAKES):
            is_outdated = pull.is_open and pull.mergeable_state in OUTDATED
            made = await self._branch.remake(pull.head.sha) if is_outdated else None
            if made is None:
                break
            pull = await self._settled(pull.number, made)
        return pull

    async def _merge(self, pull: PullRequest) -> tuple[PullRequest, str]:
        """Merge it, or let GitHub do so; the pull request after that, and GitHub's reason why it waits, if any."""
        if not (pull.is_open and self._change.auto_merge):
            return pull, ""
        if pull.mergeable_state in CLEAN:
            return await self._merge_now(pull)
        if pull.auto_merge is None and pull.mergeable_state in {"blocked", "behind"}:
            return await self._wait(pull)
        return pull, ""

    async def _merge_now(self, pull: PullRequest) -> tuple[PullRequest, str]:
        refusal: GitHubError | None = None
        try:
            if (queue := await self._github.enqueue(self._repo, pull)) is not Queue.NONE:
                return await self._github.pull(self._repo, pull.number), queue
            await self._github.merge_pull(self._repo, pull.number, sha=pull.head.sha, method=await self._method())
        except GitHubError as error:
            refusal = error
        pull = await self._github.pull(self._repo, pull.number)
        if refusal and refusal.transient and pull.is_open:
            raise refusal
        return pull, refusal.message if refusal else ""

    async def _wait(self, pull: PullRequest) -> tuple[PullRequest, str]:
        try:
            answer = await self._github.auto_merge(self._repo, pull, method=await self._method())
        except UnprocessableError as error:
            return await self._github.pull(self._repo, pull.number), error.message
        if answer is Waiting.CLEAN:
            return await self._merge_now(pull)
        pull = await self._github.pull(self._repo, pull.number)
        return pull, "" if answer is Waiting.ON else f"{WAITS['blocked']}; {answer}"

    async def _method(self) -> str:
        return (await self._github.repository(self._repo)).merge_methods[0]
