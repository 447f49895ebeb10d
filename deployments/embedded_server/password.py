"""The password of Prefect's API: made once for a home, kept as long as it, in a file that only its owner can read."""

import os
import secrets

from pydantic import SecretStr

from deployments.embedded_server.state import Record, ServerDirectory
from interlock.errors import ServerError

CHOSEN = "PREFECT_SERVER_API_AUTH_STRING"
STOP_HINT = "Stop it with: interlock server stop"


def keep_password(directory: ServerDirectory) -> None:
    """Make the password unless there is one; call it only while no server runs.

    The user's own, in `$PREFECT_SERVER_API_AUTH_STRING`, replaces the kept one.
    """
    chosen = os.environ.get(CHOSEN)
    if chosen or not _read(directory):
        draft = directory.password.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(chosen or f"interlock:{secrets.token_urlsafe(24)}")
        draft.replace(directory.password)


def read_password(directory: ServerDirectory) -> SecretStr:
    """The password, as Prefect takes it: `name:password`.

    Raises:
        ServerError: The file is gone.
    """
    if not (found := _read(directory)):
        raise ServerError(f"The password of the Prefect server, {directory.password}, is gone.", hint=STOP_HINT)
    return SecretStr(found)


def password_of(running: Record) -> SecretStr:
    """The password of a server that runs.

    Raises:
        ServerError: The file is gone, or an earlier Interlock has started the server without a password.
    """
    check_protected(running)
    return read_password(ServerDirectory(running.home))


def check_protected(running: Record) -> None:
    """Check that a server asks for a password.

    Raises:
        ServerError: An earlier Interlock has started it, without one.
    """
    if not running.has_password:
        raise ServerError(
            f"The Prefect server at {running.ui} has no password: an earlier Interlock started it.", hint=STOP_HINT
        )


def _read(directory: ServerDirectory) -> str:
    try:
        return directory.password.read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
