import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import github
import githubkit
import httpx
import pytest
from github import Auth
from starlette.types import ASGIApp, Receive, Scope, Send

from rehearsal.environment import UPLOADS
from rehearsal.github.app import api_app, uploads_app
from rehearsal.github.state import Addresses
from rehearsal.servers import WithUploads
from tests.support.judged_hub import CORE, JudgedHub
from tests.support.openapi import Judge, official
from tests.support.universe.served import Served


@dataclass
class Site:
    """A hub, served on real ports; every answer is judged."""

    hub: JudgedHub
    api: str
    uploads: str
    server: str


class Proxy:
    """Gets a request for any host, as proxies do, and lets the one application behind that host's name have it."""

    def __init__(self, hosts: dict[str, ASGIApp]) -> None:
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            url = urlsplit(scope["path"])
            inner = {**scope, "path": url.path, "raw_path": url.path.encode()}
            await self._hosts[url.netloc](inner, receive, send)


@contextmanager
def _judged(hub: JudgedHub) -> Iterator[dict[str, ASGIApp]]:
    """The three applications; Git's is no part of the API, so no judge is before it."""
    judges = {"api": Judge(api_app(hub.state)), "uploads": Judge(uploads_app(hub.state))}
    yield {**{name: hub.front(judge, name) for name, judge in judges.items()}, "server": hub.serve_git()}
    complaints = [complaint for judge in judges.values() for complaint in judge.complaints]
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def hub(tmp_path: Path) -> JudgedHub:
    return JudgedHub(tmp_path / "github")


@pytest.fixture
def site(hub: JudgedHub) -> Iterator[Site]:
    with contextlib.ExitStack() as stack:
        apps = stack.enter_context(_judged(hub))
        urls = {name: stack.enter_context(Served(app)).url for name, app in apps.items()}
        hub.state.addresses = Addresses(**urls)
        yield Site(hub, **urls)


class TestGithubkit:
    """Its models are typed: parsing them is another judge."""

    def test_what_a_release_needs(self, site: Site) -> None:
        client = githubkit.GitHub("alice-classic", base_url=site.api)
        rest = client.rest
        here: Any = {"owner": "alice", "repo": "core"}
        assert rest.repos.get(**here).parsed_data.full_name == "alice/core"
        content: Any = rest.repos.get_content(**here, path=".github/workflows/hear.yml").parsed_data
        assert content.name == "hear.yml"
        sha = rest.git.get_ref(**here, ref="heads/main").parsed_data.object_.sha
        assert sha == site.hub.head
        rest.git.create_ref(**here, ref="refs/heads/topic", sha=sha)
        release = rest.repos.create_release(**here, tag_name="v1.0.0", target_commitish=sha).parsed_data
        assert release.upload_url.startswith(site.uploads)
        assert rest.repos.get_release_by_tag(**here, tag="v1.0.0").parsed_data.id == release.id
        rest.repos.create_dispatch_event(**here, event_type="core_release", client_payload={"version": "1"})
        runs = rest.actions.list_workflow_runs_for_repo(**here, event="repository_dispatch").parsed_data
        assert [run.event for run in runs.workflow_runs] == ["repository_dispatch"]
        status = rest.repos.create_commit_status(**here, sha=sha, state="success", context="ci").parsed_data
        assert status.context == "ci"
        assert rest.repos.get_combined_status_for_ref(**here, ref="main").parsed_data.state == "success"

    def test_a_pull_request_from_its_beginning_to_its_end(self, site: Site) -> None:
        site.hub.branch("topic", {"a.txt": b"a"})
        client = githubkit.GitHub("alice-classic", base_url=site.api)
        rest = client.rest
        here: Any = {"owner": "alice", "repo": "core"}
        pull = rest.pulls.create(**here, title="T", head="topic", base="main").parsed_data
        rest.issues.create_comment(**here, issue_number=pull.number, body="hello")
        comments: Any = rest.issues.list_comments(**here, issue_number=1).parsed_data
        assert [one.body for one in comments] == ["hello"]
        rest.issues.add_labels(**here, issue_number=1, labels=["release"])
        # Its models are of a newer description than ours, in which a label says who archived it.
        rest.issues.remove_label(**here, issue_number=1, name="release")
        files: Any = rest.pulls.list_files(**here, pull_number=1).parsed_data
        assert [file.filename for file in files] == ["a.txt"]
        assert len(rest.pulls.list_commits(**here, pull_number=1).parsed_data) == 1
        assert rest.issues.get(**here, issue_number=1).parsed_data.title == "T"
        assert rest.pulls.merge(**here, pull_number=1, merge_method="squash").parsed_data.merged
        assert rest.pulls.get(**here, pull_number=1).parsed_data.merged

    def test_an_app_gets_its_own_tokens(self, site: Site) -> None:
        from datetime import UTC, datetime

        from tests.support.judged_hub import PRIVATE

        site.hub.clock.time = datetime.now(UTC)  # it signs with its own time
        app, installation = site.hub.app()
        auth = githubkit.AppAuthStrategy(str(app.id), PRIVATE)
        client = githubkit.GitHub(auth, base_url=site.api)
        assert client.rest.apps.get_authenticated().parsed_data.id == app.id
        installed = client.with_auth(client.auth.as_installation(installation.id))
        body = {"name": "contracts", "head_sha": site.hub.head, "conclusion": "success"}
        run: Any = installed.rest.checks.create("alice", "core", data=body)
        assert run.parsed_data.conclusion == "success"

    def test_graphql(self, site: Site) -> None:
        client = githubkit.GitHub("alice-classic", base_url=site.api)
        assert client.graphql.request("{viewer{login}}")["viewer"]["login"] == "alice"


