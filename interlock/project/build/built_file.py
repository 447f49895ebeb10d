"""A file that a build made."""

import hashlib
from pathlib import Path
from typing import Literal, Self

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

from interlock.common.bounded_files import UnreadableFileError, open_regular
from interlock.common.frozen_model import FrozenModel
from interlock.errors import BuildError


class BuiltFile(FrozenModel):
    """A distribution file on this machine.

    Attributes:
        path: Where it is.
        name: Its name on an index.
        sha256: Its hash, in hex.
        size: In bytes.
        kind: Wheel or sdist.
        pure: Whether it is for every platform; a platform wheel can't be built again elsewhere.
    """

    path: Path
    name: str
    sha256: str
    size: int
    kind: Literal["wheel", "sdist"]
    pure: bool = True

    @classmethod
    def of(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            BuildError: Its name is that of neither a wheel nor an sdist, or it is no regular file.
        """
        try:
            with open_regular(path) as file:
                sha256, size = hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
        except UnreadableFileError as error:
            raise BuildError(f"{path.name}: {error}", hint="fix the build backend") from None
        return cls(
            path=path,
            name=path.name,
            sha256=sha256,
            size=size,
            kind="wheel" if path.suffix == ".whl" else "sdist",
            pure=_is_pure(path.name),
        )


def _is_pure(name: str) -> bool:
    try:
        if name.endswith(".whl"):
            return all(tag.platform == "any" for tag in parse_wheel_filename(name)[3])
        parse_sdist_filename(name)
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise BuildError(f"{name} is not named as a distribution is: {error}", hint="fix the build backend") from None
    return True
