"""Which runs a query wants: by event, branch, actor, commit, status, and when they were made."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from interlock.rehearsal.github.refusals import unprocessable
from interlock.rehearsal.github.runs import Run, progress


def is_wanted(run: Run, query: Mapping[str, str], moment: datetime) -> bool:
    """Whether a run is among those that a query asks for.

    Raises:
        Refusal: A time can't be read.
    """
    now = progress(run, moment)
    values: dict[str, set[str | None]] = {
        "event": {run.event},
        "branch": {run.branch},
        "actor": {run.login},
        "head_sha": {run.sha},
        "status": {now.status, now.conclusion},
    }
    same = all(query[name] in values[name] for name in values if query.get(name))
    return same and _in_time(query.get("created", ""), run.created_at)


def _in_time(text: str, moment: datetime) -> bool:
    """Whether a moment is in a range of GitHub's search: `>=X`, `>X`, `<=X`, `<X`, `A..B`, or a day; to the second."""
    at = moment.replace(microsecond=0)
    if not text:
        return True
    if ".." in text:
        begin, end = text.split("..", 1)
        return (begin == "*" or _moment(begin) <= at) and (end == "*" or at <= _end(end))
    for sign, compare in COMPARISONS.items():
        if text.startswith(sign):
            return compare(at, text.removeprefix(sign))
    return _moment(text) <= at <= _end(text)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise unprocessable("Invalid created parameter") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _end(text: str) -> datetime:
    """The end of what is meant: of a day, when only that is said."""
    return _moment(text) + (timedelta(days=1, seconds=-1) if "T" not in text else timedelta())


COMPARISONS: dict[str, Callable[[datetime, str], bool]] = {
    ">=": lambda at, text: at >= _moment(text),
    "<=": lambda at, text: at <= _end(text),
    ">": lambda at, text: at > _end(text),
    "<": lambda at, text: at < _moment(text),
}