class TestPyGithub:
    def test_what_a_release_needs(self, site: Site) -> None:
        # It insists on one host for everything, and names it itself in what it asks for.
        with github.Github(base_url=site.api, auth=Auth.Token("alice-classic"), retry=None) as client:
            repo = client.get_repo("alice/core")
            content = repo.get_contents("README.md")
            assert not isinstance(content, list)
            assert content.decoded_content == b"# core\n"
            assert repo.get_git_ref("heads/main").object.sha == site.hub.head
            repo.create_git_ref("refs/tags/v0.9", site.hub.head)
            release = repo.create_git_release("v1.0.0", "One", "Notes", target_commitish=site.hub.head)
            assert repo.get_release("v1.0.0").id == release.id
            assert repo.create_repository_dispatch("core_release", {"version": "1.0.0"})
            assert [run.event for run in repo.get_workflow_runs()] == ["repository_dispatch"]
            (workflow,) = repo.get_workflows()
            assert workflow.create_dispatch("main")
            repo.get_commit(site.hub.head).create_status("success", context="ci")
            assert repo.get_commit("main").get_combined_status().state == "success"

    def test_a_file_of_a_release(self, site: Site, tmp_path: Path) -> None:
        """It uploads only to the host and port of the API, which a world's addresses allow for."""
        wheel = tmp_path / "core-1.0-py3-none-any.whl"
        wheel.write_bytes(b"PK wheel")
        with _judged(site.hub) as apps, Served(WithUploads(apps["api"], apps["uploads"])) as served:
            site.hub.state.addresses = Addresses(api=served.url, uploads=served.url + UPLOADS, server=site.server)
            with github.Github(base_url=served.url, auth=Auth.Token("alice-classic"), retry=None) as client:
                release = client.get_repo("alice/core").create_git_release("v1.0.0", "One", "Notes")
                asset = release.upload_asset(str(wheel), content_type="application/zip")
                assert (asset.name, asset.size, asset.state) == (wheel.name, 8, "uploaded")
                assert [each.name for each in release.get_assets()] == [wheel.name]
            # A client that knows only the API's address fails, as on GitHub.
            elsewhere = f"{served.url}/repos/alice/core/releases/{release.id}/assets?name=other.whl"
            token = {"authorization": "Bearer alice-classic"}
            assert httpx.post(elsewhere, content=b"PK", headers=token, trust_env=False).status_code == 404

    def test_a_pull_request_and_a_hook(self, site: Site) -> None:
        site.hub.state.add_token("hooks", "alice", scopes=["repo", "admin:repo_hook"])
        site.hub.branch("topic", {"a.txt": b"a"})
        with github.Github(base_url=site.api, auth=Auth.Token("hooks"), retry=None) as client:
            repo = client.get_repo("alice/core")
            pull = repo.create_pull(title="T", head="topic", base="main", body="")
            pull.create_issue_comment("hello")
            assert [comment.body for comment in pull.get_issue_comments()] == ["hello"]
            pull.add_to_labels("release")
            assert pull.mergeable_state == "clean"
            assert pull.merge(merge_method="rebase").merged
            hook = repo.create_hook(
                "web", {"url": "http://127.0.0.1:9/", "content_type": "json"}, ["push"], active=False
            )
            assert [one.id for one in repo.get_hooks()] == [hook.id]


NAMES = Addresses(
    api="http://api.github.localhost", uploads="http://uploads.github.localhost", server="http://github.localhost"
)


@pytest.fixture
def gh_site(hub: JudgedHub) -> Iterator[Site]:
    hub.state.addresses = NAMES
    names = {name: urlsplit(address).netloc for name, address in NAMES.model_dump().items()}
    with _judged(hub) as apps, Served(Proxy({names[name]: app for name, app in apps.items()})) as proxy:
        yield Site(hub, api=proxy.url, uploads=proxy.url, server=proxy.url)


@dataclass
class Gh:
    """The real `gh`, of Debian; it speaks plain HTTP to hosts under `localhost`, through a proxy that is our port."""

    program: str
    site: Site
    home: Path

    def run(self, *arguments: str, check: bool = True) -> str:
        """What it says."""
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.home),  # where it keeps answers for a day
            "GH_CONFIG_DIR": str(self.home / "gh"),
            "GH_HOST": "github.localhost",
            "GH_TOKEN": "alice-classic",
            "GH_ENTERPRISE_TOKEN": "alice-classic",
            "GH_REPO": "github.localhost/alice/core",
            "GH_NO_UPDATE_NOTIFIER": "1",
            "GH_PROMPT_DISABLED": "1",
            "HTTP_PROXY": self.site.api,
            "NO_COLOR": "1",
        }
        done = subprocess.run(
            [self.program, *arguments], env=env, cwd=self.home, capture_output=True, text=True, check=False, timeout=60
        )
        asked = [f"{seen.method} {seen.path}: {seen.status}" for seen in self.site.hub.log.all()]
        assert not check or done.returncode == 0, "\n".join([done.stderr, done.stdout, *asked])
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """What it says, as JSON."""
        return json.loads(self.run(*arguments))


