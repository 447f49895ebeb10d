"""What an event starts, or why it starts nothing."""

from enum import StrEnum

from interlock.common.frozen_model import FrozenModel
from interlock.model.delivery import Start

# The branches of cascades' pull requests: `PREFIX` in interlock.releases.pull_request_branch.
CHANGE_BRANCHES = "interlock/"


class Kind(StrEnum):
    """Why an event starts nothing, as a label for metrics."""

    PING = "ping"
    EVENT = "event"
    REPOSITORY = "repository"
    ACTION = "action"
    BRANCH = "branch"
    FORK = "fork"
    UNASKED = "unasked"
    UNTESTED = "untested"
    UNFOLLOWED = "unfollowed"
    VERSION = "version"


class Ignored(FrozenModel):
    """An event that starts nothing.

    Attributes:
        why: The reason, in a line, for people who look at the deliveries.
    """

    kind: Kind
    why: str


Route = Start | Ignored
