"""The door to a running world, on the API's origin: faults go in, the log comes out; and who knocks at it."""

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
    """An ASGI application around the API: what knocks here meets no fault, and is in no log.

    Args:
        app: The API.
        token: What opens it.
        faults: What is to go wrong.
        log: Who asked for what.
    """

    def __init__(self, app: ASGIApp, token: SecretStr, faults: FaultScript, log: RequestLog) -> None:
        self._app, self._token, self._faults, self._log = app, token, faults, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request that is for the door, and pass on every other."""
        if scope["type"] == "http":
            scope = _asked_directly(scope)
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


def _asked_directly(scope: Scope) -> Scope:
    """A request to us as a proxy (`GET http://api.github.localhost/user`), as gh makes it, as if to us ourselves."""
    parts = urlsplit(scope["path"])
    return {**scope, "path": parts.path, "raw_path": parts.path.encode()} if parts.scheme == "http" else scope


class ControlClient:
    """Asks the door of a running world.

    Args:
        port: The API's.
        token: What opens the door.
    """

    def __init__(self, port: int, token: SecretStr) -> None:
        self._port = port
        self._headers = {"authorization": f"Bearer {token.get_secret_value()}"}

    def add(self, faults: Sequence[InjectedFault]) -> None:
        """Let these happen too.

        Raises:
            RehearsalError: Nobody answers.
        """
        self._ask("POST", "faults", FAULTS.dump_json(tuple(faults)))

    def clear(self) -> None:
        """Let nothing more happen.

        Raises:
            RehearsalError: Nobody answers.
        """
        self._ask("DELETE", "faults")

    def log(self) -> tuple[LoggedRequest, ...]:
        """Every request so far.

        Raises:
            RehearsalError: Nobody answers.
        """
        return LOG.validate_json(self._ask("GET", "log"))

    def _ask(self, method: str, what: str, content: bytes = b"") -> bytes:
        # Not by way of httpx, which takes longer to load than all this; and past every proxy.
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
