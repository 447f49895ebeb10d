"""Parses Python that strangers wrote; it is never run."""

import ast
import contextlib
import threading

# CPython 3.11 has one depth counter for the parsers of all threads: two at a time can end in a SystemError. Others
# parse too, such as `packaging` each literal of a marker, while a long parse of ours waits for the garbage collector.
PARSING = threading.Lock()
ATTEMPTS = 10
# The parser holds the interpreter's lock for about a second per 2 MiB. Generated modules of several MiB are rare.
LARGEST_SOURCE = 4 << 20


def parse(source: bytes) -> ast.Module:
    """The syntax tree of a module.

    Raises:
        SyntaxError: It is not valid, nested too deeply, or larger than `LARGEST_SOURCE`.
    """
    if len(source) > LARGEST_SOURCE:
        raise SyntaxError(f"it is larger than {LARGEST_SOURCE >> 20} MiB")
    try:
        with PARSING:
            for _ in range(ATTEMPTS):
                with contextlib.suppress(SystemError):
                    return ast.parse(source)
    except (RecursionError, MemoryError):  # the parser's own stack is full: there is memory enough
        raise SyntaxError("it is nested too deeply") from None
    except ValueError as error:
        raise SyntaxError(str(error)) from None
    raise SyntaxError("other threads kept on disturbing the parser")
