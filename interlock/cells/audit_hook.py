"""Copied into a cell's environment, where every Python runs it when it starts: it records, and changes nothing.

It records which family packages' metadata is read while a suite runs (a verdict that depends on a version number holds
for that version alone), and from where the family's modules were imported (the proof that the suite tested what is
installed). It uses the standard library only and works on every Python that uv can install.
"""

import atexit
import json
import os
import sys
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
    atexit.register(report, settings, settings["modules"])


if SETTINGS.exists():
    start()
