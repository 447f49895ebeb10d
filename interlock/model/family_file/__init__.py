"""The file `family.toml`: finding it, reading it, and its faults with their lines."""

import copy
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from interlock.common.frozen_model import FrozenModel
from interlock.common.locate import Keys
from interlock.common.validation import FAULT, ValidationIssue, refuse, repeats
from interlock.errors import FamilyError
from interlock.model.family import Family, FamilySettings, Package
from interlock.model.family_file.line_numbers import line_of_keys
from interlock.model.family_file.messages import Words, describe, describe_syntax
from interlock.model.family_file.schema import TomlSchema
from interlock.model.family_texts import PackageName
from interlock.model.suites import Suite

VARIABLE = "INTERLOCK_FAMILY"
FILE_NAME = "family.toml"
# The keys that are compared with those of other packages; those of the place mean something together only.
PLACE = ("repository", "directory", "tag", "publishes")
COMPARED = (*PLACE, "upstreams")
DEFAULT = Path(__file__).parents[3] / FILE_NAME


class FamilyFile(FrozenModel):
    """A family of Python packages: what Interlock releases, and proves to fit together."""

    family: FamilySettings = Field(description="What holds for the whole family; a name at least.")
    packages: Mapping[PackageName, Package] = Field(
        min_length=1, description="The members, each a table, as [packages.market-data-core]."
    )

    @field_validator("packages", mode="before")
    @classmethod
    def _each_once(cls, value: object) -> object:
        if isinstance(value, dict):
            names = list(value)
            twice = repeats(map(canonicalize_name, names))
            refuse("packages", (ValidationIssue((names[at],), f'"{name}" stands here twice') for at, name in twice))
        return value


def find(path: Path | None = None) -> Path:
    """The family file: the given one, else `$INTERLOCK_FAMILY`, else `family.toml` here, else the default.

    Raises:
        FamilyError: It is not there, or is a directory.
    """
    chosen = os.environ.get(VARIABLE)
    if path is not None:
        return _existing(path, "the option --family names it")
    if chosen:
        return _existing(Path(chosen).expanduser(), f"the variable {VARIABLE} names it")
    here = Path(FILE_NAME)
    return here if here.is_file() else _existing(DEFAULT, f"name a family file with --family or {VARIABLE}")


def load(path: Path | None = None) -> Family:
    """Load the family; relative directories of suites become absolute ones.

    Raises:
        FamilyError: There is no such file, or it has faults. The message has a line `family.toml:14: ...` for each
            fault, in the order of the file.
    """
    file = find(path)
    text = _read(file)
    raw, written = _normalised(_parse(file, text))
    try:
        parsed = FamilyFile.model_validate(raw)
        family = Family.model_validate({**dict(parsed.family), "packages": parsed.packages, "written": written})
    except ValidationError as error:
        raise _refusal(file, text, _described([*error.errors(), *_second_look(raw, error.errors())])) from None
    return _anchored(family, file.resolve().parent)


def check(path: Path | None = None) -> Family:
    """Load the family, and check that the directories of its suites on this machine exist.

    Raises:
        FamilyError: As for `load`, or a directory is missing.
    """
    family = load(path)
    missing = [
        (("packages", name, "suites", number, "path"), (f'there is no directory "{suite.path}"', None))
        for name, package in family.packages.items()
        for number, suite in enumerate(package.suites)
        if suite.path is not None and not Path(suite.path).is_dir()
    ]
    if missing:
        file = find(path)
        raise _refusal(file, _read(file), missing)
    return family


def schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **FamilyFile.model_json_schema(schema_generator=TomlSchema),
    }


