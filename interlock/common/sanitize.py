"""Makes text from programs under test and from other people harmless: no control sequences, no extra lines."""

import re

# Escape sequences as ECMA-48 defines them: CSI, OSC with its end, and the two-character ones.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# Other characters that would move a cursor, ring a bell or reverse the direction of writing.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# Surrogates, by which Python keeps bytes that are not text; they cannot be written.
_SURROGATES = re.compile("[\ud800-\udfff]")


def plain(text: str) -> str:
    """Text without anything that a terminal or browser would execute; its lines stay lines."""
    visible = _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))
    return _SURROGATES.sub("\ufffd", visible)


def one_line(text: str) -> str:
    """Like `plain`, on one line."""
    return " ".join(plain(text).split())


def cut(text: str, most: int) -> str:
    """Like `one_line`, with so many characters at most; an ellipsis marks a cut."""
    line = one_line(text)
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
