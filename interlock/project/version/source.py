"""Where a project's version comes from: a place in a file, or tags."""

from pathlib import Path
from typing import NamedTuple

from interlock.project.version.forms import Form
from interlock.project.version.readers import Reader


class InFile(NamedTuple):
    """A version in a file.

    Attributes:
        path: The file, relative to the project.
        named: What holds it there.
        reader: Reads it.
        pattern: The regular expression by which it is read, if there is one.
        form: How it is written there.
    """

    path: Path
    named: str
    reader: Reader
    pattern: str | None = None
    form: Form = Form.TEXT


class FromTags(NamedTuple):
    """A version that a tool reads from tags."""

    tool: str


Source = InFile | FromTags
