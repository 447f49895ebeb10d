"""Run by an environment's own Python: imports modules of one package and writes what they promise.

`python -I exporter.py SPEC.json`, where the specification has `out` (where to write, one JSON line for each fact, at
once), `package` (its top-level names: other modules are foreign), `modules` (to import) and `skip` (the modules and
names that ended a Python before). It uses the standard library, and pydantic if the package requires it.

The facts: `{"reading": [name, …]}` before anything that may end the Python, `{"unreadable": name, "error": "…"}`,
`{"element": {…}}`, and `{"done": true}`. A name is that of a module, of an element, or of a member of one. Whatever the
package does when it is read (a descriptor that raises, a metaclass, a comparison), it costs what is read, and no more.
"""

import ast
import contextlib
import enum
import importlib
import inspect
import json
import math
import os
import re
import sys
import types
import typing
from pathlib import Path
from typing import Any

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LONGEST = 400
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
LATER: Any = None
if sys.version_info >= (3, 14):
    LATER = importlib.import_module("annotationlib").Format.FORWARDREF
PLAIN = (str, int, float, bool, type(None))
# Members that pydantic adds to a class.
MACHINERY = frozenset({"model_config", "model_fields", "model_computed_fields", "model_extra", "model_fields_set"})


def text(value: object) -> str:
    """The text of a value, the same in every process."""
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__}({{{', '.join(sorted(map(text, value)))}}})"
    if isinstance(value, enum.Enum):
        return f"{type(value).__qualname__}.{value.name}"
    if isinstance(value, type) or inspect.isroutine(value):
        return f"{value.__module__}.{value.__qualname__}"
    try:
        return ADDRESS.sub("", repr(value))[:LONGEST]
    except BaseException:
        return f"<{type(value).__qualname__}>"


def annotation(hint: Any) -> str:
    """A type in one spelling, by the plain names of classes: `Optional[int]` is `int | None`, `List` is `list`."""
    return joined(alternatives(hint))


def joined(options: "list[str]") -> str:
    """A union, each once and in order, `None` at the end."""
    return " | ".join(sorted(set(options), key=lambda option: (option == "None", option)))


def alternatives(hint: Any) -> "list[str]":
    """The options of a type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union or isinstance(hint, getattr(types, "UnionType", ())):
        return [option for argument in arguments for option in alternatives(argument)]
    if origin is typing.Literal:
        return [f"Literal[{text(value)}]" for value in arguments]
    if isinstance(hint, (str, typing.ForwardRef)):
        return written_alternatives(hint if isinstance(hint, str) else hint.__forward_arg__)
    return [named(hint, origin, arguments)]


def named(hint: Any, origin: Any, arguments: "tuple[Any, ...]") -> str:
    """A type that is not a union."""
    if hint is None or hint is type(None):
        return "None"
    if hint is Ellipsis:
        return "..."
    if isinstance(hint, typing.TypeVar):
        return "T"  # its name and variance promise nothing
    if isinstance(hint, (list, tuple)):
        return f"[{', '.join(map(annotation, hint))}]"
    if origin is typing.Annotated:
        return f"Annotated[{', '.join([annotation(arguments[0]), *map(text, hint.__metadata__)])}]"
    if origin is not None:
        return f"{annotation(origin)}[{', '.join(map(annotation, arguments))}]" if arguments else annotation(origin)
    if isinstance(hint, type):
        return hint.__qualname__
    return getattr(hint, "_name", None) or getattr(hint, "__name__", None) or text(hint)


def written_alternatives(written: str) -> "list[str]":
    """The options of a type that is known only as text, since one of its names is missing at run time."""
    try:
        return node_alternatives(ast.parse(written.strip(), mode="eval").body)
    except SyntaxError:
        return [written]


def node_alternatives(node: ast.expr) -> "list[str]":
    """The options of a type in its syntax."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*node_alternatives(node.left), *node_alternatives(node.right)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return written_alternatives(node.value)
    if not isinstance(node, ast.Subscript):
        return [node_name(node)]
    head = node_name(node.value)
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if head in ("Union", "Optional"):
        options = [option for each in inner for option in node_alternatives(each)]
        return [*options, "None"] if head == "Optional" else options
    if head == "Literal":
        return [f"Literal[{ast.unparse(each)}]" for each in inner]
    return [f"{head}[{', '.join(joined(node_alternatives(each)) for each in inner)}]"]


