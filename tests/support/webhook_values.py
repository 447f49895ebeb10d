"""A family to route for, and deliveries as GitHub and workflows send them."""

import json
import time as clock
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from pydantic import SecretStr

from interlock.model.family import Family
from interlock.webhooks import Secrets, Source, dated
from interlock.webhooks.signature import sign

SHA = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
SECRETS = Secrets(current=SecretStr("It's a Secret to Everybody"))
OTHERS = Secrets(current=SecretStr("It's a Secret to Nobody at all"))

FAMILY = Family.model_validate(
    {
        "name": "trains",
        "owner": "alice",
        "packages": {
            "core": {
                "dispatches": [{"event": "core_release", "targets": ["store", "feed"]}],
                "suites": [],
            },
            "store": {
                "upstreams": ["core"],
                "branch": "base",
                "suites": [{"name": "contracts", "imports": True}],
                "dispatches": [{"event": "downstream_release", "targets": ["infra"]}],
            },
            "feed": {
                "upstreams": ["core"],
                "dispatches": [{"event": "downstream_release", "targets": ["infra"], "payload": ["tag", "origin"]}],
            },
            "infra": {
                "repository": "Infra",
                "publishes": False,
                "upstreams": ["store", "feed"],
                "reaction": "command",
                "command": ["make"],
            },
        },
    }
)


def in_repository(name: str = "alice/core", **fields: Any) -> dict[str, Any]:
    return {"repository": {"full_name": name, "private": False}, "sender": {"login": "bob"}, **fields}


def a_push(name: str = "alice/core", *, ref: str = "refs/heads/main", sha: str = SHA, **fields: Any) -> dict[str, Any]:
    return in_repository(name, ref=ref, after=sha, **fields)


def a_merge_group(action: str = "checks_requested", name: str = "alice/core", **fields: Any) -> dict[str, Any]:
    """What a merge queue asks for, or does not need any more."""
    group = {"head_sha": SHA, "base_sha": "0" * 40, "base_ref": "refs/heads/main", **fields}
    return in_repository(name, action=action, merge_group=group)


def a_pull_request(action: str = "opened", name: str = "alice/core", **fields: Any) -> dict[str, Any]:
    head = {"sha": SHA, "ref": fields.pop("head", "rename"), "repo": {"full_name": fields.pop("owner", name)}}
    outside = {"number": 12, **{part: fields.pop(part) for part in ("number", "before", "changes") if part in fields}}
    pull = {"head": head, "base": {"ref": fields.pop("base", "main")}, "user": {"login": "Bob"}, **fields}
    return in_repository(name, action=action, pull_request=pull, **outside)


def a_release(
    action: str = "published", name: str = "alice/core", *, tag: str = "v1.2.11", **fields: Any
) -> dict[str, Any]:
    return in_repository(name, action=action, release={"tag_name": tag, "draft": False, "prerelease": False, **fields})


def a_dispatch(event: str = "core_release", name: str = "alice/store", **payload: Any) -> dict[str, Any]:
    return in_repository(name, action=event, branch="base", client_payload=payload)


def a_run(conclusion: str | None = "failure", name: str = "alice/store", **fields: Any) -> dict[str, Any]:
    place = {"head_branch": "interlock/core-1.2.11", "head_repository": {"full_name": fields.pop("owner", name)}}
    run = {"id": 7, "run_attempt": 2, **place, "conclusion": conclusion, **fields}
    return in_repository(name, action="completed", workflow_run=run)


def github_headers(
    event: str,
    body: bytes,
    *,
    guid: UUID | None = None,
    secrets: Secrets = SECRETS,
    repository: str | None = None,
    **more: str,
) -> dict[str, str]:
    """The headers of GitHub's delivery, with an App's secret or with that of a repository's webhook."""
    secret = secrets.derived(Source.GITHUB, repository) if repository else secrets.current
    return {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": str(guid or uuid4()),
        "x-hub-signature-256": sign(secret, body),
        **more,
    }


def signed_headers(
    body: bytes, secrets: Secrets = SECRETS, *, repository: str = "alice/core", time: float | None = None
) -> dict[str, str]:
    """The headers of a workflow's POST, which has the secret of its repository."""
    at = str(int(clock.time() if time is None else time))
    signature = sign(secrets.derived(Source.SIGNED, repository), dated(at, body))
    return {"content-type": "application/json", "x-interlock-timestamp": at, "x-hub-signature-256": signature}


def as_body(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, separators=(",", ":")).encode()
