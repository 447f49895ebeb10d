"""Secrets of a process: read from files instead of the environment it was started with, and kept from its neighbours.

The environment that a program was started with can be read in /proc by its user as long as the program runs. So a
service finds its secrets as files: a directory of them, named by `CREDENTIALS_DIRECTORY` as systemd does it, in which
each file has the name of the variable that it stands for.
"""

import ctypes
import os
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

from interlock.errors import TokenError

DIRECTORY = "CREDENTIALS_DIRECTORY"
LARGEST = 65_536  # bytes of a file
_PR_SET_DUMPABLE = 4  # linux/prctl.h
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(r"TOKEN|PASSWORD|PASSWD|SECRET|CREDENTIAL|_KEY$|_AUTH$|(^|_)PAT$")
_WITH_PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]+@")


def prepare_process() -> None:
    """Load the secrets of this process, and deny its memory and its environment to other processes of its user.

    Raises:
        TokenError: A file of the credentials directory can't be read.
    """
    deny_dumps()
    load_credentials(os.environ)


def load_credentials(environ: MutableMapping[str, str]) -> None:
    """Add what the credentials directory holds, if one is named; a variable that is set and not empty stays.

    Args:
        environ: Names the directory, and gets the secrets. In `os.environ` they are in this process's memory alone.

    Raises:
        TokenError: A file can't be read.
    """
    if folder := environ.get(DIRECTORY):
        for name, value in _read(Path(folder)):
            if value and not environ.get(name):
                environ[name] = value


def _read(folder: Path) -> Iterator[tuple[str, str]]:
    try:
        for file in sorted(folder.iterdir()):
            if _VARIABLE.fullmatch(file.name) and file.is_file():
                with file.open("rb") as opened:
                    yield file.name, os.fsdecode(opened.read(LARGEST)).removesuffix("\n")
    except OSError as error:
        hint = "its user must be able to read it: docs/tokens.md"
        raise TokenError(f"{DIRECTORY}, which is {folder}, can't be read: {error.strerror}", hint=hint) from None


def deny_dumps() -> None:
    """Let no other process of this user read this one's memory, environment or descriptors; root still can. Linux only.

    A program that this process starts is not concerned: the kernel forgets it there.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def is_secret(name: str, value: str) -> bool:
    """Whether a variable may hold a secret, by its name, or since it is an address with a password."""
    return name != DIRECTORY and (_SECRET.search(name.upper()) is not None or bool(_WITH_PASSWORD.search(value)))


def write_credentials(folder: Path, secrets: Mapping[str, str]) -> None:
    """Make a credentials directory that holds exactly these secrets, for its owner alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    for file in folder.iterdir():
        file.unlink()
    for name, value in secrets.items():
        with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(os.fsencode(value))
