"""The gateway's log: a line of JSON for each thing that happens, without secrets and without what was sent."""

import json
import logging
from datetime import UTC, datetime
from typing import Final

NAME: Final = "interlock.gateway"
FACTS: Final = "facts"
logger = logging.getLogger(NAME)


def say(level: int, message: str, **facts: object) -> None:
    """Log a line.

    Args:
        level: As logging has it.
        message: A few words, the same for the same thing.
        facts: What is particular to it.
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


def set_up() -> None:
    """Write every logger's lines to standard error so."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