def _normalised(raw: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The tables with the members' names in normal form, and how they are written; as they are if one stands twice."""
    packages = raw.get("packages")
    names = packages if isinstance(packages, dict) else {}
    written = {str(canonicalize_name(name)): str(name) for name in names}
    if not isinstance(packages, dict) or len(written) < len(packages):
        return raw, {}
    other = {name: key for name, key in written.items() if name != key}
    return {**raw, "packages": {name: packages[key] for name, key in written.items()}}, other


def _existing(file: Path, why: str) -> Path:
    if file.is_dir():
        inner = file / FILE_NAME
        raise FamilyError(f"{file}: is a directory", hint=f"did you mean {inner}?" if inner.is_file() else why)
    if not file.exists():
        raise FamilyError(f"{file}: there is no such file", hint=why)
    return file


def _read(file: Path) -> str:
    try:
        content = file.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise FamilyError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FamilyError(f"{file}:{line}: is not UTF-8", hint="save the file as UTF-8") from None


def _parse(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, (message, hint) = describe_syntax(str(error), text)
        raise FamilyError(f"{file}:{line}: {message}", hint=hint) from None


def _second_look(raw: dict[str, Any], errors: Iterable[ErrorDetails]) -> list[ErrorDetails]:
    """The inconsistencies between packages, which could not be looked for because of `errors`.

    Unknown keys are removed, and packages with other errors are reduced to the keys that are compared, so that no fault
    is reported that only follows from a known one.
    """
    packages = copy.deepcopy(raw.get("packages", {}))
    known = [(error["type"], error["loc"]) for error in errors if error["loc"][0] == "packages"]
    for kind, path in sorted(known, key=lambda found: found[0] != "extra_forbidden"):
        if len(path) > 1:
            _repair(packages, kind, path[1:])
    try:
        Family.model_validate({"name": "family", "packages": packages})
    except ValidationError as error:
        return [found for found in error.errors() if found["type"] == FAULT]
    return []


def _repair(packages: dict[str | int, Any], kind: str, path: Keys) -> None:
    if kind != "extra_forbidden":
        name, *rest = path
        package = packages[name] if isinstance(packages[name], dict) else {}
        unknown = PLACE if rest and rest[0] in PLACE else rest[:1]
        packages[name] = {key: package[key] for key in COMPARED if key in package and key not in unknown}
        return
    table: Any = packages
    for step in path[:-1]:
        table = table[step]
    del table[path[-1]]


def _described(errors: Sequence[ErrorDetails]) -> Iterator[tuple[Keys, Words]]:
    parents = {error["loc"][:-1] for error in errors}
    for error in errors:
        # Pydantic counts valid entries only: a list is not empty because all its entries are wrong.
        if error["type"] != "too_short" or error["loc"] not in parents:
            yield tuple(step for step in error["loc"] if step != "[key]"), describe(error, FamilyFile)


def _refusal(file: Path, text: str, faults: Iterable[tuple[Keys, Words]]) -> FamilyError:
    """One error for all faults: a single fault's hint is that of the error; several follow their messages."""
    _, written = _normalised(tomllib.loads(text))
    lines_of = ((line_of_keys(text, _as_written(keys, written)), words) for keys, words in faults)
    found = sorted(lines_of, key=lambda fault: fault[0])
    lines = [
        (f"{file}:{line}: {_printable(message)}", hint and _printable(hint))
        for line, (message, hint) in dict.fromkeys(found)
    ]
    if len(lines) == 1:
        return FamilyError(lines[0][0], hint=lines[0][1])
    return FamilyError("\n".join(line if hint is None else f"{line}\n  {hint}" for line, hint in lines))


def _as_written(keys: Keys, written: Mapping[str, str]) -> Keys:
    if len(keys) < 2 or keys[0] != "packages":
        return keys
    return (keys[0], written.get(str(keys[1]), keys[1]), *keys[2:])


def _printable(text: str) -> str:
    """Text with escapes for other characters: a name from the file must not end the line or control the terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _anchored(family: Family, directory: Path) -> Family:
    packages = {
        name: package.model_copy(update={"suites": tuple(_anchor(suite, directory) for suite in package.suites)})
        for name, package in family.packages.items()
    }
    return family.model_copy(update={"packages": packages})


def _anchor(suite: Suite, directory: Path) -> Suite:
    if suite.path is None:
        return suite
    return suite.model_copy(update={"path": str((directory / Path(suite.path).expanduser()).resolve())})
