"""Named checks of everything that must be true before a release is: state, cause and cure. They change nothing."""

from interlock.checks.family import check_family, check_package, check_tokens
from interlock.checks.values import Check, State, all_good, failed, ok, unknown, warning
from interlock.checks.world import Access, World, access_from, open_world

__all__ = [
    "Access",
    "Check",
    "State",
    "World",
    "access_from",
    "all_good",
    "check_family",
    "check_package",
    "check_tokens",
    "failed",
    "ok",
    "open_world",
    "unknown",
    "warning",
]
