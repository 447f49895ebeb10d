"""One element that can't be read is one note, and never a contract in which nothing has changed."""

import pytest

from interlock.contracts.schema import What
from interlock.contracts.schema.compare import compare
from tests.support.exported_contracts import NAME, contract

GOOD = "def good(a: int): ...\n"
NEVER = "raise BaseException('never')"
# What can't be read: the names that are noted.
HOSTILE = {
    "the class of an object": (f"class Odd:\n    @property\n    def __class__(self): {NEVER}\nodd = Odd()", {"odd"}),
    "the bases of a class": (
        "class Meta(type):\n    @property\n    def __mro__(cls): raise SystemExit(3)\nclass Odd(metaclass=Meta): ...",
        {"Odd"},
    ),
    "a class that is compared": (
        f"class M(type):\n    def __eq__(cls, o): {NEVER}\nclass Odd(metaclass=M): ...",
        {"Odd"},
    ),
    "a member": (f"class Never:\n    def __get__(self, *_): {NEVER}\nclass Odd:\n    odd = Never()", {"Odd.odd"}),
    "the value of an enum": (
        f"import enum\nclass Odd(enum.Enum):\n    a = 1\n    @property\n    def value(self): {NEVER}",
        {"Odd"},
    ),
    "a number that is too long": ("import enum\nclass Odd(enum.Enum):\n    a = 10 ** 5000", {"Odd"}),
    "a signature": (
        f"class Never:\n    def __get__(self, *_): {NEVER}\nclass Odd:\n    __signature__ = Never()",
        {"Odd"},
    ),
    "a type without end": ("kinds = []\nkinds.append(kinds)\ndef odd(a: kinds): ...", {"odd"}),
    "what a module makes": (
        f"__all__ = ['good', 'odd', 'no']\ndef __getattr__(n):\n    if n == 'odd': {NEVER}\n    raise AttributeError",
        {"odd"},
    ),
    "the schema of a model": (
        "from typing import Callable\nfrom pydantic import BaseModel\nclass Odd(BaseModel):\n    a: Callable[[], None]",
        {"Odd"},
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_can_not_be_read_is_noted_and_costs_nothing_else(what: str) -> None:
    source, names = HOSTILE[what]
    found = contract(GOOD + source)
    assert f"{NAME}.good" in {element.name for element in found.elements}
    assert found.unreadable.keys() == {f"{NAME}.{name}" for name in names}
    assert contract(GOOD + source).unreadable == found.unreadable


READABLE = {
    "a metaclass with a type that only a checker knows": (
        "from __future__ import annotations\nclass Meta(type):\n    scale: Decimal\nclass Odd(metaclass=Meta): ..."
    ),
    "a default that can't be shown": f"class Never:\n    def __repr__(self): {NEVER}\ndef odd(a=Never()): ...",
    "a default that is equal to nothing": f"class Never:\n    def __eq__(self, o): {NEVER}\ndef odd(a=Never()): ...",
    "a class without a hash": (
        f"import pydantic.v1\nclass M(type):\n    def __hash__(cls): {NEVER}\nclass Odd(metaclass=M): ..."
    ),
    "a module with no names": f"def __getattr__(name): {NEVER}\ndef odd(): ...",
    "an object that has every attribute": (
        f"class Proxy:\n    def __getattr__(self, name): {NEVER}\nproxy = Proxy()\nclass Odd: ..."
    ),
    "an enum of a number that is none": "import enum\nclass Odd(enum.Enum):\n    a = float('nan')",
    "a property": f"class Odd:\n    @property\n    def a(self) -> int: {NEVER}",
}


@pytest.mark.parametrize("what", READABLE)
def test_what_is_merely_odd_is_read(what: str) -> None:
    found = contract(READABLE[what])
    assert found.unreadable == {}
    assert {f"{NAME}.Odd", f"{NAME}.odd"} & {element.name for element in found.elements}
    assert compare(found, contract(READABLE[what])) == ()


@pytest.mark.parametrize("sides", [(0, 1), (1, 0)])
def test_what_can_be_read_on_one_side_alone_is_a_change_that_may_break(sides: tuple[int, int]) -> None:
    base = "class Meta(type):\n    @property\n    def __mro__(cls): raise SystemExit(3)\n"
    contracts = contract("class Odd: ..."), contract(base + "class Odd(metaclass=Meta): ...")
    changes = [each for each in compare(*(contracts[side] for side in sides)) if each.name == f"{NAME}.Odd"]
    assert [(each.what, each.details) for each in changes] == [(What.CHANGED, ("can't be compared: SystemExit: 3",))]
    assert changes[0].breaks_readers
    assert changes[0].breaks_writers


def test_a_member_that_can_not_be_read_any_more_is_a_change_that_may_break() -> None:
    never = f"class Never:\n    def __get__(self, *_): {NEVER}\n"
    before, after = (contract(f"{never}class Odd:\n    {line}") for line in ("def odd(self): ...", "odd = Never()"))
    (change,) = compare(before, after)
    assert (change.details, change.breaks) == (("odd: unreadable, was method",), True)
    assert compare(after, after) == ()


def test_a_field_of_a_model_without_a_schema_is_compared_by_its_annotation() -> None:
    head = (
        "from typing import Callable\nfrom pydantic import BaseModel\nclass Odd(BaseModel):\n    f: Callable[[], None]"
    )
    before, after = (contract(f"{head}\n    a: {kind}") for kind in ("int", "str"))
    (change,) = compare(before, after)
    assert change.details == ("attribute a: str, was int",)
