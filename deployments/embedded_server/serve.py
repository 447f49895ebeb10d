"""The program of the embedded server: Prefect's API and UI on this machine's loopback address, behind the guard."""

import sys

import uvicorn
from prefect.server.api.server import create_app
from prefect.settings import get_current_settings

from deployments.embedded_server.guard import Guard
from deployments.embedded_server.state import HOST


def main(port: int) -> None:
    """Serve until a signal, as `prefect server start` does; its settings are those of the environment."""
    server = get_current_settings().server
    uvicorn.run(
        Guard(create_app(final=True), server.api.cors_allowed_origins.split(",")),
        host=HOST,
        port=port,
        timeout_keep_alive=server.api.keepalive_timeout,
        ws_ping_interval=server.api.websocket_ping_interval,
        ws_ping_timeout=server.api.websocket_ping_timeout,
        log_level=server.logging_level.lower(),
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
