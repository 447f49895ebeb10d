"""Git's refs, read from their files without starting Git: a rehearsal asks for them with every request."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

LINE = re.compile(r"([0-9a-f]{40}) (refs/\S+)")


def read_refs(repository: Path) -> dict[str, str]:
    """The refs of a bare repository, by their full names, and the SHAs that they point to; in no order.

    Git moves a ref by renaming a file that is whole. A ref that was packed and has moved since has a file again.
    """
    loose = dict(_loose(repository))  # first: what is packed meanwhile is found below
    packed = repository / "packed-refs"
    lines = packed.read_text("utf-8").splitlines() if packed.exists() else []
    return {found[2]: found[1] for found in map(LINE.fullmatch, lines) if found} | loose


def _loose(repository: Path) -> Iterator[tuple[str, str]]:
    for folder, _, names in os.walk(repository / "refs"):
        inside = Path(folder).relative_to(repository).as_posix()
        for name in names:
            if name.endswith(".lock"):  # it is being written
                continue
            with contextlib.suppress(FileNotFoundError):  # it is deleted meanwhile
                text = Path(folder, name).read_text("utf-8")
                if found := LINE.fullmatch(f"{text.strip()} {inside}/{name}"):
                    yield found[2], found[1]
