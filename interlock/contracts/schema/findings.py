"""One difference of a contract, and which side it breaks."""

from collections.abc import Iterable, Mapping
from typing import Any

from interlock.common.frozen_model import FrozenModel

Shape = Mapping[str, Any]


class Finding(FrozenModel):
    """One difference in words.

    Attributes:
        readers: Whether a reader of what the new version writes or returns may fail.
        writers: Whether what was written for the old version, or code that calls or imports it, may fail.
    """

    detail: str
    readers: bool = False
    writers: bool = False

    def inside(self, part: str) -> "Finding":
        """The same difference, as that of a part of something."""
        return self.model_copy(update={"detail": f"{part}: {self.detail}"})


def is_wider(before: str | None, after: str | None) -> bool:
    """Whether a value of the second type may not be one of the first: then a returned value breaks its readers.

    Types are text in one spelling, unions sorted; an unknown type admits everything.
    """
    if before is None or before == after:
        return False
    return after is None or not set(_options(after)) <= set(_options(before))


def _options(text: str) -> Iterable[str]:
    """The members of a union, split where no bracket is open."""
    depth, start = 0, 0
    for index, character in enumerate(text):
        depth += (character in "[({") - (character in "])}")
        if depth == 0 and text.startswith(" | ", index):
            yield text[start:index]
            start = index + 3
    yield text[start:]


def type_change(name: str, before: str | None, after: str | None, *, read: bool, written: bool) -> Iterable[Finding]:
    """The difference of a type.

    Args:
        name: The parameter, attribute or similar.
        before: Its type before; None when it is not annotated.
        after: Its type now.
        read: Whether others read it.
        written: Whether others write it.
    """
    if before == after:
        return
    detail = f"{name}: {after or 'not annotated'}, was {before or 'not annotated'}"
    is_narrower = before is not None and after is not None and is_wider(after, before)
    yield Finding(detail=detail, readers=read and is_wider(before, after), writers=written and is_narrower)
