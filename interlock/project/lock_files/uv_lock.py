"""uv's lock: the project's own version in it, and taking over of a new lock only what had to move."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from interlock.project.lock_files.lock_text import LockedPackage, packages_of, tables_of

_VERSION = re.compile(r'^(version = ")[^"\n]*(")', re.MULTILINE)
# What the index says of a release's files may change later: more wheels, other addresses.
_FILES = frozenset({"sdist", "wheels"})


def with_own_version(text: str, name: str, place: PurePosixPath, version: str) -> str:
    """The lock with the project's own version: one literal, which uv writes so too.

    Args:
        text: The lock.
        name: The project's canonical name.
        place: Its folder, relative to the lock's.
        version: Its new version.

    Returns:
        The same text where no version of the project stands in it.

    Raises:
        ValueError: It is not valid.
    """
    for package in packages_of(text):
        if package.name == name and package.is_at(place) and package.version:
            changed = _VERSION.sub(rf"\g<1>{version}\g<2>", package.text, count=1)
            new = text[: package.start] + changed + text[package.start + len(package.text) :]
            _check(new, text, package, version)
            return new
    return text


def _check(new: str, old: str, package: LockedPackage, version: str) -> None:
    """Check that nothing but one version has changed."""
    wanted = tables_of(old)
    next(each for each in wanted["package"] if each == package.table)["version"] = version
    if tables_of(new) != wanted:
        raise ValueError("has no version of the project that can be moved for certain")


def registry_of(packages: tuple[LockedPackage, ...], name: str) -> str | None:
    """The registry that a package comes from; None when it comes from elsewhere."""
    found = (each.source.get("registry") for each in packages if each.name == name)
    return next((registry for registry in found if isinstance(registry, str)), None)


def without_own_version(text: str, name: str, place: PurePosixPath) -> str:
    """The lock as uv writes it for a project with a dynamic version: without one.

    Raises:
        ValueError: It is not valid.
    """
    for package in packages_of(text):
        if package.name == name and package.is_at(place):
            changed = re.sub(r'^version = "[^"\n]*"\r?\n', "", package.text, count=1, flags=re.MULTILINE)
            return text[: package.start] + changed + text[package.start + len(package.text) :]
    return text


def merged(old: str, new: str) -> str:
    """The new lock, with the lines of the old one for every package that is the same release as before.

    So an entry keeps its addresses, and another version of uv changes no line beside those that had to move.

    Raises:
        ValueError: One of them is not valid.
    """
    before = {each.key: each for each in packages_of(old)}
    new = new.replace("\n", "\r\n") if "\r\n" in old and "\r\n" not in new else new
    after = packages_of(new)
    if not after or not before:
        return new
    parts = [_head(old, new, after)]
    for package in after:
        known = before.get(package.key)
        parts.append(known.text if known and _essence(known.table) == _essence(package.table) else package.text)
    return "".join([part.rstrip("\r\n") + _gap(old) for part in parts[:-1]] + [_ended(parts[-1])])


def _head(old: str, new: str, after: tuple[LockedPackage, ...]) -> str:
    """What is before the packages: the old text, unless it says something else than the revision of the format."""
    was, now = (dict(tables_of(text)) for text in (old, new))
    for tables in (was, now):
        tables.pop("package", None)
        tables.pop("revision", None)
    return old[: packages_of(old)[0].start] if was == now else new[: after[0].start]


def _essence(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in _FILES}


def _gap(text: str) -> str:
    return "\r\n\r\n" if "\r\n" in text else "\n\n"


def _ended(text: str) -> str:
    end = "\r\n" if "\r\n" in text else "\n"
    return text.rstrip("\r\n") + end
