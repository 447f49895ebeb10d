"""The family: packages, their repositories, and the edges between them; `family.toml` as values."""

import graphlib
import heapq
import itertools
import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from interlock.common.frozen_model import FrozenModel
from interlock.common.validation import ValidationIssue, fault, nearest, refuse, repeats
from interlock.errors import UsageError
from interlock.model.family_texts import (
    Author,
    BumpText,
    IndexName,
    MessageForm,
    PackageName,
    PythonVersion,
    RepositoryDirectory,
    VariableName,
    VersionCopy,
    VersionSelection,
    VersionText,
    is_path,
)
from interlock.model.release_on import ReleaseOn
from interlock.model.shared_repositories import pathspecs, sharing_faults, twice_told
from interlock.model.suites import UNPROVEN, Suite
from interlock.model.upstream_cycles import cycles


class Reaction(StrEnum):
    """How a member reacts to a release of one of its upstreams."""

    RELEASE = "release"
    DISPATCH = "dispatch"
    COMMAND = "command"


class Follows(StrEnum):
    """When a package is released after one of its upstreams was."""

    ALWAYS = "always"
    WHEN_PINNED = "when-pinned"
    NEVER = "never"


class Change(StrEnum):
    """How a package's requirement on an upstream is changed."""

    COMMIT = "commit"
    PULL_REQUEST = "pull-request"


PayloadField = Literal["version", "origin", "repository", "repo_name", "tag", "commit", "release_url"]


class Contract(FrozenModel):
    """What a package promises to its downstreams, and what is done when it has not changed."""

    modules: tuple[str, ...] = Field(
        default=(), description="The modules that are the contract, with all below them. Default: all of the package's."
    )
    unchanged: Literal["test", "skip"] = Field(
        default="test", description="What is done when a ref changes nothing in the contract: test, or skip the suites."
    )
    evidence: Literal["wanted", "required"] = Field(
        default="wanted",
        description="What a release is without evidence that the downstreams work with it: remarked on, or refused.",
    )


class Dispatch(FrozenModel):
    """The event that a release of a package sends to other members' repositories."""

    event: str = Field(
        min_length=1,
        max_length=100,
        description="The event type that the targets listen to; GitHub takes 100 characters.",
    )
    targets: tuple[PackageName, ...] = Field(min_length=1, description="The members that are notified.")
    payload: tuple[PayloadField, ...] = Field(
        default=("version", "origin"),
        max_length=9,
        description="Fields of the payload; GitHub takes ten, and dispatch_id is always one.",
    )


class LeftOutVersion(FrozenModel):
    """A release that no matrix covers unless it is asked for by its number, and why."""

    version: VersionText = Field(description="The version, as the index has it.")
    reason: str = Field(min_length=1, description="Why the family may be judged without it; shown in reports.")


