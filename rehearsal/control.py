"""The control endpoints of a running world, on the API's origin, and their client: set faults, read the log."""

import hmac
import http.client
from collections.abc import Sequence
from urllib.parse import urlsplit

from pydantic import SecretStr, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from interlock.errors import RehearsalError
from rehearsal.fault_proxy import LoggedRequest, RequestLog
from rehearsal.faults import FaultScript, InjectedFault
from rehearsal.serving import HOST

PATH = "/_rehearsal/"
FAULTS = TypeAdapter(tuple[InjectedFault, ...])
LOG = TypeAdapter(tuple[LoggedRequest, ...])
TIMEOUT = 10.0


class ControlApp:
    """An ASGI application around the API; control requests meet no faults, and are not logged.

    Args:
        app: The API.
        token: The token that control requests need.
        faults: The faults of the world.
        log: The requests of the world.
    """

    def __init__(self, app: ASGIApp, token: SecretStr, faults: FaultScript, log: RequestLog) -> None:
        self._app, self._token, self._faults, self._log = app, token, faults, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a control request, and pass on every other."""
        if scope["type"] == "http":
            scope = _without_host(scope)
        if scope["type"] != "http" or not scope["path"].startswith(PATH):
            await self._app(scope, receive, send)
            return
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        wanted = f"Bearer {self._token.get_secret_value()}"
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), wanted.encode()):
            return PlainTextResponse("who are you?", 401)
        match request.method, request.url.path.removeprefix(PATH):
            case "GET", "log":
                return Response(LOG.dump_json(self._log.all()), media_type="application/json")
            case "POST", "faults":
                return await self._add(request)
            case "DELETE", "faults":
                self._faults.clear()
                return JSONResponse({})
        return PlainTextResponse("nothing here", 404)

    async def _add(self, request: Request) -> Response:
        try:
            self._faults.add(*FAULTS.validate_json(await request.body()))
        except ValidationError as error:
            return PlainTextResponse(str(error), 422)
        return JSONResponse({})


def _without_host(scope: Scope) -> Scope:
    """A request to a proxy (`GET http://api.github.localhost/user`), as gh makes it, as a request to the API."""
    parts = urlsplit(scope["path"])
    return {**scope, "path": parts.path, "raw_path": parts.path.encode()} if parts.scheme == "http" else scope


class ControlClient:
    """A client of a running world's control endpoints.

    Args:
        port: The API's port.
        token: The control token.
    """

    def __init__(self, port: int, token: SecretStr) -> None:
        self._port = port
        self._headers = {"authorization": f"Bearer {token.get_secret_value()}"}

    def add(self, faults: Sequence[InjectedFault]) -> None:
        """Add faults.

        Raises:
            RehearsalError: The world does not answer.
        """
        self._ask("POST", "faults", FAULTS.dump_json(tuple(faults)))

    def clear(self) -> None:
        """Cancel all faults.

        Raises:
            RehearsalError: The world does not answer.
        """
        self._ask("DELETE", "faults")

    def log(self) -> tuple[LoggedRequest, ...]:
        """Every request so far.

        Raises:
            RehearsalError: The world does not answer.
        """
        return LOG.validate_json(self._ask("GET", "log"))

    def _ask(self, method: str, what: str, content: bytes = b"") -> bytes:
        # httpx takes too long to load, and would use a proxy.
        connection = http.client.HTTPConnection(HOST, self._port, timeout=TIMEOUT)
        try:
            connection.request(method, f"{PATH}{what}", body=content, headers=self._headers)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise RehearsalError(
                f"the rehearsal does not answer: {error}", hint="start it: interlock rehearse"
            ) from None
        finally:
            connection.close()
        if answer.status >= http.client.BAD_REQUEST:
            raise RehearsalError(f"the rehearsal's door refused: {answer.status} {said.decode(errors='replace')}")
        return said