def node_name(node: ast.expr) -> str:
    """The last part of a dotted name, like the name of a class."""
    if isinstance(node, ast.List):
        return f"[{', '.join(joined(node_alternatives(each)) for each in node.elts)}]"
    if isinstance(node, ast.Constant) and node.value is Ellipsis:
        return "..."
    name = node.attr if isinstance(node, ast.Attribute) else ast.unparse(node)
    return name.lower() if name in ("List", "Dict", "Set", "FrozenSet", "Tuple", "Type") else name


def hints_of(thing: Any) -> "dict[str, Any]":
    """Annotations, resolved where their names can be found, else as text."""
    try:
        return typing.get_type_hints(thing, include_extras=True)
    except Exception:
        found: "dict[str, Any]" = {}
        for base in reversed(getattr(thing, "__mro__", (thing,))):
            names = vars(sys.modules.get(getattr(base, "__module__", ""), types))
            found.update({name: resolved(hint, names) for name, hint in own_annotations(base).items()})
        return found


def own_annotations(thing: Any) -> "dict[str, Any]":
    """The annotations of a function, or of a class without its bases, unresolved."""
    if sys.version_info >= (3, 14):  # evaluated on access
        return dict(inspect.get_annotations(thing, format=LATER))
    own = vars(thing).get("__annotations__") if isinstance(thing, type) else getattr(thing, "__annotations__", None)
    return dict(own) if isinstance(own, dict) else {}  # `type` has a descriptor there


def resolved(hint: Any, names: "dict[str, Any]") -> Any:
    """One annotation, resolved by the names of its module; `typing` resolves all of them or none."""
    if not isinstance(hint, str):
        return hint
    try:
        return eval(hint, dict(names))  # noqa: S307  its own text, in its own process
    except Exception:
        return hint


def signature(function: Any) -> "dict[str, Any] | None":
    """A callable's parameters and its return type; None where Python does not know them."""
    try:
        found = inspect.signature(function, **({"annotation_format": LATER} if LATER else {}))
    except (TypeError, ValueError):
        return None
    made = (
        inspect.getattr_static(function, "__init__", None) if isinstance(function, type) else inspect.unwrap(function)
    )
    hints = hints_of(made)
    parameters = []
    for parameter in found.parameters.values():
        described: "dict[str, Any]" = {"name": parameter.name, "kind": parameter.kind.name.lower()}
        described["required"] = parameter.default is parameter.empty and not described["kind"].startswith("var_")
        if parameter.annotation is not parameter.empty:
            described["type"] = annotation(hints.get(parameter.name, parameter.annotation))
        if parameter.default is not parameter.empty:
            described["default"] = text(parameter.default)
        parameters.append(described)
    shape: "dict[str, Any]" = {"parameters": parameters, "async": is_async(function)}
    if found.return_annotation is not found.empty and not isinstance(function, type):
        shape["returns"] = annotation(hints.get("return", found.return_annotation))
    return shape


def is_async(function: Any) -> bool:
    """Whether its result has to be awaited or iterated asynchronously."""
    plain = inspect.unwrap(function)
    return inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain)


def is_public(name: str) -> bool:
    """Whether a name is public."""
    return not name.startswith("_")