class Package(FrozenModel):
    """A member of the family: a distribution in a repository, or a repository alone (`publishes = false`)."""

    repository: str | None = Field(
        default=None,
        pattern=r"^[\w.-]+(/[\w.-]+)?$",
        description="On GitHub, as name or owner/name. Default: the package's name.",
        examples=["market-data-core", "mjdevaccount/market-data-core"],
    )
    directory: RepositoryDirectory | None = Field(
        default=None,
        description="Its directory in the repository, where several packages share one. Default: the root.",
        examples=["packages/core"],
    )
    branch: str = Field(
        default="main",
        pattern=r"^[^\s~^:?*\[\\-][^\s~^:?*\[\\]*$",
        description="The repository's default branch.",
        examples=["main"],
    )
    publishes: bool = Field(
        default=True, strict=True, description="Whether the repository publishes a distribution of this name."
    )
    upstreams: tuple[PackageName, ...] = Field(default=(), description="The members that this one requires.")
    reaction: Reaction = Field(default=Reaction.RELEASE, description="How it reacts to an upstream's release.")
    command: tuple[str, ...] = Field(default=(), description="What is run in a checkout, for the reaction command.")
    follows: Mapping[PackageName, Follows] = Field(
        default={},
        description="When it is released after an upstream was: one word for all of them, or one for each.",
    )
    build_network: bool = Field(
        default=False,
        strict=True,
        description="Whether its build reaches the network, as one that downloads by itself must: docs/security.md.",
    )
    files: Literal["all", "sdist"] = Field(
        default="all", description="Which of the built files are published: sdist and wheel, or the sdist alone."
    )
    readme: Literal["rendered", "strict"] = Field(
        default="rendered",
        description="When its description is fit to be published: when the index can render it, or only when there is "
        "one, and with a content type.",
    )
    largest_file: int = Field(
        default=100,
        ge=1,
        le=1024,
        description="How large its files may be, in MiB; PyPI grants more on request.",
    )
    submodules: bool | None = Field(
        default=None,
        strict=True,
        description="Whether its build takes in the repository's submodules. Default: those of which the sdist of the "
        "newest release has files.",
    )
    change: Change = Field(default=Change.COMMIT, description="How its requirement on an upstream is changed.")
    tag: str = Field(
        default="v{version}",
        pattern=r"^([\w./+@][\w./+@-]*)?\{version\}[\w./+@-]*$",
        description="The form of a release's tag.",
        examples=["v{version}"],
    )
    bump: BumpText | None = Field(
        default=None,
        description="How its version moves where nobody says it: patch, minor, major, calver:YYYY.0M.0D, commits or "
        "contract. Default: patch; see docs/versions.md.",
        examples=["calver:YYYY.0M.0D"],
    )
    next: Literal["dev"] | None = Field(
        default=None, description="What is written after a release: dev, the development version of the next one."
    )
    versions: tuple[VersionCopy, ...] = Field(
        default=(),
        description="Further copies of the version, which a release moves: a file, or a file and what holds it there.",
        examples=[["docs/conf.py:release", "deploy/Chart.yaml:appVersion", "VERSION"]],
    )
    dispatches: tuple[Dispatch, ...] = Field(default=(), description="The events that a release of it sends.")
    secrets: tuple[VariableName, ...] = Field(
        default=(), description="Names of secrets that the repository's own workflows need; doctor looks for them."
    )
    changelog: bool | str = Field(
        default=True,
        description="Its changelog, which a release moves and quotes: one that is found, the file of this path below "
        "its directory, or none.",
        examples=[False, "docs/history.md"],
    )
    suites: tuple[Suite, ...] = Field(default=(), description="Its contract tests.")
    supported: VersionSelection | None = Field(
        default=None,
        description='The releases that users still have, as ">=0.15": contracts and check look at all of these. '
        "Default: the newest.",
    )
    leave_out_versions: tuple[LeftOutVersion, ...] = Field(
        default=(), description="Releases that the family is judged without, such as one that can't be installed."
    )
    release_on: ReleaseOn | None = Field(
        default=None,
        description="What starts a release of it by itself, when the gateway learns of it. Default: nothing.",
    )
    contract: Contract = Field(default=Contract(), description="What of it is a contract; see docs/contracts.md.")

    @field_validator("changelog", mode="before", json_schema_input_type=bool | RepositoryDirectory)
    @classmethod
    def _is_changelog(cls, value: object) -> object:
        if isinstance(value, bool) or (isinstance(value, str) and is_path(value)):
            return value
        hint = 'write false, or the path of a file below its directory, for example: "docs/history.md"'
        raise fault(f'"changelog" cannot be {json.dumps(value, default=str)}', hint)

    @field_validator("follows", mode="before", json_schema_input_type=Follows | Mapping[PackageName, Follows])
    @classmethod
    def _short_follows(cls, value: object, info: ValidationInfo) -> object:
        """`follows = "always"` holds for every upstream."""
        if isinstance(value, Mapping):
            return value
        if value not in list(Follows):
            words = [word.value for word in Follows]
            near = nearest(value, words) if isinstance(value, str) else f"known here: {', '.join(words)}; or a table"
            raise fault(f'"follows" cannot be {json.dumps(value, default=str)}', near)
        return dict.fromkeys(info.data.get("upstreams", ()), value)

    def follows_of(self, upstream: str) -> Follows:
        """When the package follows a release of this upstream."""
        return self.follows.get(upstream, Follows.WHEN_PINNED)


class Edge(FrozenModel):
    """A package and one of the members that require it."""

    upstream: str
    downstream: str


class FamilySettings(FrozenModel):
    """The settings of the whole family: the table `[family]`."""

    model_config = ConfigDict(hide_input_in_errors=True)  # a refused index may hold a password

    name: str = Field(min_length=1, description="What the family is called.")
    owner: str | None = Field(
        default=None,
        pattern=r"^[\w-]+$",
        description="The repositories' owner on GitHub.",
        examples=["mjdevaccount"],
    )
    python: tuple[PythonVersion, ...] = Field(
        default=("3.11",), min_length=1, description="The Python versions that are tested, as 3.11 or 3.11.4."
    )
    index: IndexName = Field(
        default="pypi",
        description="The package index: pypi, a name that uv's configuration defines, or a URL without credentials.",
    )
    index_rules: Literal["pypi", "format"] | None = Field(
        default=None,
        description="The rules that files are held to before they are uploaded: all of PyPI's, or those of the file "
        "format alone. Default: PyPI's for PyPI and TestPyPI.",
    )
    cascade_policy: Literal["all", "independent"] | tuple[PackageName, ...] = Field(
        default="all",
        description="Which members hold the root of a cascade when they can't follow: all of them, none "
        "(independent), or those named here.",
    )
    token_aliases: tuple[VariableName, ...] = Field(
        default=("REPO_TOKEN",), description="Older names of REPO_DISPATCH_TOKEN, which is looked for first."
    )
    downstream_statuses: bool = Field(
        default=True,
        strict=True,
        description="Whether a verified commit has a status for each downstream beside interlock/contracts, the one "
        "for all.",
    )
    commit_message: MessageForm = Field(
        default="chore(release): bump version to {tag}",
        description="The message of the commit that changes the version; {package}, {version} and {tag} are filled in.",
    )
    tag_message: MessageForm = Field(
        default="{package} {version}", description="The first line of a release's annotated tag; filled in likewise."
    )
    author: Author | None = Field(
        default=None,
        description="The author of commits and tags. Default: Git's own configuration.",
        examples=["Release Bot <bot@example.org>"],
    )


