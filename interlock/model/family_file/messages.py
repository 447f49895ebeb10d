"""The messages for faults of a family file, with hints, in place of the validator's and the parser's own."""

import json
import re
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from interlock.common.validation import FAULT, nearest

Words = tuple[str, str | None]
"""A message, and a hint if there is one."""

_WANTED = {
    "string": "text in quotes",
    "bool": "true or false",
    "int": "a whole number",
    "tuple": "a list",
    "mapping": "a table",
    "dict": "a table",
    "model": "a table",
}
_FOUND = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table"}


class _Problem:
    """One error of the validator, with the field and the model that it is about."""

    def __init__(self, error: ErrorDetails, model: type[BaseModel]) -> None:
        self.path = tuple(step for step in error["loc"] if step != "[key]")
        self.context: Mapping[str, Any] = error.get("ctx", {})
        self.value = error["input"]
        self.type = error["type"]
        self.field, self.model = _look_up(model, self.path)

    @property
    def subject(self) -> str:
        keys = [step for step in self.path if isinstance(step, str)]
        return f'"{keys[-1]}"' if keys[-1:] == [self.path[-1]] else f'an entry of "{keys[-1]}"'

    @property
    def where(self) -> str:
        """The table, as its header is written."""
        table = self.path[: -2 if isinstance(self.path[-1], int) else -1]
        keys = ".".join(_key(step) for step in table if isinstance(step, str))
        if not keys:
            return "at the top of the file"
        return f"in [[{keys}]]" if isinstance(table[-1], int) else f"in [{keys}]"

    @property
    def example(self) -> str | None:
        """The key's example, or else its description, in the models."""
        if self.field is None:
            return None
        return f"for example: {self.field.examples[0]}" if self.field.examples else self.field.description


def describe(error: ErrorDetails, model: type[BaseModel]) -> Words:
    """An error of validating `model`, as message and hint."""
    problem = _Problem(error, model)
    return _DESCRIPTIONS.get(problem.type, _wrong)(problem)


def describe_syntax(message: str, text: str) -> tuple[int, Words]:
    """An error of `tomllib`, as line, message and hint."""
    lines = text.rstrip().split("\n")
    position = re.search(r" \(at line (\d+), column \d+\)$", message)
    line = int(position[1]) if position else len(lines)
    reason = message.partition(" (at ")[0]
    if reason == "Cannot overwrite a value":
        key = re.match(r"\s*([\w.\"'-]+)\s*=", lines[line - 1])
        return line, (f'"{key[1]}" is given twice' if key else "a key is given twice", "keep one of the two")
    if table := re.match(r"Cannot declare \((.*)\) twice", reason):
        name = ".".join(re.findall(r"'([^']*)'", table[1]))
        return line, (f"the table [{name}] is there twice", "put its keys together")
    return line, (f"not valid TOML: {reason[:1].lower()}{reason[1:]}", _HINTS.get(reason))


_HINTS = {
    "Invalid value": 'text needs quotes, as name = "value"; or a bracket above is not closed',
    "Illegal character '\\n'": "a text in quotes must end on its line",
    "Unclosed array": "close it with ]",
    "Expected '=' after a key in a key/value pair": 'a line is a [table] or key = "value"',
    "Invalid statement": 'a line is a [table] or key = "value"',
}


def _fault(problem: _Problem) -> Words:
    return problem.context["message"], problem.context["hint"]


def _missing(problem: _Problem) -> Words:
    if len(problem.path) == 1:
        return f"the table [{problem.path[0]}] is missing", problem.example
    return f"{problem.subject} is missing {problem.where}", problem.example


def _unknown(problem: _Problem) -> Words:
    known = tuple(problem.model.model_fields) if problem.model else ()
    return f"unknown key {problem.subject} {problem.where}", nearest(str(problem.path[-1]), known)


def _choice(problem: _Problem) -> Words:
    known = re.findall(r"'([^']+)'", problem.context["expected"])
    hint = nearest(problem.value, known) if isinstance(problem.value, str) else f"known here: {', '.join(known)}"
    return f"{problem.subject} cannot be {_written(problem.value)} {problem.where}", hint


def _type(problem: _Problem) -> Words:
    wanted = problem.type.partition("_")[0]
    found = _FOUND.get(type(problem.value), "a date or time")
    message = f"{problem.subject} must be {_WANTED[wanted]}, not {found}, {problem.where}"
    return message, _rewritten(problem, wanted) or problem.example


def _rewritten(problem: _Problem, wanted: str) -> str | None:
    """What was probably meant, in its right form."""
    value = problem.value
    if wanted == "tuple" and isinstance(value, dict) and value:
        keys = ".".join(_key(step) for step in problem.path if isinstance(step, str))
        return f"write [[{keys}]], in double brackets"
    if wanted == "tuple" and isinstance(value, str):
        entries = value.split() if problem.path[-1] in {"command", "pytest_args"} else [value]
        return f"write {_written(entries)}"
    if wanted == "string" and isinstance(value, bool | int | float):
        return f'write "{json.dumps(value)}"'
    if isinstance(value, str) and ((wanted == "int" and value.isdecimal()) or value in {"true", "false"}):
        return f"write {value}, without quotes"
    return None


def _empty(problem: _Problem) -> Words:
    return f"{problem.subject} is empty {problem.where}", problem.example


def _long(problem: _Problem) -> Words:
    unit = "characters" if isinstance(problem.value, str) else "entries"
    return f"{problem.subject} has more than {problem.context['max_length']} {unit} {problem.where}", problem.example


def _positive(problem: _Problem) -> Words:
    return f"{problem.subject} must be more than {problem.context['gt']} {problem.where}", problem.example


def _wrong(problem: _Problem) -> Words:
    return f"{problem.subject} cannot be {_written(problem.value)} {problem.where}", problem.example


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


_DESCRIPTIONS: Mapping[str, Callable[[_Problem], Words]] = {
    FAULT: _fault,
    "missing": _missing,
    "extra_forbidden": _unknown,
    "enum": _choice,
    "literal_error": _choice,
    "string_too_short": _empty,
    "too_short": _empty,
    "string_too_long": _long,
    "too_long": _long,
    "greater_than": _positive,
    **dict.fromkeys((f"{wanted}_type" for wanted in _WANTED), _type),
}


def _key(step: str | int) -> str:
    return str(step) if re.fullmatch(r"[\w-]+", str(step), re.ASCII) else json.dumps(step, ensure_ascii=False)


def _look_up(model: type[BaseModel], path: tuple[str | int, ...]) -> tuple[FieldInfo | None, type[BaseModel] | None]:
    """The field that a path leads to or through, and the model that holds its last key."""
    kind: Any = model
    field: FieldInfo | None = None
    holder: type[BaseModel] | None = None
    for step in path:
        kind = _plain(kind)
        holder = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
        if holder is None:
            kind = _entry(kind)
        else:
            field = holder.model_fields.get(str(step))
            kind = field.annotation if field else None
    return field, holder


def _entry(kind: Any) -> Any:  # noqa: ANN401 - any annotation
    """The X of a tuple[X, ...] or a Mapping[str, X]."""
    first, *rest = [*get_args(kind), None]
    return first if get_origin(kind) is tuple else rest[0]


def _plain(kind: Any) -> Any:  # noqa: ANN401 - any annotation
    """The annotation without `Annotated` and `| None`."""
    while get_origin(kind) in {Annotated, Union, types.UnionType}:
        kind = next(arg for arg in get_args(kind) if arg is not types.NoneType)
    return kind
