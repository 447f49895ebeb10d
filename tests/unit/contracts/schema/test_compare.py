"""Each row of the table in docs/contracts.md: a change of a few lines, what is said of it, and whom it breaks."""

import pytest

from interlock.contracts.schema import ContractSchema, Element, ElementChange, Kind, What
from interlock.contracts.schema.compare import compare
from interlock.contracts.schema.findings import is_wider
from tests.support.exported_contracts import NAME, contract

MODEL = (
    "from pydantic import BaseModel, ConfigDict, Field\nfrom datetime import datetime\nclass Quote(BaseModel):\n    "
)
OLDER = (
    "from typing import *\nfrom pydantic.v1 import BaseModel\n"
    "class Pair(BaseModel):\n    both: Tuple[int, str]\nclass Quote(BaseModel):\n    "
)
ENUM = "from enum import *\nclass Level(StrEnum):\n    "
CLASS = "class Bus:\n    "
PROTOCOL = "from typing import Protocol\nclass Bus(Protocol):\n    "
ABSTRACT = "from abc import ABC, abstractmethod\nclass Bus(ABC):\n    @abstractmethod\n    def put(self): ...\n    "
KEYS = "from typing import *\nclass Row(TypedDict):\n    "
RECORD = "from dataclasses import dataclass\n"
R, W, RW, NOBODY = (True, False), (False, True), (True, True), (False, False)

