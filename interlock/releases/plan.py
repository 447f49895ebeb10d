"""The request for a release and its plan: values only."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Self

from packaging.version import Version
from pydantic import Field, model_validator

from interlock.common.frozen_model import FrozenModel
from interlock.model.bump import parse_version
from interlock.model.bump_rule import BumpRule, parse_rule
from interlock.model.dispatches import DISPATCH_ID, Order, dispatch_id
from interlock.model.family import Family
from interlock.model.release import ReleasedFile, RequestId
from interlock.model.requirements import MemberName
from interlock.model.versions import VersionField
from interlock.project.build import BuiltFile
from interlock.releases.tags import DispatchTarget, Manifest


class Timeouts(FrozenModel):
    """How long a release waits for others, in seconds."""

    index: float = Field(default=900, description="Until the index serves what it took, in seconds.")
    receipt: float = Field(default=300, description="Until a workflow run takes a dispatch, in seconds.")
    answer: float = Field(
        default=60, description="Until a workflow run shows whether a dispatch without an answer arrived, in seconds."
    )
    run: float = Field(default=1800, description="Until that run has ended, in seconds.")


class ReleaseRequest(FrozenModel):
    """A package, and how to find its next version."""

    package: MemberName = Field(description="The package, as the family file names it.")
    bump: str | None = Field(
        default=None,
        description="How its version moves: patch, minor, major, or as minor,rc; calver:YYYY.0M.0D; commits; contract. "
        "Default: as the family file says, else patch.",
    )
    version: str | None = Field(default=None, description="This version instead of a bump.")
    ref: str | None = Field(
        default=None,
        description="Another branch to release from, also below the releases of others. Default: the family file's.",
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
    request_id: RequestId | None = Field(
        default=None,
        description="What asks for it, as a CI run or a delivery: asked again under the same id, it is the same "
        "release. Default: the flow run.",
    )
    empty: bool = Field(default=False, description="Release it though nothing is new since the last release.")
    finish: bool = Field(
        default=False,
        description="Finish an unfinished release with the files that the index has, and give up the others.",
    )
    dry_run: bool = Field(default=False, description="Only check, plan and build, and write nothing anywhere.")

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        _ = self.wanted
        return self

    @property
    def title(self) -> str:
        """The package and its bump or version: `market-data-core patch`."""
        return f"{self.package} {self.version or self.bump or 'next version'}"

    @property
    def wanted(self) -> BumpRule | Version | None:
        """The version, or how it moves; None where the family file says it.

        Raises:
            UsageError: It is neither.
        """
        return _wanted(self.bump, self.version)


@lru_cache
def _wanted(bump: str | None, version: str | None) -> BumpRule | Version | None:
    rule = None if bump is None else parse_rule(bump)
    return rule if version is None else parse_version(version)


class Plan(FrozenModel):
    """A release that can start, or resume.

    Attributes:
        previous_tag: The tag of the previous version.
        base: The head of the branch that it builds upon.
        commit: The commit that is tagged; None until it is made.
        tag_object: The tag's own SHA; None until it is made.
        manifest: The message of its tag; None until it is made.
        epoch: The time of its commit and of its files, in seconds since 1970.
        changed: The files of the repository that hold the version, where it was written.
        source: Where the version was found, in words.
        targets: The members that get a dispatch.
        replaced: The version that the files had before, if they hold one.
        resumed: Whether an earlier run has pushed its tag.
        left_out: The names of files in its tag that it is finished without.
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
    source: str
    targets: tuple[DispatchTarget, ...] = ()
    replaced: VersionField | None = None
    resumed: bool = False
    remarks: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()

    @property
    def promised(self) -> tuple[ReleasedFile, ...]:
        """The files of its tag that are published; none before it is tagged."""
        files = self.manifest.files if self.manifest else ()
        return tuple(file for file in files if file.name not in self.left_out)


def released(files: Iterable[BuiltFile]) -> tuple[ReleasedFile, ...]:
    """Built files as the files of a release."""
    return tuple(ReleasedFile(name=file.name, sha256=file.sha256, size=file.size) for file in files)


def newer(plan: Plan) -> str:
    """A hint for a version that can't be finished as it was promised."""
    return f"leave this version, and release a newer one by its number: interlock release {plan.package} --version …"


def targets_of(family: Family, package: str) -> tuple[DispatchTarget, ...]:
    """The events that a package's release sends and their targets, in the order of the family file."""
    return tuple(
        DispatchTarget(dispatch.event, target)
        for dispatch in family.package(package).dispatches
        for target in dispatch.targets
    )


def orders(plan: Plan, family: Family, server: str) -> tuple[Order, ...]:
    """The dispatches of a release; a target that the family no longer has is left out.

    Args:
        plan: The release.
        family: Has the targets' repositories and the payloads.
        server: GitHub's address for people.
    """
    return tuple(_order(plan, target, family, server) for target in plan.targets if target.target in family.packages)


def _order(plan: Plan, to: DispatchTarget, family: Family, server: str) -> Order:
    dispatches = family.package(plan.package).dispatches
    fields = next((d.payload for d in dispatches if d.event == to.event and to.target in d.targets), None)
    known = {
        "version": str(plan.version),
        "origin": plan.package,
        "repository": plan.repository,
        "repo_name": plan.repository.rpartition("/")[2],
        "tag": plan.tag,
        "commit": plan.commit or "",
        "release_url": f"{server}/{plan.repository}/releases/tag/{plan.tag}",
    }
    id_ = dispatch_id(plan.package, str(plan.version), to.event)
    payload = {name: known[name] for name in fields or ("version", "origin")}
    return Order(
        id=id_,
        event=to.event,
        origin=plan.package,
        version=str(plan.version),
        target=to.target,
        repository=family.repository(to.target),
        payload={**payload, DISPATCH_ID: id_},
    )
