"""Runs a lock's own tool on a copy of the project, in the sandbox, with the index as all that it reaches.

What runs there beside the tool is code of strangers: Poetry and PDM build an sdist where the index does not say what it
requires, and install plugins that a project names. It has no secret, no cache of ours, and no file but the copy.
"""

import os
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

from interlock.adapters.build_backend import PYTHON
from interlock.adapters.interpreter import folders_of
from interlock.common import sandbox, sandbox_relay
from interlock.common.bounded_files import UnreadableFileError, read_bounded
from interlock.common.process import Completed
from interlock.common.sandbox import SYSTEM_PATH, Box
from interlock.common.sandbox_proxy import Server, leading_to
from interlock.common.sanitize import cut
from interlock.common.work_folders import work_folder
from interlock.project.build.source_tree import copy_tree
from interlock.project.lock_files.lock_text import LARGEST_LOCK

SECONDS = 300.0
LONGEST_REASON = 400
# Programs find the certificates of this machine by these.
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
SHEBANG = re.compile(rb"#!\s*(/[^\s]+)")


class Tool(NamedTuple):
    """A tool on this machine.

    Attributes:
        program: It.
        read: The folders that it needs.
    """

    program: Path
    read: tuple[Path, ...]


class Run(NamedTuple):
    """What is run, and what it reaches.

    Attributes:
        tool: The tool.
        arguments: Its arguments.
        variables: Its variables, beside those of every tool.
        servers: The servers that it may reach.
        anywhere: Those that it may reach in a private network too.
        contents: What some files of the copy say instead, by their paths in the repository.
    """

    tool: Tool
    arguments: Sequence[str | Path]
    variables: Mapping[str, str] = {}
    servers: Collection[Server] = ()
    anywhere: Collection[Server] = ()
    contents: Mapping[Path, str] = {}


class NotLockedError(Exception):
    """The tool made no lock; the message says why, in its words."""


def find_tool(name: str) -> Tool | None:
    """A tool of this machine's user, with the environment that it is installed in; None where there is none."""
    found = shutil.which(name)
    if found is None:
        return None
    program = Path(found).resolve()
    return Tool(program, tuple(dict.fromkeys((program.parent.parent, *_python_of(program)))))


def _python_of(script: Path) -> tuple[Path, ...]:
    """The folders of the Python that runs a script."""
    with script.open("rb") as file:
        match = SHEBANG.match(file.readline(512))
    return folders_of(Path(os.fsdecode(match[1]))) if match else ()


async def made_by(run: Run, top: Path, lock: Path) -> bytes:
    """The lock that a tool makes of a project; the project stays as it is.

    Args:
        run: What is run, in the lock's folder.
        top: All of the repository's files, which may belong to the project.
        lock: The lock, relative to it.

    Raises:
        NotLockedError: It makes none.
    """
    async with AsyncExitStack() as stack:
        work = stack.enter_context(work_folder("interlock-lock-"))
        tree, gate = work / "tree", work / "gate"
        for name in ("home", "tmp", "gate"):
            (work / name).mkdir()
        await copy_tree(top, tree, epoch=0, history=False)
        for path, text in run.contents.items():
            (tree / path).write_text(text, "utf-8", newline="")
        await stack.enter_async_context(leading_to(run.servers, gate / "socket", anywhere=run.anywhere))
        script = Path(sandbox_relay.__file__)
        kept = [Path(os.environ[name]) for name in CERTIFICATES if os.environ.get(name)]
        read = (*folders_of(PYTHON), *run.tool.read, script, *(path for path in kept if path.exists()))
        done = await sandbox.run(
            [PYTHON, "-I", script, gate / "socket", run.tool.program, *run.arguments],
            box=Box(read=tuple(dict.fromkeys(read)), write=(tree, gate, work / "home", work / "tmp")),
            env={**_variables(work), **run.variables},
            cwd=(tree / lock).parent,
            timeout=SECONDS,
            merge=True,
        )
        return _taken(done, tree / lock)


def _variables(work: Path) -> dict[str, str]:
    return {
        "PATH": f"{PYTHON.parent}:{SYSTEM_PATH}",
        "HOME": str(work / "home"),
        "TMPDIR": str(work / "tmp"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "NO_COLOR": "1",
        "GIT_CEILING_DIRECTORIES": str(work),
        **{name: os.environ[name] for name in CERTIFICATES if os.environ.get(name)},
    }


def _taken(done: Completed, path: Path) -> bytes:
    if done.timed_out or done.exceeded:
        raise NotLockedError(done.exceeded or f"it takes more than {SECONDS:.0f} seconds")
    if done.returncode:
        words = " ".join(done.output.split()) or f"it ended with code {done.returncode}"
        raise NotLockedError(cut(words[-LONGEST_REASON:], LONGEST_REASON))
    try:
        return read_bounded(path, LARGEST_LOCK)
    except (OSError, UnreadableFileError) as error:
        raise NotLockedError(f"what it made can't be read: {error}") from None
