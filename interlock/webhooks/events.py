"""The event of a delivery, as one typed value of the few fields that routing needs."""

from typing import Annotated

from packaging.version import InvalidVersion, Version
from pydantic import AfterValidator, AliasChoices, AliasPath, BeforeValidator, ConfigDict, Field, StringConstraints

from interlock.common.frozen_model import FrozenModel

# Larger than any of GitHub's numbers, and still an integer of a database.
LARGEST = 10**18
# GitHub takes 100 labels of 50 characters, and titles of 256.
MOST, LONGEST_TITLE = 100, 1000


def _version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion:
        raise ValueError("is no version") from None


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds characters that can't be printed")
    return text


def _labels(found: object) -> tuple[str, ...]:
    """The names of a pull request's labels, which people choose freely: what can't be one is left out."""
    listed = found if isinstance(found, list | tuple) else ()
    names = (each.get("name") if isinstance(each, dict) else each for each in listed)
    return tuple(name for name in names if isinstance(name, str) and len(name) <= MOST)[:MOST]


def _start(found: object) -> str:
    return found[:LONGEST_TITLE] if isinstance(found, str) else ""


Word = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_printable)]
RepositoryName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9_.-]+$", max_length=200)
]
Sha = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
_REF = r"^[^\x00-\x20\x7f~^:?*\[\\-][^\x00-\x20\x7f~^:?*\[\\]*$"
Ref = Annotated[str, StringConstraints(pattern=_REF, max_length=250)]
WholeRef = Annotated[str, StringConstraints(pattern=_REF, max_length=250 + len("refs/heads/"))]
VersionText = Annotated[str, StringConstraints(max_length=100), AfterValidator(_version)]
Number = Annotated[int, Field(ge=1, lt=LARGEST)]


class Event(FrozenModel):
    """The base: an event in a repository. Other fields of a payload are ignored.

    Attributes:
        repository: The repository, as owner/name.
    """

    model_config = ConfigDict(extra="ignore", validate_by_name=True, validate_by_alias=True, hide_input_in_errors=True)

    repository: RepositoryName = Field(validation_alias=AliasPath("repository", "full_name"))

    @property
    def action(self) -> str | None:
        """What happened, where GitHub says so."""
        return None


class ActionEvent(Event):
    """An event with an action."""

    verb: Word = Field(validation_alias="action")

    @property
    def action(self) -> str | None:
        """What happened."""
        return self.verb


class PullRequestEvent(ActionEvent):
    """A change of a pull request.

    Attributes:
        sha: The head of its branch.
        base: The branch that it asks to be merged into.
        head: Its own branch.
        head_repository: The repository of its branch; None when it is deleted.
        before: The head before, where there was one.
        base_before: The base before, where the event is a change of the base.
        author: The user who opened it.
        sender: The user who caused the event: who pushed, when it is synchronized.
        merge_sha: The commit that it became, when it is merged.
        labels: Its labels at the time of the event.
    """

    number: Number
    sha: Sha = Field(validation_alias=AliasPath("pull_request", "head", "sha"))
    base: Ref = Field(validation_alias=AliasPath("pull_request", "base", "ref"))
    head: Ref = Field(validation_alias=AliasPath("pull_request", "head", "ref"))
    head_repository: RepositoryName | None = Field(
        default=None, validation_alias=AliasPath("pull_request", "head", "repo", "full_name")
    )
    before: Sha | None = None
    base_before: Ref | None = Field(default=None, validation_alias=AliasPath("changes", "base", "ref", "from"))
    author: Word | None = Field(default=None, validation_alias=AliasPath("pull_request", "user", "login"))
    sender: Word | None = Field(default=None, validation_alias=AliasPath("sender", "login"))
    merged: bool = Field(default=False, validation_alias=AliasPath("pull_request", "merged"))
    merge_sha: Sha | None = Field(default=None, validation_alias=AliasPath("pull_request", "merge_commit_sha"))
    labels: Annotated[tuple[str, ...], BeforeValidator(_labels)] = Field(
        default=(), validation_alias=AliasPath("pull_request", "labels")
    )
    title: Annotated[str, BeforeValidator(_start)] = Field(
        default="", validation_alias=AliasPath("pull_request", "title")
    )