CHANGES = {
    # Models.
    "field removed": (MODEL, "a: int\n    b: int", "a: int", 'field "b" removed', R),
    "field removed that is refused then": (
        MODEL + "model_config = ConfigDict(extra='forbid')\n    ",
        "a: int\n    b: int = 0",
        "a: int",
        'field "b" removed',
        RW,
    ),
    "field added, optional": (MODEL, "a: int", "a: int\n    b: int = 0", 'field "b" added (when read)', NOBODY),
    "field added, required": (MODEL, "a: int", "a: int\n    b: int", 'field "b" added, required', W),
    "field added, to readers that refuse what they do not know": (
        MODEL + "model_config = ConfigDict(extra='forbid')\n    ",
        "a: int",
        "a: int\n    b: int = 0",
        'field "b" added, required (when written)',
        R,
    ),
    "field optional to readers": (MODEL, "a: int", "a: int | None", 'field "a": integer or null, was integer', R),
    "field not missing any more": (MODEL, "a: int | None", "a: int", 'field "a": integer, was integer or null', W),
    "field required now": (MODEL, "a: int = 0", "a: int", 'field "a" is required now (when read)', W),
    "field with a default now": (MODEL, "a: int", "a: int = 0", 'field "a" is no longer required (when read)', NOBODY),
    "field wider": (MODEL, "a: int", "a: float", 'field "a": number, was integer', R),
    "field narrower": (MODEL, "a: float", "a: int", 'field "a": integer, was number', W),
    "field of another type": (MODEL, "a: int", "a: str", 'field "a": string, was integer', RW),
    "field of another format": (MODEL, "a: str", "a: datetime", 'field "a": string (as date-time), was string', RW),
    "stricter limit": (MODEL, "a: int", "a: int = Field(ge=0)", 'field "a": integer (at least 0), was integer', W),
    "looser limit": (
        MODEL,
        "a: int = Field(gt=0)",
        "a: int = Field(ge=0)",
        'field "a": integer (at least 0), was integer (more than 0)',
        R,
    ),
    "default": (MODEL, "a: int = 0", "a: int = 1", 'field "a": default 1, was 0', NOBODY),
    "alias": (MODEL, "a: int", "a: int = Field(alias='b')", 'field "a" removed', RW),
    "attribute renamed behind its alias": (
        MODEL,
        "a: int = Field(alias='x')",
        "b: int = Field(alias='x')",
        "attribute a removed",
        RW,
    ),
    "model frozen": (MODEL + "model_config = ConfigDict(frozen=", "False)", "True)", "can't be changed any more", W),
    "model thawed": (
        MODEL + "model_config = ConfigDict(frozen=",
        "True)",
        "False)",
        "can be changed now, and be no key",
        W,
    ),
    "field of an older model removed": (OLDER, "a: int\n    b: int = 0", "a: int", 'field "b" removed', R),
    "field of an older model optional": (
        OLDER,
        "a: int",
        "a: int = 0",
        'field "a" is no longer required (when read)',
        NOBODY,
    ),
    "field of an older model narrower": (
        OLDER,
        "a: Optional[Pair]",
        "a: Pair",
        'field "a" is required now (when read)',
        W,
    ),
    # Enums.
    "member renamed with its value": (ENUM, "a = 'a'\n    b = 'b'", "a = 'a'\n    c = 'c'", 'member c = "c" added', RW),
    "member removed": (ENUM, "a = 'a'\n    b = 'b'", "a = 'a'", 'member b = "b" removed', W),
    "member added": (ENUM, "a = 'a'", "a = 'a'\n    b = 'b'", 'member b = "b" added', R),
    "member of another value": (ENUM, "a = 'a'", "a = 'b'", 'member a = "b", was "a"', RW),
    "name removed, value stays": (
        ENUM,
        "a = 'a'\n    b = 'a'",
        "a = 'a'",
        'member b = "a" removed, its value stays',
        W,
    ),
    "another name for a value": (ENUM, "a = 'a'", "a = 'a'\n    b = 'a'", 'member b = "a" added', NOBODY),
    "another kind of values": (
        "from enum import *\n",
        "class Level(StrEnum):\n    a = 'a'",
        "class Level(Enum):\n    a = 'a'",
        "its values are plain objects, were str",
        RW,
    ),
    # Functions.
    "parameter removed": ("def f", "(a, b): ...", "(a): ...", "parameter b removed", W),
    "parameter added, required": ("def f", "(a): ...", "(a, b): ...", "parameter b added, required", W),
    "parameter added, optional": ("def f", "(a): ...", "(a, b=1): ...", "parameter b added", NOBODY),
    "parameter added before others": ("def f", "(a=1): ...", "(b=1, a=1): ...", "parameters stand at other places", W),
    "parameters swapped": ("def f", "(a, b): ...", "(b, a): ...", "parameters stand at other places", W),
    "parameter added that takes what *args took": (
        "def f",
        "(*args): ...",
        "(a=1, *args): ...",
        "parameter a added",
        W,
    ),
    "*args removed": ("def f", "(*args): ...", "(): ...", "parameter *args removed", W),
    "**kwargs added": ("def f", "(): ...", "(**kwargs): ...", "parameter **kwargs added", NOBODY),
    "parameter required now": ("def f", "(a=1): ...", "(a): ...", "parameter a is required now", W),
    "parameter optional now": ("def f", "(a): ...", "(a=1): ...", "parameter a is optional now", NOBODY),
    "default of a parameter": ("def f", "(a=1): ...", "(a=2): ...", "parameter a: default 2, was 1", NOBODY),
    "by name alone": ("def f", "(a): ...", "(*, a): ...", "parameter a is no longer taken by position", W),
    "by position alone": ("def f", "(a): ...", "(a, /): ...", "parameter a is no longer taken by name", W),
    "by position too": ("def f", "(*, a): ...", "(a): ...", "parameter a is taken by position", NOBODY),
    "parameter narrower": ("def f", "(a: int | None): ...", "(a: int): ...", "parameter a: int, was int | None", W),
    "parameter wider": ("def f", "(a: int): ...", "(a: int | None): ...", "parameter a: int | None, was int", NOBODY),
    "parameter annotated": ("def f", "(a): ...", "(a: int): ...", "parameter a: int, was not annotated", NOBODY),
    "returns more": ("def f()", "-> int: ...", "-> int | None: ...", "returns: int | None, was int", R),
    "returns less": ("def f()", "-> int | None: ...", "-> int: ...", "returns: int, was int | None", NOBODY),
    "no longer says what it returns": ("def f()", "-> int: ...", ": ...", "returns: not annotated, was int", R),
    "awaited": ("", "def f(): ...", "async def f(): ...", "is awaited now", RW),
    "not awaited": ("", "async def f(): ...", "def f(): ...", "is no longer awaited", RW),
    # Classes.
    "method removed": (CLASS, "def put(self): ...", "pass", "method put removed", W),
    "method added": (CLASS, "pass", "def put(self): ...", "method put added", NOBODY),
    "method's parameter": (
        CLASS,
        "def put(self): ...",
        "def put(self, a): ...",
        "method put: parameter a added, required",
        W,
    ),
    "constructor's parameter": (
        CLASS,
        "def __init__(self): ...",
        "def __init__(self, a): ...",
        "constructor: parameter a added, required",
        W,
    ),
    "method to property": (
        CLASS,
        "def size(self): ...",
        "@property\n    def size(self): ...",
        "size: property, was method",
        RW,
    ),
    "property removed": (CLASS, "@property\n    def size(self): ...", "pass", "property size removed", RW),
    "property of another type": (
        CLASS + "@property\n    def size(self)",
        "-> int: ...",
        "-> str: ...",
        "property size: str, was int",
        R,
    ),
    "attribute removed": (CLASS, "size: int", "pass", "attribute size removed", RW),
    "attribute wider": (CLASS, "size: int", "size: int | None", "attribute size: int | None, was int", R),
    "attribute narrower": (CLASS, "size: int | None", "size: int", "attribute size: int, was int | None", W),
    "attribute added": (CLASS, "pass", "size: int", "attribute size added", NOBODY),
    "base lost": ("class Gone", "(ValueError): ...", "(Exception): ...", "is no ValueError any more", RW),
    "base won": ("class Gone", "(Exception): ...", "(ValueError): ...", "is a ValueError now", NOBODY),
    "record frozen": (
        RECORD,
        "@dataclass\nclass A:\n    a: int",
        "@dataclass(frozen=True)\nclass A:\n    a: int",
        "can't be changed any more",
        W,
    ),
    "record's field": (
        RECORD + "@dataclass\nclass A:\n    ",
        "a: int",
        "a: int\n    b: int",
        "constructor: parameter b added, required",
        W,
    ),
    "another kind": ("", "def f(): ...", "class f: ...", "is a class, was a function", RW),
    # Protocols and abstract classes: others implement them.
    "method of a protocol added": (PROTOCOL, "pass", "def put(self): ...", "method put added", W),
    "optional parameter of a protocol's method": (
        PROTOCOL,
        "def put(self): ...",
        "def put(self, a=1): ...",
        "method put: parameter a added",
        W,
    ),
    "attribute of a protocol added": (PROTOCOL, "pass", "size: int", "attribute size added", W),
    "abstract method added": (ABSTRACT, "pass", "@abstractmethod\n    def get(self): ...", "method get added", W),
    "plain method of an abstract class added": (ABSTRACT, "pass", "def get(self): ...", "method get added", NOBODY),
    "method abstract now": (
        ABSTRACT,
        "def get(self): ...",
        "@abstractmethod\n    def get(self): ...",
        "method get must be implemented now",
        W,
    ),
    "method not abstract any more": (
        ABSTRACT,
        "@abstractmethod\n    def get(self): ...",
        "def get(self): ...",
        "method get need not be implemented any more",
        NOBODY,
    ),
    # TypedDicts.
    "key removed": (KEYS, "a: int\n    b: int", "a: int", "key b removed", RW),
    "key added": (KEYS, "a: int", "a: int\n    b: int", "key b added, required", W),
    "key added, not required": (KEYS, "a: int", "a: int\n    b: NotRequired[int]", "key b added", NOBODY),
    "key required now": (KEYS, "a: NotRequired[int]", "a: int", "key a is required now", W),
    "key not required any more": (KEYS, "a: int", "a: NotRequired[int]", "key a is no longer required", R),
    "key wider": (KEYS, "a: int", "a: int | None", "key a: int | None, was int", R),
    "no TypedDict any more": (
        "from typing import *\n",
        "class Row(TypedDict): ...",
        "class Row: ...",
        "is a TypedDict on one side alone",
        RW,
    ),
}


