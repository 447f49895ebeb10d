"""GitHub: the calls that features make; reads are tried again, a write is never sent twice."""

from interlock.adapters.github.check_runs import Annotation, CheckRun
from interlock.adapters.github.client import GitHub, open_github
from interlock.adapters.github.credentials import AppInstallation, Credentials, StaticToken
from interlock.adapters.github.errors import AlreadyExistsError, RateLimitError, UnprocessableError, UnreachableError
from interlock.adapters.github.hooks import Hook, HookDelivery
from interlock.adapters.github.models import (
    Account,
    Asset,
    BranchRules,
    Comment,
    GitHubRelease,
    PullRequest,
    Repository,
    TokenFacts,
)
from interlock.adapters.github.pulls import Queue, Waiting
from interlock.adapters.github.retry_policy import RetryPolicy
from interlock.adapters.github.server import GitHubServer, github_server
from interlock.adapters.github.statuses import CommitStatus, StatusState

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
    "GitHubServer",
    "Hook",
    "HookDelivery",
    "PullRequest",
    "Queue",
    "RateLimitError",
    "Repository",
    "RetryPolicy",
    "StaticToken",
    "StatusState",
    "TokenFacts",
    "UnprocessableError",
    "UnreachableError",
    "Waiting",
    "github_server",
    "open_github",
]
