"""Publishing on GitHub, in a world that is served and judged by GitHub's own description: each thing once."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from interlock.adapters.github import (
    Account,
    Annotation,
    GitHub,
    GitHubServer,
    RetryPolicy,
    StaticToken,
    UnreachableError,
    open_github,
)
from interlock.contracts.schema import ElementChange
from interlock.contracts.schema.models import Kind, What
from interlock.contracts.verify import check_run
from interlock.contracts.verify.comment import Marker
from interlock.contracts.verify.publish import (
    Commit,
    Published,
    Spend,
    Texts,
    publish,
    publish_failed,
    publish_pending,
    unlimited,
)
from interlock.contracts.verify.report import ContractsReport
from rehearsal.faults import Effect, InjectedFault
from rehearsal.github import apps, checks, issues, pulls, statuses
from rehearsal.github.app import api_app
from rehearsal.github.state import Addresses
from tests.support.contracts_reports import BEGAN, CHANGE, IBKR, PIPELINE, STORE, UPSTREAM, a_report, green
from tests.support.github_hub import BESIDE_THE_DESCRIPTION
from tests.support.github_samples import Wire, github, json_answer
from tests.support.judged_hub import JudgedHub, add_app
from tests.support.openapi import Judge
from tests.support.universe.served import Served

CORE = "alice/core"
TESTS = ("test_levels_are_three", "test_soft_slows_down", "test_half_at_soft[redis]")
URL = "https://prefect.example.org/runs/1"
ALICE, BOT = "alice-classic", "ghs_of_the_app"
TELEMETRY = "src/market_data_core/telemetry.py"
AT_ONCE = RetryPolicy(first=0, longest_backoff=0, attempts=2)


@dataclass
class Publisher:
    """A repository with a pull request, and whoever tells there."""

    hub: JudgedHub
    place: GitHubServer
    judge: Judge
    token: str = ALICE
    is_whole: bool = True
    is_detailed: bool = True
    package: str = UPSTREAM
    has_siblings: bool = False
    spend: Spend = unlimited
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        source = b'"""Telemetry."""\n\nimport enum\n\n\nclass BackpressureLevel(enum.Enum):\n    NONE = "none"\n'
        self.sha = self.hub.branch("topic", {TELEMETRY: source})
        new = pulls.NewPull(title="Two levels", head="topic", base="main")
        with self.hub.state.changing():
            self.pull = pulls.open_pull(self.hub.state, self.hub.core, new, "alice").number

    def push(self) -> str:
        """Another commit to the pull request."""
        self.sha = self.hub.branch("topic", {"more.txt": b"more"})
        return self.sha

    def report(self, **facts: object) -> ContractsReport:
        return a_report(**{"sha": self.sha, "pull": self.pull, **facts})

    @property
    def commit(self) -> Commit:
        return Commit(
            package=self.package,
            has_siblings=self.has_siblings,
            repository=CORE,
            sha=self.sha,
            downstreams=(PIPELINE, STORE, IBKR),
            is_whole=self.is_whole,
            is_detailed=self.is_detailed,
            url=URL,
        )

    def _open(self) -> contextlib.AbstractAsyncContextManager[GitHub]:
        return open_github(StaticToken(SecretStr(self.token), "REPO_TOKEN"), self.place, policy=AT_ONCE)

    def publish(self, report: ContractsReport | None = None, *, text: str | None = None, url: str = URL) -> Published:
        report = report or self.report()
        words = text or f"What became of {report.sha}"
        commit = self.commit.model_copy(update={"sha": report.sha, "url": url})

        async def publication() -> Published:
            async with self._open() as github:
                texts = Texts(title="Title", summary=words, comment=words)
                return await publish(github, commit, report, texts, pause=0, spend=self.spend)

        return asyncio.run(publication())

    def pending(self) -> Published:
        async def publication() -> Published:
            async with self._open() as github:
                return await publish_pending(github, self.commit, against="1.4.61", pause=0)

        return asyncio.run(publication())

    def failed(self, reason: str) -> Published:
        async def publication() -> Published:
            async with self._open() as github:
                return await publish_failed(github, self.commit, reason, pause=0)

        return asyncio.run(publication())

    def fault(self, effect: Effect, **facts: object) -> None:
        self.hub.faults.add(InjectedFault.model_validate({"effect": effect, **facts}))

    @property
    def statuses(self) -> dict[str, list[tuple[str, str | None]]]:
        """By downstream all that was said, oldest first."""
        prefix = "interlock/cells/"
        return {name.removeprefix(prefix): said for name, said in self._said.items() if name.startswith(prefix)}

    @property
    def for_all(self) -> list[tuple[str, str | None]]:
        """What was said for all downstreams, oldest first."""
        return self._said.get("interlock/contracts", [])

    @property
    def _said(self) -> dict[str, list[tuple[str, str | None]]]:
        found: dict[str, list[tuple[str, str | None]]] = {}
        for each in reversed(statuses.statuses_of(self.hub.state, self.hub.core, self.sha)):
            found.setdefault(each.context, []).append((each.state, each.description))
        return found

    @property
    def comments(self) -> list[issues.Comment]:
        return issues.comments_of(self.hub.state, self.hub.core, self.pull)

    @property
    def check_runs(self) -> list[checks.CheckRun]:
        """The newest first."""
        return checks.check_runs_of(self.hub.state, self.hub.core, self.sha)

    def writes_of(self, *calls: Callable[[], Published]) -> list[str]:
        """What these calls wrote."""
        before = len(self.hub.log.all())
        for call in calls:
            call()
        return [seen.note or seen.path for seen in self.hub.log.all()[before:] if seen.wrote and seen.note]


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[Publisher]:
    hub = JudgedHub(tmp_path / "github")
    judge = Judge(api_app(hub.state))
    with Served(hub.front(judge, "api")) as served:
        hub.state.addresses = Addresses(api=served.url, uploads="http://uploads.test", server="http://git.test")
        yield Publisher(hub, GitHubServer(api=served.url, server="http://git.test", pause_between_writes=0), judge)
    unlike = [said for said in judge.complaints if not any(words in said for words in BESIDE_THE_DESCRIPTION)]
    assert unlike == []


@pytest.fixture
def as_app(publisher: Publisher) -> Publisher:
    """The same publisher with the token of an App."""
    permissions = {"statuses": "write", "checks": "write", "pull_requests": "write", "contents": "read"}
    app, _ = publisher.hub.app(permissions=permissions)
    install(publisher, app, BOT, permissions)
    publisher.token = BOT
    return publisher


def install(publisher: Publisher, app: apps.App, token: str, permissions: dict[str, str]) -> None:
    with publisher.hub.state.changing():
        publisher.hub.state.add_token(
            token,
            app.bot,
            kind="installation",
            permissions=permissions,
            repositories=["alice/core"],
            app=app.id,
        )


class TestStatuses:
    def test_packages_of_one_repository_leave_each_others_statuses_alone(self, publisher: Publisher) -> None:
        publisher.has_siblings = True
        publisher.publish()
        publisher.package = "sibling"
        assert publisher.pending().failures == ()
        assert publisher._said["interlock/contracts/sibling"] == [("pending", "is being tested, beside 1.4.61")]
        assert publisher._said[f"interlock/contracts/{UPSTREAM}"][-1][0] == "failure"
        assert f"interlock/cells/{UPSTREAM}/{PIPELINE}" in publisher._said
        assert publisher.for_all == []
        publisher.package = UPSTREAM
        assert publisher.writes_of(publisher.publish) == []

    def test_all_have_one_from_pending_to_its_end_and_each_downstream_has_its_result(
        self, publisher: Publisher
    ) -> None:
        pending = publisher.pending()
        assert publisher.statuses == {}
        published = publisher.publish()
        assert (pending.failures, published.failures) == ((), ())
        assert publisher.for_all == [
            ("pending", "is being tested, beside 1.4.61"),
            ("failure", f"1 of 3 downstreams regressed: {PIPELINE}"),
        ]
        assert publisher.statuses == {
            PIPELINE: [("failure", f"3 tests regressed: {', '.join(TESTS)}")],
            STORE: [
                (
                    "success",
                    "nothing regressed in 2 cells, 1 red before already; used, changed and untested: BackpressureLevel",
                ),
            ],
            IBKR: [("success", "nothing regressed in 1 cell")],
        }
        links = {
            each.target_url for each in statuses.statuses_of(publisher.hub.state, publisher.hub.core, publisher.sha)
        }
        assert links == {URL}

    def test_what_is_said_already_is_not_said_again(self, publisher: Publisher) -> None:
        assert len(publisher.pending().done) == 1
        assert publisher.pending() == Published()
        first = publisher.publish()
        assert len(first.done) == 5
        assert publisher.writes_of(publisher.publish) == []
        assert publisher.publish() == Published(comment=first.comment)

    def test_an_older_result_of_the_commit_is_no_answer_while_it_is_tested_again(self, publisher: Publisher) -> None:
        publisher.publish()
        publisher.pending()
        assert {said[-1][0] for said in publisher.statuses.values()} == {"pending"}

    @pytest.mark.parametrize(
        ("facts", "said"),
        [
            ({}, ("failure", f"1 of 3 downstreams regressed: {PIPELINE}")),
            ({"downstreams": ()}, ("error", f"3 of 3 downstreams not known: {PIPELINE}, {STORE}, {IBKR}")),
            ({"downstreams": (), "skipped": "no change"}, ("success", "not run: no change")),
        ],
    )
    def test_the_one_for_all_is_the_worst_of_all(
        self, publisher: Publisher, facts: dict[str, object], said: tuple[str, str]
    ) -> None:
        publisher.publish(publisher.report(**facts))
        assert publisher.for_all == [said]

    def test_of_something_that_regressed_and_something_unknown_the_former_is_said(self, publisher: Publisher) -> None:
        publisher.publish(publisher.report(downstreams=publisher.report().downstreams[:1]))
        assert publisher.for_all == [("failure", f"1 of 3 downstreams regressed: {PIPELINE}")]
        publisher.publish(green(publisher.report()))
        assert publisher.for_all[-1] == ("success", "nothing regressed in 3 downstreams")

    def test_a_family_may_have_the_one_for_all_alone(self, publisher: Publisher) -> None:
        publisher.is_detailed = False
        publisher.pending()
        publisher.publish()
        publisher.failed("no disk")
        assert publisher.statuses == {}
        assert [state for state, _ in publisher.for_all] == ["pending", "failure", "error"]

    def test_when_the_budget_is_spent_only_downstreams_statuses_wait_and_go_on_where_they_ended(
        self, publisher: Publisher
    ) -> None:
        left = [0.0, 61.0]
        publisher.spend = lambda: left.pop(0)
        first = publisher.publish()
        assert [len(publisher.for_all), len(publisher.comments), len(publisher.statuses)] == [1, 1, 1]
        (failure,) = first.failures
        assert (failure.what, failure.transient) == ("2 of the downstreams' statuses", True)
        publisher.spend = unlimited
        assert len(publisher.publish().done) == 2
        assert set(publisher.statuses) == {PIPELINE, STORE, IBKR}

    def test_when_a_minutes_budget_is_spent_it_waits(self, publisher: Publisher) -> None:
        left = [0.001, 0.0, 0.0, 0.0]
        publisher.spend = lambda: left.pop(0)
        assert publisher.publish().failures == ()
        assert (left, len(publisher.statuses)) == ([], 3)

    def test_a_run_that_ends_without_a_verdict_leaves_nothing_pending(self, publisher: Publisher) -> None:
        publisher.pending()
        publisher.failed("the wheel can't be built:\nerror: no compiler")
        said = {name: newest[-1] for name, newest in publisher.statuses.items()}
        assert set(said.values()) == {("error", "not tested: the wheel can't be built: error: no compiler")}
        assert publisher.comments == []

    def test_a_downstream_that_was_begun_and_has_no_result_is_an_error(self, publisher: Publisher) -> None:
        publisher.publish(publisher.report(downstreams=publisher.report().downstreams[1:]))
        assert publisher.statuses[PIPELINE] == [("error", "nothing was tested")]

    def test_a_verification_that_is_skipped_says_why_and_is_green(self, publisher: Publisher) -> None:
        publisher.publish(publisher.report(downstreams=(), skipped="the contract is that of 1.4.61"))
        said = [("success", "not run: the contract is that of 1.4.61")]
        assert [publisher.for_all, *publisher.statuses.values()] == 4 * [said]

    def test_said_too_often_in_one_context_the_others_are_said(
        self, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(statuses, "MOST", 1)
        publisher.hub.post(
            f"/repos/alice/core/statuses/{publisher.sha}",
            {"state": "error", "context": f"interlock/cells/{PIPELINE}"},
        )
        published = publisher.publish()
        assert {name: len(said) for name, said in publisher.statuses.items()} == {PIPELINE: 1, STORE: 1, IBKR: 1}
        (failure,) = published.failures
        assert "has reached the maximum number of statuses" in str(failure)

    def test_a_commit_that_github_does_not_know_is_told_of_once_with_a_hint(self, publisher: Publisher) -> None:
        published = publisher.publish(publisher.report(sha="0" * 40, pull=None))
        (failure,) = published.failures
        assert failure.hint == "push the commit to alice/core"
        assert published.done == ()

    def test_of_some_of_the_downstreams_only_their_statuses_are_told(self, as_app: Publisher) -> None:
        as_app.publish(text="of all")
        as_app.is_whole = False
        as_app.pending()
        as_app.publish(text="of some")
        as_app.failed("no disk")
        assert [(run.status, run.summary) for run in as_app.check_runs] == [("completed", "of all")]
        assert [comment.body.splitlines()[-1] for comment in as_app.comments] == ["of all"]
        assert as_app.statuses[STORE][-1] == ("error", "not tested: no disk")
        assert [state for state, _ in as_app.for_all] == ["failure"]


class TestComment:
    def test_it_is_made_once_and_updated_in_place(self, publisher: Publisher) -> None:
        made = publisher.publish(text="red")
        (comment,) = publisher.comments
        assert comment.body == f"{Marker(package=UPSTREAM, sha=publisher.sha, at=BEGAN)}\nred"
        assert made.comment is not None
        assert made.comment.endswith(f"#issuecomment-{comment.id}")
        publisher.push()
        changed = publisher.publish(green(publisher.report()), text="green")
        (comment,) = publisher.comments
        assert comment.body.endswith("\ngreen")
        assert changed.comment == made.comment

    def test_an_older_run_that_ends_late_does_not_overwrite_that_of_a_newer_commit(self, publisher: Publisher) -> None:
        older = publisher.report()
        publisher.push()
        publisher.publish(publisher.report(), text="newer")
        late = older.model_copy(update={"started_at": BEGAN + timedelta(hours=1)})
        published = publisher.publish(late, text="late")
        assert [comment.body.splitlines()[1] for comment in publisher.comments] == ["newer"]
        assert any("left to the newer run" in line for line in published.done)
        assert published.failures == ()

    def test_a_commit_that_the_pull_request_has_left_gets_its_statuses_and_no_first_comment(
        self, publisher: Publisher
    ) -> None:
        reviewed = publisher.sha
        older = publisher.report()
        head = publisher.push()
        published = publisher.publish(older, text="reviewed")
        assert (publisher.comments, published.comment) == ([], None)
        assert f"comment on #{publisher.pull}: not made, since the pull request is at {head[:10]} now" in published.done
        assert publisher.statuses == {}
        publisher.sha = reviewed
        assert set(publisher.statuses) == {PIPELINE, STORE, IBKR}

    def test_the_head_of_the_pull_request_is_right_even_if_its_run_began_earlier(self, publisher: Publisher) -> None:
        older = publisher.report(started_at=BEGAN + timedelta(hours=1))
        publisher.push()
        publisher.publish(older, text="older commit")
        publisher.publish(publisher.report(), text="head")
        assert [comment.body.splitlines()[1] for comment in publisher.comments] == ["head"]

    def test_a_later_run_of_the_same_commit_is_right_and_an_earlier_one_is_not(self, publisher: Publisher) -> None:
        for minutes, text in ((1, "second"), (0, "first"), (2, "third")):
            publisher.publish(publisher.report(started_at=BEGAN + timedelta(minutes=minutes)), text=text)
            (comment,) = publisher.comments
            assert comment.body.endswith({"first": "second"}.get(text, text))

    def test_the_same_said_by_a_later_run_changes_nothing(self, publisher: Publisher) -> None:
        publisher.publish(text="same")
        later = publisher.report(started_at=BEGAN + timedelta(hours=1))
        assert publisher.writes_of(lambda: publisher.publish(later, text="same\n")) == []

    def test_somebody_elses_comment_with_the_marker_is_left_alone(self, publisher: Publisher) -> None:
        forged = f"{Marker(package=UPSTREAM, sha=publisher.sha, at=BEGAN)}\nall is well"
        with publisher.hub.state.changing():
            publisher.hub.state.add_user("mallory")
            issues.add_comment(publisher.hub.state, publisher.hub.core, publisher.pull, "mallory", forged)
        publisher.publish(text="red")
        assert [(one.login, one.body.splitlines()[1]) for one in publisher.comments] == [
            ("mallory", "all is well"),
            ("alice", "red"),
        ]

    def test_comments_of_other_packages_and_other_words_of_ones_own_are_left_alone(self, publisher: Publisher) -> None:
        marker = Marker(package="market-data", sha=publisher.sha, at=BEGAN)
        for body in (f"{marker}\nother", f"Look: {Marker(package=UPSTREAM, sha=publisher.sha, at=BEGAN)}"):
            with publisher.hub.state.changing():
                issues.add_comment(publisher.hub.state, publisher.hub.core, publisher.pull, "alice", body)
        publisher.publish(text="mine")
        assert [one.body.splitlines()[-1].partition(" ")[0] for one in publisher.comments] == ["other", "Look:", "mine"]

    def test_of_two_that_were_made_at_the_same_moment_the_first_stays_with_what_is_newer(
        self, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        there = GitHub.comments
        calls = itertools.count()

        async def late(github: GitHub, repo: str, number: int) -> object:
            if next(calls) == 0:
                found = await there(github, repo, number)
                body = f"{Marker(package=UPSTREAM, sha='0' * 40, at=BEGAN - timedelta(minutes=1))}\nof another run"
                with publisher.hub.state.changing():
                    issues.add_comment(publisher.hub.state, publisher.hub.core, publisher.pull, "alice", body)
                return found
            return await there(github, repo, number)

        monkeypatch.setattr(GitHub, "comments", late)
        publisher.publish(text="mine")
        assert [comment.body.splitlines()[1] for comment in publisher.comments] == ["mine"]

    def test_without_a_pull_request_there_is_none(self, publisher: Publisher) -> None:
        publisher.publish(publisher.report(pull=None))
        assert publisher.comments == []

    def test_lines_that_github_ends_otherwise_are_the_same(self, publisher: Publisher) -> None:
        publisher.publish(text="one\ntwo")
        (comment,) = publisher.comments
        with publisher.hub.state.changing():
            comment.body = comment.body.replace("\n", "\r\n")
        assert publisher.writes_of(lambda: publisher.publish(text="one\ntwo")) == []


class TestCheckRun:
    def test_a_persons_token_makes_none_and_nothing_is_missed(self, publisher: Publisher) -> None:
        published = publisher.publish()
        assert publisher.check_runs == []
        assert published.failures == ()

    def test_it_goes_from_its_beginning_to_its_end(self, as_app: Publisher) -> None:
        as_app.pending()
        (run,) = as_app.check_runs
        assert (run.name, run.status, run.details_url) == ("interlock/cells", "in_progress", URL)
        as_app.publish()
        (run,) = as_app.check_runs
        assert (run.status, run.conclusion, run.title) == ("completed", "failure", "Title")
        assert run.summary == f"What became of {as_app.sha}"
        (note,) = run.annotations
        assert (note["path"], note["start_line"], note["annotation_level"]) == (TELEMETRY, 6, "failure")
        assert note["message"].splitlines() == [
            'member "soft" removed; member "gentle" added',
            "may break readers and writers",
            f"{PIPELINE}: changed, used and covered by its suite; regressed: {', '.join(TESTS)}",
            f"{STORE}: changed, used and untested",
        ]
        assert [comment.login for comment in as_app.comments] == ["locker[bot]"]

    def test_told_twice_it_is_the_same_and_another_answer_is_a_new_one(self, as_app: Publisher) -> None:
        as_app.publish()
        assert as_app.writes_of(as_app.publish) == []
        as_app.publish(green(as_app.report()))
        assert [run.conclusion for run in as_app.check_runs] == ["success", "failure"]

    def test_it_is_begun_anew_when_it_had_ended_and_not_when_it_is_under_way(self, as_app: Publisher) -> None:
        as_app.pending()
        as_app.pending()
        as_app.publish()
        as_app.pending()
        assert [run.status for run in as_app.check_runs] == ["in_progress", "completed"]

    def test_more_annotations_than_fit_into_a_call_are_all_there_once(self, as_app: Publisher) -> None:
        many = tuple(
            ElementChange(name=f"market_data_core.telemetry.Level{number}", kind=Kind.CLASS, what=What.ADDED)
            for number in range(120)
        )
        report = as_app.report(change=CHANGE.model_copy(update={"changes": many}))
        # The second call's answer is lost after it was done.
        as_app.fault(Effect.LOSE, method="PATCH", path="check-runs")
        as_app.publish(report)
        (run,) = as_app.check_runs
        titles = [note["title"] for note in run.annotations]
        assert titles == [f"market_data_core.telemetry.Level{number} added" for number in range(120)]

    def test_what_nothing_is_known_of_does_not_pass(self, as_app: Publisher) -> None:
        as_app.pending()
        as_app.failed("no compiler")
        (run,) = as_app.check_runs
        assert (run.conclusion, run.summary) == ("failure", "no compiler")

    def test_annotations_that_github_does_not_show_yet_are_asked_for_again_and_not_sent_for_ever(self) -> None:
        run = {"id": 1, "name": "interlock/cells", "status": "completed", "output": {"annotations_count": 0}}
        wire = Wire(json_answer({"check_runs": []}), json_answer(run))
        note = Annotation(path="a.py", line=1, level="notice", title="t", message="m")
        said = check_run.Result(conclusion="success", title="t", summary="s", annotations=(note,))
        subject = check_run.Subject(repository="o/n", sha="f" * 40, package=UPSTREAM)
        with pytest.raises(UnreachableError, match="has not taken the annotations yet"):
            asyncio.run(check_run.end(github(wire), Account(login="a[bot]", type="Bot"), subject, said))
        assert [request.method for request in wire.heard] == ["GET", "POST", "PATCH"]

    def test_one_of_another_app_is_left_alone(self, as_app: Publisher) -> None:
        other = add_app(as_app.hub.state, "other", permissions={"checks": "write"})
        install(as_app, other, "ghs_of_another", {"checks": "write"})
        body = {
            "name": "interlock/cells",
            "head_sha": as_app.sha,
            "external_id": UPSTREAM,
            "status": "in_progress",
        }
        as_app.hub.post("/repos/alice/core/check-runs", body, token="ghs_of_another")
        as_app.publish()
        assert [(run.app == other.id, run.status) for run in as_app.check_runs] == [
            (False, "completed"),
            (True, "in_progress"),
        ]


class TestFaults:
    @pytest.mark.parametrize("effect", [Effect.LOSE, Effect.DROP])
    @pytest.mark.parametrize("path", ["statuses", "check-runs", "comments", "graphql", "status$"])
    def test_a_lost_answer_makes_nothing_twice(self, as_app: Publisher, path: str, effect: Effect) -> None:
        as_app.fault(effect, path=path)
        published = as_app.publish()
        assert published.failures == ()
        assert [len(said) for said in (as_app.for_all, *as_app.statuses.values())] == [1, 1, 1, 1]
        assert len(as_app.comments) == len(as_app.check_runs) == 1
        assert len(as_app.check_runs[0].annotations) == 1

    def test_githubs_silence_is_told_and_hides_no_verdict(self, publisher: Publisher) -> None:
        publisher.fault(Effect.REFUSE, times=1000)
        published = publisher.publish()
        assert [failure.what.partition("/")[0] for failure in published.failures] == [
            "the status interlock",
            "check run and comment",
        ]
        assert all("502" in failure.why for failure in published.failures)


class TestPermissions:
    def test_what_a_token_may_not_is_told_with_a_hint_and_the_rest_is_done(self, publisher: Publisher) -> None:
        publisher.token = "github_pat_no_statuses"
        with publisher.hub.state.changing():
            publisher.hub.state.add_token(
                publisher.token, "alice", kind="fine-grained", permissions={"pull_requests": "write"}
            )
        published = publisher.publish(text="red")
        (failure,) = published.failures
        assert failure.what == "the status interlock/contracts"
        assert failure.hint == "the token of REPO_TOKEN needs the permission statuses: write for this repository"
        assert len(publisher.comments) == 1

    def test_an_app_without_checks_has_statuses_and_the_comment(self, as_app: Publisher) -> None:
        permissions = {"statuses": "write", "pull_requests": "write"}
        app = next(iter(apps.apps_of(as_app.hub.state).values()))
        install(as_app, app, "ghs_without_checks", permissions)
        as_app.token = "ghs_without_checks"
        published = as_app.publish()
        (failure,) = published.failures
        assert (failure.what, "checks: write" in (failure.hint or "")) == ("the check run interlock/cells", True)
        assert len(as_app.comments) == 1

    def test_a_token_that_is_none_is_told_and_not_tried_again_and_again(self, publisher: Publisher) -> None:
        publisher.token = "ghp_gone"
        published = publisher.publish()
        assert [failure.what for failure in published.failures] == [
            "the status interlock/contracts",
            "check run and comment",
        ]
        assert len(publisher.hub.log.all()) == 2
        assert "ghp_gone" not in repr(published)
