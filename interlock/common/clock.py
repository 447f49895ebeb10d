"""The one clock: the time now, in UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """The time now, with its time zone."""
    return datetime.now(UTC)
