"""The texts of a family file: each type refuses what it cannot be, and says what to write instead."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name, is_normalized_name
from packaging.version import InvalidVersion, Version
from pydantic import AfterValidator, WithJsonSchema

from interlock.common.validation import fault
from interlock.errors import UsageError
from interlock.model.bump_rule import parse_rule
from interlock.model.versions import Selection, too_old


def _canonical(name: str) -> str:
    """The normal form of a distribution's name; `ruamel.yaml` and `ruamel_yaml` are one."""
    normal = canonicalize_name(name)
    if not is_normalized_name(normal):
        raise fault(
            f'"{name}" cannot be the name of a package', "write letters and digits, with single hyphens between them"
        )
    return normal


def _python_version(text: str) -> str:
    if not re.fullmatch(r"3\.\d+(\.\d+)?", text, re.ASCII):
        raise fault(f'"{text}" is not a Python version', "for example: 3.11 or 3.11.4")
    if (why := too_old(text)) is not None:
        raise fault(why, "name 3.8 or a newer one")
    return text


def _index(text: str) -> str:
    """Check an index; the messages leave the text out, since it may hold a password."""
    if "@" in text.partition("?")[0]:
        raise fault(
            '"index" holds credentials', "put them in uv's or pip's configuration, or the environment, and a name here"
        )
    if "://" not in text and re.fullmatch(r"[A-Za-z0-9][\w.-]*", text):
        return text
    if not _is_address(text):
        raise fault('"index" must be pypi, a name that uv\'s configuration defines, or an http or https URL')
    return text


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and parts.scheme in {"http", "https"}


def _message(text: str) -> str:
    try:
        filled = text.format(package="package", version="1.0", tag="v1.0")
    except (KeyError, IndexError, ValueError, AttributeError):
        raise fault(
            f'"{text}" cannot be filled in', "only {package}, {version} and {tag} stand for something"
        ) from None
    if not ("{version}" in text or "{tag}" in text) or "\n" in filled:
        raise fault(
            f'"{text}" must be one line and name the {{version}} or {{tag}}', 'for example: "Release {version}"'
        )
    return text


def _bump(text: str) -> str:
    try:
        parse_rule(text)
    except UsageError as error:
        raise fault(error.message, error.hint) from None
    return text


def _author(text: str) -> str:
    if not re.fullmatch(r"[^<>\n]*[^<>\s] <[^<>\s@]+@[^<>\s@]+>", text):
        raise fault(f'"{text}" is not an author', 'write "Name <address@example.org>"')
    return text


def is_path(text: str) -> bool:
    """Whether a text is a path below a folder, written plainly, and not into Git's own files."""
    parts = {part.lower() for part in text.split("/")}
    return re.fullmatch(r"[\w@+.-]+(/[\w@+.-]+)*", text) is not None and not {".", "..", ".git"} & parts


def _directory(text: str) -> str:
    if not is_path(text):
        raise fault(
            f'"{text}" is not a directory of a repository', "write its path from the root, for example: packages/core"
        )
    return text


def _variable(text: str) -> str:
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", text, re.ASCII):
        raise fault(f'"{text}" is not the name of a variable', "for example: REPO_TOKEN")
    return text


def _selection(text: str) -> str:
    try:
        Selection.parse(text)
    except UsageError as error:
        raise fault(error.message, error.hint) from None
    return text


def _like(pattern: str) -> WithJsonSchema:
    """The pattern for editors, in the schema alone: our own messages say more than a mismatch would."""
    return WithJsonSchema({"type": "string", "pattern": pattern})


def _version(text: str) -> str:
    try:
        Version(text)
    except InvalidVersion:
        raise fault(f'"{text}" is not a version', "for example: 1.4.61") from None
    return text


def _version_copy(text: str) -> str:
    file, colon, name = text.partition(":")
    if not file or (colon and not name) or file.startswith("/") or "\\" in text or ".." in file.split("/"):
        example = 'write a file below its directory, or "docs/conf.py:release"'
        raise fault(f'"{text}" does not say where a copy of the version is', example)
    return text


PackageName = Annotated[str, AfterValidator(_canonical), _like(r"^[A-Za-z0-9]+([-_.]+[A-Za-z0-9]+)*$")]
VariableName = Annotated[str, AfterValidator(_variable), _like(r"^[A-Z_][A-Z0-9_]*$")]
PythonVersion = Annotated[str, AfterValidator(_python_version), _like(r"^3\.\d+(\.\d+)?$")]
IndexName = Annotated[str, AfterValidator(_index)]
MessageForm = Annotated[str, AfterValidator(_message)]
BumpText = Annotated[str, AfterValidator(_bump)]
Author = Annotated[str, AfterValidator(_author)]
VersionSelection = Annotated[str, AfterValidator(_selection)]
RepositoryDirectory = Annotated[str, AfterValidator(_directory), _like(r"^[\w@+.-]+(/[\w@+.-]+)*$")]
VersionCopy = Annotated[str, AfterValidator(_version_copy), _like(r"^[^:/\\][^:\\]*(:.+)?$")]
VersionText = Annotated[str, AfterValidator(_version)]
