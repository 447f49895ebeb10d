"""A suite: where a downstream's contract tests are, how they run, and along which axes."""

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from interlock.common.frozen_model import FrozenModel
from interlock.common.validation import ValidationIssue, fault, nearest, refuse, repeats
from interlock.model.requirements import MemberName

DEFAULT_TIMEOUT = 600
SOURCES = ("sdist", "git", "path", "package", "imports")
# uv's words; at a point of a suite they stand beside its axes.
RESOLUTION: Final = "resolution"
HIGHEST: Final = "highest"


def _valid_requirement(text: str) -> str:
    try:
        Requirement(text)
    except InvalidRequirement:
        raise fault(f'"{text}" is not a requirement', "for example: pytest-asyncio>=0.21") from None
    return text


def _inside(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts:
        raise fault(f'"{text}" leads out of the package', "for example: tests/contracts")
    return path.as_posix()


def _dotted_name(text: str) -> str:
    if not all(part.isidentifier() for part in text.split(".")):
        raise fault(f'"{text}" is not the dotted name of a module', "for example: market_data_store.sinks")
    return text


def _without_password(text: str) -> str:
    """Check a URL: a user name is for SSH alone; over HTTP it would be, or come with, a secret."""
    parts = urlsplit(text)
    if parts.password is not None or (parts.username and parts.scheme.startswith("http")):
        raise fault('"url" holds credentials', "leave them to Git's credential helper or to an SSH key")
    return text


RequirementText = Annotated[str, AfterValidator(_valid_requirement)]
InnerPath = Annotated[str, AfterValidator(_inside)]
GitUrl = Annotated[str, StringConstraints(pattern=r"^[^-\s]\S*$"), AfterValidator(_without_password)]
ModuleName = Annotated[str, AfterValidator(_dotted_name)]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
# A point is also written as one word: axis=value,axis=value.
AxisName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]
AxisValue = Annotated[str, StringConstraints(pattern=r"^[^,=\x00-\x1f]+$")]
AxisValues = Annotated[tuple[AxisValue, ...], Field(min_length=1, json_schema_extra={"uniqueItems": True})]


Resolution = Literal["highest", "lowest-direct", "lowest"]


class LeftOut(FrozenModel):
    """A file, a test, or a module of an `imports` suite that is not run, and why."""

    test: str = Field(min_length=1, description="A file or node id of the suite, as tests/contracts/test_x.py::test_y.")
    reason: str = Field(min_length=1, description="Why it says nothing about the contract; shown in reports.")


class Axis(FrozenModel):
    """A dimension along which a suite is run: each value sets environment variables.

    Written short, `schema_track = ["v1", "v2"]`, each value sets the variable named as the axis, in capitals.
    """

    values: Mapping[AxisValue, Mapping[VariableName, str]] = Field(
        min_length=1, description="For each value of the axis, the environment variables that it sets."
    )


class AllowedFailure(FrozenModel):
    """Points on the axes whose red verdicts are shown and not counted."""

    point: Mapping[str, str] = Field(min_length=1, description="The values that a point must have, by axis.")
    reason: str = Field(min_length=1, description="Why it may fail; shown in reports.")

    def covers(self, point: Mapping[str, str]) -> bool:
        """Whether it includes the given point."""
        return self.point.items() <= point.items()


class GitSource(FrozenModel):
    """A directory of tests in the downstream's Git repository."""

    path: InnerPath = Field(description="The directory of the tests inside the repository.")
    ref: str | None = Field(
        default=None,
        pattern=r"^([\w./+@#]|\{version\})([\w./+@#-]|\{version\})*$",
        description="A branch, tag or SHA; {version} stands for the downstream's. Default: the package's tag form.",
        examples=["v{version}"],
    )
    url: GitUrl | None = Field(
        default=None,
        description="Where to clone from. Default: the package's repository on GitHub.",
        examples=["https://github.com/owner/name.git"],
    )


class ImportsSource(FrozenModel):
    """Modules that must import; no test framework is installed beside them."""

    modules: tuple[ModuleName, ...] = Field(
        default=(),
        description="The modules. Default: every module of the downstream that imports the upstream.",
    )


