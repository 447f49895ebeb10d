"""The client of GitHub: all groups of calls, and those about releases, dispatches, files and workflow runs."""

import asyncio
import base64
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import httpx

from interlock.adapters.github.base_client import PAGE, at, parsed
from interlock.adapters.github.check_runs import CheckRuns
from interlock.adapters.github.credentials import TIMEOUT, Credentials
from interlock.adapters.github.errors import NotThereError, UnprocessableError
from interlock.adapters.github.gidgethub_client import Reply
from interlock.adapters.github.hooks import Hooks
from interlock.adapters.github.models import Asset, GeneratedNotes, GitHubRelease, Repository, TokenFacts, expiry
from interlock.adapters.github.pulls import Pulls
from interlock.adapters.github.retry_policy import RetryPolicy
from interlock.adapters.github.rules import Rules
from interlock.adapters.github.server import GitHubServer
from interlock.adapters.github.statuses import Statuses
from interlock.adapters.github.transport import Transport
from interlock.common.tls import trusted
from interlock.errors import GitHubError
from interlock.model.dispatches import WorkflowRun

FILES_AT_ONCE = 8
KINDS = {"ghp_": "classic", "github_pat_": "fine-grained", "ghs_": "app"}


class GitHub(Pulls, Rules, Statuses, CheckRuns, Hooks):
    """GitHub as one token sees it. Repositories are named owner/name.

    Every call may raise, beside what its own docstring names:
        TokenError: The token is missing, invalid, or not allowed to do this; the hint says what it lacks.
        RateLimitError: GitHub refused it for longer than the policy waits; nothing was done.
        UnreachableError: GitHub did not answer; whether a write happened is not known.
        GitHubError: GitHub refused it for another reason.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._files = asyncio.Semaphore(FILES_AT_ONCE)

    async def repository(self, repo: str) -> Repository:
        """A repository.

        Raises:
            TokenError: It does not exist, or this token cannot see it.
        """
        return await self._one(Repository, at(repo), "show the repository", repo)

    async def token_facts(self) -> TokenFacts:
        """What GitHub says about the token."""
        token = (await self._transport.credentials.token()).get_secret_value()
        kind = next((kind for prefix, kind in KINDS.items() if token.startswith(prefix)), "unknown")
        reply = await self._read("/rate_limit" if kind == "app" else "/user", "say whose token it is", "GitHub")
        scopes = reply.headers.get("x-oauth-scopes")
        if kind == "unknown" and scopes is not None:
            kind = "classic"
        return TokenFacts(
            kind=kind,
            login=reply.data.get("login"),
            scopes=frozenset(re.findall(r"[^\s,]+", scopes)) if scopes is not None and kind == "classic" else None,
            expires_at=expiry(reply.headers.get("github-authentication-token-expiration")),
        )

    async def can_dispatch(self, repo: str) -> None:
        """Check that the token may send dispatches to a repository; none is sent.

        An event without a type is refused as impossible, but only after GitHub has checked the permissions.

        Raises:
            TokenError: It is not allowed to.
        """
        with contextlib.suppress(UnprocessableError):
            await self._write("POST", f"{at(repo)}/dispatches", "take dispatches", repo, {"event_type": ""})

    async def dispatch(self, repo: str, event: str, payload: Mapping[str, str]) -> None:
        """Send a `repository_dispatch`, once: whatever the answer is, it is not sent again.

        Raises:
            TokenError: The token is not allowed to.
            UnreachableError: It may have been sent: look at the repository's runs.
            RateLimitError: It was not sent.
        """
        data = {"event_type": event, "client_payload": dict(payload)}
        url, what = f"{at(repo)}/dispatches", f"take the dispatch {event}"
        try:
            await self._transport.write_once("POST", url, what, repo, data)
        except NotThereError:
            raise self._invisible(repo) from None

    async def files(self, repo: str, folder: str, ref: str | None = None) -> dict[str, bytes]:
        """The files right in a folder, by their paths; none when there is no such folder.

        Args:
            repo: The repository.
            folder: As `.github/workflows`.
            ref: A branch, tag or SHA; None for the default branch.

        Raises:
            TokenError: The repository does not exist, or this token cannot see it.
        """
        try:
            listed = (await self._contents(repo, folder, ref)).data
        except NotThereError:
            await self.repository(repo)
            return {}
        entries = listed if isinstance(listed, list) else [listed]
        paths = [entry["path"] for entry in entries if entry["type"] == "file"]
        contents = await asyncio.gather(*(self._file(repo, path, ref) for path in paths))
        return dict(zip(paths, contents, strict=True))

    async def secret_names(self, repo: str) -> frozenset[str] | None:
        """The names of the secrets that the repository's workflows have; None when this token may not know them."""
        actions, what = f"{at(repo)}/actions", "list the names of secrets"
        own = await self._list(f"{actions}/secrets?{PAGE}", what, repo, "secrets")
        if own is None:
            return None
        shared = await self._list(f"{actions}/organization-secrets?{PAGE}", what, repo, "secrets")
        return frozenset(secret["name"] for secret in [*own, *(shared or [])])

    async def release(self, repo: str, tag: str) -> GitHubRelease | None:
        """The release of a tag, or else its draft; None when there is neither.

        A draft is found only in the list, and only by an account that may push.
        """
        with contextlib.suppress(NotThereError):
            url = f"{at(repo)}/releases/tags/{quote(tag, safe='')}"
            return parsed(GitHubRelease, (await self._read(url, "show the release", repo)).data, repo)
        async for item in self._transport.pages(f"{at(repo)}/releases?{PAGE}", "list the releases", repo):
            if item["tag_name"] == tag:
                return parsed(GitHubRelease, item, repo)
        return None

    async def create_release(
        self, repo: str, *, tag: str, name: str, body: str, draft: bool = True, prerelease: bool = False
    ) -> GitHubRelease:
        """Make the release of a tag. The tag must be there: otherwise GitHub makes one of its own.

        It is not made the latest one: GitHub refuses that for drafts and pre-releases.

        Raises:
            AlreadyExistsError: The tag has a release.
        """
        data = {"tag_name": tag, "name": name, "body": body, "draft": draft, "prerelease": prerelease}
        data["make_latest"] = "false"
        reply = await self._write("POST", f"{at(repo)}/releases", f"make the release {tag}", repo, data)
        return parsed(GitHubRelease, reply.data, repo)

    async def generate_notes(self, repo: str, *, tag: str, previous: str | None, target: str) -> str:
        """What GitHub writes of merged pull requests, by the repository's `.github/release.yml`; nothing is changed.

        Args:
            repo: As owner/name.
            tag: The tag of the release; it need not be there.
            previous: The tag of the release before; None for GitHub's own choice.
            target: The commit of the tag, if that is not there.
        """
        data = {"tag_name": tag, "target_commitish": target, **({"previous_tag_name": previous} if previous else {})}
        what = f"write the notes of {tag}"
        reply = await self._write("POST", f"{at(repo)}/releases/generate-notes", what, repo, data)
        return parsed(GeneratedNotes, reply.data, repo).body

    async def publish_release(self, repo: str, release: int, *, latest: bool) -> GitHubRelease:
        """Publish a draft, as the repository's latest release or not; GitHub's default is yes."""
        url, data = f"{at(repo)}/releases/{release}", {"draft": False, "make_latest": str(latest).lower()}
        return parsed(GitHubRelease, (await self._write("PATCH", url, "change the release", repo, data)).data, repo)

    async def upload_asset(
        self, repo: str, release: GitHubRelease, path: Path, *, content_type: str = "application/octet-stream"
    ) -> Asset:
        """Attach a file to a release, under the file's name.

        Raises:
            AlreadyExistsError: The release has a file of this name, perhaps of an upload that never ended.
            UnreachableError: It may be there, whole or in part: look at the release.
        """
        url = f"{release.upload_url.partition('{')[0]}?{urlencode({'name': path.name})}"
        if urlsplit(url).scheme != urlsplit(self._transport.server.api).scheme:
            raise GitHubError(f"{repo}: GitHub names another kind of server for uploads than its own: {url}")
        reply = await self._transport.upload(url, f"take the file {path.name}", repo, path, content_type)
        return parsed(Asset, reply.data, repo)

    async def delete_asset(self, repo: str, asset: int) -> None:
        """Remove a file of a release; one that is gone is not an error."""
        url = f"{at(repo)}/releases/assets/{asset}"
        with contextlib.suppress(NotThereError):
            await self._transport.write("DELETE", url, "remove a file", repo)

    async def runs(self, repo: str, *, event: str, since: datetime) -> tuple[WorkflowRun, ...]:
        """The workflow runs that an event started, newest first.

        Args:
            repo: The repository.
            event: As `repository_dispatch`.
            since: Earlier runs are left out; GitHub counts whole seconds.

        Raises:
            TokenError: The repository does not exist, or this token cannot see its runs.
        """
        oldest = since.astimezone(UTC).replace(microsecond=0)
        query = urlencode({"event": event, "created": f">={oldest:%Y-%m-%dT%H:%M:%SZ}"})
        url = f"{at(repo)}/actions/runs?{query}&{PAGE}"
        found = await self._all(url, "list the workflow runs", repo, key="workflow_runs")
        runs = (parsed(WorkflowRun, item, repo) for item in found)
        return tuple(run for run in runs if run.created_at >= oldest)

    async def run(self, repo: str, run: int) -> WorkflowRun:
        """A workflow run.

        Raises:
            GitHubError: There is no such run.
        """
        reply = await self._read(f"{at(repo)}/actions/runs/{run}", f"show the workflow run {run}", repo)
        return parsed(WorkflowRun, reply.data, repo)

    async def _contents(self, repo: str, path: str, ref: str | None) -> Reply:
        query = f"?{urlencode({'ref': ref})}" if ref else ""
        return await self._read(f"{at(repo)}/contents/{quote(path.strip('/'))}{query}", f"show {path}", repo)

    async def _file(self, repo: str, path: str, ref: str | None) -> bytes:
        async with self._files:
            data = (await self._contents(repo, path, ref)).data
        if data.get("encoding") != "base64":
            raise GitHubError(f"{repo}: {path} is too large to be shown", hint="files of up to 1 MB are read")
        return base64.b64decode(data["content"])


@contextlib.asynccontextmanager
async def open_github(
    credentials: Credentials, server: GitHubServer, *, policy: RetryPolicy | None = None
) -> AsyncIterator[GitHub]:
    """GitHub with its connections, closed at the end.

    Args:
        credentials: Give the token of each request.
        server: Which GitHub.
        policy: What is tried again, how often and for how long.
    """
    async with github_client() as client:
        yield GitHub(Transport(client, credentials, server, policy or RetryPolicy()))


def github_client() -> httpx.AsyncClient:
    """A client for GitHub; the caller closes it."""
    return httpx.AsyncClient(timeout=TIMEOUT, verify=trusted())
