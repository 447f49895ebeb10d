"""The gateway's HTTP endpoints, and the tasks that run behind them."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from deployments.gateway.announcements import announcement
from deployments.gateway.batch_writer import RETRY_SECONDS, BatchWriter
from deployments.gateway.connections import ConnectionLimits
from deployments.gateway.intake import Answer, WebhookHandler
from deployments.gateway.logs import say
from deployments.gateway.metrics import CONTENT_TYPE, Metrics
from deployments.gateway.request_body import BodyReader, Limits
from deployments.gateway.run_starter import Starter
from deployments.gateway.worker import Backoff, Worker
from interlock.adapters.ledger import Ledger
from interlock.errors import LedgerError
from interlock.model.family import Family
from interlock.webhooks import Reason, Secrets, Source


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a gateway is made of.

    Attributes:
        ledger: Records deliveries.
        starter: Makes flow runs.
    """

    secrets: Secrets = field(repr=False)
    family: Family
    ledger: Ledger
    starter: Starter
    limits: Limits = field(default_factory=Limits)
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    backoff: Backoff = field(default_factory=Backoff)


class Gateway:
    """A gateway: its webhook handler, its worker, and their state.

    Args:
        parts: What it is made of.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.metrics = Metrics()
        self._writer = BatchWriter(parts.ledger)
        self._worker = Worker(
            parts.ledger,
            parts.starter,
            self.metrics,
            backoff=parts.backoff,
            announce=partial(announcement, parts.family),
        )
        self._trying = asyncio.Lock()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self.handler = WebhookHandler(
            secrets=parts.secrets,
            family=parts.family,
            writer=self._writer,
            metrics=self.metrics,
            body_reader=BodyReader(parts.limits),
            wake=self._worker.wake,
        )

    @contextlib.asynccontextmanager
    async def running(self, _app: object = None) -> AsyncIterator[None]:
        """Work until the end of the block, and then finish what was started."""
        writing, worker = (asyncio.create_task(work()) for work in (self._writer.run, self._worker.run))
        self._tasks = (writing, worker)
        say(logging.INFO, "working", family=self._parts.family.name)
        try:
            yield
        finally:
            self._worker.stop()
            writing.cancel()
            ended = await asyncio.gather(writing, worker, return_exceptions=True)
            await self._parts.starter.close()
            defects = [one for one in ended if isinstance(one, Exception)]
            say(logging.INFO, "stopped", defects=[repr(one) for one in defects] or None)

    async def waiting(self) -> int:
        """How many deliveries wait.

        Raises:
            LedgerError: The ledger can't be read.
        """
        found = await asyncio.to_thread(self._parts.ledger.waiting_deliveries)
        self.metrics.waiting.set(found)
        return found

    async def ready(self) -> Answer:
        """Whether it can receive deliveries; without Prefect, only the runs that they start are delayed."""
        shown = {"worker": "works", "ledger": "answers", "prefect": "answers"}
        if any(task.done() for task in self._tasks) or not self._tasks:
            shown["worker"] = "has ended"
        if self._writer.has_failed:
            shown["ledger"] = "could not keep the last delivery"
        try:
            shown["waiting"] = str(await self.waiting())
            async with self._trying:  # one at a time, however many ask: deliveries need the threads and the disk
                await asyncio.to_thread(self._parts.ledger.check_writable)
        except LedgerError as error:
            shown["ledger"] = error.message
        if not await self._parts.starter.answers():
            shown["prefect"] = "does not answer: what is accepted waits for it"
        is_ready = shown["worker"] == "works" and shown["ledger"] == "answers"
        status = "degraded" if shown["prefect"] != "answers" else "ready"
        return Answer(status=200 if is_ready else 503, content={"status": status if is_ready else "not ready", **shown})


def make_app(gateway: Gateway) -> FastAPI:
    """The gateway's endpoints."""
    app = FastAPI(
        title="Interlock's gateway", docs_url=None, redoc_url=None, openapi_url=None, lifespan=gateway.running
    )

    @app.post("/webhooks/github")
    async def github(request: Request) -> Response:
        return _response(await gateway.handler.take(Source.GITHUB, dict(request.headers), request.stream()))

    @app.post("/webhooks/signed")
    async def signed(request: Request) -> Response:
        return _response(await gateway.handler.take(Source.SIGNED, dict(request.headers), request.stream()))

    @app.get("/healthz")
    async def healthz() -> Response:
        return JSONResponse({"status": "alive"})

    @app.get("/readyz")
    async def readyz() -> Response:
        return _response(await gateway.ready())

    @app.get("/metrics")
    async def metrics() -> Response:
        with contextlib.suppress(LedgerError):
            await gateway.waiting()
        return Response(gateway.metrics.text(), media_type=CONTENT_TYPE)

    return app


def _response(answer: Answer) -> Response:
    headers = {"retry-after": str(RETRY_SECONDS)} if answer.status == Reason.BUSY.status else {}
    return JSONResponse(dict(answer.content), status_code=answer.status, headers=headers)
