"""What a release is going to be: values only."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Self

from packaging.version import Version
from pydantic import Field, model_validator

from interlock.common.frozen_model import FrozenModel
from interlock.model.bump import Bump, parse_version
from interlock.model.dispatches import DISPATCH_ID, Order, dispatch_id
from interlock.model.family import Family
from interlock.model.release import ReleasedFile
from interlock.model.versions import VersionField
from interlock.project.build import BuiltFile
from interlock.releases.tags import DispatchTarget, Manifest


class Timeouts(FrozenModel):
    """How long others are waited for, in seconds."""

    index: float = Field(default=900, description="Until the index serves what it took, in seconds.")
    receipt: float = Field(default=300, description="Until a workflow run takes a dispatch, in seconds.")
    run: float = Field(default=1800, description="Until that run has ended, in seconds.")


class ReleaseRequest(FrozenModel):
    """A package, and how its next version is found."""

    package: str = Field(description="The package, as the family file names it.")
    bump: str = Field(default="patch", description="Which part moves: patch, minor, major, or as minor,rc.")
    version: str | None = Field(default=None, description="This version instead of a bump.")
    ref: str | None = Field(
        default=None,
        description="Another branch to release from: then its own tags alone count as earlier ones. "
        "Default: the family file's.",
    )
    family: str | None = Field(default=None, description="The family file. Default: the one in use on this machine.")
    patience: Timeouts = Field(default=Timeouts(), description="How long others are waited for.")
    pins: Mapping[str, VersionField] = Field(
        default={}, description="By upstream, the version to which its requirement is moved in the same commit."
    )
    cascade: str | None = Field(default=None, description="The cascade that this release is part of.")
    at: int | None = Field(
        default=None, ge=0, description="The time that its files and its tag bear, in seconds since 1970. Default: now."
    )
    despite: str | None = Field(
        default=None,
        min_length=1,
        max_length=300,
        description="Why it is released though its contracts say no, or nothing; kept with the release.",
    )
    dry_run: bool = Field(default=False, description="Only check, plan and build, and write nothing anywhere.")

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        _ = self.wanted
        return self

    @property
    def title(self) -> str:
        """The package, and what is wanted of it: `market-data-core patch`."""
        return f"{self.package} {self.version or self.bump}"

    @property
    def wanted(self) -> Bump | Version:
        """The bump, or the version.

        Raises:
            UsageError: Neither can be meant as it is written.
        """
        return _wanted(self.bump, self.version)


@lru_cache
def _wanted(bump: str, version: str | None) -> Bump | Version:
    return Bump.parse(bump) if version is None else parse_version(version)


class Plan(FrozenModel):
    """A release that can begin, or go on.

    Attributes:
        previous_tag: Its tag, as it is written there.
        base: The branch's head that it builds upon.
        commit: The commit that is tagged; None until it is made.
        tag_object: The tag's own SHA; None until it is made.
        manifest: What its tag says; None until it is made.
        epoch: The time of its commit, in seconds: what its files are dated.
        changed: The files of the repository that hold the version, where it was written.
        place: Where the version was found, in words.
        told: Who is to be told.
        resumed: Whether an earlier run has pushed its tag.
    """

    package: str
    version: VersionField
    previous: VersionField | None
    previous_tag: str | None = None
    repository: str
    branch: str
    tag: str
    base: str
    commit: str | None = None
    tag_object: str | None = None
    manifest: Manifest | None = None
    epoch: int
    changed: tuple[str, ...] = ()
    place: str
    told: tuple[DispatchTarget, ...] = ()
    resumed: bool = False
    remarks: tuple[str, ...] = ()


def released(files: Iterable[BuiltFile]) -> tuple[ReleasedFile, ...]:
    """Built files as a release names them."""
    return tuple(ReleasedFile(name=file.name, sha256=file.sha256, size=file.size) for file in files)


def newer(plan: Plan) -> str:
    """What to do when a version can't become what it should have."""
    return f"leave this version, and release a newer one by its number: interlock release {plan.package} --version …"


def told_by(family: Family, package: str) -> tuple[DispatchTarget, ...]:
    """Whom a package's release tells of what, in the order of the family file."""
    return tuple(
        DispatchTarget(dispatch.event, target)
        for dispatch in family.package(package).dispatches
        for target in dispatch.targets
    )


def orders(plan: Plan, family: Family, server: str) -> tuple[Order, ...]:
    """The dispatches of a release; a target that the family no longer has is left out.

    Args:
        plan: The release.
        family: Where the targets live, and what they are told.
        server: GitHub's address for people.
    """
    return tuple(_order(plan, told, family, server) for told in plan.told if told.target in family.packages)


def _order(plan: Plan, told: DispatchTarget, family: Family, server: str) -> Order:
    dispatches = family.package(plan.package).dispatches
    fields = next((d.payload for d in dispatches if d.event == told.event and told.target in d.targets), None)
    known = {
        "version": str(plan.version),
        "origin": plan.package,
        "repository": plan.repository,
        "repo_name": plan.repository.rpartition("/")[2],
        "tag": plan.tag,
        "commit": plan.commit or "",
        "release_url": f"{server}/{plan.repository}/releases/tag/{plan.tag}",
    }
    id_ = dispatch_id(plan.package, str(plan.version), told.event)
    payload = {name: known[name] for name in fields or ("version", "origin")}
    return Order(
        id=id_,
        event=told.event,
        origin=plan.package,
        version=str(plan.version),
        target=told.target,
        repository=family.repository(told.target),
        payload={**payload, DISPATCH_ID: id_},
    )