@pytest.fixture
def gh(gh_site: Site, tmp_path: Path) -> Gh:
    program = shutil.which("gh")
    if program is None:
        pytest.fail("the real GitHub client is not there: apt-get install gh")
    home = tmp_path / "home"
    home.mkdir()
    for arguments in (["init", "--quiet"], ["remote", "add", "origin", f"{NAMES.server}/alice/core.git"]):
        subprocess.run(["git", *arguments], cwd=home, check=True, timeout=60)
    return Gh(program, gh_site, home)


@pytest.mark.gh
class TestGh:
    def test_the_api_itself(self, gh: Gh) -> None:
        assert gh.json("api", "repos/alice/core")["full_name"] == "alice/core"
        assert gh.run("api", "user", "--jq", ".login") == "alice\n"
        gh.run("api", "repos/alice/core/dispatches", "-f", "event_type=core_release", "-f", "client_payload[version]=1")
        assert "gh: Not Found (HTTP 404)" in _failed(gh, "api", "repos/alice/gone")

    def test_a_release_with_a_file(self, gh: Gh, tmp_path: Path) -> None:
        wheel = tmp_path / "core-1.0-py3-none-any.whl"
        wheel.write_bytes(b"PK wheel")
        (tmp_path / "notes.md").write_text("Notes")
        made = gh.run("release", "create", "v1.0.0", "--title", "One", "--notes-file", str(tmp_path / "notes.md"))
        assert made == "http://github.localhost/alice/core/releases/tag/v1.0.0\n"
        gh.run("release", "upload", "v1.0.0", str(wheel))
        shown = gh.json("release", "view", "v1.0.0", "--json", "name,body,assets,tagName,isDraft")
        assert (shown["name"], shown["body"], shown["isDraft"]) == ("One", "Notes", False)
        assert [(asset["name"], asset["size"]) for asset in shown["assets"]] == [(wheel.name, 8)]
        gh.run("release", "download", "v1.0.0", "--dir", str(tmp_path / "got"))
        assert (tmp_path / "got" / wheel.name).read_bytes() == b"PK wheel"

    def test_runs_and_workflows(self, gh: Gh) -> None:
        gh.site.hub.post(f"{CORE}/dispatches", {"event_type": "core_release"}, status=204)
        (run,) = gh.json("run", "list", "--json", "displayTitle,status,conclusion,event,workflowName")
        assert (run["status"], run["conclusion"], run["event"]) == ("completed", "success", "repository_dispatch")
        assert "Hear" in gh.run("workflow", "list")
        gh.run("workflow", "run", "hear.yml", "--ref", "main")
        assert len(gh.json("run", "list", "--json", "event")) == 2

    def test_a_pull_request_from_its_beginning_to_its_end(self, gh: Gh) -> None:
        gh.site.hub.branch("topic", {"a.txt": b"a"})
        made = gh.run("pr", "create", "--head", "topic", "--base", "main", "--title", "T", "--body", "B")
        assert made == "http://github.localhost/alice/core/pull/1\n"
        assert gh.json("pr", "list", "--json", "number,title") == [{"number": 1, "title": "T"}]
        gh.run("pr", "comment", "1", "--body", "hello")
        shown = gh.json("pr", "view", "1", "--json", "title,state,comments,mergeStateStatus,files")
        assert (shown["title"], shown["state"], shown["mergeStateStatus"]) == ("T", "OPEN", "CLEAN")
        assert [comment["body"] for comment in shown["comments"]] == ["hello"]
        gh.run("pr", "merge", "1", "--squash")
        assert gh.json("pr", "view", "1", "--json", "state") == {"state": "MERGED"}

    def test_auto_merge(self, gh: Gh) -> None:
        from rehearsal.github.records import Protection

        gh.site.hub.core.allow_auto_merge = True
        gh.site.hub.core.protections["main"] = Protection(checks=("ci",))
        sha = gh.site.hub.propose()["head"]["sha"]
        gh.run("pr", "merge", "1", "--auto", "--merge")
        gh.site.hub.post(f"{CORE}/statuses/{sha}", {"state": "success", "context": "ci"})
        assert gh.json("pr", "view", "1", "--json", "state") == {"state": "MERGED"}


def _failed(gh: Gh, *arguments: str) -> str:
    with pytest.raises(AssertionError) as failed:
        gh.run(*arguments)
    return str(failed.value)


def test_what_interlock_itself_sends_is_as_documented() -> None:
    official().check_request("POST", f"{CORE}/dispatches", b'{"event_type": "x", "client_payload": {"a": "b"}}')
