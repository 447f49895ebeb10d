"""The runner's digest covers every module that decides what a run shows."""

import ast
import importlib
import importlib.util
import inspect
from collections.abc import Iterator
from types import ModuleType

from interlock import errors
from interlock.adapters import build_backend, build_script
from interlock.adapters.index import client, settings
from interlock.cells import runner
from interlock.common import (
    archives,
    atomic_files,
    bounded_files,
    digest,
    frozen_model,
    python_source,
    retry,
    sanitize,
    single_flight,
    tls,
    tokens,
    validation,
    work_folders,
)
from interlock.model import lockfile, requirements, suites, versions

# What the runner imports besides, and why a change of it changes no run, or changes the fingerprint by itself.
HARMLESS = {
    errors: "words and exit codes; which of them makes a run red or unresolvable is said where they are caught",
    validation: "refuses family files",
    archives: "what it refuses is no wheel, and what it gives is in the fingerprint by its digest",
    python_source: "the modules that are found by it are in the fingerprint",
    bounded_files: "what it refuses is no record and no file of a build",
    build_backend: "what is built of an sdist is in the lock by the sdist's hash",
    build_script: "the same",
    client: "the files of the index are in the lock by their hashes",
    settings: "where the index is, not what it has",
    tls: "certificates",
    retry: "how often a download is tried",
    tokens: "credentials",
    work_folders: "where a run works, not what it sees",
    atomic_files: "puts a finished directory in its place, whole",
    digest: "another digest is another fingerprint",
    lockfile: "the file that it chooses is in the fingerprint, by its hash",
    single_flight: "which task makes an environment, not what is in it",
    suites: "what a suite and a point set is in the fingerprint",
    frozen_model: "the base of all records",
    requirements: "here, only the form of names; what holds in an environment is in the lock's lines",
    sanitize: "makes messages of errors fit for a terminal",
    versions: "how a version is read; the versions themselves are in the lock's lines",
}


def imported(module: ModuleType) -> Iterator[ModuleType]:
    """The modules of ours that one imports, anywhere in its code."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.startswith("interlock.") and is_module(name):
                yield importlib.import_module(name)


def is_module(name: str) -> bool:
    package = importlib.import_module(name.rpartition(".")[0])
    return hasattr(package, "__path__") and importlib.util.find_spec(name) is not None


def reached(module: ModuleType, known: frozenset[ModuleType] = frozenset()) -> frozenset[ModuleType]:
    """A module and all that it imports, directly or not, without mere packages."""
    known |= {module}
    for other in imported(module):
        known = known if other in known else reached(other, known)
    return known


def test_each_module_of_the_runner_is_in_its_digest_or_named_as_harmless_with_a_reason() -> None:
    deciding = {*runner.DECIDING, runner}
    modules = {module for module in reached(runner) if not hasattr(module, "__path__")}
    assert not deciding & HARMLESS.keys()
    assert deciding | HARMLESS.keys() == modules
