"""The programs of the stack: what each of them is, and how much of this shell's environment it gets."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deployments.embedded_server.settings import SILENT, kept_environment
from deployments.embedded_server.state import HOST
from deployments.embedded_server.supervised_process import Program
from deployments.embedded_server.supervisor import free_port
from interlock.common.process import tool_environment
from interlock.webhooks.signature import PREVIOUS, SECRET, find_secrets

ROOT = Path(__file__).parents[2]
"""Where `prefect.yaml` is."""
POOL = "interlock"

# For the gateway alone: no flow needs them, so no flow gets them.
WEBHOOK_SECRETS = (SECRET, PREVIOUS)

WORKER = {
    **SILENT,
    # As in prefect.yaml: a missing heartbeat shows that a run is dead.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "PREFECT_WORKER_WEBSERVER_HOST": HOST,
    "PREFECT_LOGGING_COLORS": "false",
    "PYTHONUNBUFFERED": "1",
    "PYTHONUTF8": "1",
}


@dataclass(frozen=True, kw_only=True)
class Programs:
    """Makes the programs of one stack.

    Attributes:
        folder: The folder of their logs.
        prefect: The variables by which Prefect's API is found.
        gateway_port: The port of the gateway.
        runs: How many flow runs a worker has at once.
    """

    folder: Path
    prefect: Mapping[str, str]
    gateway_port: int
    runs: int

    def worker(self, number: int) -> Program:
        """A worker: flows run with this shell's whole environment, since their tokens are in it."""
        port = free_port(0)
        environ = {name: value for name, value in os.environ.items() if name not in WEBHOOK_SECRETS}
        started = ("--pool", POOL, "--type", "process", "--name", f"{platform.node()}-{number}")
        return Program(
            name=f"worker {number}",
            module=("prefect", "worker", "start", *started, "--limit", str(self.runs), "--with-healthcheck"),
            environ={**environ, **WORKER, **self.prefect, "PREFECT_WORKER_WEBSERVER_PORT": str(port)},
            folder=ROOT,
            log=self.folder / f"worker-{number}.log",
            port=port,
            note=f"at most {self.runs} runs at once",
        )

    def gateway(self) -> Program:
        """The gateway: it gets the webhooks' secrets, and no token at all."""
        names = (*WEBHOOK_SECRETS, *(name for name in os.environ if name.startswith("INTERLOCK_")))
        own = {name: os.environ[name] for name in names if name in os.environ}
        port = str(self.gateway_port)
        return Program(
            name="gateway",
            module=("deployments", "gateway", "--port", port),
            environ={**kept_environment(), **_api(os.environ), **self.prefect, **own, "PYTHONUNBUFFERED": "1"},
            folder=ROOT,
            log=self.folder / "gateway.log",
            port=self.gateway_port,
            health="/readyz",
            note=f"http://{HOST}:{port}",
        )

    def registration(self) -> dict[str, str]:
        """The environment in which the deployments are registered; its only secret is the API's password."""
        return {**tool_environment(), **_api(os.environ), **SILENT, **self.prefect, "COLUMNS": "100"}


def _api(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of the environment that say how Prefect's API is reached."""
    return {name: value for name, value in environ.items() if name.startswith(("PREFECT_API_", "PREFECT_PROFILE"))}


def why_no_gateway(environ: Mapping[str, str] = os.environ) -> str | None:
    """Why the gateway can't be started; None if it can.

    Raises:
        TokenError: The webhooks' secret is malformed.
    """
    if find_secrets(environ) is not None:
        return None
    return f"without {SECRET} nobody could tell genuine webhooks from others: docs/gateway.md"
