"""The gateway's log: a line of JSON for each event, without secrets and without bodies."""

import json
import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

NAME: Final = "interlock.gateway"
FACTS: Final = "facts"
# Warnings of one kind in a minute.
MOST: Final = 20
logger = logging.getLogger(NAME)


def say(level: int, message: str, **facts: object) -> None:
    """Log a line.

    Args:
        level: A level of `logging`.
        message: A few words, always the same for the same kind of event.
        facts: The particulars.
    """
    logger.log(level, message, extra={FACTS: {name: value for name, value in facts.items() if value is not None}})


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": at, "level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        line |= getattr(record, FACTS, {})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=True)


class RateLimitedLog(logging.Filter):
    """Passes a few warnings of one kind in a minute: strangers can't fill the disk with lines.

    Args:
        most: How many pass.
        clock: The time in seconds.
    """

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._most, self._clock = most, clock
        self._said: Counter[tuple[str, str, str]] = Counter()
        self._until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write it."""
        if record.levelno != logging.WARNING:
            return True
        if self._clock() >= self._until:
            self._said.clear()
            self._until = self._clock() + 60
        kind = (record.name, str(record.msg), str(getattr(record, FACTS, {}).get("reason")))
        self._said[kind] += 1
        return self._said[kind] <= self._most


def set_up() -> None:
    """Write the lines of every logger to standard error as JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    handler.addFilter(RateLimitedLog())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(logging.INFO)
    # Prefect gives its own and uvicorn's loggers handlers with another format.
    for other in logging.root.manager.loggerDict.values():
        if isinstance(other, logging.Logger):
            other.handlers[:] = []
            other.propagate = True
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
