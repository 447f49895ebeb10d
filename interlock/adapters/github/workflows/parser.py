"""One workflow file: the events that it listens to, and its faults, each with its line."""

import difflib
from collections.abc import Iterator

import yaml
from pydantic import Field

from interlock.adapters.github.workflows.expressions import carries_dispatch_id, unsafe_places
from interlock.adapters.github.workflows.yaml_nodes import (
    UnreadableError,
    child,
    compose,
    entries,
    is_empty,
    items,
    line_of,
    text_of,
)
from interlock.common.frozen_model import FrozenModel

DISPATCH = "repository_dispatch"
# The similarity from which on two names are probably meant to be one.
ALIKE = 0.85


class Finding(FrozenModel):
    """Something about a workflow file, with its line.

    Attributes:
        line: From 1.
        hint: What to do about it, where the message does not say it.
    """

    path: str
    line: int = Field(ge=1)
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class ListenedType(FrozenModel):
    """A type of `repository_dispatch` that a file lists, and the line where it does."""

    name: str
    line: int = Field(ge=1)


class Workflow(FrozenModel):
    """What a workflow file says.

    Attributes:
        path: Where the file is in its repository.
        events: What starts it, as `push`; in the order of the file.
        line: Where it says `repository_dispatch`, else 1.
        types: The types of `repository_dispatch` that it lists; None when it lists none and so listens to every one.
        run_name: The title of its runs, with its expressions; None when it has none.
        exact: Whether the id of a dispatch is in the title of the run that took it.
        faults: What keeps GitHub from using the file: it listens to nothing.
        warnings: What GitHub reads otherwise than its author seems to mean.
    """

    path: str
    events: tuple[str, ...] = ()
    line: int = 1
    types: tuple[ListenedType, ...] | None = None
    run_name: str | None = None
    exact: bool = False
    faults: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()

    @property
    def dispatched(self) -> bool:
        """Whether some `repository_dispatch` starts it."""
        return DISPATCH in self.events and not self.faults

    def listens_to(self, event: str) -> bool:
        """Whether a `repository_dispatch` of this type starts it."""
        return self.dispatched and (self.types is None or any(listed.name == event for listed in self.types))


def read(path: str, content: bytes) -> Workflow:
    """Parse a workflow file. This never fails: a file that can't be read has a fault that says so.

    Args:
        path: Where the file is in its repository; its faults name it.
        content: The file.
    """
    try:
        text, top = compose(content)
    except UnreadableError as error:
        fault = Finding(path=path, line=error.line, message=error.message, hint=error.hint)
        return Workflow(path=path, faults=(fault,))
    return _Reader(path).read(text, top)


