"""The Prefect server that the command line starts on this machine when no Prefect API is configured.

A command that wants to run a flow, with nothing of Prefect imported yet:

    if embedded_server.configured_api() is None:
        server = embedded_server.start()               # returns at once; work can go on meanwhile
        running = await server.ready()                 # raises ServerError
        os.environ.update(embedded_server.environment(running))
"""

from deployments.embedded_server.control import Status, status, stop
from deployments.embedded_server.server import Server, start
from deployments.embedded_server.settings import configured_api, environment
from deployments.embedded_server.state import Policy, Record, ServerDirectory, State

__all__ = [
    "Policy",
    "Record",
    "Server",
    "ServerDirectory",
    "State",
    "Status",
    "configured_api",
    "environment",
    "start",
    "status",
    "stop",
]
