"""The addresses of files in a lock: those that the lock's own registry gives them.

A lock that is made with a stand-in for its registry, as a mirror or the index of a rehearsal, has the stand-in's
addresses. Warehouse, the software of PyPI, keeps a file under the BLAKE2b hash of its content (`blake2_256_digest` in
its JSON API): ``PREFIX/ab/cd/(60 digits)/NAME``. So where the lock has such an address of one file, those of others
follow from their contents.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

_BY_CONTENT = re.compile(r'"(https?://[^"\s]+?/)[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/[^"/\s]+"')


def prefix_of(lock: str) -> str | None:
    """What is before the hash in the addresses of a lock; None where it has no such addresses."""
    match = _BY_CONTENT.search(lock)
    return match[1] if match else None


def by_content(prefix: str, name: str, file: Path) -> str:
    """The address of a file with this content.

    Args:
        prefix: What `prefix_of` gives.
        name: Its name on the index.
        file: The file, under any name.
    """
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=32)).hexdigest()
    return f"{prefix}{found[:2]}/{found[2:4]}/{found[4:]}/{name}"


def replaced(lock: str, addresses: Mapping[str, str]) -> str:
    """The lock with other addresses of its files, each quoted as a whole."""
    for old, new in addresses.items():
        lock = lock.replace(f'"{old}"', f'"{new}"')
    return lock
