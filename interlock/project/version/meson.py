"""The version in a `meson.build`: the keyword of its call of `project()`."""

import re
from pathlib import Path

from interlock.project.version.project import Project
from interlock.project.version.readers import PositionReader, UnreadableError, whole_text
from interlock.project.version.source import InFile

MESON_BUILD = Path("meson.build")
# Texts, comments, and what stands alone (https://mesonbuild.com/Syntax.html).
TOKEN = re.compile(rb"'''.*?'''|'(?:[^'\\\n]|\\.)*'|#[^\n]*|[A-Za-z_]\w*|[^\s\w]", re.DOTALL)
# The call comes first in its file.
LARGEST = 1 << 16
OPENING, CLOSING = (b"(", b"[", b"{"), (b")", b"]", b"}")
HINT = "write version: '1.2.3' there, or version = \"1.2.3\" under [project] of pyproject.toml"


def meson_version(project: Project) -> InFile:
    """Where `project()` has its version: there, or in the file that it names with `files('VERSION')`.

    Raises:
        BuildError: It can't be read.
    """
    tokens = [found[0] for found in project.read(MESON_BUILD, _version_tokens)]
    if tokens[:2] == [b"files", b"("] and tokens[3:4] == [b")"]:
        return InFile(Path(tokens[2][1:-1].decode(errors="replace")), "its text", whole_text)
    return InFile(MESON_BUILD, "version", MesonVersion())


class MesonVersion(PositionReader):
    """Reads the text after `version:` in `project()`."""

    def __call__(self, content: bytes) -> str:
        """The text."""
        return self._found(content)[0][1:-1].decode(errors="replace")

    def start(self, content: bytes) -> int:
        """The position of its first byte."""
        return self._found(content).start() + 1

    def _found(self, content: bytes) -> re.Match[bytes]:
        first = _version_tokens(content)[0]
        if not re.fullmatch(rb"'[^'\\]+'", first[0]):
            line = content.count(b"\n", 0, first.start()) + 1
            raise UnreadableError("the version of project() is not a plain text", line, HINT)
        return first


def _version_tokens(content: bytes) -> list[re.Match[bytes]]:
    """The first tokens of the value of `version:` in the call of `project()`, which is the first of its file."""
    tokens = [found for found in TOKEN.finditer(content[:LARGEST]) if not found[0].startswith(b"#")]
    texts, depth = [found[0] for found in tokens], 0
    for at, text in enumerate(texts[1:] if texts[:2] == [b"project", b"("] else [], 1):
        depth += (text in OPENING) - (text in CLOSING)
        if not depth:
            break
        if depth == 1 and texts[at : at + 2] == [b"version", b":"] and tokens[at + 2 :]:
            return tokens[at + 2 : at + 6]
    raise UnreadableError("its call of project() has no version", hint=HINT)