class Suite(FrozenModel):
    """A downstream's contract tests; exactly one of the keys in `SOURCES` says where they are."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [source]} for source in SOURCES]})

    name: str = Field(
        pattern=r"^[\w.-]+$",
        description="Names the suite among those of its package.",
        examples=["contracts"],
    )
    upstreams: tuple[MemberName, ...] = Field(
        default=(),
        description="The upstreams whose contract it tests. Default: all upstreams of the package.",
    )
    sdist: InnerPath | None = Field(default=None, description="The tests' directory in the downstream's sdist.")
    git: GitSource | None = Field(default=None, description="The tests' place in the downstream's Git repository.")
    path: str | None = Field(
        default=None,
        min_length=1,
        description="The tests' directory on this machine; a relative one starts at the family file's directory.",
    )
    package: ModuleName | None = Field(
        default=None,
        description="Tests inside the installed package, as passlib.tests; those of the sdist if the wheel has none.",
    )
    imports: ImportsSource | None = Field(
        default=None,
        description="Modules that must import: true for every module that imports the upstream, or a list of modules.",
    )
    include: tuple[InnerPath, ...] = Field(
        default=(), description="Further files and directories that the tests need, as tests/helpers."
    )
    requirements: tuple[RequirementText, ...] = Field(
        default=(), description="What the tests need beside the packages, as pytest-asyncio>=0.21."
    )
    extras: tuple[str, ...] = Field(default=(), description="Extras of the downstream to install.")
    pytest_args: tuple[str, ...] = Field(default=(), description="Further arguments for pytest.")
    timeout: int = Field(default=DEFAULT_TIMEOUT, gt=0, strict=True, description="Seconds until a run is ended.")
    env: Mapping[VariableName, str] = Field(default_factory=dict, description="Environment variables for the run.")
    network: bool = Field(
        default=False,
        strict=True,
        description="Whether the tests reach the network, and so every service of the machine: docs/security.md.",
    )
    leave_out: tuple[LeftOut, ...] = Field(default=(), description="Files and tests that are not run.")
    axes: Mapping[AxisName, Axis] = Field(
        default_factory=dict,
        description="Dimensions along which the suite is run: for each, a list of values, or a table of what they set.",
    )
    resolution: tuple[Resolution, ...] = Field(
        default=(HIGHEST,),
        min_length=1,
        description="Which versions of what the downstream requires: the highest that are admitted, the lowest of what "
        "it names (lowest-direct), or the lowest of all (lowest). A list is one more axis.",
    )
    allowed_to_fail: tuple[AllowedFailure, ...] = Field(
        default=(), description="Points whose red verdicts are shown and not counted."
    )

    @field_validator(
        "imports",
        mode="before",
        json_schema_input_type=Literal[True] | tuple[ModuleName, ...] | ImportsSource | None,
    )
    @classmethod
    def _short_imports(cls, value: object) -> object:
        """`imports = ["a.b"]` lists modules; `imports = true` means every module that imports the upstream."""
        if value is True:
            return {}
        if isinstance(value, list):
            return {"modules": value}
        if value is None or isinstance(value, dict | ImportsSource):
            return value
        raise fault('"imports" must be true or a list of modules', "without imports, leave the key out")

    @field_validator("resolution", mode="before", json_schema_input_type=Resolution | tuple[Resolution, ...])
    @classmethod
    def _short_resolution(cls, value: object) -> object:
        """`resolution = "lowest-direct"` is a list of one."""
        return [value] if isinstance(value, str) else value

    @field_validator("axes", mode="before", json_schema_input_type=Mapping[AxisName, AxisValues | Axis])
    @classmethod
    def _short_axes(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        refuse("axes", _value_faults(value))
        return {name: _long_axis(name, axis) for name, axis in value.items()}

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        refuse("suite", itertools.chain(self._source_faults(), self._axis_faults()))
        return self

    def _source_faults(self) -> Iterator[ValidationIssue]:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            message = f'suite "{self.name}" needs exactly one of sdist, git, path, package and imports; it has {found}'
            yield ValidationIssue(tuple(given[1:2]), message)
        unused = {"imports": ("include", "pytest_args"), "package": ("include",)}
        does = {"imports": "only imports modules", "package": "runs the tests beside the installed package"}
        for source in given if len(given) == 1 else ():
            for key in unused.get(source, ()):
                if getattr(self, key):
                    yield ValidationIssue((key,), f'suite "{self.name}" {does[source]}: "{key}" says nothing to it')

    def _axis_faults(self) -> Iterator[ValidationIssue]:
        if RESOLUTION in self.axes and self.resolution != (HIGHEST,):
            message = f'suite "{self.name}" has an axis "{RESOLUTION}" beside the key of this name'
            yield ValidationIssue(("axes", RESOLUTION), message, "give the axis another name")
        for number, mode in repeats(self.resolution):
            yield ValidationIssue((RESOLUTION, number), f'suite "{self.name}" has the resolution "{mode}" twice')
        variables = {name: {key for set_ in axis.values.values() for key in set_} for name, axis in self.axes.items()}
        for one, other in itertools.combinations(variables, 2):
            for variable in sorted(variables[one] & variables[other]):
                yield ValidationIssue(("axes", other), f'axes "{one}" and "{other}" both set the variable {variable}')
        for number, allowed in enumerate(self.allowed_to_fail):
            yield from self._point_faults(allowed.point, ("allowed_to_fail", number, "point"))

    def _point_faults(self, point: Mapping[str, str], at: tuple[str | int, ...]) -> Iterator[ValidationIssue]:
        values = self.values()
        for axis, value in point.items():
            if axis not in values:
                message = f'suite "{self.name}" has no axis "{axis}"'
                yield ValidationIssue((*at, axis), message, nearest(axis, values))
            elif value not in values[axis]:
                message = f'axis "{axis}" of suite "{self.name}" has no value "{value}"'
                yield ValidationIssue((*at, axis), message, nearest(value, values[axis]))

    def values(self) -> dict[str, tuple[str, ...]]:
        """The values on each axis; resolutions are one, unless they are what is done anyway."""
        values = {name: tuple(axis.values) for name, axis in self.axes.items()}
        return values if self.resolution == (HIGHEST,) else {**values, RESOLUTION: self.resolution}

    def points(self) -> tuple[Mapping[str, str], ...]:
        """Every combination of the axes' values, in the order of the file; one empty point without axes."""
        values = self.values()
        return tuple(dict(zip(values, point, strict=True)) for point in itertools.product(*values.values()))

    def resolution_at(self, point: Mapping[str, str]) -> str:
        """How the environment is resolved at this point; an axis of this name only sets variables."""
        return HIGHEST if RESOLUTION in self.axes else point.get(RESOLUTION, HIGHEST)

    def environment(self, point: Mapping[str, str]) -> dict[str, str]:
        """The variables of a run at this point: the suite's own, then those of the axes."""
        merged = dict(self.env)
        for axis, value in point.items():
            merged |= self.axes[axis].values[value] if axis in self.axes else {}
        return merged

    def reason_to_allow(self, point: Mapping[str, str]) -> str | None:
        """Why this point may fail, or None when it may not."""
        return next((allowed.reason for allowed in self.allowed_to_fail if allowed.covers(point)), None)


# What is done for a downstream without a suite: it is installed and imported, which proves nothing of its contract.
UNPROVEN = Suite(name="unproven", imports=ImportsSource())
ONLY_TRIED = "no suite; installs and imports"


def _value_faults(axes: Mapping[str, object]) -> Iterator[ValidationIssue]:
    """The faults of axes in short form: as a table, a list would lose them."""
    for name, values in axes.items():
        if isinstance(values, list):
            texts = [value for value in values if isinstance(value, str)]
            if len(texts) < len(values) or not values:
                yield ValidationIssue(
                    (name,), f'axis "{name}" must list one or more texts', 'for example: ["v1", "v2"]'
                )
            for _, value in repeats(texts):
                yield ValidationIssue((name, values.index(value)), f'axis "{name}" has the value "{value}" twice')


def _long_axis(name: str, axis: object) -> object:
    if not isinstance(axis, list):
        return axis
    variable = re.sub(r"\W", "_", name).upper()
    return {"values": {value: {variable: value} for value in axis}}
