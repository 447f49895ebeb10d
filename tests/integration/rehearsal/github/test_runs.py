"""Dispatches and the runs that they start: who hears, what a run is called, how far it is."""

import io
import zipfile
from typing import Any

import httpx
import pytest

from rehearsal.github.records import Policy
from rehearsal.github.runs import filled, runs, settle
from tests.support.github_hub import LISTENER, Hub

REPO = "/repos/alice/core"
RUNS = f"{REPO}/actions/runs"


def _dispatch(hub: Hub, event: str = "core_release", **payload: Any) -> httpx.Response:
    return hub.ask("POST", f"{REPO}/dispatches", json={"event_type": event, "client_payload": payload})


def _runs(hub: Hub, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = hub.get(f"{RUNS}?{query}")["workflow_runs"]
    return found


def _workflow(hub: Hub, text: str, path: str = ".github/workflows/other.yml") -> None:
    changes = {path: text.encode(), ".github/workflows/hear.yml": None}
    hub.git.set_ref("refs/heads/main", hub.git.write_commit(hub.head, changes, "ci: other"))


def test_a_dispatch_starts_a_run_of_the_workflow_that_listens(hub: Hub) -> None:
    assert _dispatch(hub, version="1.2.3", dispatch_id="core==1.2.3:core_release").status_code == 204
    (run,) = _runs(hub)
    assert run["display_title"] == "core 1.2.3 core==1.2.3:core_release"
    assert (run["name"], run["event"], run["path"]) == ("Hear", "repository_dispatch", ".github/workflows/hear.yml")
    assert (run["status"], run["conclusion"], run["run_number"]) == ("completed", "success", 1)
    assert (run["head_branch"], run["head_sha"]) == ("main", hub.head)
    assert hub.get(f"{RUNS}/{run['id']}") == run


def test_nobody_hears_and_nobody_is_told(hub: Hub) -> None:
    assert _dispatch(hub, "other").status_code == 204
    assert _runs(hub) == []


JOBS = "jobs: {a: {runs-on: x, steps: [{run: 'true'}]}}\n"


@pytest.mark.parametrize(
    ("on", "heard"),
    [
        ("on: repository_dispatch\n", True),
        ("on: [push, repository_dispatch]\n", True),
        ("on:\n  repository_dispatch:\n", True),
        ("on: {repository_dispatch: {types: core_release}}\n", True),
        ("on: {repository_dispatch: {types: [x, core_release]}}\n", True),
        ("on: {repository_dispatch: {types: [x]}}\n", False),
        ("on: {repository_dispatch: {type: [x]}}\n", True),  # a typo: every type
        ("on: push\n", False),
        ("on: [\n", False),
    ],
)
def test_every_form_of_a_listener_is_heard_as_github_hears_it(hub: Hub, on: str, heard: bool) -> None:
    _workflow(hub, on + JOBS)
    _dispatch(hub)
    titles = [run["display_title"] for run in _runs(hub)]
    assert titles == (["core_release"] if heard else [])


@pytest.mark.parametrize("path", [".github/workflows/deep/a.yml", ".github/workflows/a.txt", "a.yml"])
def test_only_workflow_files_in_their_folder_listen(hub: Hub, path: str) -> None:
    _workflow(hub, f"on: repository_dispatch\n{JOBS}", path)
    _dispatch(hub)
    assert _runs(hub) == []


def test_only_the_default_branch_listens(hub: Hub) -> None:
    hub.git.set_ref("refs/heads/side", hub.head)
    _workflow(hub, f"on: push\n{JOBS}")
    _dispatch(hub)
    assert _runs(hub) == []
    hub.core.default_branch = "side"
    _dispatch(hub)
    assert len(_runs(hub)) == 1


def test_an_empty_repository_hears_nothing(hub: Hub) -> None:
    hub.state.add_repository("alice/empty")
    hub.ask("POST", "/repos/alice/empty/dispatches", json={"event_type": "x"})
    assert hub.get("/repos/alice/empty/actions/runs")["total_count"] == 0


def test_two_workflows_that_listen_both_run(hub: Hub) -> None:
    files = {".github/workflows/too.yaml": LISTENER}
    hub.git.set_ref("refs/heads/main", hub.git.write_commit(hub.head, files, "ci: too"))
    _dispatch(hub)
    _dispatch(hub)
    assert sorted((run["path"][-8:], run["run_number"]) for run in _runs(hub)) == [
        ("hear.yml", 1),
        ("hear.yml", 2),
        ("too.yaml", 1),
        ("too.yaml", 2),
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"event_type": ""}, "event_type"),
        ({"event_type": "x" * 101}, "event_type"),
        ({}, '"event_type" wasn\'t supplied.'),
        ({"event_type": "x", "client": {}}, '"client" is not a permitted key.'),
        ({"event_type": "x", "client_payload": {str(number): 1 for number in range(11)}}, "client_payload"),
        ({"event_type": "x", "client_payload": {"large": "x" * 65_536}}, "client_payload is too large."),
        ({"event_type": "x", "client_payload": [1]}, "client_payload"),
    ],
)
def test_a_dispatch_that_github_would_not_take_is_refused(hub: Hub, body: dict[str, Any], said: str) -> None:
    answer = hub.ask("POST", f"{REPO}/dispatches", json=body)
    assert answer.status_code == 422
    assert said in answer.json()["message"]


