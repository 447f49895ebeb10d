"""GitHub: the calls that releases, checks and dispatches make, each sent as often as is safe."""

from interlock.github.check_runs import Annotation, CheckRun
from interlock.github.client import GitHub, open_github
from interlock.github.credentials import AppInstallation, Credentials, StaticToken
from interlock.github.errors import AlreadyExistsError, RateLimitError, UnprocessableError, UnreachableError
from interlock.github.hooks import Hook, HookDelivery
from interlock.github.patience import Patience
from interlock.github.place import Place, place
from interlock.github.pulls import Waiting
from interlock.github.statuses import CommitStatus, StatusState
from interlock.github.values import (
    Account,
    Asset,
    BranchRules,
    Comment,
    GitHubRelease,
    PullRequest,
    Repository,
    TokenFacts,
)

__all__ = [
    "Account",
    "AlreadyExistsError",
    "Annotation",
    "AppInstallation",
    "Asset",
    "BranchRules",
    "CheckRun",
    "Comment",
    "CommitStatus",
    "Credentials",
    "GitHub",
    "GitHubRelease",
    "Hook",
    "HookDelivery",
    "Patience",
    "Place",
    "PullRequest",
    "RateLimitError",
    "Repository",
    "StaticToken",
    "StatusState",
    "TokenFacts",
    "UnprocessableError",
    "UnreachableError",
    "Waiting",
    "open_github",
    "place",
]
