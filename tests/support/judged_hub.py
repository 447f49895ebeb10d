"""A hub all of whose answers pass the judge, with branches to propose and an App."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from rehearsal.github import apps
from rehearsal.github.app import attach
from rehearsal.github.deliveries import Hook, hooks_of
from rehearsal.github.state import GitHubState
from tests.support.github_hub import Hub

CORE = "/repos/alice/core"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
PUBLIC = (
    KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
)


@dataclass
class JudgedHub(Hub):
    """A hub with what most of these tests do, in a word each."""

    def __post_init__(self) -> None:
        super().__post_init__()
        attach(self.state)

    def post(self, path: str, body: Any = None, *, status: int = 201, **more: Any) -> Any:
        """The body of a POST that is answered with this status."""
        answer = self.ask("POST", path, json=body, **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, status: int, body: Any = None, **more: Any) -> str:
        """What a request is refused with."""
        answer = self.ask(method, path, json=body, **more)
        assert answer.status_code == status, answer.text
        said = answer.json()
        causes = (error if isinstance(error, str) else error.get("message", "") for error in said.get("errors", []))
        return " ".join([said["message"], *causes]).strip()

    def branch(
        self, name: str, files: dict[str, bytes | None], message: str = "feat: change", base: str = "main"
    ) -> str:
        """A branch with one more commit than its base, or one more than it has."""
        with self.state.changing():
            old = self.git.ref(f"refs/heads/{name}")
            parent = old or self.git.ref(f"refs/heads/{base}")
            sha = self.git.write_commit(parent, files, message)
            self.git.set_ref(f"refs/heads/{name}", sha)
            from rehearsal.github.pushes import moved

            moved(self.state, self.core, [(f"refs/heads/{name}", old or "0" * 40, sha)], None)
        return sha

    def propose(self, name: str = "topic", files: dict[str, bytes | None] | None = None, **more: Any) -> Any:
        """A pull request of a new branch into main."""
        self.branch(name, files or {f"{name}.txt": b"new\n"})
        return self.post(f"{CORE}/pulls", {"title": f"Add {name}", "head": name, "base": "main", **more})

    def app(self, **facts: Any) -> tuple[apps.App, apps.Installation]:
        """An App that alice installed on all that is hers."""
        permissions = {"contents": "write", "checks": "write", "statuses": "read", "pull_requests": "write"}
        made = add_app(self.state, **{"public_key": PUBLIC, "permissions": permissions, **facts})
        with self.state.changing():
            installation = apps.Installation(
                id=self.state.next_id(),
                app=made.id,
                account="alice",
                permissions=made.permissions,
                created_at=self.clock(),
            )
            apps.installations_of(self.state)[str(installation.id)] = installation
        return made, installation

    def app_hook(self, app: apps.App, url: str, secret: str) -> None:
        """Give an App its webhook, for the events that it was registered with."""
        now, number = self.clock(), self.state.next_id()
        facts: Any = {"content_type": "json", "events": app.events, "created_at": now, "updated_at": now}
        hook = Hook(id=number, app=app.id, url=url, secret=secret, **facts)
        with self.state.changing():
            hooks_of(self.state)[str(hook.id)] = hook

    def signed(self, app: apps.App, **claims: Any) -> str:
        """A token that the App signed."""
        now = int(self.clock().timestamp())
        return jwt.encode({"iat": now - 10, "exp": now + 300, "iss": str(app.id), **claims}, PRIVATE, algorithm="RS256")

    def installation_token(self, app: apps.App, installation: apps.Installation, **narrowing: Any) -> str:
        """A token of the App for its installation."""
        path = f"/app/installations/{installation.id}/access_tokens"
        made: str = self.post(path, narrowing, token=self.signed(app))["token"]
        return made


def add_app(
    state: GitHubState, slug: str = "locker", *, public_key: str = "", permissions: Any, events: Sequence[str] = ()
) -> apps.App:
    """Register an App of alice's, with its bot."""
    with state.changing():
        app = apps.App(
            id=state.next_id(),
            slug=slug,
            name=slug,
            owner="alice",
            public_key=public_key,
            permissions=permissions,
            events=list(events),
            created_at=state.now(),
        )
        apps.apps_of(state)[str(app.id)] = app
        state.add_user(app.bot, kind="Bot")
    return app
