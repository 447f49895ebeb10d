"""Named checks of what must be true before a release, each with its state, cause and hint. They change nothing."""

from interlock.releases.checks.family import check_family, check_package, check_tokens
from interlock.releases.checks.isolation import why_exposed
from interlock.releases.checks.models import Check, State, all_good, failed, ok, unknown, warning
from interlock.releases.checks.token import check_roles

__all__ = [
    "Check",
    "State",
    "all_good",
    "check_family",
    "check_package",
    "check_roles",
    "check_tokens",
    "failed",
    "ok",
    "unknown",
    "warning",
    "why_exposed",
]