def only_change(before: str, after: str) -> ElementChange:
    (change,) = compare(contract(before), contract(after))
    return change


@pytest.mark.parametrize(("common", "before", "after", "detail", "broken"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_told_with_whom_it_breaks(
    common: str, before: str, after: str, detail: str, broken: tuple[bool, bool]
) -> None:
    change = only_change(common + before, common + after)
    assert change.what is What.CHANGED
    assert detail in change.details
    assert (change.breaks_readers, change.breaks_writers) == broken
    assert change.breaks is any(broken)


@pytest.mark.parametrize(("common", "source"), [(row[0], row[side]) for row in CHANGES.values() for side in (1, 2)])
def test_what_is_the_same_has_not_changed(common: str, source: str) -> None:
    assert compare(contract(common + source), contract(common + source)) == ()


SPELLINGS = [
    ("Optional[int]", "int | None"),
    ("Union[str, int, None]", "int | str | None"),
    ("List[Dict[str, int]]", "list[dict[str, int]]"),
    ("Literal['a', 'b']", "Literal['b', 'a']"),
    ("'int | None'", "Optional['int']"),
    ("Callable[[int], None]", "'Callable[[int], None]'"),
    ("'Optional[Gone]'", "'Gone | None'"),
    ("'Union[List[gone.Gone], None]'", "'list[Gone] | None'"),
    ("'Literal[1, 2] | Gone'", "'Gone | Literal[2] | Literal[1]'"),
    ("'tuple[Gone, ...]'", "'Tuple[Gone, ...]'"),
    ("'Callable[[Gone], None]'", "'Callable[[\"Gone\"], None]'"),
    ("TypeVar('One')", "TypeVar('Other')"),
    ("Annotated[int, 'x']", "'Annotated[int, \"x\"]'"),
]


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_a_type_is_the_same_however_it_is_spelt(one: str, other: str) -> None:
    before, after = (f"from typing import *\ndef f(a: {hint}) -> {hint}: ..." for hint in (one, other))
    assert compare(contract(before), contract(after)) == ()


def test_what_comes_and_goes_is_told_with_every_name_by_which_it_is_used() -> None:
    gone, come = compare(contract("def f(): ..."), contract("class G: ..."))
    assert (gone.what, gone.name, gone.names, gone.breaks) == (What.ADDED, f"{NAME}.G", (f"{NAME}.G",), False)
    assert (come.what, come.name, come.kind, come.breaks_readers) == (What.REMOVED, f"{NAME}.f", Kind.FUNCTION, True)


def element(*names: str, kind: Kind = Kind.FUNCTION, seen: tuple[str, ...] = ()) -> Element:
    shape = {"parameters": [], "async": False}
    return Element(name=names[0], kind=kind, names=names, seen_as=seen or names, shape=shape)


def schema(*elements: Element, unreadable: dict[str, str] | None = None) -> ContractSchema:
    return ContractSchema(package="core", version="1.0", elements=elements, unreadable=unreadable or {})


def test_a_name_that_is_shorter_now_is_the_same_element() -> None:
    assert compare(schema(element("core.a.f")), schema(element("core.f", "core.a.f"))) == ()


def test_a_name_that_is_lost_breaks_whoever_imports_it() -> None:
    (change,) = compare(schema(element("core.f", "core.a.f")), schema(element("core.a.f")))
    assert change.name == "core.f"
    assert change.details == ("can't be imported as core.f any more",)
    assert change.breaks_writers
    assert not change.breaks_readers


def test_a_removed_element_says_that_its_module_can_not_be_imported() -> None:
    after = schema(unreadable={"core.a": "ModuleNotFoundError: No module named 'redis'", "core.b": "another"})
    (change,) = compare(schema(element("core.f", seen=("core.f", "core.a.f"))), after)
    assert change.details == ("core.a can't be imported: ModuleNotFoundError: No module named 'redis'",)


def test_a_signature_that_can_not_be_read_on_one_side_breaks() -> None:
    unknown = element("core.f").model_copy(update={"shape": None})
    (change,) = compare(schema(unknown), schema(element("core.f")))
    assert change.details == ("its signature can't be compared",)
    assert change.breaks_readers
    assert compare(schema(unknown), schema(unknown)) == ()


def test_the_values_that_came_or_went_are_kept_for_whoever_looks_for_them() -> None:
    change = only_change(ENUM + "a = 'a'\n    soft = 'soft'", ENUM + "a = 'a'\n    gentle = 'gentle'")
    assert change.values == ("gentle", "soft")
    (removed,) = compare(contract(ENUM + "a = 'a'"), contract(""))
    assert removed.values == ("a",)


def test_a_changed_enum_changes_the_models_that_hold_it() -> None:
    model = "\nfrom pydantic import BaseModel\nclass Event(BaseModel):\n    level: Level"
    level, event = sorted(
        compare(contract(ENUM + "a = 'a'" + model), contract(ENUM + "b = 'b'" + model)),
        key=lambda change: change.kind,
    )
    assert (level.kind, event.kind) == (Kind.ENUM, Kind.MODEL)
    assert event.details == ('field "level": value "a" removed', 'field "level": value "b" added')
    assert (event.breaks_readers, event.breaks_writers) == RW


@pytest.mark.parametrize(
    ("before", "after", "wider"),
    [
        (None, "int", False),
        ("int", None, True),
        ("int", "int | None", True),
        ("int | None", "int", False),
        ("dict[str, int | None]", "dict[str, int | None] | None", True),
        ("dict[str, int | None] | int", "dict[str, int | None]", False),
    ],
)
def test_a_type_is_wider_if_it_has_an_option_more(before: str | None, after: str | None, wider: bool) -> None:
    assert is_wider(before, after) is wider
