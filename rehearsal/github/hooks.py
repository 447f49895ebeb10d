"""Webhooks of repositories and of Apps: their endpoints, and the delivery of events to them."""

import threading
import weakref
from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field

from rehearsal.github import apps, payloads
from rehearsal.github.access import APP, needs
from rehearsal.github.deliveries import (
    Deliverer,
    Delivery,
    Hook,
    deliveries_of,
    delivery_json,
    full_delivery_json,
    hooks_of,
)
from rehearsal.github.records import Repository
from rehearsal.github.refusals import Refusal, invalid, not_found
from rehearsal.github.runs import runs
from rehearsal.github.shapes import repository_url, stamp
from rehearsal.github.state import Event, GitHubState
from rehearsal.github.web import Answer, Body, Call, Routes, created, nothing

routes = Routes()
READ = needs(
    "repository_hooks", scopes=("read:repo_hook", "write:repo_hook", "admin:repo_hook"), role="admin", signed_in=True
)
WRITE = needs("repository_hooks", "write", scopes=("write:repo_hook", "admin:repo_hook"), role="admin")
ADMIN = needs("repository_hooks", "write", scopes=("admin:repo_hook",), role="admin")
MASK = "********"
MOST = 20
EVENTS = frozenset(
    {
        "*",
        "check_run",
        "issue_comment",
        "merge_group",
        "ping",
        "pull_request",
        "push",
        "release",
        "status",
        "workflow_run",
    }
)
# GitHub sends these events to Apps only.
APPS_ONLY = frozenset({"repository_dispatch", "workflow_dispatch"})


class Config(Body):
    """The configuration of a hook's deliveries."""

    url: str | None = None
    content_type: Literal["json", "form"] | None = None
    secret: str | None = None
    insecure_ssl: str | float | None = None


class NewHook(Body):
    """A new hook."""

    name: Literal["web"] = "web"
    config: Config
    events: list[str] = Field(default=["push"])
    active: bool = True


class Changes(Body):
    """The changes of a hook."""

    config: Config | None = None
    events: list[str] | None = None
    add_events: list[str] = Field(default_factory=list)
    remove_events: list[str] = Field(default_factory=list)
    active: bool | None = None


# --- delivery of events ----------------------------------------------------------------------------------------------

_deliverers: weakref.WeakKeyDictionary[GitHubState, Deliverer] = weakref.WeakKeyDictionary()


def deliverer_of(state: GitHubState) -> Deliverer:
    """The deliverer of a state."""
    return _deliverers.setdefault(state, Deliverer(state))


def attach(state: GitHubState) -> None:
    """Let the hooks of a state receive its events."""
    for kind, build in payloads.BUILDERS.items():
        state.listen(kind, _sender(state, build))
    state.listen("run", _later(state))


def _sender(state: GitHubState, build: payloads.Builder) -> Callable[[Event], None]:
    def send(event: Event) -> None:
        with state.changing():
            repository = state.repositories.get(event.repository.lower())
            if repository is not None:
                for name, payload in build(state, repository, event.facts):
                    _deliver(state, repository, name, payload)

    return send


def deliver_runs(state: GitHubState) -> None:
    """Deliver the progress of workflow runs: the clock moves them, without any event."""
    for run in list(runs(state).values()):
        _sender(state, payloads.BUILDERS["run"])(Event(kind="run", repository=run.repository, facts={"id": run.id}))


def _later(state: GitHubState) -> Callable[[Event], None]:
    def wait(event: Event) -> None:
        policy = runs(state)[str(event.facts["id"])].policy
        if policy.starts_after is not None and hooks_of(state):
            for seconds in {policy.starts_after, policy.starts_after + policy.takes} - {0}:
                timer = threading.Timer(seconds, deliver_runs, [state])
                timer.daemon = True
                timer.start()

    return wait


def _deliver(state: GitHubState, repository: Repository, event: str, payload: dict[str, Any]) -> None:
    for hook in hooks_of(state).values():
        if not hook.active or not {event, "*"} & set(hook.events):
            continue
        if hook.repository == repository.key and event not in APPS_ONLY:
            deliverer_of(state).deliver(hook, event, payload, repository=repository)
        elif hook.app is not None and (installed := apps.installation_for(state, hook.app, repository)):
            with_installation = {**payload, "installation": {"id": installed.id, "node_id": ""}}
            deliverer_of(state).deliver(hook, event, with_installation, repository=repository)


