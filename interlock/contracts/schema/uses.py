"""A downstream's use of each changed element: whether it is used, and covered by its suite, without running it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from interlock.common.frozen_model import FrozenModel
from interlock.contracts.schema.models import ElementChange, Kind, Use, What
from interlock.contracts.schema.public_api import is_in, module_of, sources_of
from interlock.contracts.schema.source_reader import FileUse, read_file

MOST_STEPS = 20


class DownstreamSources(FrozenModel):
    """The files that show how a downstream uses its upstream.

    Attributes:
        wheel: Its wheel.
        tests: The folders that hold the files of its suites.
        imports: The modules that its `imports` suites import.
    """

    wheel: Path
    tests: tuple[Path, ...] = ()
    imports: tuple[str, ...] = ()


def uses_of(changes: Collection[ElementChange], sources: DownstreamSources) -> Mapping[str, Use]:
    """A downstream's use of each changed element, by the element's name.

    A file uses an element when it imports it under any of its names, reaches it through an imported module, has its
    name and that of its module as texts, or compares something with an enum's value that was added or removed. The
    element is covered when a file of the suite uses it, or a module that the suite's files import, directly or by way
    of other modules of the downstream. An `imports` suite covers only what is imported by name, and was removed.
    """
    modules = {name: source for name, source in sources_of(sources.wheel).items() if module_of(name)}
    downstream = Downstream(_read(modules), [use for each in sources.tests for use in _test_files(each)])
    return {change.name: downstream.use_of(change, sources.imports) for change in changes}


@dataclass(frozen=True)
class Downstream:
    """The files of a downstream as they were read.

    Attributes:
        modules: The wheel's, by their names.
        suite: The files of its suites.
    """

    modules: Mapping[str, FileUse]
    suite: Collection[FileUse]

    def use_of(self, change: ElementChange, imports: Collection[str] = ()) -> Use:
        """The use of one changed element."""
        users = {name for name, file in self.modules.items() if self._uses(file, change)}
        if users & self._executed or any(self._uses(file, change) for file in self.suite):
            return Use.COVERED
        if change.what is What.REMOVED and any(self._imports(name, change) for name in self._reached(imports)):
            return Use.COVERED
        return Use.UNTESTED if users else Use.NOT_USED

    @cached_property
    def _executed(self) -> frozenset[str]:
        """The modules that the suite's files import, and those that these import."""
        return self._reached({module for file in self.suite for module in self._needs(file)})

    def _reached(self, begin: Iterable[str]) -> frozenset[str]:
        reached: set[str] = set()
        waiting = [name for name in begin if name in self.modules]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += self._needs(self.modules[name])
        return frozenset(reached)

    def _needs(self, file: FileUse) -> set[str]:
        """The downstream's own modules that a file imports; through a package, those that define what it takes."""
        found = {self._module_in(self._resolved(name)) for name in file.imported} | set(file.stars)
        return {name for name in found if name in self.modules}

    def _module_in(self, name: str) -> str:
        """The longest beginning of a dotted name that is a module of the downstream."""
        while name and name not in self.modules:
            name = name.rpartition(".")[0]
        return name

    def _resolved(self, name: str) -> str:
        """A dotted name with re-exports by the downstream's own modules replaced by their sources."""
        for _ in range(MOST_STEPS):
            module = self._module_in(name)
            first, _, rest = name.removeprefix(f"{module}.").partition(".")
            if not module or name == module or first not in (bound := self.modules[module].bound):
                return name
            name = ".".join(filter(None, [bound[first], rest]))
        return name

    def _uses(self, file: FileUse, change: ElementChange) -> bool:
        used = {self._resolved(name) for name in file.used}
        if any(is_in(name, names) for name in used for names in change.names):
            return True
        if any(
            name.rpartition(".")[0] in file.stars and name.rpartition(".")[2] in file.names for name in change.names
        ):
            return True
        return _names_in_texts(file, change) or _has_value(file, used, change)

    def _imports(self, module: str, change: ElementChange) -> bool:
        return any(self._resolved(name) in change.names for name in self.modules[module].imported)


def _names_in_texts(file: FileUse, change: ElementChange) -> bool:
    """Whether a file has an element's name as text, as for `importlib` or a mock: in one text, or in two."""
    if any(is_in(text, name) for text in file.texts for name in change.names):
        return True
    pairs = (name.rpartition(".") for name in change.names)
    return any(module in file.texts and last in file.texts for module, _, last in pairs)


def _has_value(file: FileUse, used: Collection[str], change: ElementChange) -> bool:
    """Whether a file that uses the upstream at all compares something with an added or removed value."""
    tops = {name.partition(".")[0] for name in change.names}
    touches = any(name.partition(".")[0] in tops for name in used)
    return change.kind is Kind.ENUM and touches and bool(file.compared & set(change.values))


def _test_files(folder: Path) -> Iterable[FileUse]:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.py"))}
    return _read(files).values()


def _read(files: Mapping[str, bytes]) -> dict[str, FileUse]:
    found = {}
    for name, source in files.items():
        module = module_of(name) or PurePosixPath(name).with_suffix("").as_posix().replace("/", ".")
        file = read_file(source, module, is_package=name.endswith("__init__.py"))
        if file is not None:
            found[module] = file
    return found
