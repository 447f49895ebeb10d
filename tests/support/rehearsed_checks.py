"""The small family in a world of its own, for checks: what is served, and the variables that lead to it."""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from interlock.model.family import Family
from rehearsal.servers import Apps
from rehearsal.world import World

CORE, PIPELINE, STORE = (
    "mjdevaccount/market-data-core",
    "mjdevaccount/market_data_pipeline",
    "mjdevaccount/market-data-store",
)


@dataclass(frozen=True)
class RehearsedChecks:
    """A world that is served.

    Attributes:
        family: Who lives in it.
        environ: What makes everything use it.
        apps: Its servers: what GitHub knows, and what goes wrong.
    """

    family: Family
    environ: dict[str, str]
    apps: Apps

    def write(self, repository: str, branch: str, files: dict[str, bytes | None]) -> None:
        """Commit files to a branch; None removes one."""
        with self.apps.github.changing():
            git = self.apps.github.git(self.apps.github.repository(repository))
            parent = git.ref(f"refs/heads/{branch}")
            git.set_ref(f"refs/heads/{branch}", git.write_commit(parent, files, "chore: change"))

    def with_token(self, text: str, **facts: object) -> dict[str, str]:
        """The variables with another token of the maintainer's in them."""
        with self.apps.github.changing():
            self.apps.github.add_token(text, "mjdevaccount", **facts)  # type: ignore[arg-type]
        return {**self.environ, "REPO_DISPATCH_TOKEN": text}


@contextlib.contextmanager
def rehearse_checks(folder: Path) -> Iterator[RehearsedChecks]:
    """A new world in a folder, served from this process."""
    world = asyncio.run(World.create_or_open(folder / "world"))
    with world, world.serve() as serving:
        environ = dict(os.environ)
        world.environment(environ).apply(environ)
        yield RehearsedChecks(world.family(), environ, serving.apps)
