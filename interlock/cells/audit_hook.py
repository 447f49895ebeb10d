"""Copied into a cell's environment, where every Python runs it when it starts: it records, and changes nothing.

It records which family packages' metadata is read while a suite runs (a verdict that depends on a version number holds
for that version alone), and from where the family's modules were imported (the proof that the suite tested what is
installed): at the end where they all are, and at once where one is found outside of the environment, since a module
whose import fails is not there at the end. It uses the standard library only.
"""

import atexit
import json
import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

SETTINGS = Path(__file__).with_suffix(".json")


def _append(settings: "dict[str, object]", **fact: object) -> None:
    line = json.dumps(fact) + "\n"
    descriptor = os.open(str(settings["out"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line.encode())
    os.close(descriptor)


def _watch(settings: "dict[str, object]", folders: "dict[str, str]", silent: "list[str]") -> None:
    """Record when each package's metadata is first opened: `importlib.metadata` and all others go through `open`."""
    noted = set()  # type: set[str]

    def hook(event: str, arguments: "tuple[object, ...]") -> None:
        if event != "open" or not isinstance(arguments[0], (str, bytes, os.PathLike)):
            return
        folder, _, name = os.fsdecode(arguments[0]).rpartition("/")
        package = folders.get(folder.rpartition("/")[2])
        if package is not None and package not in noted and name not in silent:
            noted.add(package)
            _append(settings, read=package)

    sys.addaudithook(hook)


class Witness:
    """Stands before the finders of modules, finds none itself, and records where outside the family's modules are."""

    def __init__(self, settings: "dict[str, object]", modules: "dict[str, str]") -> None:
        self._settings = settings
        # A package above a shared namespace's part hides the part.
        self._watched = {above: package for name, package in modules.items() for above in _and_above(name)}
        self._noted = set()  # type: set[tuple[str, str]]

    def find_spec(self, name: str, path: "object" = None, target: "object" = None) -> None:
        """Record the module if it is one of the family's, and somewhere else than it should be."""
        spec = PathFinder.find_spec(name, path, target) if name in self._watched else None  # type: ignore[arg-type]
        file = spec.origin if spec and spec.has_location else None
        if file and not file.startswith(sys.prefix + os.sep) and (name, file) not in self._noted:
            self._noted.add((name, file))
            _append(self._settings, found=name, package=self._watched[name], file=file)


def _and_above(name: str) -> "list[str]":
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def report(settings: "dict[str, object]", modules: "dict[str, str]") -> None:
    """Record where each loaded module of the family came from."""
    if "pkg_resources" in sys.modules:  # it reads versions from the names of directories, without opening anything
        for package in set(modules.values()):
            _append(settings, read=package)
    for name, package in modules.items():
        module = sys.modules.get(name)
        if module is not None:
            file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", [])), "")
            _append(settings, module=name, package=package, file=file)


def start() -> None:
    """Start recording, as the settings beside this file say."""
    settings = json.loads(SETTINGS.read_text())
    _watch(settings, settings["folders"], settings["silent"])
    sys.meta_path.insert(0, Witness(settings, settings["modules"]))
    atexit.register(report, settings, settings["modules"])


if SETTINGS.exists():
    start()
