"""Reads a stranger's source tree in a process of its own, which has limits, and gives back a few facts as JSON.

The files of a tree may be of any shape. The readers refuse what is known to need long, and this limits the rest: the
time of the process that serves others is never spent on it.
"""

import resource
import sys
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from interlock.common.frozen_model import FrozenModel
from interlock.common.process import run
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

    Returns:
        Its facts; the version may be unknown.

    Raises:
        BuildError: It has no name, or it can't be read within the limits.
    """
    command = [sys.executable, "-I", "-m", "interlock.project.tree_reader", root]
    done = await run(command, env={}, timeout=SECONDS, keep=LARGEST_ANSWER)
    if done.timed_out:
        raise BuildError(f"the files of the project can't be read within {SECONDS:.0f} seconds", hint=HINT)
    try:
        facts = ProjectFacts.model_validate_json(done.output)
    except ValidationError:
        raise BuildError(f"the files of the project can't be read: {done.errors[-1_000:].strip()}", hint=HINT) from None
    if not facts.name:
        raise BuildError(facts.error, hint=facts.hint)
    return facts


def main(root: str) -> None:
    """Write the facts of a tree to standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    sys.stdout.write(ProjectFacts.of(Path(root)).model_dump_json())


if __name__ == "__main__":
    main(sys.argv[1])