# --- a repository's --------------------------------------------------------------------------------------------------


@routes.get("/repos/{owner}/{repo}/hooks", READ)
def listed(call: Call) -> Answer:
    """Its hooks."""
    return call.page(_hooks(call), lambda hook: hook_json(call.state, call.repo, hook))


@routes.post("/repos/{owner}/{repo}/hooks", WRITE)
def create(call: Call) -> Answer:
    """Add a hook, and ping it."""
    new, now = call.body(NewHook, "Hook"), call.state.now()
    hook = Hook(
        id=call.state.next_id(),
        repository=call.repo.key,
        url=_url(new.config),
        events=_known(new.events),
        active=new.active,
        created_at=now,
        updated_at=now,
    )
    _configure(hook, new.config)
    _must_be_new(call, hook)
    hooks_of(call.state)[str(hook.id)] = hook
    call.note(f"create hook {hook.id} for {', '.join(hook.events)}")
    _ping(call, hook)
    body = hook_json(call.state, call.repo, hook)
    return created(body, body["url"])


@routes.get("/repos/{owner}/{repo}/hooks/{id:int}", READ)
def show(call: Call) -> Answer:
    """A hook, its secret masked."""
    return Answer(hook_json(call.state, call.repo, _hook(call)))


@routes.patch("/repos/{owner}/{repo}/hooks/{id:int}", WRITE)
def update(call: Call) -> Answer:
    """Change a hook; a new configuration replaces all of the old one, also its secret."""
    hook, changes = _hook(call), call.body(Changes, "Hook")
    events = changes.events if changes.events is not None else hook.events
    events = [event for event in [*events, *changes.add_events] if event not in changes.remove_events]
    hook.events = _known(list(dict.fromkeys(events)))
    if changes.active is not None:
        hook.active = changes.active
    if changes.config is not None:
        hook.url, hook.content_type, hook.secret = _url(changes.config), "form", None
        _configure(hook, changes.config)
    hook.updated_at = call.state.now()
    call.note(f"update hook {hook.id}")
    return Answer(hook_json(call.state, call.repo, hook))


@routes.delete("/repos/{owner}/{repo}/hooks/{id:int}", ADMIN)
def delete(call: Call) -> Answer:
    """Delete a hook."""
    hook = _hook(call)
    del hooks_of(call.state)[str(hook.id)]
    call.note(f"delete hook {hook.id}")
    return nothing()


@routes.post("/repos/{owner}/{repo}/hooks/{id:int}/pings", READ)
def ping(call: Call) -> Answer:
    """Ping it."""
    hook = _hook(call)
    call.note(f"ping hook {hook.id}")
    _ping(call, hook)
    return nothing()


def _ping(call: Call, hook: Hook) -> None:
    if hook.active:
        shown = hook_json(call.state, call.repo, hook)
        payload = payloads.ping(call.state, call.repo, shown, call.caller.login)
        deliverer_of(call.state).deliver(hook, "ping", payload, repository=call.repo)


@routes.get("/repos/{owner}/{repo}/hooks/{id:int}/deliveries", READ)
def deliveries(call: Call) -> Answer:
    """Its deliveries, newest first."""
    return _pages(call, deliveries_of(call.state, _hook(call)))


@routes.get("/repos/{owner}/{repo}/hooks/{id:int}/deliveries/{delivery:int}", READ)
def delivery(call: Call) -> Answer:
    """One delivery, with its request and its response."""
    hook = _hook(call)
    return Answer(full_delivery_json(_delivery(call, hook), hook.url))


@routes.post("/repos/{owner}/{repo}/hooks/{id:int}/deliveries/{delivery:int}/attempts", WRITE)
def redeliver(call: Call) -> Answer:
    """Deliver it again, under the same GUID."""
    return _again(call, _hook(call))


# --- an App's --------------------------------------------------------------------------------------------------------


@routes.get("/app/hook/config", APP)
def app_config(call: Call) -> Answer:
    """The configuration of an App's hook."""
    return Answer(_config(_app_hook(call)))


@routes.get("/app/hook/deliveries", APP)
def app_deliveries(call: Call) -> Answer:
    """The deliveries to an App."""
    return _pages(call, deliveries_of(call.state, _app_hook(call)))


