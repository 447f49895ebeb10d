"""A GitHub that is served, and a real gateway that its webhooks reach."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import SecretStr

import flows.sweep_deliveries as module
from deployments.gateway.app import Parts
from deployments.gateway.connections import ConnectionLimits
from deployments.gateway.serve import bind, server_of
from interlock.adapters.ledger import open_ledger
from interlock.webhooks import Delivery, DeliveryState, Source
from rehearsal.github import hooks
from tests.support.gateways import AT_ONCE, FakePrefect
from tests.support.judged_hub import CORE, JudgedHub
from tests.support.prefect_server import eventually
from tests.support.webhook_values import FAMILY, SECRETS

SECRET = SECRETS.derived(Source.GITHUB, "alice/core").get_secret_value()


@contextlib.contextmanager
def served_gateway(parts: Parts, at: socket.socket) -> Iterator[None]:
    """A gateway that is served at an address until the end of the block, where it stops as SIGTERM stops it."""
    server = server_of(parts, at)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[at])))
    thread.start()
    try:
        eventually(lambda: server.started)
        yield
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class HubWithGateway:
    """A GitHub that is served, and a gateway that comes and goes at one address."""

    hub: JudgedHub
    ledger: SecretStr
    prefect: FakePrefect = field(default_factory=FakePrefect)
    port: int = 0
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)

    def __post_init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/webhooks/github"

    @contextlib.contextmanager
    def gateway(self) -> Iterator[None]:
        """The gateway is there, and works; at the end it stops as SIGTERM stops it."""
        with open_ledger(self.ledger) as ledger, bind("127.0.0.1", self.port) as at:
            facts = {"starter": self.prefect, "backoff": AT_ONCE, "connections": self.connections}
            parts = Parts(secrets=SECRETS, family=FAMILY, ledger=ledger, **facts)  # type: ignore[arg-type]
            with served_gateway(parts, at):
                yield

    def hook(self, **config: str) -> None:
        settings = {"url": self.url, "content_type": "json", "secret": SECRET, **config}
        self.hub.post(f"{CORE}/hooks", {"config": settings, "events": ["push", "release"]}, token="hooks")
        self.delivered()

    def delivered(self) -> None:
        """Wait until GitHub has had an answer to all that it sent, or none."""
        assert hooks.deliverer_of(self.hub.state).wait()

    def deliveries(self, state: DeliveryState | None = None) -> tuple[Delivery, ...]:
        with open_ledger(self.ledger) as ledger:
            return ledger.deliveries(state)

    def attempts(self) -> int:
        return len([note for note in self.hub.notes() if note.startswith("redeliver")])

    def sweep(self, gateway: str | None = None) -> tuple[str, str]:
        """The flow's body."""
        state = asyncio.run(module.sweep_deliveries.fn(gateway=gateway))
        self.delivered()
        return state.type.value, str(state.message)
