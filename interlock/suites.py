"""A suite: where a downstream's contract tests are, how they run, and along which axes."""

import itertools
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Self

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import AfterValidator, Field, field_validator, model_validator

from interlock.values import Value

DEFAULT_TIMEOUT = 600


def _valid_requirement(text: str) -> str:
    try:
        Requirement(text)
    except InvalidRequirement as error:
        raise ValueError(f'"{text}" is not a requirement: {str(error).splitlines()[0]}') from None
    return text


def _inside(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f'"{text}" must be a path inside the package, as tests/contracts')
    return path.as_posix()


RequirementText = Annotated[str, AfterValidator(_valid_requirement)]
InnerPath = Annotated[str, AfterValidator(_inside)]


class LeftOut(Value):
    """A file or a test that is not run, and why."""

    test: str = Field(description="A file or node id of the suite, as tests/contracts/test_x.py::test_y.")
    reason: str = Field(min_length=1, description="Why it says nothing about the contract; shown in reports.")


class Axis(Value):
    """A dimension along which a suite is run: each value sets environment variables.

    Written short, `schema_track = ["v1", "v2"]`, each value sets the variable named as the axis, in capitals.
    """

    values: Mapping[str, Mapping[str, str]] = Field(
        min_length=1, description="For each value of the axis, the environment variables that it sets."
    )


class AllowedFailure(Value):
    """Points on the axes whose red verdicts are shown and not counted."""

    point: Mapping[str, str] = Field(min_length=1, description="The values that a point must have, by axis.")
    reason: str = Field(min_length=1, description="Why it may fail; shown in reports.")

    def covers(self, point: Mapping[str, str]) -> bool:
        """Whether this names the given point."""
        return self.point.items() <= point.items()


class GitSource(Value):
    """A directory of tests in the downstream's Git repository."""

    path: InnerPath = Field(description="The directory of the tests inside the repository.")
    ref: str | None = Field(
        default=None,
        pattern=r"^(?!-)[\w./{}+@-]+$",
        description="A branch, tag or SHA; {version} stands for the downstream's. Default: the package's tag form.",
    )
    url: str | None = Field(
        default=None, description="Where to clone from. Default: the package's repository on GitHub."
    )


class ImportsSource(Value):
    """Modules that must import; no test framework is installed beside them."""

    modules: tuple[str, ...] = Field(
        default=(),
        description="The modules. Default: every module of the downstream that imports the upstream.",
    )

    @field_validator("modules")
    @classmethod
    def _are_dotted_names(cls, modules: tuple[str, ...]) -> tuple[str, ...]:
        for module in modules:
            if not all(part.isidentifier() for part in module.split(".")):
                raise ValueError(f'"{module}" is not the dotted name of a module')
        return modules


class Suite(Value):
    """A downstream's contract tests; exactly one of `sdist`, `git`, `path` and `imports` says where they are."""

    name: str = Field(pattern=r"^[\w.-]+$", description="Names the suite among those of its package.")
    upstreams: tuple[str, ...] = Field(
        default=(),
        description="The upstreams whose contract it tests. Default: all upstreams of the package.",
    )
    sdist: InnerPath | None = Field(default=None, description="The tests' directory in the downstream's sdist.")
    git: GitSource | None = Field(default=None, description="The tests' place in the downstream's Git repository.")
    path: str | None = Field(default=None, description="The tests' directory on this machine, from the family file's.")
    imports: ImportsSource | None = Field(default=None, description="Modules that must import.")
    include: tuple[InnerPath, ...] = Field(
        default=(), description="Further files and directories that the tests need, as tests/helpers."
    )
    requirements: tuple[RequirementText, ...] = Field(
        default=(), description="What the tests need beside the packages, as pytest-asyncio>=0.21."
    )
    extras: tuple[str, ...] = Field(default=(), description="Extras of the downstream to install.")
    pytest_args: tuple[str, ...] = Field(default=(), description="Further arguments for pytest.")
    timeout: int = Field(default=DEFAULT_TIMEOUT, gt=0, description="Seconds until a run is ended.")
    env: Mapping[str, str] = Field(default_factory=dict, description="Environment variables for the run.")
    leave_out: tuple[LeftOut, ...] = Field(default=(), description="Files and tests that are not run.")
    axes: Mapping[str, Axis] = Field(default_factory=dict, description="Dimensions along which the suite is run.")
    allowed_to_fail: tuple[AllowedFailure, ...] = Field(
        default=(), description="Points whose red verdicts are shown and not counted."
    )

    @field_validator("imports", mode="before")
    @classmethod
    def _short_imports(cls, value: object) -> object:
        """`imports = ["a.b"]` lists modules; `imports = true` means every module that imports the upstream."""
        if value is True:
            return {}
        return {"modules": value} if isinstance(value, list) else value

    @field_validator("axes", mode="before")
    @classmethod
    def _short_axes(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {name: _long_axis(name, axis) for name, axis in value.items()}

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        given = [name for name in ("sdist", "git", "path", "imports") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f'suite "{self.name}" needs exactly one of sdist, git, path and imports; it has {found}')
        for allowed in self.allowed_to_fail:
            for axis, value in allowed.point.items():
                if axis not in self.axes or value not in self.axes[axis].values:
                    raise ValueError(f'suite "{self.name}" allows {axis} = "{value}" to fail, which is not on its axes')
        return self

    def points(self) -> tuple[Mapping[str, str], ...]:
        """Every combination of the axes' values, in the order of the file; one empty point without axes."""
        values = (tuple(axis.values) for axis in self.axes.values())
        return tuple(dict(zip(self.axes, point, strict=True)) for point in itertools.product(*values))

    def environment(self, point: Mapping[str, str]) -> dict[str, str]:
        """The variables that a run at this point is given, the axes' on top of the suite's own."""
        merged = dict(self.env)
        for axis, value in point.items():
            merged |= self.axes[axis].values[value]
        return merged

    def reason_to_allow(self, point: Mapping[str, str]) -> str | None:
        """Why this point may fail, or None when it may not."""
        return next((allowed.reason for allowed in self.allowed_to_fail if allowed.covers(point)), None)


def _long_axis(name: str, axis: object) -> object:
    if not isinstance(axis, list):
        return axis
    variable = re.sub(r"\W", "_", name).upper()
    return {"values": {value: {variable: value} for value in axis}}