def test_the_largest_dispatch_is_taken(hub: Hub) -> None:
    payload = {str(number): "x" * 6500 for number in range(10)}
    assert _dispatch(hub, "x" * 100, **payload).status_code == 204


def test_a_workflow_is_dispatched_by_id_or_file_at_a_ref(hub: Hub) -> None:
    workflow = hub.get(f"{REPO}/actions/workflows")["workflows"][0]
    assert hub.get(f"{REPO}/actions/workflows/{workflow['id']}") == workflow
    hub.git.set_ref("refs/heads/side", hub.head)
    for name in (workflow["id"], "hear.yml"):
        body = {"ref": "refs/heads/side", "inputs": {"version": "1"}}
        place = f"{REPO}/actions/workflows/{name}/dispatches"
        assert hub.ask("POST", place, json=body).status_code == 204
    assert [run["head_branch"] for run in _runs(hub, "event=workflow_dispatch")] == ["side", "side"]
    assert hub.get(f"{REPO}/actions/workflows/hear.yml/runs")["total_count"] == 2


def test_a_workflow_dispatch_can_say_which_run_it_started(hub: Hub) -> None:
    body = {"ref": "main", "return_run_details": True}
    answer = hub.ask("POST", f"{REPO}/actions/workflows/hear.yml/dispatches", json=body)
    assert answer.status_code == 200
    assert answer.json()["workflow_run_id"] == _runs(hub)[0]["id"]


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("no.yml", {"ref": "main"}, 404),
        ("hear.yml", {"ref": "nowhere"}, 422),
        ("hear.yml", {"ref": "before"}, 422),
        ("hear.yml", {}, 422),
        ("hear.yml", {"ref": "main", "inputs": {str(number): 1 for number in range(26)}}, 422),
        ("hear.yml", {"ref": "main", "inputs": {str(number): 1 for number in range(25)}}, 204),
    ],
)
def test_a_workflow_dispatch_is_checked(hub: Hub, name: str, body: dict[str, Any], status: int) -> None:
    hub.git.set_ref("refs/heads/before", hub.git.write_commit(None, {"a": b"a"}, "before"))
    assert hub.ask("POST", f"{REPO}/actions/workflows/{name}/dispatches", json=body).status_code == status


def test_a_run_goes_from_queued_to_completed_by_the_clock(hub: Hub) -> None:
    hub.core.policies["hear.yml"] = Policy(conclusion="failure", starts_after=10, takes=20)
    _dispatch(hub)
    seen = []
    for _ in range(4):
        (run,) = _runs(hub)
        seen.append((run["status"], run["conclusion"], run["updated_at"][-4:-1]))
        hub.clock.forward(10)
    assert seen == [
        ("queued", None, ":00"),
        ("in_progress", None, ":10"),
        ("in_progress", None, ":10"),
        ("completed", "failure", ":30"),
    ]


def test_a_run_can_stay_queued_for_ever_until_somebody_settles_it(hub: Hub) -> None:
    hub.core.policies["*"] = Policy(starts_after=None)
    _dispatch(hub)
    hub.clock.forward(10**6)
    (run,) = _runs(hub)
    assert run["status"] == "queued"
    assert hub.ask("GET", f"{RUNS}/{run['id']}/logs").status_code == 404
    settle(hub.state, runs(hub.state)[str(run["id"])], "completed", "success")
    assert _runs(hub)[0]["conclusion"] == "success"


def test_whoever_listens_to_runs_can_do_something_when_one_starts(hub: Hub) -> None:
    heard: list[Any] = []
    hub.state.listen("run", lambda event: heard.append((event.repository, event.facts["client_payload"])))
    hub.state.listen("repository_dispatch", lambda event: heard.append(event.facts["event_type"]))
    _dispatch(hub, version="1")
    assert heard == ["core_release", ("alice/core", {"version": "1"})]


def test_a_listener_may_use_the_state_itself(hub: Hub) -> None:
    def react(_event: object) -> None:
        with hub.state.changing():
            hub.git.set_ref("refs/tags/reacted", hub.head)

    hub.state.listen("run", react)
    _dispatch(hub)
    assert hub.git.ref("refs/tags/reacted") == hub.head


def test_a_run_is_cancelled_once_and_run_again(hub: Hub) -> None:
    hub.core.policies["hear.yml"] = Policy(starts_after=None)
    _dispatch(hub)
    place = f"{RUNS}/{_runs(hub)[0]['id']}"
    assert hub.ask("POST", f"{place}/rerun").status_code == 403
    assert hub.ask("POST", f"{place}/cancel").status_code == 202
    assert hub.ask("POST", f"{place}/cancel").status_code == 409
    assert hub.get(place)["conclusion"] == "cancelled"
    hub.core.policies["hear.yml"] = Policy()
    assert hub.ask("POST", f"{place}/rerun").status_code == 201
    again = hub.get(place)
    assert (again["conclusion"], again["run_attempt"]) == ("success", 2)


