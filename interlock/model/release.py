"""The lifecycle of a release: the table of its steps, and the record of a release."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, StringConstraints

from interlock.common.frozen_model import FrozenModel
from interlock.model.dispatches import DispatchRecord, DispatchState
from interlock.model.versions import VersionField

RequestId = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,300}$")]
"""What asks for a release, as a flow run, a CI run or a delivery: 1 to 300 visible ASCII characters."""


class Step(StrEnum):
    """The steps, in their order."""

    PREFLIGHT = "preflight"
    CHECKOUT = "checkout"
    BUMP = "bump"
    GUARD = "guard"
    ADMISSION = "admission"
    BUILD = "build"
    CHECK = "check"
    COMMIT_AND_TAG = "commit-and-tag"
    PUSH = "push"
    PUBLISH = "publish"
    CONFIRM = "confirm"
    GITHUB_RELEASE = "github-release"
    DISPATCH = "dispatch"
    RECEIPTS = "receipts"
    DEVELOPMENT = "development"
    SUMMARY = "summary"


class Promise(NamedTuple):
    """What a step promises.

    Attributes:
        does: What it does.
        looks_at: Where it looks before it acts, and again when it does not know whether it has acted.
        leaves: What it leaves in the world; None when it can fail without a trace.
    """

    does: str
    looks_at: str
    leaves: str | None


# docs/releases.md shows this table, and a test keeps it equal. Everything that can fail without a trace comes first.
LIFECYCLE: Mapping[Step, Promise] = {
    Step.PREFLIGHT: Promise("check tokens, listeners, branch rules, index", "GitHub, index", None),
    Step.CHECKOUT: Promise("clone the branch with its tags", "repository", None),
    Step.BUMP: Promise("find the next version, or the release that is to be finished", "files, tags, index", None),
    Step.GUARD: Promise("refuse a version that is taken", "tags, index", None),
    Step.ADMISSION: Promise("refuse what is known to break a downstream", "ledger, index", None),
    Step.BUILD: Promise("build sdist and wheel, reproducibly", "earlier builds", None),
    Step.CHECK: Promise("hold the files to the rules of the index", "files, index", None),
    Step.COMMIT_AND_TAG: Promise("commit the version, tag it with the files' hashes", "clone", None),
    Step.PUSH: Promise("push commit and tag together", "refs", "commit and tag"),
    Step.PUBLISH: Promise("upload with twine", "index", "files on the index"),
    Step.CONFIRM: Promise("wait until the index serves the files", "index", None),
    Step.GITHUB_RELEASE: Promise("make the GitHub Release with notes and files", "releases, assets", "release, assets"),
    Step.DISPATCH: Promise("tell the downstreams", "ledger, runs of the targets", "dispatches"),
    Step.RECEIPTS: Promise("follow the runs that took the dispatches", "runs of the targets", None),
    Step.DEVELOPMENT: Promise('write the next development version (`next = "dev"`)', "files of the branch", "commit"),
    Step.SUMMARY: Promise("report and record", "–", "record in the ledger"),
}
# The steps of every release with a result in the world that others see; it is there when they run again.
VISIBLE = frozenset({Step.PUSH, Step.PUBLISH, Step.GITHUB_RELEASE, Step.DISPATCH})


class ReleasedFile(FrozenModel):
    """A file of a release.

    Attributes:
        size: In bytes.
    """

    name: str
    sha256: str
    size: int


class Release(FrozenModel):
    """The release of one version of one package, as far as it has come.

    Attributes:
        previous: The newest release before it.
        files: Wheel and sdist.
        page: The address of the GitHub Release.
        seconds: How long each step took.
        resumed: Whether an earlier run had started it.
        done_before: The steps that found there what they leave in the world.
        nothing_new: Whether nothing was released now, since nothing is new since this release.
        remarks: What a person should know, though it stopped nothing.
        cascade: The cascade that it is part of.
        run: The flow run that started or finished it.
        request_id: What asked for it last, as a flow run or a CI run.
        ended_at: When its last step was done; None while it is unfinished.
    """

    package: str
    version: VersionField
    previous: VersionField | None = None
    repository: str
    branch: str
    tag: str
    commit: str
    files: tuple[ReleasedFile, ...] = ()
    page: str | None = None
    dispatches: tuple[DispatchRecord, ...] = ()
    seconds: Mapping[Step, float] = {}
    resumed: bool = False
    done_before: tuple[Step, ...] = ()
    nothing_new: bool = False
    remarks: tuple[str, ...] = ()
    cascade: str | None = None
    run: str | None = None
    request_id: str | None = None
    began_at: AwareDatetime
    ended_at: AwareDatetime | None = None

    @property
    def is_finished(self) -> bool:
        """Whether all its steps are done."""
        return self.ended_at is not None

    @property
    def is_repeated(self) -> bool:
        """Whether everything that others see of it was there before it was run again."""
        return self.resumed and frozenset(self.done_before) >= VISIBLE

    @property
    def nothing_new_in_words(self) -> str:
        """That nothing is new since it, in a line."""
        since = f" (released {self.ended_at or self.began_at:%Y-%m-%d %H:%M} UTC)"
        return f"{self.package} has nothing to release since {self.tag}{since}"

    @property
    def unheard(self) -> tuple[DispatchRecord, ...]:
        """The dispatches that no run took."""
        return tuple(record for record in self.dispatches if record.receipt is None)

    @property
    def failed(self) -> tuple[DispatchRecord, ...]:
        """The dispatches with a run that ended badly."""
        ended = (record for record in self.dispatches if record.state is DispatchState.FINISHED)
        return tuple(record for record in ended if record.receipt and not record.receipt.is_good)
