"""Digests, and fingerprints: equal fingerprints share one verdict, so they cover everything that can change it."""

import hashlib
import json
from collections.abc import Iterable, Mapping

from interlock.common.frozen_model import FrozenModel


def digest(*parts: object) -> str:
    """The SHA-256, in hex, of JSON values; mappings in any order, sequences in their own."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def files_digest(files: Iterable[tuple[str, bytes]]) -> str:
    """The digest of named contents, in any order."""
    return names_digest((name, hashlib.sha256(content).hexdigest()) for name, content in files)


def names_digest(hashes: Iterable[tuple[str, str]]) -> str:
    """The same, by the names and the SHA-256 of the contents in hex."""
    return digest(sorted(hashes))


class Ingredients(FrozenModel):
    """Everything that can change what a run of a suite shows, and nothing else.

    Attributes:
        contents: For each package of the family in the environment, the digest of its wheel's files, without what
            only names the version.
        requirements: The requirements of the two packages of the edge, without specifiers of forced packages.
        suite_files: The digest of the suite's own files.
        suite_settings: The suite's settings of a run: arguments, variables, limits.
        lock: The third-party packages of the environment, `name==version` with the hash of its file, sorted.
        interpreter: Implementation and full version, as `cpython 3.11.7`.
        platform: Operating system and machine, as `linux x86_64 glibc 2.36`.
        runner: The digest of the code that runs the suite and reads its outcome.
        point: The point on the suite's axes.
    """

    contents: Mapping[str, str]
    requirements: Mapping[str, tuple[str, ...]]
    suite_files: str
    suite_settings: Mapping[str, object]
    lock: tuple[str, ...]
    interpreter: str
    platform: str
    runner: str
    point: Mapping[str, str]

    def fingerprint(self) -> str:
        """The digest of all of these."""
        return digest(self.model_dump(mode="json"))


def bound_to(fingerprint: str, versions: Mapping[str, str]) -> str:
    """The fingerprint of a verdict that depends on version numbers, and so holds for these versions alone."""
    return digest(fingerprint, dict(versions)) if versions else fingerprint
