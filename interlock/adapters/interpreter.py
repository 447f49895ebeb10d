"""Pythons of this machine."""

import json
from collections.abc import Mapping
from functools import cache as once
from pathlib import Path

from packaging.tags import Tag, compatible_tags, cpython_tags

from interlock.common.frozen_model import FrozenModel
from interlock.common.process import run, tool_environment

DESCRIBE = """
import json, os, platform, sys
version = platform.python_version()
print(json.dumps({
    "path": sys.executable,
    "version": version,
    "implementation": sys.implementation.name,
    "platform": " ".join([sys.platform, platform.machine(), *platform.libc_ver()]).strip(),
    "markers": {
        "implementation_name": sys.implementation.name,
        "implementation_version": version,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": version,
        "python_version": ".".join(version.split(".")[:2]),
        "sys_platform": sys.platform,
    },
}))
"""


class Interpreter(FrozenModel):
    """A Python on this machine.

    Attributes:
        wanted: The version that was asked for, as `3.11`.
        version: Its full version, as `3.11.7`.
        platform: As `linux x86_64 glibc 2.36`.
        markers: The values of PEP 508's environment markers.
    """

    wanted: str
    path: Path
    version: str
    implementation: str
    platform: str
    markers: Mapping[str, str]

    @property
    def folders(self) -> tuple[Path, ...]:
        """Its own folders, which a sandbox needs beside this machine's programs."""
        return folders_of(self.path)

    def tags(self) -> tuple[Tag, ...]:
        """The wheel tags that it accepts, best first (CPython's; other implementations get pure wheels)."""
        return _supported_tags(self.implementation, self.version)


@once
def _supported_tags(implementation: str, version: str) -> tuple[Tag, ...]:
    major, minor = map(int, version.split(".")[:2])
    python = (major, minor)
    own = cpython_tags(python) if implementation == "cpython" else ()
    return (*own, *compatible_tags(python, interpreter=f"cp{major}{minor}" if own else None))


async def described(path: Path, wanted: str) -> Interpreter | None:
    """A Python by its program; None if it does not run.

    Args:
        path: The program.
        wanted: The version that was asked for.
    """
    done = await run([path, "-I", "-c", DESCRIBE], env=tool_environment())
    return Interpreter(wanted=wanted, **json.loads(done.output)) if done.returncode == 0 else None


def folders_of(program: Path) -> tuple[Path, ...]:
    """The folders of a Python, by its own name and by the one that this leads to, outside of `/usr`."""
    prefixes = dict.fromkeys((program.parent.parent, program.resolve().parent.parent))
    return tuple(
        prefix for prefix in prefixes if not prefix.is_relative_to("/usr") and any((prefix / "lib").glob("python3*"))
    )
