from pathlib import Path

import pytest

from rehearsal.github import statuses
from rehearsal.github.checks import CheckRun
from tests.support.judged_hub import CORE, JudgedHub


@pytest.fixture
def hub(tmp_path: Path) -> JudgedHub:
    return JudgedHub(tmp_path / "github")


class TestStatuses:
    def test_the_newest_of_each_context_counts(self, hub: JudgedHub) -> None:
        path = f"{CORE}/statuses/{hub.head}"
        hub.post(path, {"state": "pending", "context": "ci", "target_url": "https://ci.test/1"})
        said = hub.post(path, {"state": "success", "context": "ci", "description": "fine"})
        assert (said["context"], said["creator"]["login"]) == ("ci", "alice")
        assert [one["state"] for one in hub.get(f"{CORE}/commits/main/statuses")] == ["success", "pending"]
        together = hub.get(f"{CORE}/commits/main/status")
        assert (together["state"], together["total_count"], together["sha"]) == ("success", 1, hub.head)
        assert hub.notes() == [f"status ci: pending {hub.head[:10]}", f"status ci: success {hub.head[:10]}"]

    @pytest.mark.parametrize(
        ("states", "together"),
        [
            ((), "pending"),
            (("success", "success"), "success"),
            (("success", "pending"), "pending"),
            (("pending", "error"), "failure"),
            (("success", "failure"), "failure"),
        ],
    )
    def test_one_state_for_all_contexts(self, hub: JudgedHub, states: tuple[str, ...], together: str) -> None:
        for number, state in enumerate(states):
            hub.post(f"{CORE}/statuses/{hub.head}", {"state": state, "context": f"c{number}"})
        assert hub.get(f"{CORE}/commits/{hub.head}/status")["state"] == together

    @pytest.mark.parametrize(
        "body",
        [
            {"state": "green"},
            {},
            {"state": "success", "description": "x" * 141},
            {"state": "success", "target_url": "ftp://x"},
        ],
    )
    def test_what_does_not_fit_is_refused(self, hub: JudgedHub, body: dict[str, str]) -> None:
        hub.refused("POST", f"{CORE}/statuses/{hub.head}", 422, body)
        assert hub.get(f"{CORE}/commits/main/statuses") == []

    def test_a_description_may_have_140_characters(self, hub: JudgedHub) -> None:
        hub.post(f"{CORE}/statuses/{hub.head}", {"state": "success", "description": "x" * 140})

    def test_what_is_no_commit_gets_no_status(self, hub: JudgedHub) -> None:
        tree = hub.git.commit(hub.head).tree
        for sha in ("0" * 40, tree, hub.head[:10]):
            said = hub.refused("POST", f"{CORE}/statuses/{sha}", 422, {"state": "success"})
            assert said == f"No commit found for SHA: {sha}"
        hub.refused("GET", f"{CORE}/commits/{'0' * 40}/status", 422)
        hub.refused("GET", f"{CORE}/commits/gone/status", 404)

    def test_a_context_has_at_most_so_many(self, hub: JudgedHub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(statuses, "MOST", 2)
        path = f"{CORE}/statuses/{hub.head}"
        hub.post(path, {"state": "success"})
        hub.post(path, {"state": "success"})
        assert "maximum number of statuses" in hub.refused("POST", path, 422, {"state": "success"})
        hub.post(path, {"state": "success", "context": "other"})

    def test_a_classic_token_needs_the_scope_and_others_the_permission(self, hub: JudgedHub) -> None:
        hub.state.add_token("status", "alice", scopes=["repo:status"])
        hub.state.add_token("gist", "alice", scopes=["gist"])
        hub.state.add_token("read", "alice", kind="fine-grained", permissions={"statuses": "read"})
        path, body = f"{CORE}/statuses/{hub.head}", {"state": "success"}
        hub.post(path, body, token="status")
        hub.refused("POST", path, 403, body, token="gist")
        hub.refused("POST", path, 403, body, token="read")
        hub.refused("POST", path, 401, body, token=None)


ANNOTATION = {"path": "a.py", "start_line": 1, "end_line": 2, "annotation_level": "warning", "message": "hm"}


class TestCheckRuns:
    def test_only_apps_make_them(self, hub: JudgedHub) -> None:
        body = {"name": "contracts", "head_sha": hub.head}
        said = hub.refused("POST", f"{CORE}/check-runs", 403, body)
        assert said == "You must authenticate via a GitHub App."

    def test_from_its_beginning_to_its_end(self, hub: JudgedHub) -> None:
        app, installation = hub.app()
        token = hub.installation_token(app, installation)
        run = hub.post(f"{CORE}/check-runs", {"name": "contracts", "head_sha": hub.head}, token=token)
        assert (run["status"], run["conclusion"], run["app"]["slug"]) == ("queued", None, "locker")
        output = {"title": "10 tests", "summary": "fine", "annotations": [ANNOTATION]}
        body = {"status": "in_progress", "output": output, "details_url": "https://ci.test/1"}
        run = hub.ask("PATCH", f"{CORE}/check-runs/{run['id']}", json=body, token=token).json()
        assert (run["status"], run["output"]["annotations_count"]) == ("in_progress", 1)
        body = {"conclusion": "success", "output": {**output, "text": "long"}}
        run = hub.ask("PATCH", f"{CORE}/check-runs/{run['id']}", json=body, token=token).json()
        assert (run["status"], run["conclusion"], run["output"]["text"]) == ("completed", "success", "long")
        assert run["completed_at"]
        assert hub.get(f"{CORE}/check-runs/{run['id']}")["output"]["annotations_count"] == 2
        assert [one["path"] for one in hub.get(f"{CORE}/check-runs/{run['id']}/annotations")] == ["a.py", "a.py"]

    def test_lists_show_the_newest_of_each_name_unless_all_are_wanted(self, hub: JudgedHub) -> None:
        token = hub.installation_token(*hub.app())
        for name, conclusion in (("a", "failure"), ("a", "success"), ("b", "neutral")):
            body = {"name": name, "head_sha": hub.head, "conclusion": conclusion}
            hub.post(f"{CORE}/check-runs", body, token=token)

        def shown(query: str) -> list[tuple[str, str]]:
            found = hub.get(f"{CORE}/commits/main/check-runs?{query}")
            assert found["total_count"] == len(found["check_runs"])
            return sorted((run["name"], run["conclusion"]) for run in found["check_runs"])

        assert shown("") == [("a", "success"), ("b", "neutral")]
        assert shown("filter=all&check_name=a") == [("a", "failure"), ("a", "success")]
        assert shown("status=queued") == []

    @pytest.mark.parametrize(
        "facts",
        [
            {"output": {"title": "t", "summary": "s", "annotations": [ANNOTATION] * 51}},
            {"output": {"title": "t", "summary": "s" * 65_536}},
            {"output": {"summary": "s"}},
            {"status": "completed"},
            {"conclusion": "fine"},
            {"head_sha": "0" * 40},
        ],
    )
    def test_what_does_not_fit_is_refused(self, hub: JudgedHub, facts: dict[str, object]) -> None:
        token = hub.installation_token(*hub.app())
        hub.refused("POST", f"{CORE}/check-runs", 422, {"name": "n", "head_sha": hub.head, **facts}, token=token)

    def test_the_largest_output_fits(self, hub: JudgedHub) -> None:
        token = hub.installation_token(*hub.app())
        output = {"title": "t", "summary": "s" * 65_535, "annotations": [ANNOTATION] * 50}
        hub.post(f"{CORE}/check-runs", {"name": "n", "head_sha": hub.head, "output": output}, token=token)

    def test_another_apps_run_is_not_ones_own(self, hub: JudgedHub) -> None:
        token = hub.installation_token(*hub.app())
        run = hub.post(f"{CORE}/check-runs", {"name": "n", "head_sha": hub.head}, token=token)
        hub.state.table("check_runs", CheckRun)[str(run["id"])].app = 1
        hub.refused("PATCH", f"{CORE}/check-runs/{run['id']}", 422, {"name": "mine"}, token=token)
        hub.refused("PATCH", f"{CORE}/check-runs/1", 404, {"name": "mine"}, token=token)
        assert hub.get(f"{CORE}/check-runs/{run['id']}")["app"] is None
