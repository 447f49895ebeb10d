"""Text that came from programs under test and other people, made harmless: it obeys nobody and stays on its line."""

import re

# Escape sequences as ECMA-48 defines them: CSI, OSC with its end, and the two-character ones.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# What is left and would move a cursor, ring a bell or turn the direction of writing around.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# Halves of characters, as Python keeps bytes that are no text; they cannot be written.
_SURROGATES = re.compile("[\ud800-\udfff]")


def plain(text: str) -> str:
    """Text without anything that a terminal or browser would obey; its lines stay lines."""
    visible = _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))
    return _SURROGATES.sub("\ufffd", visible)


def one_line(text: str) -> str:
    """The same for text that must stay on its line."""
    return " ".join(plain(text).split())


def cut(text: str, most: int) -> str:
    """The same, of so many characters at most; what was cut is seen to be."""
    line = one_line(text)
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
