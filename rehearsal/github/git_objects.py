"""Git's objects, written and read as files without starting Git: a world has many and reads them often."""

import hashlib
import os
import re
import uuid
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# A tree before it is written: by name, a folder, or the mode and SHA of a file.
Node = dict[str, "Node | tuple[str, str]"]
FOLDER_MODE = "40000"
SHA = re.compile("[0-9a-f]{40}")


class Object(NamedTuple):
    """An object: `commit`, `tag`, `tree` or `blob`, and its content."""

    kind: str
    content: bytes


def read_object(objects: Path, sha: str) -> Object | None:
    """An object of a folder of objects; None if it has no file of its own, since it is packed or not there."""
    path = objects / sha[:2] / sha[2:]
    if not SHA.fullmatch(sha) or not path.exists():
        return None
    head, _, content = zlib.decompress(path.read_bytes()).partition(b"\0")
    return Object(head.split()[0].decode(), content)


def write_object(objects: Path, kind: str, content: bytes) -> str:
    """Write an object into a folder of objects, unless it exists; returns its SHA."""
    whole = f"{kind} {len(content)}".encode() + b"\0" + content
    sha = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
    path = objects / sha[:2] / sha[2:]
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"tmp_obj_{uuid.uuid4().hex}")
        unfinished.write_bytes(zlib.compress(whole, 1))
        unfinished.chmod(0o444)
        unfinished.replace(path)
    return sha


def write_tree(objects: Path, files: Mapping[str, tuple[str, str]]) -> str:
    """Write the trees of files, which are given by path as mode and SHA; returns the SHA of the top."""
    top: Node = {}
    for path, entry in files.items():
        *folders, name = path.split("/")
        here = top
        for folder in folders:
            inner = here.get(folder)
            if not isinstance(inner, dict):  # a file that is replaced by a folder
                inner = here[folder] = {}
            here = inner
        here[name] = entry
    return _write_node(objects, top)


def _write_node(objects: Path, node: Node) -> str:
    lines = {}
    for name, entry in node.items():
        is_folder = isinstance(entry, dict)
        mode, sha = (FOLDER_MODE, _write_node(objects, entry)) if isinstance(entry, dict) else entry
        # Git sorts a folder as if its name ended with a slash.
        lines[os.fsencode(name) + (b"/" if is_folder else b"")] = (
            f"{mode} ".encode() + os.fsencode(name) + b"\0" + bytes.fromhex(sha)
        )
    return write_object(objects, "tree", b"".join(lines[key] for key in sorted(lines)))
