"""The directory of a project in its repository."""

import stat
from pathlib import Path

from interlock.errors import BuildError


def project_in(root: Path, directory: str | None) -> Path:
    """The project's directory in a checkout.

    Args:
        root: The checkout.
        directory: `directory` of the family file, as `packages/core`; None for the root.

    Raises:
        BuildError: The checkout has no such directory, or a link is on the way: it may lead anywhere.
    """
    path = root
    for part in directory.split("/") if directory else ():
        path /= part
        try:
            mode = path.lstat().st_mode
        except OSError:
            raise BuildError(f"{directory}: the repository has no such directory", hint=_HINT) from None
        if not stat.S_ISDIR(mode):
            raise BuildError(f"{directory}: {path.relative_to(root).as_posix()} is no directory", hint=_HINT)
    return path


_HINT = 'write the directory of its pyproject.toml into the family file: directory = "packages/…"'
