"""Webhook deliveries: signed as by GitHub, sent in the background, and recorded with their outcome."""

import hashlib
import hmac
import json
import threading
import time
import uuid
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

import httpx
from pydantic import Field

from rehearsal.github.records import Record, Repository
from rehearsal.github.shapes import stamp
from rehearsal.github.state import GitHubState

LIMIT = 10.0
LARGEST_ANSWER = 10_000
STATUSES = {"timeout": "timed out", "refused": "failed to connect to host"}


class Hook(Record):
    """A webhook of a repository, or of an App.

    Attributes:
        repository: Its key; None for an App's.
        app: The App's id; None for a repository's.
        last: The code, status and message of the last delivery.
    """

    id: int
    repository: str | None = None
    app: int | None = None
    url: str
    content_type: Literal["json", "form"] = "form"
    secret: str | None = None
    insecure_ssl: str = "0"
    events: list[str]
    active: bool = True
    created_at: datetime
    updated_at: datetime
    last: tuple[int | None, str, str | None] = (None, "unused", None)


class Delivery(Record):
    """One attempt to deliver one event.

    Attributes:
        guid: The same for every attempt.
        code: The receiver's status; 0 for no answer.
    """

    id: int
    guid: str
    hook: int
    event: str
    action: str | None
    repository_id: int | None
    installation_id: int | None
    redelivery: bool
    payload: dict[str, Any]
    headers: dict[str, str]
    delivered_at: datetime
    duration: float = 0.0
    code: int = 0
    status: str = "pending"
    answer_headers: dict[str, str] = Field(default_factory=dict)
    answer: str | None = None


def hooks_of(state: GitHubState) -> dict[str, Hook]:
    """All hooks, by id."""
    return state.table("hooks", Hook)


def deliveries_of(state: GitHubState, hook: Hook) -> list[Delivery]:
    """The deliveries of a hook, newest first."""
    known = state.table("deliveries", Delivery).values()
    return sorted((found for found in known if found.hook == hook.id), key=lambda found: -found.id)


def signed(secret: str | None, body: bytes) -> dict[str, str]:
    """The headers with a body's signature; none without a secret."""
    if not secret:
        return {}
    ways = {"X-Hub-Signature": ("sha1", hashlib.sha1), "X-Hub-Signature-256": ("sha256", hashlib.sha256)}
    return {
        name: f"{prefix}={hmac.new(secret.encode(), body, way).hexdigest()}" for name, (prefix, way) in ways.items()
    }


def encoded(hook: Hook, payload: dict[str, Any]) -> tuple[str, bytes]:
    """The media type and body for a hook: JSON, or a form with the JSON in its field `payload`."""
    text = json.dumps(payload, separators=(",", ":"))
    if hook.content_type == "json":
        return "application/json", text.encode()
    return "application/x-www-form-urlencoded", urlencode({"payload": text}).encode()


class Deliverer:
    """Sends events to hooks; like GitHub, it never retries.

    Args:
        state: The state with the hooks and the deliveries.
        limit: The seconds within which a receiver must answer.
    """

    def __init__(self, state: GitHubState, *, limit: float = LIMIT) -> None:
        self._state, self.limit = state, limit
        self._busy: set[threading.Thread] = set()
        self._idle = threading.Condition()

    def deliver(
        self,
        hook: Hook,
        event: str,
        payload: dict[str, Any],
        *,
        repository: Repository | None = None,
        again: Delivery | None = None,
    ) -> Delivery:
        """Start a delivery and return at once; call this under the state's lock.

        Args:
            hook: The receiver.
            event: The value of `X-GitHub-Event`.
            payload: The payload of the event.
            repository: The repository of the event.
            again: The delivery to repeat.
        """
        guid = again.guid if again else str(uuid.uuid4())
        media, body = encoded(hook, payload)
        delivery = Delivery(
            id=self._state.next_id(),
            guid=guid,
            hook=hook.id,
            event=event,
            action=payload.get("action"),
            repository_id=again.repository_id if again else repository and repository.id,
            installation_id=payload.get("installation", {}).get("id"),
            redelivery=again is not None,
            payload=payload,
            headers=_headers(hook, event, guid, media) | signed(hook.secret, body),
            delivered_at=self._state.now(),
        )
        self._state.table("deliveries", Delivery)[str(delivery.id)] = delivery
        self._start(hook, delivery, body)
        return delivery

    def _start(self, hook: Hook, delivery: Delivery, body: bytes) -> None:
        # Each has a thread, so that a receiver that hangs delays no other; none outlives the process.
        thread = threading.Thread(target=self._run, args=(hook, delivery, body), daemon=True)
        with self._idle:
            self._busy.add(thread)
        thread.start()

    def _run(self, hook: Hook, delivery: Delivery, body: bytes) -> None:
        began = time.monotonic()
        try:
            code, status, headers, answer = self._send(hook, delivery, body)
            with self._state.lock:
                delivery.duration = round(time.monotonic() - began, 2)
                delivery.code, delivery.status, delivery.answer_headers = code, status, headers
                delivery.answer = answer
                hook.last = (code or None, "active" if 200 <= code < 300 else status, status)
                self._state.saved()
        finally:
            with self._idle:
                self._busy.discard(threading.current_thread())
                self._idle.notify_all()

    def _send(self, hook: Hook, delivery: Delivery, body: bytes) -> tuple[int, str, dict[str, str], str | None]:
        try:
            # GitHub follows no redirects; local proxies don't apply.
            with httpx.Client(timeout=self.limit, trust_env=False) as client:
                answer = client.post(hook.url, content=body, headers=delivery.headers)
        except httpx.TimeoutException:
            return 0, STATUSES["timeout"], {}, None
        except (httpx.HTTPError, httpx.InvalidURL):
            return 0, STATUSES["refused"], {}, None
        fine = answer.is_success
        status = "OK" if fine else f"Invalid HTTP Response: {answer.status_code}"
        return answer.status_code, status, dict(answer.headers), answer.text[:LARGEST_ANSWER]

    def wait(self, seconds: float = 30.0) -> bool:
        """Wait until everything is sent; returns False if that takes longer."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._busy, seconds)


def _headers(hook: Hook, event: str, guid: str, media: str) -> dict[str, str]:
    kind, target = ("repository", hook.repository) if hook.app is None else ("integration", hook.app)
    return {
        "Accept": "*/*",
        "Content-Type": media,
        "User-Agent": f"GitHub-Hookshot/{hashlib.sha256(str(target).encode()).hexdigest()[:7]}",
        "X-GitHub-Delivery": guid,
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-Type": kind,
    }


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """A delivery in a list."""
    return {
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": stamp(delivery.delivered_at),
        "redelivery": delivery.redelivery,
        "duration": delivery.duration,
        "status": delivery.status,
        "status_code": delivery.code,
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": delivery.installation_id,
        "repository_id": delivery.repository_id,
        "throttled_at": None,
    }


def full_delivery_json(delivery: Delivery, url: str) -> dict[str, Any]:
    """A delivery with its request and its response."""
    return {
        **delivery_json(delivery),
        "url": url,
        "request": {"headers": delivery.headers, "payload": delivery.payload},
        "response": {"headers": delivery.answer_headers, "payload": delivery.answer},
    }