class Family(FamilySettings):
    """A validated family: every name resolves, and upstreams form no cycle."""

    packages: Mapping[PackageName, Package] = Field(min_length=1, description="The members, by name in normal form.")
    written: Mapping[str, str] = Field(default={}, description="The members' names as the file has them.")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        faults = (found for name in self.packages for found in _faults(name, self.packages))
        refuse("family", itertools.chain(faults, _settings_faults(self), cycles(self.packages)))
        return self

    def package(self, name: str) -> Package:
        """The member of this name.

        Raises:
            UsageError: The family has none; the hint is the nearest name.
        """
        try:
            return self.packages[name]
        except KeyError:
            message = f'the family "{self.name}" has no package "{name}"'
            raise UsageError(message, hint=nearest(name, self.packages)) from None

    def repository(self, name: str) -> str:
        """A member's repository on GitHub, as owner/name; as name alone when the family names no owner.

        Raises:
            UsageError: The family has no such member.
        """
        repository = self.package(name).repository or self.written.get(name, name)
        return repository if "/" in repository or self.owner is None else f"{self.owner}/{repository}"

    def in_repository(self, repository: str) -> tuple[str, ...]:
        """The members in a repository, in the order of the file; GitHub ignores the case of its names."""
        return tuple(name for name in self.packages if self.repository(name).lower() == repository.lower())

    def shares(self, name: str) -> bool:
        """Whether other members are in this one's repository."""
        return len(self.in_repository(self.repository(name))) > 1

    def pathspecs(self, name: str) -> tuple[str, ...]:
        """The paths of a member's own files in its repository, for Git; nothing when all of it is its own."""
        members = self.in_repository(self.repository(name))
        return pathspecs(name, {each: self.packages[each] for each in members})

    def downstreams(self, name: str) -> tuple[str, ...]:
        """The members that name this one as their upstream, in the order of the file; not their downstreams.

        Raises:
            UsageError: The family has no such member.
        """
        self.package(name)
        return tuple(other for other, package in self.packages.items() if name in package.upstreams)

    def order(self) -> tuple[str, ...]:
        """Every member once, each after all of its upstreams.

        Of the members that could be next, the first in the file is. So a file in dependency order keeps its order.
        """
        names = tuple(self.packages)
        sorter = graphlib.TopologicalSorter({name: package.upstreams for name, package in self.packages.items()})
        sorter.prepare()
        ready: list[int] = []
        placed: list[str] = []
        while sorter.is_active():
            for name in sorter.get_ready():
                heapq.heappush(ready, names.index(name))
            placed.append(names[heapq.heappop(ready)])
            sorter.done(placed[-1])
        return tuple(placed)

    def edges(self) -> tuple[Edge, ...]:
        """Every declared edge: by downstream in dependency order, then by upstream as the downstream lists them."""
        return tuple(
            Edge(upstream=upstream, downstream=name)
            for name in self.order()
            for upstream in self.packages[name].upstreams
        )

    def suites_of(self, edge: Edge) -> tuple[Suite, ...]:
        """The downstream's suites that test this edge, in the order of the file.

        Raises:
            UsageError: The family has no such downstream.
        """
        suites = self.package(edge.downstream).suites
        return tuple(suite for suite in suites if not suite.upstreams or edge.upstream in suite.upstreams)

    def tried_with(self, edge: Edge) -> tuple[Suite, ...]:
        """The suites that test this edge; without any, the least that is done for a downstream that publishes.

        Raises:
            UsageError: The family has no such downstream.
        """
        return self.suites_of(edge) or ((UNPROVEN,) if self.package(edge.downstream).publishes else ())


def _faults(name: str, packages: Mapping[str, Package]) -> Iterator[ValidationIssue]:
    """The faults of one package, apart from cycles."""
    for found in itertools.chain(
        _upstream_faults(name, packages),
        _reaction_faults(name, packages[name]),
        _release_on_faults(name, packages[name]),
        _follows_faults(name, packages[name]),
        _dispatch_faults(name, packages),
        _suite_faults(name, packages[name]),
    ):
        yield found._replace(at=("packages", name, *found.at))