class _Reader:
    """Reads one file, and collects its faults and warnings."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._faults: list[Finding] = []
        self._warnings: list[Finding] = []

    def read(self, text: str, top: yaml.MappingNode) -> Workflow:
        self._check_repeats(top)
        self._check_jobs(top)
        events = {name: (key, config) for name, key, config in self._events(top)}
        node, config = events.get(DISPATCH, (top, None))
        types = self._types(config) if DISPATCH in events else None
        for unsafe in unsafe_places(text, top):
            self._warn(unsafe.line, unsafe.message, unsafe.hint)
        run_name = text_of(child(top, "run-name"))
        return Workflow(
            path=self._path,
            events=tuple(events),
            line=line_of(node),
            types=types,
            run_name=run_name,
            exact=carries_dispatch_id(run_name or ""),
            faults=tuple(self._faults),
            warnings=tuple(sorted(self._warnings, key=lambda found: found.line)),
        )

    def _fault(self, line: int, message: str, hint: str | None = None) -> None:
        self._faults.append(Finding(path=self._path, line=line, message=message, hint=hint))

    def _warn(self, line: int, message: str, hint: str | None = None) -> None:
        self._warnings.append(Finding(path=self._path, line=line, message=message, hint=hint))

    def _check_repeats(self, node: yaml.Node | None) -> None:
        seen: set[str] = set()
        for name, key, _ in entries(node):
            if name in seen:
                self._fault(line_of(key), f"`{name}` is there twice", "GitHub refuses such a file: leave one of them")
            seen.add(name)

    def _check_jobs(self, top: yaml.MappingNode) -> None:
        jobs = child(top, "jobs")
        if not any(True for _ in entries(jobs)):
            self._fault(line_of(jobs or top), "it has no `jobs`", "GitHub refuses such a file: say what it does")

    def _events(self, top: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node, yaml.Node | None]]:
        """The events that start it, each with its node and its settings."""
        on = child(top, "on")
        if on is None:
            self._no_on(top)
        elif isinstance(on, yaml.MappingNode):
            self._check_repeats(on)
            for name, key, config in entries(on):
                yield self._event(name, key), key, config
        elif isinstance(on, yaml.SequenceNode):
            for item in on.value:
                yield from self._named_event(item)
        else:
            yield from self._named_event(on)

    def _named_event(self, node: yaml.Node) -> Iterator[tuple[str, yaml.Node, None]]:
        name = text_of(node)
        if name and not is_empty(node):
            yield self._event(name, node), node, None
        else:
            self._fault(line_of(node), "`on` names no event here", f"for example: on: [{DISPATCH}]")

    def _event(self, name: str, node: yaml.Node) -> str:
        if name != DISPATCH and alike(name, DISPATCH):
            self._warn(line_of(node), f'"{name}" is no event of GitHub\'s', f'did you mean "{DISPATCH}"?')
        return name

    def _no_on(self, top: yaml.MappingNode) -> None:
        for name, key, _ in entries(top):
            if name.lower() in {"true", "on"}:
                hint = "write on: (some tools read the key `on` as the boolean true, and write that back)"
                self._fault(line_of(key), f"the key `{name}` is not `on`: no event starts it", hint)
                return
        self._fault(line_of(top), "it has no `on`: no event starts it", f"for example: on: [{DISPATCH}]")

    def _types(self, config: yaml.Node | None) -> tuple[ListenedType, ...] | None:
        """The types that it listens to; None for all."""
        if config is None or is_empty(config):
            return None
        if not isinstance(config, yaml.MappingNode):
            self._fault(line_of(config), f"the settings of `{DISPATCH}` are not a mapping", "write types: [...] in it")
            return None
        self._check_repeats(config)
        self._check_keys(config)
        return self._listed(child(config, "types"))

    def _check_keys(self, config: yaml.MappingNode) -> None:
        for name, key, _ in entries(config):
            if name == "types":
                continue
            message = f"`{DISPATCH}` has `{name}:`, GitHub reads only `types:`"
            if child(config, "types") is None:
                message += ", and so it hears every type"
            self._warn(
                line_of(key), message, "write types:" if name.lower() in {"type", "types"} else f"remove {name}:"
            )

    def _listed(self, types: yaml.Node | None) -> tuple[ListenedType, ...] | None:
        if types is None:
            return None
        nodes = (types,) if isinstance(types, yaml.ScalarNode) else items(types)
        if isinstance(types, yaml.MappingNode) or any(not isinstance(node, yaml.ScalarNode) for node in nodes):
            self._fault(line_of(types), "`types` is no list of names", "for example: types: [core_release]")
            return None
        named = tuple(
            ListenedType(name=text_of(node) or "", line=line_of(node)) for node in nodes if not is_empty(node)
        )
        if not named:
            self._warn(line_of(types), "`types` is empty, and so it hears every type", "name the types, or remove it")
        return named or None


def alike(one: str, other: str) -> bool:
    """Whether one name is probably a typo of the other; hyphens and capitals hardly count."""
    return difflib.SequenceMatcher(None, _letters(one), _letters(other)).ratio() >= ALIKE


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
