"""The programs of the stack: what each of them is, and how much of this shell's environment it gets.

None of them is started with a secret of the shell in its environment, which any process of this user could read. Each
gets a directory of its own with the secrets that it needs, in files: `interlock.common.credentials`.
"""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deployments.embedded_server.settings import SILENT, kept_environment
from deployments.embedded_server.state import HOST
from deployments.embedded_server.supervised_process import Program
from deployments.embedded_server.supervisor import free_port
from deployments.stack.orphaned_runs import folder_of_runs
from flows.run_process import RUNS
from interlock.adapters.ledger.location import URL_VARIABLE
from interlock.common import tokens
from interlock.common.credentials import DIRECTORY, is_secret, write_credentials
from interlock.common.paths import CACHE, home
from interlock.common.process import tool_environment
from interlock.webhooks.signature import SECRET, find_secrets

ROOT = Path(__file__).parents[2]
"""Where `prefect.yaml` is."""
POOL = "interlock"
UNTRUSTED_POOL = "interlock-untrusted"
"""Where code under test runs."""

UNTRUSTED_CACHE = "cache-untrusted"
# What the untrusted worker gets of the shell's environment, beside what tools get.
UNTRUSTED_NAMES = (
    *("TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "REQUESTS_CA_BUNDLE"),
    *("GITHUB_API_URL", "GITHUB_SERVER_URL", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_TERMINAL_PROMPT"),
)
UNTRUSTED_PREFIXES = ("INTERLOCK_", "PIP_")

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
        """A worker for everything that Interlock and the family's own default branches do."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_SERVER_")}
        return self._worker(f"worker {number}", POOL, str(number), environ, "worker")

    def untrusted_worker(self, number: int) -> Program:
        """A worker for code under test: with a cache of its own, and without any token that writes."""
        environ = {
            name: value
            for name, value in os.environ.items()
            if name in UNTRUSTED_NAMES or name.startswith(UNTRUSTED_PREFIXES)
        }
        cache = home() / UNTRUSTED_CACHE
        caches = {CACHE: str(cache), "UV_CACHE_DIR": str(cache / "uv")}
        environ = {**tool_environment(), **_api(os.environ), **environ, **caches}
        return self._worker(f"untrusted worker {number}", UNTRUSTED_POOL, f"untrusted-{number}", environ, "untrusted")

    def _worker(self, name: str, pool: str, number: str, environ: Mapping[str, str], credentials: str) -> Program:
        port = free_port(0)
        started = ("--pool", pool, "--type", "process", "--name", f"{platform.node()}-{number}")
        return Program(
            name=name,
            module=("prefect", "worker", "start", *started, "--limit", str(self.runs), "--with-healthcheck"),
            environ={
                **_without_secrets(environ),
                **WORKER,
                **self.prefect,
                "PREFECT_WORKER_WEBSERVER_PORT": str(port),
                DIRECTORY: str(self.credentials / credentials),
                RUNS: str(folder_of_runs()),
            },
            folder=ROOT,
            log=self.folder / f"{name.replace(' ', '-')}.log",
            port=port,
            note=f"at most {self.runs} runs at once",
        )

    def gateway(self) -> Program:
        """The gateway: it gets the webhooks' secrets, and no token at all."""
        own = {name: value for name, value in os.environ.items() if name.startswith("INTERLOCK_")}
        port = str(self.gateway_port)
        return Program(
            name="gateway",
            module=("deployments", "gateway", "--port", port),
            environ={
                **kept_environment(),
                **_api(os.environ),
                **self.prefect,
                **_without_secrets(own),
                "PYTHONUNBUFFERED": "1",
                DIRECTORY: str(self.credentials / "gateway"),
            },
            folder=ROOT,
            log=self.folder / "gateway.log",
            port=self.gateway_port,
            health="/readyz",
            note=f"http://{HOST}:{port}",
        )

    @property
    def credentials(self) -> Path:
        """The directory of the credentials directories."""
        return self.folder / "credentials"

    def write_credentials(self, secrets: Mapping[str, str]) -> None:
        """Give each program the secrets that it needs, and take away what an earlier stack has left.

        Args:
            secrets: The shell's, by their variables.
        """
        of_tools = tool_environment(secrets).keys()  # an index's password, for uv
        reading = {
            name: value
            for name, value in secrets.items()
            if name in {URL_VARIABLE, tokens.READ} or name in of_tools or name.startswith("PIP_")
        }
        hooks = {name: value for name, value in secrets.items() if name.startswith(SECRET)}
        ledger = {name: value for name, value in secrets.items() if name == URL_VARIABLE}
        others = {name: value for name, value in secrets.items() if name not in hooks}
        for program, wanted in (("worker", others), ("untrusted", reading), ("gateway", {**hooks, **ledger})):
            write_credentials(self.credentials / program, wanted)

    def registration(self) -> dict[str, str]:
        """The environment in which the deployments are registered; its only secret is the API's password."""
        return {**tool_environment(), **_api(os.environ), **SILENT, **self.prefect, "COLUMNS": "100"}


def _without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that hold no secret; Prefect finds its password nowhere else than in its own variable."""
    return {name: value for name, value in environ.items() if name.startswith("PREFECT_") or not is_secret(name, value)}


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
