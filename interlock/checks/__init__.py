"""Named checks of everything that must be true before a release is: state, cause and cure. They change nothing."""

from interlock.checks.family import check_family, check_package, check_tokens
from interlock.checks.values import Check, State, all_good, failed, ok, unknown, warning

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
