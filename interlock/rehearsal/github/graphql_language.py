"""GraphQL documents: reading them, and selecting from values what they ask for."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

TOKEN = re.compile(
    r"(?P<skip>[\s,\ufeff]+|\#[^\n\r]*)|(?P<punctuation>\.\.\.|[!$&()\[\]{}:=@|])|(?P<name>[_A-Za-z]\w*)"
    r'|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<block>"""(?s:.*?)""")|(?P<string>"(?:[^"\\\n]|\\.)*")'
)
CONSTANTS = {"true": True, "false": False, "null": None}


class GraphQLError(Exception):
    """A document that can't be read, or that asks for what there is not.

    Args:
        message: As GitHub says it.
        kind: Its `type` among the errors, such as `NOT_FOUND`, if it has one.
    """

    def __init__(self, message: str, kind: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind


class Variable(NamedTuple):
    """A variable in the place of a value."""

    name: str


class Selection(NamedTuple):
    """A field, or (without a name) fields of one type, or (with a fragment) those of a fragment.

    Attributes:
        key: What it is called in the answer.
        on: The type that its fields are of; None for any.
    """

    name: str | None
    key: str
    arguments: Mapping[str, Any]
    directives: Mapping[str, Mapping[str, Any]]
    selections: "tuple[Selection, ...]"
    fragment: str | None = None
    on: str | None = None


class Operation(NamedTuple):
    """A query or a mutation."""

    kind: str
    name: str | None
    defaults: Mapping[str, Any]
    selections: tuple[Selection, ...]


class Document(NamedTuple):
    """Operations, and the fragments that they use."""

    operations: tuple[Operation, ...]
    fragments: Mapping[str, Selection]

    def operation(self, name: str | None) -> Operation:
        """The operation of a name, or the only one.

        Raises:
            GraphQLError: There is none, or it is not clear which.
        """
        fits = [operation for operation in self.operations if name in {None, operation.name}]
        if len(fits) != 1:
            raise GraphQLError("An operation name is required" if fits else f'No operation named "{name}"')
        return fits[0]


def parse(text: str) -> Document:
    """Read a document.

    Raises:
        GraphQLError: It is none.
    """
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

    @property
    def _next(self) -> str:
        return self._tokens[self._at]

    def _take(self, expected: str | None = None) -> str:
        token = self._next
        if not token or expected not in {None, token}:
            raise GraphQLError(f"Parse error on {json.dumps(token) if token else 'end of document'}")
        self._at += 1
        return token

    def _takes(self, token: str) -> bool:
        if self._next == token:
            self._at += 1
            return True
        return False

    def document(self) -> Document:
        operations, fragments = [], {}
        while self._next:
            if self._next == "fragment":
                fragment = self._fragment()
                fragments[fragment.key] = fragment
            else:
                operations.append(self._operation())
        return Document(tuple(operations), fragments)

    def _fragment(self) -> Selection:
        self._take("fragment")
        name = self._take()
        self._take("on")
        on = self._take()
        return Selection(None, name, {}, self._directives(), self._selections(), on=on)

    def _operation(self) -> Operation:
        if self._next == "{":
            return Operation("query", None, {}, self._selections())
        kind = self._take()
        if kind not in {"query", "mutation"}:
            raise GraphQLError(f"Parse error on {json.dumps(kind)}")
        name = self._take() if self._next not in {"(", "{", "@"} else None
        defaults = self._variables() if self._takes("(") else {}
        self._directives()
        return Operation(kind, name, defaults, self._selections())

    def _variables(self) -> dict[str, Any]:
        """The variables with their defaults; their types are not looked at."""
        found: dict[str, Any] = {}
        while not self._takes(")"):
            self._take("$")
            name = self._take()
            self._take(":")
            self._type()
            found[name] = self._value() if self._takes("=") else None
        return found

    def _type(self) -> None:
        if self._takes("["):
            self._type()
            self._take("]")
        else:
            self._take()
        self._takes("!")

    def _selections(self) -> tuple[Selection, ...]:
        found: list[Selection] = []
        self._take("{")
        while not self._takes("}"):
            found.append(self._spread() if self._takes("...") else self._field())
        return tuple(found)

    def _spread(self) -> Selection:
        if self._next in {"on", "{", "@"}:
            on = self._take() if self._takes("on") else None
            return Selection(None, "", {}, self._directives(), self._selections(), on=on)
        return Selection(None, "", fragment=self._take(), arguments={}, directives=self._directives(), selections=())

    def _field(self) -> Selection:
        key = name = self._take()
        if self._takes(":"):
            name = self._take()
        arguments = self._arguments() if self._takes("(") else {}
        directives = self._directives()
        return Selection(name, key, arguments, directives, self._selections() if self._next == "{" else ())

    def _arguments(self) -> dict[str, Any]:
        found = {}
        while not self._takes(")"):
            name = self._take()
            self._take(":")
            found[name] = self._value()
        return found

    def _directives(self) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        while self._takes("@"):
            name = self._take()
            found[name] = self._arguments() if self._takes("(") else {}
        return found

    def _value(self) -> Any:  # noqa: ANN401  any value
        first = self._take()
        if first == "$":
            return Variable(self._take())
        if first == "[":
            return self._list()
        return self._object() if first == "{" else _scalar(first)

    def _list(self) -> list[Any]:
        found = []
        while not self._takes("]"):
            found.append(self._value())
        return found

    def _object(self) -> dict[str, Any]:
        found = {}
        while not self._takes("}"):
            name = self._take()
            self._take(":")
            found[name] = self._value()
        return found


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise GraphQLError(f"Parse error on {json.dumps(text[at])}")
        if match.lastgroup != "skip":
            found.append(match[0])
        at = match.end()
    return [*found, ""]


def _scalar(token: str) -> Any:  # noqa: ANN401  any value
    if token.startswith('"""'):
        return token[3:-3].strip()
    if token.startswith('"') or token[0] in "-0123456789":
        return json.loads(token)
    return CONSTANTS.get(token, token)  # what is left is a value of an enum


