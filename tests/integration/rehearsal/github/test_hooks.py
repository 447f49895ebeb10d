import hashlib
import hmac
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from rehearsal.github import hooks
from rehearsal.github.deliveries import hooks_of, signed
from rehearsal.github.records import Policy
from tests.support.judged_hub import CORE, JudgedHub
from tests.support.openapi import official

SECRET = "It's a Secret to Everybody"


@pytest.fixture
def hub(tmp_path: Path) -> JudgedHub:
    return JudgedHub(tmp_path / "github")


@dataclass
class Got:
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> str:
        return self.headers["x-github-event"]

    @property
    def payload(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """A real server that takes webhooks."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)
    waits: threading.Event = field(default_factory=threading.Event)

    def events(self) -> list[str]:
        return sorted(got.event for got in self.got)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    found.waits.set()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.got.append(Got({name.lower(): value for name, value in self.headers.items()}, body))
            found.waits.wait(30)
            self.send_response(found.answers.pop(0) if found.answers else 200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}/hooks"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.waits.set()
        server.shutdown()
        thread.join()


def _wait(hub: JudgedHub) -> None:
    assert hooks.deliverer_of(hub.state).wait()


def _hook(hub: JudgedHub, receiver: Receiver, *events: str, **config: str) -> Any:
    """A hook that was pinged."""
    settings = {"url": receiver.url, "content_type": "json", "secret": SECRET, **config}
    made = hub.post(f"{CORE}/hooks", {"config": settings, "events": list(events or ("push",))}, token="hooks")
    _wait(hub)
    return made


@pytest.fixture(autouse=True)
def _token(hub: JudgedHub) -> None:
    hub.state.add_token("hooks", "alice", scopes=["repo", "admin:repo_hook"])


class TestSigning:
    def test_the_known_answer_of_githubs_documentation(self) -> None:
        headers = signed(SECRET, b"Hello, World!")
        digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        assert headers["X-Hub-Signature-256"] == f"sha256={digest}"
        assert headers["X-Hub-Signature"].startswith("sha1=")

    def test_nothing_is_signed_without_a_secret(self) -> None:
        assert signed(None, b"x") == signed("", b"x") == {}


class TestDelivering:
    def test_a_new_hook_is_pinged(self, hub: JudgedHub, receiver: Receiver) -> None:
        made = _hook(hub, receiver)
        (got,) = receiver.got
        assert (got.event, got.payload["hook_id"]) == ("ping", made["id"])
        official().check_webhook("ping", got.payload)
        assert SECRET not in got.body.decode()

    def test_what_is_sent_is_signed_and_says_what_it_is(self, hub: JudgedHub, receiver: Receiver) -> None:
        made = _hook(hub, receiver)
        hub.branch("topic", {"a.txt": b"x"})
        _wait(hub)
        got = receiver.got[-1]
        expected = hmac.new(SECRET.encode(), got.body, hashlib.sha256).hexdigest()
        assert got.headers["x-hub-signature-256"] == f"sha256={expected}"
        assert got.headers["user-agent"].startswith("GitHub-Hookshot/")
        assert got.headers["content-type"] == "application/json"
        assert got.headers["x-github-hook-id"] == str(made["id"])
        assert len(got.headers["x-github-delivery"]) == 36
        assert (got.payload["ref"], got.payload["created"]) == ("refs/heads/topic", True)
        assert got.payload["head_commit"]["added"] == ["a.txt"]
        official().check_webhook("push", got.payload)

    def test_a_form_has_its_payload_in_a_field(self, hub: JudgedHub, receiver: Receiver) -> None:
        _hook(hub, receiver, content_type="form")
        (got,) = receiver.got
        assert got.headers["content-type"] == "application/x-www-form-urlencoded"
        expected = hmac.new(SECRET.encode(), got.body, hashlib.sha256).hexdigest()
        assert got.headers["x-hub-signature-256"] == f"sha256={expected}"
        assert json.loads(parse_qs(got.body.decode())["payload"][0])["zen"]

    def test_a_hook_hears_only_what_it_wants(self, hub: JudgedHub, receiver: Receiver) -> None:
        _hook(hub, receiver, "status")
        hub.branch("topic", {"a.txt": b"x"})
        hub.post(f"{CORE}/statuses/{hub.head}", {"state": "success"})
        _wait(hub)
        assert receiver.events() == ["ping", "status"]

    def test_every_event_is_as_github_documents_it(self, hub: JudgedHub, receiver: Receiver) -> None:
        _hook(hub, receiver, "*")
        app_token = hub.installation_token(*hub.app())
        sha = hub.propose()["head"]["sha"]
        hub.post(f"{CORE}/statuses/{sha}", {"state": "success"})
        hub.post(f"{CORE}/check-runs", {"name": "n", "head_sha": sha, "conclusion": "success"}, token=app_token)
        hub.branch("topic", {"more.txt": b"x"})
        hub.ask("PUT", f"{CORE}/pulls/1/merge", json={})
        hub.ask("DELETE", f"{CORE}/git/refs/heads/topic")
        hub.post(f"{CORE}/releases", {"tag_name": "v1", "target_commitish": "main"})
        hub.post(f"{CORE}/dispatches", {"event_type": "core_release", "client_payload": {"version": "1"}}, status=204)
        _wait(hub)
        for got in receiver.got:
            official().check_webhook(got.event, got.payload)
        actions = {(got.event, got.payload.get("action")) for got in receiver.got}
        assert actions >= {
            ("pull_request", "opened"),
            ("pull_request", "synchronize"),
            ("pull_request", "closed"),
            ("status", None),
            ("check_run", "created"),
            ("check_run", "completed"),
            ("release", "published"),
            ("workflow_run", "requested"),
            ("workflow_run", "completed"),
        }
        assert not {"repository_dispatch", "workflow_dispatch"} & set(receiver.events())
        (merged,) = [got.payload for got in receiver.got if got.payload.get("action") == "closed"]
        assert merged["pull_request"]["merged"] is True
        synchronized = next(got.payload for got in receiver.got if got.payload.get("action") == "synchronize")
        assert synchronized["before"] == sha

    def test_a_run_that_takes_time_is_heard_of_again(self, hub: JudgedHub, receiver: Receiver) -> None:
        _hook(hub, receiver, "workflow_run")
        hub.core.policies["*"] = Policy(starts_after=1000, takes=1000, conclusion="failure")
        hub.post(f"{CORE}/dispatches", {"event_type": "core_release"}, status=204)
        for _ in range(3):
            hooks.deliver_runs(hub.state)
            hub.clock.forward(1000)
        _wait(hub)
        heard = [(got.payload["action"], got.payload["workflow_run"]["conclusion"]) for got in receiver.got[1:]]
        assert sorted(heard) == [("completed", "failure"), ("in_progress", None), ("requested", None)]

    def test_a_run_that_takes_a_moment_is_heard_of_by_itself(self, hub: JudgedHub, receiver: Receiver) -> None:
        _hook(hub, receiver, "workflow_run")
        hub.core.policies["*"] = Policy(takes=0.3)
        before = set(threading.enumerate())
        hub.post(f"{CORE}/dispatches", {"event_type": "core_release"}, status=204)
        hub.clock.forward(1)
        for timer in set(threading.enumerate()) - before:
            if isinstance(timer, threading.Timer):
                timer.join()
        _wait(hub)
        assert receiver.events() == ["ping", *["workflow_run"] * 3]

    def test_an_inactive_hook_hears_nothing(self, hub: JudgedHub, receiver: Receiver) -> None:
        made = _hook(hub, receiver)
        hub.ask("PATCH", f"{CORE}/hooks/{made['id']}", json={"active": False}, token="hooks")
        hub.branch("topic", {"a.txt": b"x"})
        hub.post(f"{CORE}/hooks/{made['id']}/pings", token="hooks", status=204)
        _wait(hub)
        assert receiver.events() == ["ping"]

    def test_a_receiver_that_hangs_keeps_nobody_waiting(self, hub: JudgedHub, receiver: Receiver) -> None:
        _hook(hub, receiver)
        receiver.waits.clear()
        hub.branch("topic", {"a.txt": b"x"})
        assert hub.get(CORE)["name"] == "core"
        deliverer = hooks.deliverer_of(hub.state)
        assert not deliverer.wait(0.01)
        receiver.waits.set()
        _wait(hub)

    def test_an_app_hears_of_dispatches_with_its_installation(self, hub: JudgedHub, receiver: Receiver) -> None:
        app, installation = hub.app(events=("repository_dispatch", "workflow_dispatch", "push"))
        hub.add("bob/other")
        hub.state.add_token("bob", "bob", scopes=["repo"])
        hub.app_hook(app, receiver.url, SECRET)
        hub.post(f"{CORE}/dispatches", {"event_type": "core_release"}, status=204)
        hub.post(f"{CORE}/actions/workflows/hear.yml/dispatches", {"ref": "main"}, status=204)
        hub.post("/repos/bob/other/dispatches", {"event_type": "core_release"}, status=204, token="bob")
        _wait(hub)
        assert receiver.events() == ["repository_dispatch", "workflow_dispatch"]
        for got in receiver.got:
            official().check_webhook(got.event, got.payload)
            assert got.payload["installation"]["id"] == installation.id
        assert (
            next(got for got in receiver.got if got.event == "repository_dispatch").payload["action"] == "core_release"
        )
        token = hub.signed(app)
        assert hub.get("/app/hook/config", token=token)["secret"] == "********"
        (first, second) = hub.get("/app/hook/deliveries", token=token)
        assert first["id"] > second["id"]
        assert hub.get(f"/app/hook/deliveries/{first['id']}", token=token)["guid"] == first["guid"]
        hub.post(f"/app/hook/deliveries/{first['id']}/attempts", token=token, status=202)
        _wait(hub)
        assert len(receiver.got) == 3
        hooks_of(hub.state).clear()
        hub.refused("GET", "/app/hook/config", 404, token=token)


class TestRemembering:
    def test_a_delivery_is_remembered_with_what_was_answered(self, hub: JudgedHub, receiver: Receiver) -> None:
        receiver.answers = [500]
        made = _hook(hub, receiver)
        path = f"{CORE}/hooks/{made['id']}"
        (item,) = hub.get(f"{path}/deliveries", token="hooks")
        assert (item["event"], item["status_code"], item["redelivery"]) == ("ping", 500, False)
        whole = hub.get(f"{path}/deliveries/{item['id']}", token="hooks")
        assert (whole["request"]["payload"], whole["response"]["payload"]) == (receiver.got[0].payload, "ok")
        assert whole["request"]["headers"]["X-GitHub-Delivery"] == item["guid"]
        assert hub.get(path, token="hooks")["last_response"]["code"] == 500

    def test_nothing_is_delivered_again_unless_asked_and_then_under_its_guid(
        self, hub: JudgedHub, receiver: Receiver
    ) -> None:
        receiver.answers = [500]
        made = _hook(hub, receiver)
        path = f"{CORE}/hooks/{made['id']}/deliveries"
        (item,) = hub.get(path, token="hooks")
        assert len(receiver.got) == 1
        hub.post(f"{path}/{item['id']}/attempts", token="hooks", status=202)
        _wait(hub)
        first, second = receiver.got
        assert first.headers["x-github-delivery"] == second.headers["x-github-delivery"] == item["guid"]
        assert first.body == second.body
        again, _ = hub.get(path, token="hooks")
        assert (again["guid"], again["redelivery"], again["status"]) == (item["guid"], True, "OK")
        hub.refused("POST", f"{path}/1/attempts", 404, token="hooks")

    def test_nobody_there_and_too_slow_are_told_apart(self, hub: JudgedHub, receiver: Receiver) -> None:
        made = _hook(hub, receiver, url="http://127.0.0.1:9/")
        path = f"{CORE}/hooks/{made['id']}"
        assert hub.get(f"{path}/deliveries", token="hooks")[0]["status"] == "failed to connect to host"
        hub.ask("PATCH", path, json={"config": {"url": receiver.url}}, token="hooks")
        hooks.deliverer_of(hub.state).limit = 0.05
        receiver.waits.clear()
        hub.post(f"{path}/pings", token="hooks", status=204)
        _wait(hub)
        newest = hub.get(f"{path}/deliveries", token="hooks")[0]
        assert (newest["status"], newest["status_code"]) == ("timed out", 0)

    def test_deliveries_are_paged_by_a_cursor(self, hub: JudgedHub, receiver: Receiver) -> None:
        made = _hook(hub, receiver)
        path = f"{CORE}/hooks/{made['id']}"
        for _ in range(4):
            hub.post(f"{path}/pings", token="hooks", status=204)
        answer, seen = hub.ask("GET", f"{path}/deliveries?per_page=2", token="hooks"), []
        while True:
            seen += [one["id"] for one in answer.json()]
            if "next" not in answer.links:
                break
            answer = hub.ask("GET", answer.links["next"]["url"].removeprefix("http://api.test"), token="hooks")
        assert seen == sorted(seen, reverse=True)
        assert len(seen) == 5
        _wait(hub)


class TestHooks:
    def test_a_hook_is_shown_with_its_secret_masked(self, hub: JudgedHub, receiver: Receiver) -> None:
        made = _hook(hub, receiver)
        assert made["config"]["secret"] == "********"
        (shown,) = hub.get(f"{CORE}/hooks", token="hooks")
        assert (shown["events"], shown["active"], shown["last_response"]["code"]) == (["push"], True, 200)

    def test_a_hook_is_changed_and_taken_away(self, hub: JudgedHub, receiver: Receiver) -> None:
        path = f"{CORE}/hooks/{_hook(hub, receiver)['id']}"
        body = {"add_events": ["status"], "remove_events": ["push"], "config": {"url": receiver.url}}
        changed = hub.ask("PATCH", path, json=body, token="hooks").json()
        assert (changed["events"], changed["config"]) == (
            ["status"],
            {"url": receiver.url, "content_type": "form", "insecure_ssl": "0"},
        )
        assert hub.ask("DELETE", path, token="hooks").status_code == 204
        hub.refused("GET", path, 404, token="hooks")

    @pytest.mark.parametrize(
        "body",
        [
            {"config": {}},
            {"config": {"url": "ftp://x"}},
            {"config": {"url": "http://x.test"}, "events": ["repository_dispatch"]},
            {"config": {"url": "http://x.test"}, "name": "email"},
            {},
        ],
    )
    def test_what_does_not_fit_is_refused(self, hub: JudgedHub, body: dict[str, object]) -> None:
        hub.refused("POST", f"{CORE}/hooks", 422, body, token="hooks")

    def test_the_same_hook_twice_and_too_many_are_refused(self, hub: JudgedHub, receiver: Receiver) -> None:
        _hook(hub, receiver)
        body = {"config": {"url": receiver.url}, "events": ["push"]}
        assert "Hook already exists" in hub.refused("POST", f"{CORE}/hooks", 422, body, token="hooks")
        for number in range(19):
            made = {"config": {"url": f"{receiver.url}/{number}"}, "active": False}
            hub.post(f"{CORE}/hooks", made, token="hooks")
        body = {"config": {"url": "http://x.test"}}
        assert "limit of 20" in hub.refused("POST", f"{CORE}/hooks", 422, body, token="hooks")

    def test_hooks_are_for_admins_with_the_scope(self, hub: JudgedHub) -> None:
        hub.state.add_user("bob")
        hub.core.access["bob"] = "write"
        hub.state.add_token("bob", "bob", scopes=["repo", "admin:repo_hook"])
        hub.state.add_token("fine", "alice", kind="fine-grained", permissions={"contents": "write"})
        for token in ("bob", "fine"):
            hub.refused("GET", f"{CORE}/hooks", 403, token=token)
        hub.refused("GET", f"{CORE}/hooks", 401, token=None)
