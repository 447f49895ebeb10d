"""Reads the bodies of requests from strangers, within limits on size, time, and the memory of all bodies together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect

from interlock.common.frozen_model import FrozenModel
from interlock.webhooks import DeliveryRefusedError, Reason

MEGABYTE = 1_000_000


class Limits(FrozenModel):
    """The limits of bodies.

    Attributes:
        body: Bytes of one body; GitHub sends 25 MB at most.
        together: Bytes of all bodies that are held at once.
        seconds: The time that a body may take; GitHub gives up after ten.
    """

    body: int = 25 * MEGABYTE
    together: int = 200 * MEGABYTE
    seconds: float = 30.0


class BodyReader:
    """Reads bodies, and counts the bytes that are held."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._held = 0

    @contextlib.asynccontextmanager
    async def read(self, stream: AsyncIterator[bytes], declared: str | None) -> AsyncIterator[bytes]:
        """A whole body, whose bytes count as held until the end of the block.

        Args:
            stream: Its chunks; reading stops at the limit.
            declared: Its `Content-Length`.

        Raises:
            DeliveryRefusedError: It is too large, too slow, ends early, or too much is held already.
        """
        if declared is not None and declared.isdecimal() and int(declared[:20]) > self._limits.body:
            raise DeliveryRefusedError(Reason.TOO_LARGE)
        pieces: list[bytes] = []
        try:
            await self._in_time(stream, pieces)
            yield b"".join(pieces)
        finally:
            self._held -= sum(map(len, pieces))

    async def _in_time(self, stream: AsyncIterator[bytes], pieces: list[bytes]) -> None:
        try:
            async with asyncio.timeout(self._limits.seconds):
                await self._gather(stream, pieces)
        except TimeoutError:
            raise DeliveryRefusedError(Reason.TOO_SLOW) from None
        except ClientDisconnect:
            raise DeliveryRefusedError(Reason.GONE) from None

    async def _gather(self, stream: AsyncIterator[bytes], pieces: list[bytes]) -> None:
        size = 0
        async for piece in stream:
            pieces.append(piece)
            self._held += len(piece)
            size += len(piece)
            if size > self._limits.body:
                raise DeliveryRefusedError(Reason.TOO_LARGE)
            if self._held > self._limits.together:
                raise DeliveryRefusedError(Reason.BUSY)