class Exporter:
    """Collects the members of a package's imported modules, by identity: each once, with all of its names."""

    def __init__(self, tops: "list[str]", write: "Callable[..., None]", skip: "Iterable[str]" = ()) -> None:
        self._tops = tops
        self._write = write
        self._skip = frozenset(skip)
        self._found: "dict[int, tuple[Any, set[str], set[str]]]" = {}

    def owns(self, module: object) -> bool:
        """Whether a module belongs to the package."""
        return isinstance(module, str) and any(module == top or module.startswith(f"{top}.") for top in self._tops)

    def collect(self, chosen: "list[str]") -> None:
        """Find what the chosen modules promise, and its names in all loaded modules of the package."""
        loaded = {name: module for name, module in list(sys.modules.items()) if self.owns(name) and module is not None}
        members = {name: self._members(name, module) for name, module in loaded.items() if name not in self._skip}
        for name in sorted(set(chosen) & set(members)):
            for key, value in members[name]:
                if is_offered(loaded[name], key, value):
                    self._found.setdefault(id(value), (value, set(), set()))[1].add(f"{name}.{key}")
        for name, found in members.items():
            for key, value in found:
                if id(value) in self._found:
                    self._found[id(value)][2].add(f"{name}.{key}")

    def _members(self, name: str, module: Any) -> "list[tuple[str, Any]]":
        """The classes and functions of the package that a module has under a public name."""
        members: "list[tuple[str, Any]]" = []
        values = self._values(name, module)
        with self._reading(name):
            for key, value in sorted(values.items(), key=lambda item: item[0]):
                with self._noting(f"{name}.{key}"):
                    if is_described(value) and self.owns(getattr(value, "__module__", None)):
                        members.append((key, value))
        return members

    def _values(self, name: str, module: Any) -> "dict[str, Any]":
        """What a module has under a public name, with what it lists and creates on access."""
        own: "dict[str, Any]" = {}
        with self._reading(name):
            own.update((key, value) for key, value in vars(module).items() if type(key) is str)
        made = (key for key in listed(module) if key not in own and f"{name}.{key}" not in self._skip)
        values = {**{key: self._made(f"{name}.{key}", module, key) for key in made}, **own}
        return {key: value for key, value in values.items() if is_public(key) and key.isidentifier()}

    def _made(self, name: str, module: Any, key: str) -> Any:
        """What a module creates on access; None if the name is missing, as it is for an importer."""
        with self._reading(name):
            return getattr(module, key, None)

    @contextlib.contextmanager
    def _reading(self, *names: str) -> "Iterator[None]":
        """Write what is read next, in case that it ends this Python."""
        self._write(reading=names)
        with self._noting(*names):
            yield

    @contextlib.contextmanager
    def _noting(self, *names: str) -> "Iterator[None]":
        """What can't be read is noted, and the rest is read."""
        try:
            yield
        except BaseException as error:
            for name in names:
                self._write(unreadable=name, error=first_line(error))

    def describe(self) -> None:
        """Write everything that was found, by its shortest public name."""
        for value, names, seen in self._found.values():
            name = min(names, key=lambda each: (each.count("."), len(each), each))
            if not names & self._skip:
                with self._reading(*sorted(names)):
                    kind, shape = self._describe(name, value)
                    element = {"name": name, "kind": kind, "names": sorted(names), "seen_as": sorted(seen)}
                    self._write(element={**element, "shape": shape})

    def _describe(self, name: str, value: Any) -> "tuple[str, Any]":
        if not isinstance(value, type):
            return "function", signature(value)
        if issubclass(value, enum.Enum):
            return "enum", {**self._class(name, value), **enum_shape(value)}
        schemas = model_schemas(value)
        if schemas is not None:
            return "model", self._model(name, value, schemas)
        if getattr(value, "_is_protocol", False):
            return "protocol", {**self._class(name, value), "implemented": True}
        if typing.is_typeddict(value) if hasattr(typing, "is_typeddict") else hasattr(value, "__required_keys__"):
            return "class", {"keys": keys_of(value)}
        if inspect.isabstract(value):
            return "protocol", self._class(name, value)
        return "class", {**self._class(name, value), "constructor": signature(value)}

    def _model(self, name: str, value: Any, schemas: "dict[str, Any]") -> "dict[str, Any]":
        """A model as a class, with its schemas; where there is none, the annotations of its fields stand for it."""
        unknown = [schemas[mode]["unknown"] for mode in ("validation", "serialization") if "unknown" in schemas[mode]]
        for error in dict.fromkeys(unknown):
            self._write(unreadable=name, error=error)
        shape = self._class(name, value)
        left_out = () if unknown else schemas["fields"]
        attributes = {each: kind for each, kind in shape["attributes"].items() if each not in left_out}
        return {**shape, "attributes": attributes, **schemas}

    def _class(self, name: str, value: Any) -> "dict[str, Any]":
        """A class's bases, public methods and attributes."""
        own = [base for base in value.__mro__ if self.owns(base.__module__)]
        names = sorted({key for base in own for key in vars(base) if is_public(key)} - MACHINERY)
        fields = attributes_of(value, own)
        methods = {key: described for key in names if (described := self._member(f"{name}.{key}", value, key))}
        return {
            "bases": [annotation(base) for base in value.__mro__[1:] if self._is_named(base)],
            "methods": methods,
            "attributes": {key: kind for key, kind in fields.items() if key not in methods},
            "frozen": is_frozen(value),
        }

    def _member(self, name: str, owner: type, key: str) -> "dict[str, Any] | None":
        with self._noting(name):
            return member(owner, key, inspect.getattr_static(owner, key))
        return {"is": "unreadable"}

    def _is_named(self, base: type) -> bool:
        return (self.owns(base.__module__) and is_public(base.__name__)) or (
            base.__module__ == "builtins" and base is not object
        )