class PushEvent(Event):
    """A push to a branch or tag.

    Attributes:
        ref: The branch or tag, as `refs/heads/main`.
        sha: Its commit now.
        before: Its commit before; zeros for a new one.
    """

    ref: WholeRef
    sha: Sha = Field(validation_alias="after")
    before: Sha | None = None
    deleted: bool = False


class MergeGroupEvent(ActionEvent):
    """A commit that a merge queue is about to merge, or does not need any more.

    Attributes:
        sha: The group's head: the only commit on which the queue waits for checks.
        base: The branch that it is to be merged into, as `refs/heads/main`.
        base_sha: Its parent: the base's commit, or the head of the group before it.
    """

    sha: Sha = Field(validation_alias=AliasPath("merge_group", "head_sha"))
    base: WholeRef = Field(validation_alias=AliasPath("merge_group", "base_ref"))
    base_sha: Sha = Field(validation_alias=AliasPath("merge_group", "base_sha"))


class ReleaseEvent(ActionEvent):
    """A change of a release on GitHub.

    Attributes:
        prerelease: Whether GitHub marks it as one, whatever its tag says.
    """

    tag: Ref = Field(validation_alias=AliasPath("release", "tag_name"))
    draft: bool = Field(default=False, validation_alias=AliasPath("release", "draft"))
    prerelease: bool = Field(default=False, validation_alias=AliasPath("release", "prerelease"))


class DispatchEvent(Event):
    """A dispatch to the repository, most often about a release of another member.

    Attributes:
        name: The event's type; for a `workflow_dispatch`, the name of its workflow file.
        origin: The package or repository that it is about.
        version: The released version.
        tag: The version's tag, for a dispatch without a version.
    """

    name: Word = Field(validation_alias="action")
    origin: Word | None = Field(
        default=None,
        validation_alias=AliasChoices(AliasPath("client_payload", "origin"), AliasPath("inputs", "origin")),
    )
    version: VersionText | None = Field(
        default=None,
        validation_alias=AliasChoices(AliasPath("client_payload", "version"), AliasPath("inputs", "version")),
    )
    tag: Ref | None = Field(
        default=None,
        validation_alias=AliasChoices(AliasPath("client_payload", "tag"), AliasPath("inputs", "tag")),
    )

    @property
    def action(self) -> str | None:
        """The event's type."""
        return self.name


class WorkflowRunEvent(ActionEvent):
    """A workflow run that started or ended.

    Attributes:
        branch: The branch that it runs on.
        branch_repository: The repository of the branch; None when it is deleted.
        conclusion: How it ended, in GitHub's words.
    """

    run: Number = Field(validation_alias=AliasPath("workflow_run", "id"))
    attempt: Number = Field(default=1, validation_alias=AliasPath("workflow_run", "run_attempt"))
    branch: Ref | None = Field(default=None, validation_alias=AliasPath("workflow_run", "head_branch"))
    branch_repository: RepositoryName | None = Field(
        default=None, validation_alias=AliasPath("workflow_run", "head_repository", "full_name")
    )
    conclusion: Word | None = Field(default=None, validation_alias=AliasPath("workflow_run", "conclusion"))


class VersionEvent(Event):
    """A version of the repository's package is out, as the workflow that published it reports.

    Attributes:
        package: The package in its normal form, where the repository has several.
    """

    version: VersionText
    package: str | None = None


class Unhandled(FrozenModel):
    """A genuine delivery that starts nothing.

    Attributes:
        why: The reason, in a line, for people who look at the deliveries.
        repository: Its repository, if the payload has one.
        is_ping: Whether it is GitHub's ping.
    """

    why: str
    repository: str | None = None
    is_ping: bool = False


Received = Event | Unhandled
