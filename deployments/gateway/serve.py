"""Serves the gateway until SIGTERM or Ctrl-C."""

import asyncio
import logging
import signal
import socket

import uvicorn

from deployments.gateway.app import Gateway, Parts, make_app
from deployments.gateway.connections import BoundedConfig, raise_file_limit
from deployments.gateway.logs import say
from interlock.errors import UsageError

# Seconds for open requests to end; GitHub has given up by then.
GRACE = 20
BACKLOG = 1024


def bind(host: str, port: int) -> socket.socket:
    """Bind the gateway's address; clients that connect before it serves wait a little.

    Raises:
        UsageError: The address can't be bound.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        words = getattr(error, "strerror", None) or "there is no such port"
        what = f"the gateway can't be served at {host}, port {port}: {words}"
        raise UsageError(what, hint="choose others with --host and --port") from None


def serve(parts: Parts, sock: socket.socket) -> None:
    """Serve until SIGTERM; then no new requests are accepted, and open ones are finished."""
    raise_file_limit()
    server = server_of(parts, sock)
    # uvicorn ends well and then raises the signal once more, which would end this process as if it had failed. A signal
    # that arrives before uvicorn installs its own handler counts too.
    signal.signal(signal.SIGTERM, server.handle_exit)
    asyncio.run(server.serve(sockets=[sock]))


def server_of(parts: Parts, sock: socket.socket) -> uvicorn.Server:
    """The server of a gateway, not started yet."""
    host, port = sock.getsockname()[:2]
    app = make_app(Gateway(parts))
    say(logging.INFO, "listening", url=f"http://{f'[{host}]' if ':' in host else host}:{port}")
    settings = {"log_config": None, "access_log": False, "ws": "none", "server_header": False}
    return uvicorn.Server(BoundedConfig(app, parts.connections, **settings, timeout_graceful_shutdown=GRACE))
