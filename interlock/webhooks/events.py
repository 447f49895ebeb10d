"""What a delivery says, as one typed value of the few fields that anything follows from."""

from typing import Annotated

from packaging.version import InvalidVersion, Version
from pydantic import AfterValidator, AliasChoices, AliasPath, ConfigDict, Field, StringConstraints

from interlock.common.frozen_model import FrozenModel

# One more digit than any of GitHub's numbers has; a database's integer still holds it.
LARGEST = 10**18


def _version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion:
        raise ValueError("is no version") from None


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds characters that can't be printed")
    return text


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
    """The base: an event in a repository. What else a payload has is not looked at.

    Attributes:
        repository: As owner/name.
    """

    model_config = ConfigDict(extra="ignore", validate_by_name=True, validate_by_alias=True, hide_input_in_errors=True)

    repository: RepositoryName = Field(validation_alias=AliasPath("repository", "full_name"))

    @property
    def action(self) -> str | None:
        """What has happened to it, where GitHub says so."""
        return None


class ActionEvent(Event):
    """An event with an action."""

    verb: Word = Field(validation_alias="action")

    @property
    def action(self) -> str | None:
        """What has happened to it."""
        return self.verb


class PullRequestEvent(ActionEvent):
    """Something has become of a pull request.

    Attributes:
        sha: The newest commit of its branch.
        base: The branch that it is to be merged into.
        head: Its own branch.
        head_repository: Where that is; None when it is gone.
        before: The newest commit before this one, where there was one.
        base_before: The branch that it was to be merged into until now, where that is what has changed.
        author: Who opened it.
        association: What its author is to the repository, in GitHub's words.
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
    association: Word = Field(default="NONE", validation_alias=AliasPath("pull_request", "author_association"))
    merged: bool = Field(default=False, validation_alias=AliasPath("pull_request", "merged"))


class PushEvent(Event):
    """A branch or tag was moved.

    Attributes:
        ref: As `refs/heads/main`.
        sha: Where it is now.
    """

    ref: WholeRef
    sha: Sha = Field(validation_alias="after")
    deleted: bool = False


class ReleaseEvent(ActionEvent):
    """Something has become of a release on GitHub.

    Attributes:
        prerelease: Whether it is marked as one there, whatever its tag says.
    """

    tag: Ref = Field(validation_alias=AliasPath("release", "tag_name"))
    draft: bool = Field(default=False, validation_alias=AliasPath("release", "draft"))
    prerelease: bool = Field(default=False, validation_alias=AliasPath("release", "prerelease"))


class DispatchEvent(Event):
    """Somebody tells the repository of something, most often of a release of another one.

    Attributes:
        name: The event's type; of a `workflow_dispatch`, what its workflow file is called.
        origin: The package or repository that it is about.
        version: The version.
        tag: Its tag, where the version is not said.
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
    """A workflow run has begun or ended.

    Attributes:
        branch: That it runs on.
        branch_repository: Where that is; None when it is gone.
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
    """A version of the repository's package is out: what a workflow says that publishes it."""

    version: VersionText


class Unhandled(FrozenModel):
    """A genuine delivery that nothing can follow from.

    Attributes:
        why: In a line, for whoever looks at the deliveries.
        repository: Where it is from, if that could be read.
        is_ping: Whether GitHub only tries whether somebody is there.
    """

    why: str
    repository: str | None = None
    is_ping: bool = False


Received = Event | Unhandled
