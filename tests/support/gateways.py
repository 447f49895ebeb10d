"""A gateway in this process, with a Prefect that a test turns off and on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import httpx

from deployments.gateway.app import Gateway, Parts, make_app
from deployments.gateway.request_body import Limits
from deployments.gateway.run_starter import PrefectDownError, StartRefusedError
from deployments.gateway.worker import Backoff
from interlock.adapters.ledger import Ledger
from interlock.webhooks import Secrets, Start
from tests.support.webhook_values import FAMILY, SECRETS

T = TypeVar("T")
AT_ONCE = Backoff(look=0.01, first=0.001, longest=0.001, refused=0.0, longest_refused=0.0)
PATIENCE = 30.0


@dataclass
class FakePrefect:
    """Makes runs, one for each key, unless it is down.

    Attributes:
        runs: By key.
        asked: Every start that was asked for, however that ended.
        refuses: Deployments that it does not have.
        fails: Keys with which it fails each time.
        name: The id of a run, by its number.
        loses: How many of the next answers are lost after the run was made.
    """

    runs: dict[str, Start] = field(default_factory=dict)
    asked: list[Start] = field(default_factory=list)
    is_down: bool = False
    refuses: set[str] = field(default_factory=set)
    fails: set[str] = field(default_factory=set)
    loses: int = 0
    defect: Exception | None = None
    closed: bool = False
    name: Callable[[int], str] = "run {}".format

    async def start(self, start: Start) -> str:
        await asyncio.sleep(0)
        self.asked.append(start)
        if self.is_down or start.key in self.fails:
            raise PrefectDownError("Prefect does not answer: ConnectError")
        if self.defect is not None:
            raise self.defect
        if start.deployment in self.refuses:
            raise StartRefusedError(f'there is no deployment "{start.deployment}"', hint="prefect deploy --all")
        self.runs.setdefault(start.key, start)
        if self.loses:
            self.loses -= 1
            raise PrefectDownError("Prefect does not answer: ReadError")
        return self.name(list(self.runs).index(start.key))

    async def answers(self) -> bool:
        return not self.is_down

    async def close(self) -> None:
        self.closed = True


@dataclass
class Up:
    """A gateway that works, and a client of it."""

    gateway: Gateway
    client: httpx.AsyncClient
    prefect: FakePrefect
    ledger: Ledger

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        return await self.client.post(f"/webhooks/{path}", content=body, headers=headers)

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(PATIENCE):
            while not holds():  # noqa: ASYNC110  a ledger tells nobody
                await asyncio.sleep(0.005)

    async def idle(self) -> None:
        """Wait until nothing waits to be started."""
        await self.until(lambda: not self.ledger.waiting_deliveries())

    def count(self, name: str, **labels: str) -> float:
        return self.gateway.metrics.registry.get_sample_value(f"interlock_gateway_{name}", labels) or 0.0

    def total(self, name: str) -> float:
        """Over all labels."""
        found = self.gateway.metrics.registry.collect()
        samples = [sample for metric in found for sample in metric.samples]
        return sum(sample.value for sample in samples if sample.name == f"interlock_gateway_{name}_total")


@contextlib.asynccontextmanager
async def up(
    ledger: Ledger,
    prefect: FakePrefect | None = None,
    *,
    limits: Limits | None = None,
    backoff: Backoff = AT_ONCE,
    secrets: Secrets = SECRETS,
) -> AsyncIterator[Up]:
    """A gateway that works."""
    starter = prefect or FakePrefect()
    parts = Parts(
        secrets=secrets, family=FAMILY, ledger=ledger, starter=starter, limits=limits or Limits(), backoff=backoff
    )
    gateway = Gateway(parts)
    transport = httpx.ASGITransport(make_app(gateway))
    async with gateway.running(), httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield Up(gateway, client, starter, ledger)


def with_gateway(
    work: Callable[[Up], Awaitable[T]], ledger: Ledger, prefect: FakePrefect | None = None, **settings: object
) -> T:
    """Do something with a gateway that works meanwhile."""

    async def working() -> T:
        async with up(ledger, prefect, **settings) as gateway:  # type: ignore[arg-type]
            return await work(gateway)

    return asyncio.run(working())