@routes.get("/app/hook/deliveries/{delivery:int}", APP)
def app_delivery(call: Call) -> Answer:
    """One of those."""
    hook = _app_hook(call)
    return Answer(full_delivery_json(_delivery(call, hook), hook.url))


@routes.post("/app/hook/deliveries/{delivery:int}/attempts", APP)
def app_redeliver(call: Call) -> Answer:
    """Deliver it again, under the same GUID."""
    return _again(call, _app_hook(call))


# --- the parts -------------------------------------------------------------------------------------------------------


def _hooks(call: Call) -> list[Hook]:
    return [hook for hook in hooks_of(call.state).values() if hook.repository == call.repo.key]


def _hook(call: Call) -> Hook:
    hook = hooks_of(call.state).get(str(call.arguments["id"]))
    if hook is None or hook.repository != call.repo.key:
        raise not_found()
    return hook


def _app_hook(call: Call) -> Hook:
    for hook in hooks_of(call.state).values():
        if hook.app == call.caller.app:
            return hook
    raise not_found()


def _delivery(call: Call, hook: Hook) -> Delivery:
    for found in deliveries_of(call.state, hook):
        if found.id == call.arguments["delivery"]:
            return found
    raise not_found()


def _pages(call: Call, found: list[Delivery]) -> Answer:
    """A page of deliveries; the cursor is the id below which the next page starts."""
    cursor, size = call.query.get("cursor", ""), call.query.get("per_page", "")
    count = min(int(size), 100) if size.isdigit() else 30
    left = [one for one in found if not cursor.isdigit() or one.id < int(cursor)]
    shown = left[:count]
    headers = {}
    if len(left) > len(shown):
        address = f"{call.state.addresses.api}{call.scope['path']}?per_page={count}&cursor={shown[-1].id}"
        headers["Link"] = f'<{address}>; rel="next"'
    return Answer([delivery_json(one) for one in shown], headers=headers)


def _again(call: Call, hook: Hook) -> Answer:
    before = _delivery(call, hook)
    deliverer_of(call.state).deliver(hook, before.event, before.payload, again=before)
    call.note(f"redeliver {before.event} {before.guid}")
    return Answer({}, 202)


def _known(events: list[str]) -> list[str]:
    unknown = [event for event in events if event not in EVENTS]
    if unknown:
        raise Refusal(422, "Validation Failed", errors=[_unsupported(unknown)])
    return events


def _unsupported(events: list[str]) -> dict[str, str]:
    message = f"The following events are not supported for repository webhooks: {', '.join(events)}"
    return {"resource": "Hook", "field": "events", "code": "custom", "message": message}


def _url(config: Config) -> str:
    if not config.url or not config.url.startswith(("http://", "https://")):
        raise invalid("Hook", "url", "missing_field" if not config.url else "custom", message="url must be http(s)")
    return config.url


def _configure(hook: Hook, config: Config) -> None:
    hook.content_type = config.content_type or hook.content_type
    hook.secret = config.secret or hook.secret
    hook.insecure_ssl = "0" if config.insecure_ssl is None else str(int(float(config.insecure_ssl)))


def _must_be_new(call: Call, hook: Hook) -> None:
    present = _hooks(call)
    if len(present) >= MOST:
        raise invalid("Hook", "base", "custom", message=f"The limit of {MOST} hooks has been reached")
    if any(known.url == hook.url and set(known.events) & set(hook.events) for known in present):
        raise invalid("Hook", "base", "custom", message="Hook already exists on this repository")


def _config(hook: Hook) -> dict[str, str]:
    secret = {"secret": MASK} if hook.secret else {}
    return {"url": hook.url, "content_type": hook.content_type, "insecure_ssl": hook.insecure_ssl, **secret}


def hook_json(state: GitHubState, repository: Repository, hook: Hook) -> dict[str, Any]:
    """A hook as the API shows it."""
    url = f"{repository_url(state, repository)}/hooks/{hook.id}"
    code, status, message = hook.last
    return {
        "type": "Repository",
        "id": hook.id,
        "name": "web",
        "active": hook.active,
        "events": hook.events,
        "config": _config(hook),
        "url": url,
        "test_url": f"{url}/test",
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "last_response": {"code": code, "status": status, "message": message},
        "created_at": stamp(hook.created_at),
        "updated_at": stamp(hook.updated_at),
    }
