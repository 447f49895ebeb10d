"""Answers a sender: refused, ignored, known or accepted. Only what is on disk is answered as accepted."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from deployments.gateway.batch_writer import BatchWriter
from deployments.gateway.logs import logger, say
from deployments.gateway.metrics import Metrics
from deployments.gateway.request_body import BodyReader
from interlock.common.clock import now
from interlock.common.frozen_model import FrozenModel
from interlock.errors import LedgerError
from interlock.model.family import Family
from interlock.webhooks import (
    DeliveryRefusedError,
    DeliveryState,
    Envelope,
    IntakeResult,
    Reason,
    Secrets,
    Source,
    check,
    check_media_type,
    check_repository,
    dated,
    read_envelope,
    read_signature,
    read_time,
    receive_github,
    receive_signed,
)

# The bytes from which a body is worth a thread: below, hashing and parsing take a millisecond or two at most.
LARGE = 256_000
ACCEPTED, FINE = 202, 200


class Answer(FrozenModel):
    """The answer to a sender.

    Attributes:
        status: The HTTP status.
        content: The JSON of the body.
    """

    status: int
    content: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class WebhookHandler:
    """Receives deliveries.

    Attributes:
        secrets: The master secrets, from which the senders' own are derived.
        family: The family whose repositories count.
        writer: Records deliveries.
        body_reader: Reads bodies within their limits.
        wake: Called when a delivery was accepted.
    """

    secrets: Secrets = field(repr=False)
    family: Family
    writer: BatchWriter
    metrics: Metrics
    body_reader: BodyReader = field(default_factory=BodyReader)
    wake: Callable[[], None] = lambda: None
    clock: Callable[[], datetime] = now

    async def take(self, source: Source, headers: Mapping[str, str], stream: AsyncIterator[bytes]) -> Answer:
        """Receive a delivery, or say why not.

        Args:
            source: The endpoint that received it.
            headers: The headers by name in lower case.
            stream: The chunks of its body.
        """
        self.metrics.received.labels(source).inc()
        began = time.perf_counter()
        try:
            answer = await self._take(source, headers, stream)
        except DeliveryRefusedError as refused:
            answer = self._refuse(source, refused)
        except LedgerError as error:
            say(logging.ERROR, "the ledger fails", why=error.message)
            answer = self._refuse(source, DeliveryRefusedError(Reason.BUSY))
        except Exception:  # noqa: BLE001  the sender needs an answer, and must not see a defect
            logger.exception("a defect while taking")
            answer = self._refuse(source, DeliveryRefusedError(Reason.BUSY))
        self.metrics.answered.observe(time.perf_counter() - began)
        return answer

    async def _take(self, source: Source, headers: Mapping[str, str], stream: AsyncIterator[bytes]) -> Answer:
        # Checks of the headers come before a byte of the body is read.
        signature = read_signature(headers)
        check_media_type(headers)
        about = read_envelope(headers) if source is Source.GITHUB else read_time(headers, self.clock())
        async with self.body_reader.read(stream, headers.get("content-length")) as body:
            if len(body) > LARGE:
                result = await asyncio.to_thread(self._interpret, signature, about, body)
            else:
                result = self._interpret(signature, about, body)
            # First what the same delivery starts for others: once it is known itself, all of it is on disk.
            for other in result.others:
                await self.writer.enter(other)
            is_new = await self.writer.enter(result.delivery)
        return self._answer(result, is_new=is_new)

    def _interpret(self, signature: str, about: Envelope | str, body: bytes) -> IntakeResult:
        """Check and read a delivery: one of GitHub's with its envelope, or a plain POST with its time."""
        repositories = {self.family.repository(name) for name in self.family.packages}
        if isinstance(about, Envelope):
            signer = check(self.secrets, Source.GITHUB, repositories, signature, body)
            if signer is None and about.target == "repository":
                raise DeliveryRefusedError(Reason.SHARED)
            result = receive_github(about, body, self.family, self.clock())
        else:
            signer = check(self.secrets, Source.SIGNED, repositories, signature, dated(about, body))
            result = receive_signed(body, self.family, self.clock())
        check_repository(signer, result.delivery.repository)
        return result

    def _answer(self, result: IntakeResult, *, is_new: bool) -> Answer:
        delivery = result.delivery
        start = delivery.start
        if not is_new:
            self.metrics.known.inc()
            outcome, status = "known", FINE
        elif delivery.state is DeliveryState.IGNORED:
            self.metrics.ignored.labels(result.ignored).inc()
            outcome, status = "ignored", FINE
        else:
            self.metrics.accepted.labels(delivery.event if delivery.source is Source.GITHUB else "signed").inc()
            outcome, status = "accepted", ACCEPTED
            self.wake()
        content = {"status": outcome, "delivery": str(delivery.guid), "why": delivery.why}
        content["deployment"] = start.deployment if start else ""
        shown = {name: text for name, text in content.items() if text}
        say(logging.INFO, "delivery", **_facts(delivery.source, delivery.event, delivery.repository), **shown)
        return Answer(status=status, content=shown)

    def _refuse(self, source: Source, refused: DeliveryRefusedError) -> Answer:
        self.metrics.refused.labels(refused.reason).inc()
        say(logging.WARNING, "delivery", **_facts(source), status="refused", reason=refused.reason.value)
        content = {"status": "refused", "reason": refused.reason.value, "why": refused.message}
        return Answer(status=refused.reason.status, content={**content, "cure": refused.hint or ""})


def _facts(source: Source, event: str | None = None, repository: str | None = None) -> dict[str, str | None]:
    return {"source": source.value, "event": event, "repository": repository}
