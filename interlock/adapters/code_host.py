"""The ports of the code host: what features need from the server that has the members' repositories.

Each protocol is one capability, with exactly the calls that some feature makes. Repositories are named owner/name.
GitHub is the one adapter: `interlock.adapters.github.GitHub` implements `CodeHost`, and `Connections`, which knows the
family and its credentials, implements `Repositories`.

Releases, cascades and verifications need the first five. Checks and the gateway also need `Inspection` and `Webhooks`,
which follow GitHub closely. The values, such as `PullRequest` or `CommitStatus`, and the errors are in
`interlock.adapters.github`: no second host has shown yet which of their fields only GitHub has.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

from interlock.adapters.git import Remote
from interlock.adapters.github import (
    Account,
    Asset,
    BranchRules,
    CheckRun,
    Comment,
    CommitStatus,
    GitHubRelease,
    Hook,
    HookDelivery,
    PullRequest,
    Queue,
    Repository,
    TokenFacts,
    Waiting,
)
from interlock.model.dispatches import WorkflowRun


class Repositories(Protocol):
    """The addresses of the members' repositories, with access to them, for every clone and fetch."""

    async def remote(self, package: str) -> Remote:
        """The address of a member's repository, with a token that is valid now if there is one."""


class Releases(Protocol):
    """The pages of releases, and the files on them."""

    async def release(self, repo: str, tag: str) -> GitHubRelease | None:
        """The release of a tag, or its draft."""

    async def create_release(
        self, repo: str, *, tag: str, name: str, body: str, draft: bool = True, prerelease: bool = False
    ) -> GitHubRelease:
        """A new release of a tag."""

    async def generate_notes(self, repo: str, *, tag: str, previous: str | None, target: str) -> str:
        """The notes that the code host itself writes for a tag; nothing is changed."""

    async def publish_release(self, repo: str, release: int, *, latest: bool) -> GitHubRelease:
        """Publish a draft, as the repository's latest release or not."""

    async def upload_asset(
        self, repo: str, release: GitHubRelease, path: Path, *, content_type: str = "application/octet-stream"
    ) -> Asset:
        """Attach a file under its name."""

    async def delete_asset(self, repo: str, asset: int) -> None:
        """Remove a file."""


class PullRequests(Protocol):
    """Pull requests, and the comments on them."""

    async def repository(self, repo: str) -> Repository:
        """A repository's settings, the allowed ways to merge among them."""

    async def pulls(self, repo: str, *, head: str = "", base: str = "", state: str = "open") -> tuple[PullRequest, ...]:
        """The pull requests of the repository's own branches, newest first."""

    async def pull(self, repo: str, number: int) -> PullRequest:
        """One of them, with whether it can be merged."""

    async def create_pull(self, repo: str, *, head: str, base: str, title: str, body: str) -> PullRequest:
        """Propose to merge a branch into another."""

    async def update_pull(self, repo: str, number: int, **changes: str) -> PullRequest:
        """Change or close one."""

    async def add_labels(self, repo: str, number: int, labels: Collection[str]) -> None:
        """Put labels on one."""

    async def changed_files(self, repo: str, number: int) -> tuple[str, ...]:
        """The paths that one adds or changes."""

    async def merge_pull(self, repo: str, number: int, *, sha: str, method: str) -> str:
        """Merge one now; the commit that it became."""

    async def enqueue(self, repo: str, pull: PullRequest) -> Queue:
        """Add one to its base's merge queue, if there is one."""

    async def auto_merge(self, repo: str, pull: PullRequest, *, method: str) -> Waiting:
        """Have the host merge one as soon as it can be."""

    async def may_write(self, repo: str, login: str) -> bool:
        """Whether a user has the permission to write to a repository."""

    async def comments(self, repo: str, number: int) -> tuple[Comment, ...]:
        """The comments on one, oldest first."""

    async def comment(self, repo: str, number: int, body: str) -> Comment:
        """Write a comment."""

    async def update_comment(self, repo: str, comment: int, body: str) -> Comment:
        """Change a comment."""

    async def delete_comment(self, repo: str, comment: int) -> None:
        """Remove a comment."""


class CommitChecks(Protocol):
    """Statuses of commits, check runs, and the account that makes them."""

    async def account(self) -> Account:
        """The account that this token writes as."""

    async def statuses(self, repo: str, sha: str) -> dict[str, CommitStatus]:
        """The newest status of each context."""

    async def create_status(self, repo: str, sha: str, status: CommitStatus) -> None:
        """Set the status of a context."""

    async def check_runs(self, repo: str, sha: str, *, name: str) -> tuple[CheckRun, ...]:
        """The check runs of a name, newest first."""

    async def create_check_run(self, repo: str, **facts: object) -> CheckRun:
        """A new check run."""

    async def update_check_run(self, repo: str, run: int, **facts: object) -> CheckRun:
        """Change one of the account's own."""


class Downstreams(Protocol):
    """Repositories that are notified of a release, and the runs of their workflows."""

    async def files(self, repo: str, folder: str, ref: str | None = None) -> dict[str, bytes]:
        """The files of a folder by path, to read the workflows in it."""

    async def dispatch(self, repo: str, event: str, payload: Mapping[str, str]) -> None:
        """Notify a repository, once."""

    async def runs(self, repo: str, *, event: str, since: datetime) -> tuple[WorkflowRun, ...]:
        """The runs that an event started, newest first."""

    async def run(self, repo: str, run: int) -> WorkflowRun:
        """A run, as it is now."""


class Inspection(Protocol):
    """What the token may do, and how a repository is set up, for checks. Nothing is changed."""

    async def token_facts(self) -> TokenFacts:
        """What the host says about the token."""

    async def repository(self, repo: str) -> Repository:
        """A repository's settings."""

    async def can_dispatch(self, repo: str) -> None:
        """Check that the token may notify a repository; nothing is sent."""

    async def branch_rules(self, repo: str, branch: str) -> BranchRules:
        """The rules for pushes to a branch."""

    async def secret_names(self, repo: str) -> frozenset[str] | None:
        """The names of the secrets that workflows have; None when this token can't see them."""

    async def files(self, repo: str, folder: str, ref: str | None = None) -> dict[str, bytes]:
        """The files of a folder by path."""

    async def hooks(self, repo: str) -> tuple[Hook, ...]:
        """The webhooks of a repository."""


class Webhooks(Protocol):
    """Webhooks and their deliveries."""

    async def hooks(self, repo: str) -> tuple[Hook, ...]:
        """The webhooks of a repository."""

    async def app_hook(self) -> Hook:
        """The webhook of the App itself."""

    async def hook_deliveries(self, hook: Hook, since: datetime) -> tuple[HookDelivery, ...]:
        """The attempts to deliver since then, newest first."""

    async def redeliver(self, hook: Hook, delivery: int) -> None:
        """Have a delivery sent again."""


class CodeHost(Releases, PullRequests, CommitChecks, Downstreams, Inspection, Webhooks, Protocol):
    """All calls of one client, for features that need several capabilities."""