# The fields of each type: what type they are of, None for a scalar. Values of a type are mappings; a field's value may
# be a function of its arguments, that is called only when it is asked for.
Schema = Mapping[str, Mapping[str, str | None]]
Lazy = Callable[[Mapping[str, Any]], Any]


class Selector:
    """Selects what an operation asks for.

    Args:
        schema: What there is.
        document: Holds the fragments.
        variables: With their defaults filled in.
    """

    def __init__(self, schema: Schema, document: Document, variables: Mapping[str, Any]) -> None:
        self._schema, self._fragments, self._variables = schema, document.fragments, variables

    def validate(self, kind: str, selections: tuple[Selection, ...]) -> None:
        """Check all fields, before anything is done.

        Raises:
            GraphQLError: There is no such field or fragment.
        """
        for selection in selections:
            if selection.name is None:
                inner = self._spread(selection)
                self.validate(inner.on or kind, inner.selections)
            elif selection.name != "__typename":
                self._validate_field(kind, selection)

    def _validate_field(self, kind: str, selection: Selection) -> None:
        fields = self._schema.get(kind, {})
        if selection.name is None or selection.name not in fields:
            raise GraphQLError(f"Field '{selection.name}' doesn't exist on type '{kind}'")
        returns = fields[selection.name]
        if (returns is None) is not (not selection.selections):
            must = "can't have selections" if returns is None else "must have selections"
            raise GraphQLError(f"Field '{selection.name}' of type '{kind}' {must}")
        if returns is not None:
            self.validate(returns, selection.selections)

    def select(self, value: Mapping[str, Any], kind: str, selections: tuple[Selection, ...]) -> dict[str, Any]:
        """What the selections ask of a value of that type."""
        found: dict[str, Any] = {}
        for selection in filter(self._is_wanted, selections):
            if selection.name is None:
                inner = self._spread(selection)
                if inner.on in {None, kind, value.get("__typename")} or inner.on in value.get("__interfaces", ()):
                    found.update(self.select(value, inner.on or kind, inner.selections))
            elif selection.name == "__typename":
                found[selection.key] = value.get("__typename", kind)
            else:
                found[selection.key] = self._field(value, kind, selection, found.get(selection.key))
        return found

    def _field(self, value: Mapping[str, Any], kind: str, selection: Selection, before: Any) -> Any:  # noqa: ANN401
        assert selection.name is not None
        given = value.get(selection.name)
        if callable(given):
            given = given({name: self._filled(argument) for name, argument in selection.arguments.items()})
        returns = self._schema[kind][selection.name]
        if returns is None or given is None:
            return given
        if isinstance(given, list):
            return [one and self.select(one, returns, selection.selections) for one in given]
        chosen = self.select(given, returns, selection.selections)
        return {**before, **chosen} if isinstance(before, dict) else chosen

    def _spread(self, selection: Selection) -> Selection:
        if selection.fragment is None:
            return selection
        if selection.fragment not in self._fragments:
            raise GraphQLError(f"Fragment {selection.fragment} was used, but not defined")
        return self._fragments[selection.fragment]

    def _is_wanted(self, selection: Selection) -> bool:
        conditions = {name: self._filled(given.get("if")) for name, given in selection.directives.items()}
        return conditions.get("include", True) and not conditions.get("skip", False)

    def _filled(self, value: Any) -> Any:  # noqa: ANN401  any value
        if isinstance(value, Variable):
            return self._variables.get(value.name)
        if isinstance(value, dict):
            return {name: self._filled(inner) for name, inner in value.items()}
        return [self._filled(inner) for inner in value] if isinstance(value, list) else value


def execute(
    schema: Schema, roots: Mapping[str, Mapping[str, Any]], text: str, variables: Mapping[str, Any], name: str | None
) -> dict[str, Any]:
    """Answer a request as a GraphQL server does: with data, or with errors.

    Args:
        schema: The fields of each type; the roots are of the types `Query` and `Mutation`.
        roots: What is asked, by `query` and `mutation`.
        text: The document.
        variables: By name.
        name: Of the operation, where the document has more than one.
    """
    try:
        document = parse(text)
        operation = document.operation(name)
        selector = Selector(schema, document, {**operation.defaults, **variables})
        selector.validate(operation.kind.title(), operation.selections)
    except GraphQLError as error:
        return {"errors": [_error(error, None)]}
    return _run(selector, operation, roots[operation.kind])


def _run(selector: Selector, operation: Operation, root: Mapping[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    errors: list[dict[str, Any]] = []
    for selection in operation.selections:
        try:
            data.update(selector.select(root, operation.kind.title(), (selection,)))
        except GraphQLError as error:
            data[selection.key] = None
            errors.append(_error(error, selection.key))
    return {"data": data, "errors": errors} if errors else {"data": data}


def _error(error: GraphQLError, key: str | None) -> dict[str, Any]:
    path = {} if key is None else {"path": [key]}
    return ({"type": error.kind} if error.kind else {}) | path | {"message": error.message}