def _upstream_faults(name: str, packages: Mapping[str, Package]) -> Iterator[ValidationIssue]:
    upstreams = packages[name].upstreams
    for number, upstream in enumerate(upstreams):
        at = ("upstreams", number)
        if upstream == name:
            yield ValidationIssue(at, f'"{name}" is its own upstream')
        elif upstream not in packages:
            others = [other for other in packages if other != name]
            yield ValidationIssue(at, f'"{name}" names an unknown upstream "{upstream}"', nearest(upstream, others))
        elif not packages[upstream].publishes:
            message = f'"{name}" names the upstream "{upstream}", which publishes nothing'
            yield ValidationIssue(at, message, f"remove it here, or publishes = false from [packages.{upstream}]")
    for number, upstream in repeats(upstreams):
        yield ValidationIssue(("upstreams", number), f'"{name}" names the upstream "{upstream}" twice')


def _settings_faults(family: Family) -> Iterator[ValidationIssue]:
    """The faults of the family as a whole, apart from cycles."""
    named = () if isinstance(family.cascade_policy, str) else family.cascade_policy
    for number, name in enumerate(named):
        if name not in family.packages:
            message = f'"cascade_policy" names an unknown package "{name}"'
            yield ValidationIssue(("family", "cascade_policy", number), message, nearest(name, family.packages))
    yield from _repository_faults(family)


def _repository_faults(family: Family) -> Iterator[ValidationIssue]:
    for repository in dict.fromkeys(family.repository(name).lower() for name in family.packages):
        members = {name: family.packages[name] for name in family.in_repository(repository)}
        yield from sharing_faults(members)
    repositories = {name: family.repository(name) for name in family.packages}
    for name, package in family.packages.items():
        yield from twice_told(name, package, repositories)


def _reaction_faults(name: str, package: Package) -> Iterator[ValidationIssue]:
    if package.reaction is Reaction.COMMAND and not package.command:
        yield ValidationIssue(
            ("reaction",), f'"{name}" reacts by a command and has none', 'for example: command = ["make"]'
        )
    if package.command and package.reaction is not Reaction.COMMAND:
        message = f'"{name}" has a command that its reaction "{package.reaction}" never runs'
        yield ValidationIssue(("command",), message, 'write reaction = "command", or remove the command')


def _release_on_faults(name: str, package: Package) -> Iterator[ValidationIssue]:
    if package.release_on is not None and not package.publishes:
        message = f'"{name}" publishes nothing, so nothing can start a release of it'
        yield ValidationIssue(("release_on",), message, "remove release_on")


def _follows_faults(name: str, package: Package) -> Iterator[ValidationIssue]:
    for upstream in package.follows:
        if upstream not in package.upstreams:
            message = f'"{name}" follows "{upstream}", which is no upstream of it'
            yield ValidationIssue(("follows", upstream), message, nearest(upstream, package.upstreams))
    if package.change is Change.PULL_REQUEST and (package.reaction is not Reaction.RELEASE or not package.publishes):
        message = f'"{name}" is changed by pull request, and Interlock never changes it'
        yield ValidationIssue(("change",), message, 'remove it, or write reaction = "release"')


def _dispatch_faults(name: str, packages: Mapping[str, Package]) -> Iterator[ValidationIssue]:
    sent: set[tuple[str, str]] = set()
    for number, dispatch in enumerate(packages[name].dispatches):
        for position, target in enumerate(dispatch.targets):
            at = ("dispatches", number, "targets", position)
            if target not in packages:
                message = f'"{name}" dispatches "{dispatch.event}" to an unknown member "{target}"'
                yield ValidationIssue(at, message, nearest(target, packages))
            elif (dispatch.event, target) in sent:
                yield ValidationIssue(at, f'"{name}" dispatches "{dispatch.event}" to "{target}" twice')
            sent.add((dispatch.event, target))


def _suite_faults(name: str, package: Package) -> Iterator[ValidationIssue]:
    for number, suite in enumerate(package.suites):
        if not package.publishes:
            yield ValidationIssue(
                ("suites", number), f'"{name}" has a suite and publishes nothing that could be tested'
            )
        elif not package.upstreams:
            yield ValidationIssue(
                ("suites", number), f'"{name}" has a suite and no upstreams whose contract it could test'
            )
        for position, upstream in enumerate(suite.upstreams):
            if upstream not in package.upstreams:
                message = f'suite "{suite.name}" tests "{upstream}", which is no upstream of "{name}"'
                yield ValidationIssue(
                    ("suites", number, "upstreams", position), message, nearest(upstream, package.upstreams)
                )
    for number, repeated in repeats(suite.name for suite in package.suites):
        yield ValidationIssue(("suites", number, "name"), f'"{name}" has two suites named "{repeated}"')
