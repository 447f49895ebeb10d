"""Takes the secrets of the shell out of the environment of a command that runs for long.

The environment with which a process was started stays readable in /proc as long as the process lives, whatever the
process does with its own copy. So the command starts itself again without them, and hands them over by an open file.
"""

import json
import os
import sys
import tempfile

from interlock.common.credentials import is_secret
from interlock.common.paths import home

DESCRIPTOR = "INTERLOCK_UP_SECRETS"


def withdraw_secrets() -> dict[str, str]:
    """The secrets of the shell, of which this process's environment holds none any more.

    Prefect's own variables stay: its programs look nowhere else.
    """
    if (number := os.environ.pop(DESCRIPTOR, None)) is not None:
        with os.fdopen(int(number)) as handed_over:
            secrets: dict[str, str] = json.load(handed_over)
        for name in secrets:
            os.environ.pop(name, None)
        return secrets
    secrets = {
        name: value
        for name, value in os.environ.items()
        if value and not name.startswith("PREFECT_") and is_secret(name, value)
    }
    if secrets:
        _start_again(secrets)
    return secrets


def _start_again(secrets: dict[str, str]) -> None:
    with tempfile.TemporaryFile("w+", dir=home()) as file:  # it has no name
        json.dump(secrets, file)
        file.flush()
        file.seek(0)
        os.set_inheritable(file.fileno(), True)
        kept = {name: value for name, value in os.environ.items() if name not in secrets}
        arguments = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, arguments, {**kept, DESCRIPTOR: str(file.fileno())})  # noqa: S606  itself, no shell
