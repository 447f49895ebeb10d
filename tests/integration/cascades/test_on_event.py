"""A merged pull request of a rehearsed world starts the release, once, however often it is delivered."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from deployments.gateway.app import Parts
from deployments.gateway.serve import bind
from interlock.adapters.connections import access_from, open_connections
from interlock.adapters.ledger import open_ledger
from interlock.cascades import on_event_workflow
from interlock.cascades.on_event import EventRequest
from interlock.cascades.on_event_report import CONTEXT
from interlock.cascades.on_event_workflow import Ended, EventHost
from interlock.errors import BusyError, RefusedError
from interlock.model import family_file
from interlock.model.cascade import Cascade
from interlock.model.release import Release
from interlock.releases import prepare
from interlock.releases.plan import ReleaseRequest
from interlock.webhooks import Source, Start
from interlock.webhooks.routing import RELEASE
from rehearsal.github import hooks
from tests.support.gateways import AT_ONCE, FakePrefect
from tests.support.hub_with_gateway import served_gateway
from tests.support.prefect_server import eventually
from tests.support.rehearsed_cascade import SHORT, RehearsedCascade
from tests.support.rehearsed_release import CORE
from tests.support.release_values import a_release
from tests.support.webhook_values import SECRETS

REPOSITORY = f"mjdevaccount/{CORE}"
ON = """
[packages.market-data-core.release_on]
event = "merge"
ignore = ["docs/**"]
"""


@dataclass
class World:
    """A world with a gateway that its webhooks reach."""

    here: RehearsedCascade
    client: httpx.Client
    prefect: FakePrefect = field(default_factory=FakePrefect)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.request(method, f"/repos/{REPOSITORY}{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def merge(self, branch: str, *labels: str, path: str = "new.txt", title: str = "Add a thing") -> tuple[int, str]:
        """The number of a merged pull request, and the commit that it became."""
        state = self.here.serving.github
        with state.changing():
            git = state.git(state.repository(REPOSITORY))
            sha = git.write_commit(git.ref("refs/heads/main"), {path: branch.encode()}, f"feat: {branch}")
            git.set_ref(f"refs/heads/{branch}", sha)
        number = self.api("POST", "/pulls", {"title": title, "head": branch, "base": "main"})["number"]
        if labels:
            self.api("POST", f"/issues/{number}/labels", {"labels": list(labels)})
        merged = self.api("PUT", f"/pulls/{number}/merge", {"merge_method": "squash"})["sha"]
        self.delivered()
        return number, merged

    def delivered(self) -> None:
        assert hooks.deliverer_of(self.here.serving.github).wait()

    def deliver_again(self) -> int:
        """Have GitHub send everything once more; how many deliveries there are."""
        hook = self.api("GET", "/hooks")[0]["id"]
        known = [each for each in self.api("GET", f"/hooks/{hook}/deliveries") if not each["redelivery"]]
        for each in known:
            self.api("POST", f"/hooks/{hook}/deliveries/{each['id']}/attempts")
        self.delivered()
        return len(known)

    def started(self) -> list[Start]:
        """The releases that were started, of which Prefect makes a run each."""
        with open_ledger() as ledger:
            eventually(lambda: not ledger.waiting_deliveries())
        return [start for start in self.prefect.runs.values() if start.deployment == RELEASE]

    def run(self, start: Start, **host: Any) -> Ended:
        """What the run of the flow does."""
        return asyncio.run(self._run(EventRequest.model_validate(start.parameters["request"]), host))

    async def _run(self, request: EventRequest, changes: dict[str, Any]) -> Ended:
        async def release(wanted: ReleaseRequest) -> Release:
            fields = wanted.model_dump(exclude_defaults=True) | {"patience": SHORT}
            return await self.here.release_async(**fields)

        async def cascade(_wanted: object) -> Cascade:
            raise AssertionError("a release was asked for")

        family = family_file.load()
        host = EventHost(**{"release": release, "cascade": cascade, "first_pause": 0.0, "patience": 0.5, **changes})
        async with open_connections(family, access_from(family)) as connections:
            return await on_event_workflow.release_on_event(request, connections, host)

    def said(self, sha: str) -> tuple[str, str]:
        """The status of a commit."""
        found = {each["context"]: each for each in self.api("GET", f"/commits/{sha}/statuses")}[f"{CONTEXT}{CORE}"]
        return found["state"], found["description"]

    def comments(self, number: int) -> list[str]:
        return [each["body"] for each in self.api("GET", f"/issues/{number}/comments")]


@pytest.fixture
def world(here: RehearsedCascade, quick: pytest.MonkeyPatch) -> Iterator[World]:
    family = here.world.directory.family_file
    family.write_text(family.read_text("utf-8") + ON, "utf-8")
    github = here.serving.github
    with github.changing():
        github.add_token("hooks", "mjdevaccount", scopes=["repo", "admin:repo_hook"])
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(
            httpx.Client(base_url=github.addresses.api, headers={"authorization": "Bearer hooks"}, trust_env=False)
        )
        ledger, at = stack.enter_context(open_ledger()), stack.enter_context(bind("127.0.0.1", 0))
        made = World(here, client)
        facts: Any = {"starter": made.prefect, "backoff": AT_ONCE, "family": family_file.load()}
        stack.enter_context(served_gateway(Parts(secrets=SECRETS, ledger=ledger, **facts), at))
        secret = SECRETS.derived(Source.GITHUB, REPOSITORY).get_secret_value()
        url = f"http://127.0.0.1:{at.getsockname()[1]}/webhooks/github"
        config = {"url": url, "content_type": "json", "secret": secret}
        made.api("POST", "/hooks", {"config": config, "events": ["push", "pull_request", "release"]})
        yield made


def test_a_merge_is_released_once_and_what_goes_wrong_is_said_on_it(world: World) -> None:
    here = world.here

    # Delivered three times: one run, one release, whatever else it starts.
    number, sha = world.merge("one", "release:minor")
    sent = world.deliver_again()
    assert world.deliver_again() == sent >= 3  # the ping, a push, and a pull request's own events
    (first,) = world.started()
    said = world.run(first)
    assert said == Ended(said=f"{CORE} 1.3.0 is out")
    assert world.run(first) == said  # the run is started again
    assert here.tagged() == [f"{CORE} v1.3.0"]
    assert world.said(sha) == ("success", f"{CORE} 1.3.0 is out")
    assert world.comments(number) == []

    # The release's own push starts none, and its commit would be none.
    assert world.started() == [first]
    own = EventRequest(package=CORE, sha=here.git(CORE, "rev-parse", "v1.3.0^{commit}"))
    assert "is the commit of v1.3.0" in asyncio.run(world._run(own, {})).said

    # Documents alone, and a word in the message.
    _, _ = world.merge("docs", path="docs/x.md")
    _, _ = world.merge("quiet", title="Tidy up [skip ci]")
    *_, docs = world.started()
    assert world.run(docs) == Ended(said=f"it changes no file of {CORE} that starts a release", is_nothing=True)

    # Two merges in short order: the first run takes the highest bump of both, and the second finds its commit out.
    world.merge("two", "release:patch")
    world.merge("three", "release:major", path="three.txt")
    *_, two, three = world.started()
    assert world.run(two) == Ended(said=f"{CORE} 2.0.0 is out")
    assert world.run(three).said.endswith("went out with v2.0.0")
    assert here.tagged() == [f"{CORE} v1.3.0", f"{CORE} v2.0.0"]


def test_a_release_that_does_not_come_about_is_said_and_waits_for_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, sha = world.merge("one", "release:minor")
    (start,) = world.started()
    foreign = f"<!-- interlock:release {CORE} {sha} -->\nnot ours"
    github = world.here.serving.github
    with github.changing():
        github.add_user("stranger")
        github.add_token("stranger", "stranger", scopes=["repo"])
    stranger = {"authorization": "Bearer stranger"}
    path = f"/repos/{REPOSITORY}/issues/{number}/comments"
    assert world.client.post(path, json={"body": foreign}, headers=stranger).is_success

    async def refuses(*_: object) -> None:
        raise RefusedError("red ``` checks", hint="see @everyone")

    with monkeypatch.context() as patch:
        patch.setattr(prepare, "guard", refuses)
        for _ in range(2):
            with pytest.raises(RefusedError):
                world.run(start)
    assert world.said(sha) == ("failure", "red ``` checks")
    theirs, comment = world.comments(number)
    assert theirs == foreign
    assert "is not released as this merge asks for" in comment
    assert comment.count("```") == 4

    looks: list[int] = []

    async def busy(_wanted: object) -> str:
        looks.append(1)
        if len(looks) < 3:
            raise BusyError("another process releases it")
        return "done"

    assert world.run(start, release=busy, patience=60.0) == Ended(said="done")
    assert len(looks) == 3
    theirs, comment = world.comments(number)
    assert theirs == foreign
    assert "is released" in comment

    async def nothing(_wanted: object) -> Release:
        return a_release(nothing_new=True)

    assert world.run(start, release=nothing).is_nothing

    # What went out without the bump that its labels ask for is no success.
    world.here.release(bump="patch")
    with pytest.raises(RefusedError, match="its labels ask for minor"):
        world.run(start)
    assert world.said(sha)[0] == "failure"


def test_the_development_version_after_a_pre_release_is_not_pushed_into_the_final_one(world: World) -> None:
    path = world.here.world.directory.family_file
    head = f"[packages.{CORE}]\n"
    text = path.read_text("utf-8").replace('event = "merge"', 'event = "push"').replace(head, f'{head}next = "dev"\n')
    path.write_text(text, "utf-8")
    world.here.release(bump="patch,rc")

    development = EventRequest(package=CORE, sha=world.here.git(CORE, "rev-parse", "main"))
    said = asyncio.run(world._run(development, {}))
    assert said.is_nothing
    assert said.said.endswith("begins a development version after a release")