def listed(module: Any) -> "list[str]":
    """The names in a module's `__all__`."""
    names = attribute(module, "__all__")
    return [name for name in names if type(name) is str] if isinstance(names, (list, tuple)) else []


def attribute(thing: Any, name: str) -> Any:
    """An attribute; None where there is none, or it can't be read."""
    try:
        return getattr(thing, name, None)
    except BaseException:
        return None


def is_frozen(value: Any) -> bool:
    """Whether its instances can't be changed, and so can be keys."""
    parameters, config = getattr(value, "__dataclass_params__", None), getattr(value, "model_config", None)
    return bool(getattr(parameters, "frozen", False) or (isinstance(config, dict) and config.get("frozen")))


def is_described(value: object) -> bool:
    """Whether it is a class or a function, also one behind a decorator."""
    if isinstance(value, type) or inspect.isroutine(value):
        return True
    # Without running code of its own: a proxy may have one only in a request, or make one up.
    return inspect.isroutine(inspect.getattr_static(value, "__wrapped__", None))


def is_offered(module: Any, key: str, value: object) -> bool:
    """Whether a module offers a name: by `__all__`, else what it defines, and whatever a package's `__init__` has."""
    if isinstance(attribute(module, "__all__"), (list, tuple)):
        return key in listed(module)
    home = getattr(value, "__module__", None)
    return home == attribute(module, "__name__") or attribute(module, "__path__") is not None


def member(owner: type, name: str, static: Any) -> "dict[str, Any] | None":
    """A method or property of a class; None for anything else."""
    if isinstance(static, property) or type(static).__name__ == "cached_property":
        getter = getattr(static, "fget", None) or getattr(static, "func", None)
        return {"is": "property", "type": annotation(hints_of(getter).get("return")) if getter else None}
    how = {classmethod: "classmethod", staticmethod: "staticmethod"}.get(type(static), "method")
    function = getattr(owner, name, None)
    if not inspect.isroutine(function):
        return None
    abstract = bool(getattr(function, "__isabstractmethod__", False))
    return {"is": how, "abstract": abstract, "signature": signature(function)}


def attributes_of(value: Any, own: "list[Any]") -> "dict[str, str]":
    """The annotated public attributes that a class and its bases in the package have."""
    hints = hints_of(value)
    names = {name for base in own for name in own_annotations(base) if is_public(name)}
    return {name: annotation(hints.get(name, "?")) for name in sorted(names - MACHINERY)}


def keys_of(value: Any) -> "dict[str, Any]":
    """The keys of a TypedDict."""
    hints = hints_of(value)
    required: "frozenset[str]" = getattr(value, "__required_keys__", frozenset())
    return {
        name: {"type": annotation(bare(hint)), "required": name in required} for name, hint in sorted(hints.items())
    }


def bare(hint: Any) -> Any:
    """A key's type without its qualifiers."""
    while getattr(typing.get_origin(hint), "_name", None) in ("Required", "NotRequired", "ReadOnly"):
        hint = typing.get_args(hint)[0]
    return hint


