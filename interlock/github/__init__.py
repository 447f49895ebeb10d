"""GitHub: the calls that releases, checks and dispatches make, each sent as often as is safe."""

from interlock.github.client import GitHub, open_github
from interlock.github.credentials import AppInstallation, Credentials, StaticToken
from interlock.github.errors import AlreadyExistsError, RateLimitError, UnprocessableError, UnreachableError
from interlock.github.patience import Patience
from interlock.github.place import Place, place
from interlock.github.pulls import Waiting
from interlock.github.values import Asset, BranchRules, GitHubRelease, PullRequest, Repository, TokenFacts

__all__ = [
    "AlreadyExistsError",
    "AppInstallation",
    "Asset",
    "BranchRules",
    "Credentials",
    "GitHub",
    "GitHubRelease",
    "Patience",
    "Place",
    "PullRequest",
    "RateLimitError",
    "Repository",
    "StaticToken",
    "TokenFacts",
    "UnprocessableError",
    "UnreachableError",
    "Waiting",
    "open_github",
    "place",
]