def test_a_run_has_one_job_and_logs(hub: Hub) -> None:
    hub.core.policies["hear.yml"] = Policy(takes=5)
    _dispatch(hub)
    place = f"{RUNS}/{_runs(hub)[0]['id']}"
    (job,) = hub.get(f"{place}/jobs")["jobs"]
    assert (job["status"], job["completed_at"]) == ("in_progress", None)
    hub.clock.forward(5)
    assert hub.get(f"{place}/jobs")["jobs"][0]["completed_at"] == "2026-11-20T12:00:05Z"
    answer = hub.ask("GET", f"{place}/logs")
    assert answer.status_code == 302
    archive = hub.ask("GET", answer.headers["location"].removeprefix("http://api.test"))
    assert zipfile.ZipFile(io.BytesIO(archive.content)).namelist() == ["0_rehearsal.txt"]


def test_a_run_of_another_repository_is_not_found_here(hub: Hub) -> None:
    hub.add("alice/other")
    hub.ask("POST", "/repos/alice/other/dispatches", json={"event_type": "core_release"})
    other = hub.get("/repos/alice/other/actions/runs")["workflow_runs"][0]
    assert _runs(hub) == []
    assert hub.ask("GET", f"{RUNS}/{other['id']}").status_code == 404
    assert hub.ask("GET", f"{RUNS}/1").status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("event=repository_dispatch", 2),
        ("event=push", 0),
        ("branch=main", 2),
        ("branch=side", 0),
        ("status=completed", 2),
        ("status=success", 2),
        ("status=failure", 0),
        ("actor=alice", 2),
        ("actor=bob", 0),
        ("created=%3E=2026-11-20T12:00:00Z", 2),
        ("created=%3E=2026-11-20T12:00:01Z", 1),
        ("created=%3E2026-11-20T12:00:00Z", 1),
        ("created=%3C2026-11-20T12:01:00Z", 1),
        ("created=%3C=2026-11-20T12:01:00Z", 2),
        ("created=2026-11-20T12:00:30Z..2026-11-20T13:00:00Z", 1),
        ("created=*..2026-11-20T12:00:30Z", 1),
        ("created=2026-11-20T12:00:30Z..*", 1),
        ("created=%3C=2026-11-20T12:00:00Z", 1),
        ("created=*..2026-11-20T12:01:00Z", 2),
        ("created=2026-11-20T12:01:00Z", 1),
        ("created=2026-11-20", 2),
        ("created=2026-11-21", 0),
        ("created=%3E=2026-11-20", 2),
        ("created=%3E2026-11-20", 0),
        ("created=%3E=2026-11-20T13:00:00%2B01:00", 2),
        ("per_page=1", 1),
        ("per_page=1&page=3", 0),
    ],
)
def test_runs_are_found_by_what_they_are(hub: Hub, query: str, found: int) -> None:
    _dispatch(hub)
    hub.clock.forward(60)
    _dispatch(hub)
    assert len(_runs(hub, query)) == found


def test_a_time_that_can_not_be_read_is_refused(hub: Hub) -> None:
    _dispatch(hub)
    assert hub.ask("GET", f"{RUNS}?created=%3E=yesterday").status_code == 422


CONTEXT = {"github": {"event": {"client_payload": {"version": "1.2", "n": 3, "yes": True, "none": None, "a": [1]}}}}
PAYLOAD = "github.event.client_payload"


@pytest.mark.parametrize(
    ("template", "title"),
    [
        ("plain", "plain"),
        ("${{ github.event.client_payload.version }}", "1.2"),
        ("v${{github.event.client_payload.version}}!", "v1.2!"),
        ("${{ GitHub.Event.client_payload['version'] }}", "1.2"),
        (f"${{{{ {PAYLOAD}.nothing || {PAYLOAD}.version }}}}", "1.2"),
        (f"${{{{ {PAYLOAD}.none || 'it''s' }}}}", "it's"),
        (f"a ${{{{ {PAYLOAD}.nothing }}}} b", "a b"),
        (f"${{{{ {PAYLOAD}.n }}}} ${{{{ {PAYLOAD}.yes }}}}", "3 true"),
        (f"${{{{ {PAYLOAD} }}}} ${{{{ {PAYLOAD}.a }}}}", "Object Array"),
        (f"${{{{ toJSON({PAYLOAD}.a) }}}}", "[ 1 ]"),
        (f"${{{{ {PAYLOAD}.version.deeper }}}}", ""),
        ("two\nlines", "two lines"),
    ],
)
def test_titles_are_filled_in(template: str, title: str) -> None:
    assert filled(template, CONTEXT) == title


def test_a_title_has_an_end() -> None:
    assert len(filled("x" * 1000, {})) == 300
