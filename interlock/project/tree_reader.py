"""Reads a stranger's source tree in the sandbox, in a process that has limits, and gives back a few facts as JSON.

The files of a tree may be of any shape. The readers refuse what is known to need long, and this limits the rest: the
time of the process that serves others is never spent on it.
"""

import asyncio
import os
import stat
import sys
from pathlib import Path
from typing import Self

from pydantic import ValidationError

import interlock
from interlock.adapters.interpreter import folders_of
from interlock.common import sandbox
from interlock.common.frozen_model import FrozenModel
from interlock.common.process import Limits
from interlock.common.sandbox import Box
from interlock.common.sanitize import plain
from interlock.errors import BuildError
from interlock.project.version import VersionPlace, find_version, project_name

# A usual tree takes a quarter of a second, nearly all of it to start.
SECONDS = 20.0
# A syntax tree is a hundred times as large as its source.
MEMORY = 2 << 30
# A few hundred bytes, and a hundred for each further place where the version seems to stand.
LARGEST_ANSWER = 1 << 20
HINT = "make its pyproject.toml, setup.cfg, setup.py and version files plain"


class ProjectFacts(FrozenModel):
    """What the files of a source tree say.

    Attributes:
        name: The canonical name of the distribution.
        place: The location of its version; None when it can't be known.
        error: Why the name or the version can't be known.
        hint: What to do about it.
    """

    name: str = ""
    place: VersionPlace | None = None
    error: str = ""
    hint: str | None = None

    @classmethod
    def of(cls, root: Path) -> Self:
        """Read a tree in this process."""
        name = ""
        try:
            name = project_name(root)
            return cls(name=name, place=find_version(root))
        except BuildError as error:
            return cls(name=name, error=plain(error.message), hint=error.hint)
        except (MemoryError, RecursionError):
            return cls(name=name, error="its files need too much memory to be read", hint=HINT)

    @property
    def version(self) -> VersionPlace:
        """The location of the version.

        Raises:
            BuildError: It can't be known.
        """
        if self.place is None:
            raise BuildError(self.error, hint=self.hint)
        return self.place


async def read_project(root: Path) -> ProjectFacts:
    """Read a stranger's tree.

    Args:
        root: A private copy: its files are made readable to everybody, since the sandbox's user may be another one.

    Returns:
        Its facts; the version may be unknown.

    Raises:
        BuildError: It has no name, or it can't be read within the limits.
    """
    await asyncio.to_thread(_open_to_all, root)
    program = Path(sys.executable)
    done = await sandbox.run(
        [program, "-I", "-m", "interlock.project.tree_reader", root],
        box=Box(read=(root, Path(interlock.__file__).parent, *folders_of(program)), limits=Limits(memory=MEMORY)),
        env={},
        cwd=root,
        timeout=SECONDS,
        keep=LARGEST_ANSWER,
    )
    try:
        facts = ProjectFacts.model_validate_json(done.output)
    except ValidationError:
        late = f"more than {SECONDS:.0f} seconds" if done.timed_out else ""
        why = done.exceeded or late or done.errors[-1_000:].strip() or f"it ended with code {done.returncode}"
        raise BuildError(f"the files of the project can't be read: {why}", hint=HINT) from None
    if not facts.name:
        raise BuildError(facts.error, hint=facts.hint)
    return facts


def _open_to_all(root: Path) -> None:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            mode = path.lstat().st_mode
            wanted = mode | (0o555 if stat.S_ISDIR(mode) else 0o444)
            if not stat.S_ISLNK(mode) and wanted != mode:
                path.chmod(stat.S_IMODE(wanted))


def main(root: str) -> None:
    """Write the facts of a tree to standard output."""
    sys.stdout.write(ProjectFacts.of(Path(root)).model_dump_json())


if __name__ == "__main__":
    main(sys.argv[1])
