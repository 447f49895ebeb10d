"""Named checks of what must be true before a release, each with its state, cause and hint. They change nothing."""

from interlock.releases.checks.family import check_family, check_package, check_tokens
from interlock.releases.checks.models import Check, State, all_good, failed, ok, unknown, warning

__all__ = [
    "Check",
    "State",
    "all_good",
    "check_family",
    "check_package",
    "check_tokens",
    "failed",
    "ok",
    "unknown",
    "warning",
]
