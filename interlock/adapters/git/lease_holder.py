"""The holder of a lease: a process, distinguished from every other process on any machine."""

import os
import socket
import uuid
from pathlib import Path
from typing import Self

import psutil  # type: ignore[import-untyped]
from pydantic import ConfigDict

from interlock.common.frozen_model import FrozenModel

SAME_START = 10.0  # seconds; a process's start is computed from a clock that may have been set since


class LeaseHolder(FrozenModel):
    """A process that holds a lease.

    Attributes:
        host: The machine's name.
        space: Where its process id is valid: this boot of the machine, and this container on it.
        pid: Its id.
        started: When it started, in seconds since 1970.
        nonce: Distinguishes two holders in one process.
    """

    model_config = ConfigDict(extra="ignore")

    host: str
    space: str
    pid: int
    started: float
    nonce: str

    @classmethod
    def here(cls) -> Self:
        """This process."""
        process = psutil.Process()
        return cls(
            host=socket.gethostname(),
            space=space(),
            pid=process.pid,
            started=process.create_time(),
            nonce=uuid.uuid4().hex,
        )

    @property
    def is_dead(self) -> bool:
        """Whether it is certain that it has ended, which can be known only on its machine and in its container."""
        if (self.host, self.space) != (socket.gethostname(), space()):
            return False
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            return bool(abs(process.create_time() - self.started) > SAME_START)
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:  # pragma: no cover  not denied on any system that tests run on
            return False

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def space() -> str:
    """This boot of this machine and this container on it; an empty text where the system does not say."""
    boot, processes = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    try:
        return f"{boot.read_text().strip()} {os.readlink(processes)}"  # noqa: PTH115  the link names no file
    except OSError:
        return ""
