"""Copied into a cell's environment, where every Python runs it when it starts: it records, and changes nothing.

It records which family packages' metadata is read while a suite runs (a verdict that depends on a version number holds
for that version alone), and from where the family's modules were imported (the proof that the suite tested what is
installed): at the end where they all are, and at once where one is found outside of the environment, since a module
whose import fails is not there at the end. It uses the standard library only.
"""

import atexit
import builtins
import json
import os
import sys
from functools import partial
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

# A suite may patch a builtin or a module and leave it so. What is defined below has builtins of its own, and binds the
# functions that it calls later; as values of objects, since tools that fake the file system patch modules' globals.
__builtins__ = dict(vars(builtins))  # type: ignore[assignment]

SETTINGS = Path(__file__).with_suffix(".json")


class Record:
    """Appends facts to a file, each as a line of JSON when it happens; a suite may close any file that is open."""

    def __init__(self, out: str) -> None:
        self._out = out
        self._open, self._write, self._close = os.open, os.write, os.close
        self._flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._quoted = json.encoder.encode_basestring_ascii

    def add(self, **fact: object) -> None:
        """Append a fact of texts, numbers and None."""
        line = ", ".join(f"{self._quoted(name)}: {self._written(value)}" for name, value in fact.items())
        descriptor = self._open(self._out, self._flags, 0o600)
        self._write(descriptor, f"{{{line}}}\n".encode())
        self._close(descriptor)

    def _written(self, value: object) -> str:
        if value is None:
            return "null"
        return repr(value) if isinstance(value, (int, float)) else self._quoted(str(value))


def _watch(record: Record, folders: "dict[str, str]", silent: "list[str]") -> None:
    """Record when each package's metadata is first opened: `importlib.metadata` and all others go through `open`."""
    noted = set()  # type: set[str]
    path_like, decoded = os.PathLike, os.fsdecode

    def hook(event: str, arguments: "tuple[object, ...]") -> None:
        if event != "open" or not isinstance(arguments[0], (str, bytes, path_like)):
            return
        folder, _, name = decoded(arguments[0]).rpartition("/")
        package = folders.get(folder.rpartition("/")[2])
        if package is not None and package not in noted and name not in silent:
            noted.add(package)
            record.add(read=package)

    sys.addaudithook(hook)


class Witness:
    """Stands before the finders of modules, finds none itself, and records where outside the family's modules are."""

    def __init__(self, record: Record, modules: "dict[str, str]") -> None:
        self._record = record
        self._prefix = sys.prefix + os.sep
        # A package above a shared namespace's part hides the part.
        self._watched = {above: package for name, package in modules.items() for above in _and_above(name)}
        self._noted = set()  # type: set[tuple[str, str]]

    def find_spec(self, name: str, path: "object" = None, target: "object" = None) -> None:
        """Record the module if it is one of the family's, and somewhere else than it should be."""
        spec = PathFinder.find_spec(name, path, target) if name in self._watched else None  # type: ignore[arg-type]
        file = spec.origin if spec and spec.has_location else None
        if file and not file.startswith(self._prefix) and (name, file) not in self._noted:
            self._noted.add((name, file))
            self._record.add(found=name, package=self._watched[name], file=file)


def _and_above(name: str) -> "list[str]":
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def report(record: Record, modules: "dict[str, str]", loaded: "dict[str, Any]") -> None:
    """Record where each loaded module of the family came from."""
    if "pkg_resources" in loaded:  # it reads versions from the names of directories, without opening anything
        for package in set(modules.values()):
            record.add(read=package)
    for name, package in modules.items():
        module = loaded.get(name)
        if module is not None:
            file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", [])), "")
            record.add(module=name, package=package, file=file)


def start() -> "partial[None]":
    """Start recording, as the settings beside this file say; returns what records the modules, if not at exit."""
    settings = json.loads(SETTINGS.read_text())
    record = Record(settings["out"])
    _watch(record, settings["folders"], settings["silent"])
    sys.meta_path.insert(0, Witness(record, settings["modules"]))
    ended = partial(report, record, settings["modules"], sys.modules)
    atexit.register(ended)
    return ended


if SETTINGS.exists():
    report_modules = start()
