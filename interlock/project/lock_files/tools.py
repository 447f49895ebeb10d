"""What moves an upstream in a lock: uv, Poetry and PDM, each with the command that leaves all else where it is."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from packaging.version import Version
from uv import find_uv_bin

from interlock.adapters.build_backend import PYTHON
from interlock.adapters.index.settings import Index
from interlock.common.bounded_files import read_bounded
from interlock.common.configuration_files import LARGEST
from interlock.common.sandbox import check_strangers
from interlock.common.sandbox_proxy import Server
from interlock.errors import RefusedError
from interlock.project.lock_files.lock_text import packages_of
from interlock.project.lock_files.sandboxed import NotLockedError, Run, Tool, find_tool
from interlock.project.lock_files.static_version import with_static_version
from interlock.project.lock_files.uv_lock import registry_of

_ADDRESS = re.compile(r"https?://[^\s\"'<>]+")
# A tool of their own finds other versions of itself, other Pythons and other settings than those of this run.
UV = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "UV_PYTHON": str(PYTHON)}
POETRY = {"POETRY_VIRTUALENVS_CREATE": "false", "POETRY_NO_INTERACTION": "1", "POETRY_KEYRING_ENABLED": "false"}
PDM = {"PDM_IGNORE_SAVED_PYTHON": "1", "PDM_USE_VENV": "0", "PDM_CHECK_UPDATE": "0", "PDM_NON_INTERACTIVE": "1"}


class LockTool(NamedTuple):
    """A tool that writes locks.

    Attributes:
        name: Its name in messages, and that of its program.
        lock: The name of its locks.
        by_hand: The command with which a person moves an upstream.
    """

    name: str
    lock: str
    by_hand: str

    def command(self, upstreams: Mapping[str, Version]) -> str:
        """The same for these upstreams."""
        return " ".join([self.by_hand, *(f"{self.option}{name}" for name in upstreams)])

    @property
    def option(self) -> str:
        """What stands before each upstream."""
        return "--upgrade-package " if self.name == "uv" else ""


TOOLS = (
    LockTool("uv", "uv.lock", "uv lock"),
    LockTool("poetry", "poetry.lock", "poetry update --lock"),
    LockTool("pdm", "pdm.lock", "pdm update --no-sync --update-reuse"),
)


class Place(NamedTuple):
    """Where a lock is.

    Attributes:
        top: The repository's files.
        project: The project's folder.
        lock: The lock.
    """

    top: Path
    project: Path
    lock: Path


class Prepared(NamedTuple):
    """A run, and what its lock must have in place of what it has.

    Attributes:
        run: The run.
        registry: The lock's own registry; None where it was used.
        stand_in: What was used in place of it.
        is_dynamic: Whether the project's version does not belong into the lock.
    """

    run: Run
    registry: str | None = None
    stand_in: str = ""
    is_dynamic: bool = False


def prepared(tool: LockTool, lock: str, place: Place, moved: Mapping[str, Version], index: Index) -> Prepared:
    """The run that moves upstreams in a lock.

    Args:
        tool: The lock's.
        lock: Its text.
        place: Where it is.
        moved: The upstreams, with their versions.
        index: The family's.

    Raises:
        NotLockedError: It can't be run here.
        ValueError: A file of the project is not valid.
    """
    address = index.url.get_secret_value().rstrip("/")
    if "@" in urlsplit(address).netloc:
        raise NotLockedError(f"{index.name} needs a password, which no tool gets in the sandbox")
    program = _uv() if tool.name == "uv" else find_tool(tool.name)
    if program is None:
        raise NotLockedError(f"{tool.name} is not on this machine")
    own = Server.of(address)
    servers = {server for text in _ADDRESS.findall(lock) if (server := Server.of(text))}
    run = Run(program, (), servers=servers, anywhere={own} if own else ())
    if tool.name == "uv":
        return _prepared_uv(run, lock, place, moved, index)
    if index.configured and address not in "\n".join(_settings(place).values()):
        raise NotLockedError(f"the project does not name {index.name} as a source of {tool.name}")
    try:
        check_strangers(f"{tool.name}, which may build what strangers wrote,")
    except RefusedError as error:
        raise NotLockedError(error.message) from None
    words = {"poetry": ("update", "--lock", *moved), "pdm": ("update", "--no-sync", "--update-reuse", *moved)}
    return Prepared(run._replace(arguments=words[tool.name], variables={"poetry": POETRY, "pdm": PDM}[tool.name]))


def _uv() -> Tool:
    program = Path(find_uv_bin())
    return Tool(program, (program,))


def _prepared_uv(run: Run, lock: str, place: Place, moved: Mapping[str, Version], index: Index) -> Prepared:
    """The run of uv: it builds no sdist of the index, and takes each upstream at its very version.

    `--no-build` does not hold for the project itself: uv runs its back end where its dependencies are dynamic.
    """
    wanted = (word for name, version in moved.items() for word in ("--upgrade-package", f"{name}=={version}"))
    run = run._replace(arguments=("lock", "--no-build", *wanted), variables=UV)
    settings = _settings(place)
    own = (place.project / "pyproject.toml").relative_to(place.top)
    static = {own: with_static_version(settings[own], "0")} if own in settings else {}
    done = Prepared(run._replace(contents=static), is_dynamic=static.get(own) != settings.get(own))
    return _with_index(done, lock, place, moved, index) if index.configured else done


def _with_index(done: Prepared, lock: str, place: Place, moved: Mapping[str, Version], index: Index) -> Prepared:
    """The same with the family's index: by uv's variables, or in place of the lock's registry where it is another."""
    address = index.url.get_secret_value().rstrip("/")
    packages = packages_of(lock)
    registries = {registry for each in packages if (registry := registry_of(packages, each.name))}
    theirs = next(filter(None, (registry_of(packages, name) for name in moved)), None)
    if theirs and theirs.rstrip("/") == address:
        address = theirs  # a slash at the end is another registry for uv
    settings = _settings(place)
    texts = {**settings, place.lock.relative_to(place.top): lock, **done.run.contents}
    is_named = any(text and text in "\n".join(settings.values()) for text in (address, theirs))
    if theirs and theirs != address:
        texts = {path: text.replace(f'"{theirs}"', f'"{address}"') for path, text in texts.items()}
        done = done._replace(run=done.run._replace(contents=texts), registry=theirs, stand_in=address)
    if is_named:
        return done  # the project's own setting leads there
    only = {address if each == theirs else each for each in registries} <= {address}
    variables = {**UV, "UV_DEFAULT_INDEX" if only else "UV_INDEX": address}
    return done._replace(run=done.run._replace(variables=variables))


def _settings(place: Place) -> dict[Path, str]:
    """The texts in which a project and its workspace name their indexes, by their paths in the repository."""
    folders = dict.fromkeys((place.lock.parent, place.project))
    paths = [folder / name for folder in folders for name in ("pyproject.toml", "uv.toml", "poetry.toml", "pdm.toml")]
    files = (path for path in paths if path.is_file() and not path.is_symlink())
    return {path.relative_to(place.top): read_bounded(path, LARGEST).decode("utf-8", "replace") for path in files}