def enum_shape(value: Any) -> "dict[str, Any]":
    """An enum's members with aliases, and the kind of their values."""
    members = {name: each.value for name, each in value.__members__.items()}
    return {
        "members": {name: each if is_plain(each) else text(each) for name, each in members.items()},
        "mixin": next((base.__name__ for base in (str, int, float, enum.Flag) if issubclass(value, base)), None),
    }


def is_plain(value: object) -> bool:
    """Whether JSON has such a value; it has no number that is none, or without end."""
    return isinstance(value, PLAIN) and not (isinstance(value, float) and not math.isfinite(value))


def model_schemas(value: Any) -> "dict[str, Any] | None":
    """A pydantic model's JSON Schemas and the names of its fields; None for another class."""
    pydantic = sys.modules.get("pydantic")
    if pydantic is None:
        return None
    base = getattr(pydantic, "BaseModel", None)
    if base is not None and any(each is base for each in value.__mro__):  # an abstract class asks for a hash
        return newer_schemas(value) if hasattr(value, "model_json_schema") else older_schemas(value)
    older = getattr(sys.modules.get("pydantic.v1"), "BaseModel", None)
    return older_schemas(value) if older is not None and any(each is older for each in value.__mro__) else None


def newer_schemas(value: Any) -> "dict[str, Any]":
    """The schemas of pydantic 2; for one that it can't make, the error."""
    shape: "dict[str, Any]" = {"fields": sorted(value.model_fields)}
    for mode in ("validation", "serialization"):
        try:
            shape[mode] = value.model_json_schema(mode=mode, schema_generator=written_generator())
        except BaseException as error:
            shape[mode] = {"unknown": first_line(error)}
    return shape


def written_generator() -> Any:
    """A generator for which every field is written, also one with a default."""
    from pydantic.json_schema import GenerateJsonSchema  # noqa: PLC0415  the package's pydantic, which it may not have

    class Written(GenerateJsonSchema):
        def field_is_required(self, field: Any, *arguments: Any, **named: Any) -> bool:
            if self.mode == "serialization" and field.get("type") in ("model-field", "dataclass-field"):
                return not field.get("serialization_exclude", False)
            return bool(super().field_is_required(field, *arguments, **named))

    return Written


def older_schemas(value: Any) -> "dict[str, Any]":
    """The schema of pydantic 1, which is one for both modes; every field is written."""
    shape: "dict[str, Any]" = {"fields": sorted(value.__fields__)}
    try:
        schema = json.loads(value.schema_json())
    except BaseException as error:
        unknown = {"unknown": first_line(error)}
        return {**shape, "validation": unknown, "serialization": unknown}
    return {**shape, "validation": schema, "serialization": all_required(schema)}


def all_required(schema: Any) -> Any:
    """A schema of pydantic 1 in which each object has all of its properties."""
    if isinstance(schema, list):
        return [all_required(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: all_required(item) for key, item in schema.items()}
    is_object = isinstance(inner.get("properties"), dict) and inner.get("type") == "object"
    return {**inner, "required": sorted(inner["properties"])} if is_object else inner


def first_line(error: BaseException) -> str:
    """The class of an error, and the first line of its message."""
    lines: "list[str]" = []
    with contextlib.suppress(BaseException):
        lines = str(error).strip().splitlines()
    return ADDRESS.sub("", ": ".join([type(error).__name__, *lines[:1]]))[:LONGEST].rstrip(": ")


def main(specification: str) -> None:
    """Do what the specification says."""
    spec = json.loads(Path(specification).read_text(encoding="utf-8"))
    out = Path(spec["out"]).open("a", buffering=1, encoding="utf-8")  # noqa: SIM115  open as long as the process

    def write(**fact: object) -> None:
        out.write(json.dumps(fact, sort_keys=True, default=text) + "\n")

    for module in (name for name in spec["modules"] if name not in spec["skip"]):
        write(reading=[module])
        try:
            importlib.import_module(module)
        except BaseException as error:
            write(unreadable=module, error=first_line(error))
    exporter = Exporter(spec["package"], write, spec["skip"])
    exporter.collect(spec["modules"])
    exporter.describe()
    write(done=True)
    out.close()
    # Without waiting for a module's threads or running its exit handlers.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
