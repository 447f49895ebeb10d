"""Dispatches and receipts: the events for other repositories, and recognising the run that took one."""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from enum import StrEnum

from pydantic import AwareDatetime, ConfigDict

from interlock.common.frozen_model import FrozenModel

# The conclusion of a run that has been deleted; its own is not known any more.
GONE = "gone"
# GitHub runs a workflow again under the same id; any other conclusion than these needs a person.
GOOD = frozenset({"success", "neutral", "skipped", GONE})
DISPATCH_ID = "dispatch_id"
# The id of any dispatch.
ANY_ID = re.compile(r"\S==\d\S*:\S")
SKEW = timedelta(seconds=30)


class Order(FrozenModel):
    """A dispatch that is to be sent: one event to one repository.

    Attributes:
        id: The same for the same release and event, whichever process sends it and however often.
        origin: The package that was released.
        target: The member that is notified.
        repository: The target's, as owner/name.
        payload: The event's fields, with its id.
    """

    id: str
    event: str
    origin: str
    version: str
    target: str
    repository: str
    payload: Mapping[str, str]


class DispatchState(StrEnum):
    """How far a dispatch has come."""

    PLANNED = "planned"  # not sent: GitHub refused it for a while
    SENDING = "sending"  # about to be sent; the target's runs show whether it was
    SENT = "sent"  # GitHub has accepted it, which does not mean that a workflow listens
    TAKEN = "taken"  # a workflow run took it
    FINISHED = "finished"  # that run has ended


class Receipt(FrozenModel):
    """The workflow run that took a dispatch.

    Attributes:
        workflow: The path of its workflow file.
        status: GitHub's word: queued, in_progress, completed.
        conclusion: How it ended, as success or failure; None while it runs.
        exact: Whether the run's title has the dispatch's id; else it is the first listening run since the dispatch.
    """

    run: int
    url: str
    workflow: str
    status: str
    conclusion: str | None = None
    exact: bool = True

    @property
    def is_good(self) -> bool:
        """Whether the run has ended well."""
        return self.conclusion in GOOD


class DispatchRecord(FrozenModel):
    """The state of a dispatch.

    Attributes:
        at: When it was last sent, or about to be.
        after: The target's newest run just before; the run that took it is newer. None when that is not known.
    """

    order: Order
    state: DispatchState
    at: AwareDatetime
    after: int | None = None
    receipt: Receipt | None = None

    def taken_by(self, receipt: Receipt) -> "DispatchRecord":
        """A copy with the run that took it."""
        ended = receipt.status == "completed"
        state = DispatchState.FINISHED if ended else DispatchState.TAKEN
        return self.model_copy(update={"state": state, "receipt": receipt})


class WorkflowRun(FrozenModel):
    """A run of a workflow, as GitHub describes it, without the fields that are not needed.

    Attributes:
        path: Of its workflow file; for some runs with the branch behind it, as `.github/workflows/x.yml@main`.
        display_title: Its `run-name` filled in, or the event type.
        status: queued, in_progress, completed, and some more.
    """

    model_config = ConfigDict(extra="ignore")

    id: int
    path: str
    display_title: str
    event: str
    status: str
    conclusion: str | None
    html_url: str
    created_at: AwareDatetime

    @property
    def workflow(self) -> str:
        """The path of its workflow file."""
        return self.path.partition("@")[0]


def dispatch_id(package: str, version: str, event: str) -> str:
    """The id of a release's event: `market-data-core==1.2.11:core_release`."""
    return f"{package}=={version}:{event}"


def names(title: str, id: str) -> bool:  # noqa: A002  the field's name
    """Whether a run's title has an id, and not one that only starts or ends alike."""
    return re.search(rf"(?<![\w.:=+-]){re.escape(id)}(?![\w:=+-]|\.\w)", title) is not None


def recognise(
    runs: Iterable[WorkflowRun],
    record: DispatchRecord,
    *,
    listeners: Collection[str],
    claimed: Collection[int] = (),
) -> Receipt | None:
    """The run that took a dispatch, if there is one.

    Args:
        runs: The target's runs that a `repository_dispatch` started.
        record: The dispatch.
        listeners: The workflow files that listen to the event. If a file's titles have no ids, its first run since the
            dispatch counts.
        claimed: Runs that took another dispatch.
    """
    oldest_first = sorted(runs, key=lambda run: run.id)
    for run in oldest_first:
        if names(run.display_title, record.order.id):
            return receipt_of(run)
    for run in oldest_first:
        nameless = run.workflow in listeners and not ANY_ID.search(run.display_title)
        if nameless and run.id not in claimed and _is_later(run, record):
            return receipt_of(run, exact=False)
    return None


def _is_later(run: WorkflowRun, record: DispatchRecord) -> bool:
    """Compare ids where the newest run before is known; else times, by clocks that may differ a little."""
    return run.created_at >= record.at - SKEW if record.after is None else run.id > record.after


def receipt_of(run: WorkflowRun, *, exact: bool = True) -> Receipt:
    """The receipt for a run."""
    return Receipt(
        run=run.id, url=run.html_url, workflow=run.workflow, status=run.status, conclusion=run.conclusion, exact=exact
    )
