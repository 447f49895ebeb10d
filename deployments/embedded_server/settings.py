"""Prefect's settings: for the embedded server, for a command that uses it, and as configured by the user."""

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deployments.embedded_server.password import password_of, read_password
from deployments.embedded_server.state import HOST, Record, ServerDirectory
from interlock.common.process import tool_environment
from interlock.errors import ServerError

# The server outlives the command. Of its environment it gets what tools get, and these variables; never a token.
INHERITED = (
    *("TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "REQUESTS_CA_BUNDLE"),
    *("PREFECT_SERVER_ENCRYPTION_KEY", "PREFECT_SERVER_LOGGING_LEVEL"),
)

# These switch off the telemetry of Prefect's server and SDK.
SILENT = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}

# With these 2000 task runs are visible after 24 s instead of 69 s.
BATCHES = {"BATCH_SIZE": "200", "READ_BATCH_SIZE": "50", "FLUSH_INTERVAL": "1"}

SERVER = {
    **SILENT,
    "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # With the default, in memory, a crash of the server leaks concurrency slots for ever.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    **{f"PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_{name}": value for name, value in BATCHES.items()},
    **{f"PREFECT_SERVER_SERVICES_EVENT_PERSISTER_{name}": value for name, value in BATCHES.items()},
    "PREFECT_LOGGING_COLORS": "false",
    "PYTHONUNBUFFERED": "1",
    "PYTHONUTF8": "1",
}

CLIENT = {
    **SILENT,
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "true",
    # A profile that the environment names does not exist in this PREFECT_HOME.
    "PREFECT_PROFILE": "ephemeral",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "PREFECT_RUNNER_POLL_FREQUENCY": "2",
}

# The user's own values take precedence over these.
CLIENT_DEFAULTS = {
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}


def kept_environment() -> dict[str, str]:
    """The part of a command's environment that the supervisor and the server get."""
    # uv's variables may hold an index's password, and no server needs uv.
    tools = {name: value for name, value in tool_environment().items() if not name.startswith("UV_")}
    return tools | {name: os.environ[name] for name in INHERITED if name in os.environ}


def server_environment(directory: ServerDirectory, port: int) -> dict[str, str]:
    """The whole environment of the server's process.

    Raises:
        ServerError: The password of its API is gone.
    """
    ui = f"http://{HOST}:{port}"
    return {
        **kept_environment(),
        **SERVER,
        "PREFECT_HOME": str(directory.path),
        # With `--port` alone, the UI would look for its API at 4200.
        "PREFECT_SERVER_UI_API_URL": f"{ui}/api",
        # The default is every origin: any page in the user's browser could read blocks.
        "PREFECT_SERVER_API_AUTH_STRING": read_password(directory).get_secret_value(),
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": f"{ui},http://localhost:{port}",
        # By default every server copies it into site-packages.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(directory.path / "ui"),
    }


def environment(running: Record) -> dict[str, str]:
    """The variables by which this process and its children use the server; set them before importing Prefect.

    Raises:
        ServerError: It has no password, or its file is gone.
    """
    return {
        **{name: os.environ.get(name, value) for name, value in CLIENT_DEFAULTS.items()},
        **CLIENT,
        "PREFECT_API_URL": running.api,
        "PREFECT_API_AUTH_STRING": password_of(running).get_secret_value(),
        "PREFECT_HOME": str(running.home),
        "PREFECT_PROFILES_PATH": str(running.home / "profiles.toml"),
        **_without_proxy(os.environ),
    }


def _without_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """The list of hosts without a proxy, with this machine added."""
    named = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    hosts = [host.strip() for host in named.split(",") if host.strip()]
    joined = ",".join(dict.fromkeys([*hosts, HOST, "localhost"]))
    return {"no_proxy": joined, "NO_PROXY": joined}


def configured_api() -> str | None:
    """The Prefect API that the user configured, in Prefect's own order: environment, project files, active profile.

    Prefect itself would need two seconds to be imported for this. A `.env` file is not read.

    Raises:
        ServerError: One of these files can't be read.
    """
    return os.environ.get("PREFECT_API_URL") or _project_api() or _profile_api()


def _project_api() -> str | None:
    return _at(_read(Path("prefect.toml")), ["api", "url"]) or _at(
        _read(Path("pyproject.toml")), ["tool", "prefect", "api", "url"]
    )


def _profile_api() -> str | None:
    profiles = _read(_profiles_path())
    active = os.environ.get("PREFECT_PROFILE") or _at(profiles, ["active"])
    return _at(profiles, ["profiles", active, "PREFECT_API_URL"]) if active else None


def _profiles_path() -> Path:
    home = os.environ.get("PREFECT_HOME") or "~/.prefect"
    chosen = os.environ.get("PREFECT_PROFILES_PATH") or f"{home}/profiles.toml"
    return Path(chosen.replace("$PREFECT_HOME", home)).expanduser()


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise ServerError(
            f"{path} may name a Prefect API, and cannot be read: {error}",
            hint="Fix the file, or set PREFECT_API_URL.",
        ) from error


def _at(table: object, keys: Iterable[str]) -> str | None:
    for key in keys:
        if not isinstance(table, dict):
            return None
        table = table.get(key)
    return table if isinstance(table, str) and table else None
