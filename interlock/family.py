"""The family: packages, their repositories, and the edges between them; `family.toml` as values."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from packaging.utils import canonicalize_name
from pydantic import AfterValidator, Field, model_validator

from interlock.suites import Suite
from interlock.values import Value


def _canonical(name: str) -> str:
    if canonicalize_name(name, validate=False) != name:
        raise ValueError(f'write "{name}" in its normal form, "{canonicalize_name(name)}"')
    return name


PackageName = Annotated[str, AfterValidator(_canonical)]


class Reaction(StrEnum):
    """How a member reacts to a release of one of its upstreams."""

    RELEASE = "release"
    DISPATCH = "dispatch"
    COMMAND = "command"


class Dispatch(Value):
    """The event that a release of a package sends to other members' repositories."""

    event: str = Field(min_length=1, max_length=100, description="The event type that the targets listen to.")
    targets: tuple[PackageName, ...] = Field(min_length=1, description="The members that are told.")
    payload: tuple[str, ...] = Field(default=("version", "origin"), max_length=10, description="Fields of the payload.")


class Package(Value):
    """A member of the family: a distribution in a repository, or a repository alone (`publishes = false`)."""

    repository: str | None = Field(
        default=None,
        pattern=r"^[\w.-]+(/[\w.-]+)?$",
        description="On GitHub, as name or owner/name. Default: the package's name.",
    )
    branch: str = Field(default="main", description="The repository's default branch.")
    publishes: bool = Field(default=True, description="Whether the repository publishes a distribution of this name.")
    upstreams: tuple[PackageName, ...] = Field(default=(), description="The members that this one requires.")
    reaction: Reaction = Field(default=Reaction.RELEASE, description="How it reacts to an upstream's release.")
    command: tuple[str, ...] = Field(default=(), description="What is run in a checkout, for the reaction command.")
    tag: str = Field(default="v{version}", pattern=r"\{version\}", description="The form of a release's tag.")
    dispatches: tuple[Dispatch, ...] = Field(default=(), description="The events that a release of it sends.")
    suites: tuple[Suite, ...] = Field(default=(), description="Its contract tests.")


class Family(Value):
    """A validated family: every name resolves, and upstreams form no cycle."""

    name: str = Field(min_length=1, description="What the family is called.")
    owner: str | None = Field(default=None, pattern=r"^[\w-]+$", description="The repositories' owner on GitHub.")
    python: tuple[str, ...] = Field(default=("3.11",), min_length=1, description="The Python versions that are tested.")
    index: str = Field(
        default="pypi",
        description="The package index: pypi, a name that uv's configuration defines, or a URL.",
    )
    packages: Mapping[PackageName, Package] = Field(min_length=1, description="The members, by name.")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        return self
