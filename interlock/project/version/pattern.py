"""Searches a file by a regular expression that a stranger wrote: in a process of its own, which has a time limit.

Python's `re` can need longer than any limit for a small file, and nothing else runs in its process meanwhile. Other
libraries have limits, and differ from `re`, by which the build backends search.
"""

import json
import re
import subprocess
import sys
from functools import lru_cache
from typing import NamedTuple

# The patterns of hatchling, pdm-backend and scikit-build-core (there with a group named value). Their time grows with
# the length of the file alone.
HATCH = r"""(?i)^(__version__|VERSION) *= *(['"])v?(?P<version>.+?)\2"""
PDM = r"""^__version__\s*=\s*["'](?P<version>.+?)["']\s*(?:#.*)?$"""
SCIKIT_BUILD = r"""(?i)^(__version__|VERSION)(?: ?\: ?str)? *= *(['"])v?(?P<version>.+?)\2"""
# A search takes milliseconds, and Python about 20 of them to start; on a busy machine some hundred.
SECONDS = 10.0
MEMORY = 1 << 30
# In the child: the start and the end of the group, as JSON; `null` when nothing matches.
PROGRAM = f"""
import json, re, resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
found = re.compile(sys.argv[1], re.MULTILINE).search(sys.stdin.buffer.read().decode())
print(json.dumps(found and found.span("version")))
"""


class SlowPatternError(Exception):
    """A search that did not end within its time or memory."""


class Found(NamedTuple):
    """The group `version` of the first match.

    Attributes:
        text: Its text.
        start: Its first byte in the file.
    """

    text: str
    start: int


def search(pattern: str, text: str) -> Found | None:
    """The group `version` of a pattern's first match, as hatchling finds it; None when nothing matches.

    Args:
        pattern: A valid regular expression that has the group.
        text: The file's text.

    Raises:
        SlowPatternError: It takes too long.
    """
    # Universal newlines, as in a file that is opened as text: `$` must match before a CRLF too.
    unix = text.replace("\r\n", "\n")
    if pattern in {HATCH, PDM, SCIKIT_BUILD}:
        found = re.compile(pattern, re.MULTILINE).search(unix)
        span = found.span("version") if found else None
    else:
        span = _in_child(pattern, unix)
    if span is None or span[0] == span[1]:
        return None
    start, end = span
    before = len(unix[:start].encode()) + _carriage_returns(text, start)
    return Found(unix[start:end], before)


def _carriage_returns(text: str, position: int) -> int:
    """How many of the line ends before a position of the text with single characters for them have two."""
    starts = (found.start() - number for number, found in enumerate(re.finditer("\r\n", text)))
    return sum(start < position for start in starts)


@lru_cache(maxsize=8)
def _in_child(pattern: str, text: str) -> tuple[int, int] | None:
    try:
        done = subprocess.run(  # noqa: S603  an argument list; `process.run` is for callers with an event loop
            [sys.executable, "-I", "-S", "-c", PROGRAM, pattern],
            input=text.encode(),
            capture_output=True,
            check=False,
            timeout=SECONDS,
            env={},
        )
    except (subprocess.TimeoutExpired, OSError, ValueError) as error:  # OSError, ValueError: it can't be an argument
        raise SlowPatternError(str(error)) from None
    if done.returncode:
        raise SlowPatternError(done.stderr.decode(errors="replace"))
    span: list[int] | None = json.loads(done.stdout)
    return None if span is None else (span[0], span[1])
