"""An application on loopback, served from a thread."""

import asyncio
import threading
from typing import Self

from starlette.types import ASGIApp

from rehearsal.serving import bind, listen, serve_all, url_of


class Served:
    """An application, served from a thread between `start()` and `stop()`; a context manager that gives its address.

    Args:
        app: The application.
        port: Where; any free one for 0.

    Attributes:
        url: Its address, known before it is started.
    """

    def __init__(self, app: ASGIApp, *, port: int = 0) -> None:
        self._app = app
        self._place = bind(port)
        self.url = url_of(self._place)
        self._listens = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None

    def start(self) -> str:
        """Begin to serve, and say where.

        Raises:
            PortTakenError: Something else was first to listen there.
        """
        listen(self._place)
        self._thread.start()
        self._listens.wait()
        return self.url

    def stop(self) -> None:
        """End it: nobody answers there any more. Doing it twice, or without a start, is no error."""
        if self._thread.is_alive() and self._loop and self._ended:
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()
        self._place.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with serve_all({"app": self._app}, {"app": self._place}):
                self._listens.set()
                await self._ended.wait()
        finally:
            self._listens.set()
