"""What a program in the sandbox tries, as root's program and as another user's: none of it reaches this machine."""

import asyncio
import os
import pickle
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from interlock.common import sandbox
from interlock.common.process import Completed, Limits
from interlock.common.sandbox import NOBODY, Box, isolation

SECRET = "hunter2-of-this-process"
MiB = 1 << 20

Attack = Callable[..., Completed]


def in_child(user: int, work: Callable[[], Completed]) -> Completed:
    """Do the work in a fork of this process, as another user."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            isolation.cache_clear()
            result: Any = work()
        except BaseException as error:  # noqa: BLE001  told to the parent
            result = error
        os.write(writer, pickle.dumps(result))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        result = pickle.loads(pipe.read())
    os.waitpid(child, 0)
    if isinstance(result, BaseException):
        raise result
    assert isinstance(result, Completed)
    return result


@pytest.fixture(params=["root", "nobody"] if os.geteuid() == 0 else ["this user"])
def attack(request: pytest.FixtureRequest, folder: Path) -> Attack:
    """Runs a script in the sandbox, in a folder that it may write; each test is run for root and for another user."""

    def run(script: str, *, limits: Limits | None = None, timeout: float = 60, **box: Any) -> Completed:
        whole = Box(write=(folder, *box.pop("write", ())), limits=limits or Limits(), **box)
        env = {"PATH": f"{folder}:{os.defpath}", "HOME": str(folder)}
        shell = ["/bin/bash", "-c", script]

        def work() -> Completed:
            assert isolation().is_isolated, isolation().reason
            return asyncio.run(sandbox.run(shell, box=whole, env=env, cwd=folder, merge=True, timeout=timeout))

        return in_child(NOBODY, work) if request.param == "nobody" else work()

    if request.param == "nobody":
        os.chown(folder, NOBODY, NOBODY)
    return run


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user reaches, as the folders of pytest are not."""
    path = Path(f"/tmp/red-team-{uuid.uuid4().hex}")
    path.mkdir()
    yield path
    os.system(f"rm -rf {path}")


@pytest.fixture
def open_file() -> Iterator[Path]:
    """A file that every user may read and write, beside the sandbox."""
    path = Path(f"/tmp/red-team-secret-{uuid.uuid4().hex}")
    path.write_text(SECRET)
    path.chmod(0o666)
    yield path
    path.unlink()


def test_it_runs_and_writes_where_it_may(attack: Attack, folder: Path) -> None:
    done = attack("id -un; echo made > made; cat made; exit 3")
    assert (done.returncode, done.output) == (3, "interlock\nmade\n")
    assert (folder / "made").read_text() == "made\n"


def test_no_file_of_this_machine_is_there(attack: Attack, open_file: Path) -> None:
    own = Path(__file__).parents[2]
    done = attack(f"cat {open_file} {own}/README.md /etc/shadow; ls -a / /root /home {own} /tmp")
    assert SECRET not in done.output
    assert "Interlock" not in done.output
    root = done.output.partition("/:\n")[2].partition("\n\n")[0].split()
    programs = {"bin", "lib", "lib32", "lib64", "libx32", "sbin", "usr"}
    assert set(root) <= programs | {".", "..", ".interlock", "dev", "etc", "proc", "root", "tmp"}


def test_no_variable_of_any_process_is_seen(attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINE_PASSWORD", SECRET)
    child = psutil.Popen(["sleep", "60"])  # its environment is readable in /proc
    try:
        done = attack("env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'; echo /proc/[0-9]*")
    finally:
        child.kill()
        child.wait()
    assert SECRET not in done.output
    assert len(done.output.splitlines()[-1].split()) < 5, "its own processes alone"


def test_killing_everything_kills_itself_alone(attack: Attack) -> None:
    done = attack("kill -9 $PPID; kill -STOP 1; kill -9 1; kill -9 -1; echo still here; kill -9 $$")
    assert done.returncode in {-9, 137}
    assert psutil.Process().status() != psutil.STATUS_ZOMBIE


def test_a_stopped_program_is_ended_when_its_time_is_up(attack: Attack) -> None:
    assert attack("kill -STOP $$", timeout=1).timed_out


@pytest.mark.parametrize("daemon", ["setsid sleep {} &", "(setsid sh -c 'trap \"\" TERM HUP; sleep {}' &) ; disown -a"])
def test_no_process_outlives_it(attack: Attack, daemon: str) -> None:
    seconds = f"{uuid.uuid4().int % 10**8 + 1000}"
    assert attack(daemon.format(seconds)).returncode == 0
    psutil.wait_procs([each for each in psutil.process_iter() if seconds in _command_line(each)], timeout=20)
    assert not [each for each in psutil.process_iter() if seconds in _command_line(each)]


def _command_line(process: psutil.Process) -> list[str]:
    try:
        found: list[str] = process.cmdline()
    except psutil.Error:
        return []
    return found


def test_no_service_of_this_machine_is_reached(attack: Attack) -> None:
    name = f"red-team-{uuid.uuid4().hex}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{name}")
        abstract.listen()
        port = tcp.getsockname()[1]
        done = attack(
            f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo tcp reached;"
            f'perl -MSocket -e \'socket(S,PF_UNIX,SOCK_STREAM,0); print connect(S, sockaddr_un("\\0{name}")) ? '
            '"unix reached" : "unix refused"\''
        )
    assert "unix refused" in done.output
    assert "reached" not in done.output.replace("unix refused", "")


def test_its_own_loopback_works(attack: Attack) -> None:
    serve = "use IO::Socket::INET; print IO::Socket::INET->new(Listen=>1, LocalAddr=>q(127.0.0.1:7777)) ? 1 : 0"
    assert attack(f"perl -e '{serve}'").output == "1"


def test_with_a_network_it_reaches_this_machine(attack: Attack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp:
        done = attack(f"exec 3<>/dev/tcp/127.0.0.1/{tcp.getsockname()[1]} && echo reached", network=True)
    assert done.output == "reached\n"


def test_shared_memory_is_its_own(attack: Attack) -> None:
    mark = Path("/dev/shm") / uuid.uuid4().hex
    mark.write_text(SECRET)
    mark.chmod(0o666)
    try:
        done = attack(f"ls /dev/shm; cat {mark}; echo x > {mark}; echo y > /dev/shm/{mark.name}-2; ls /dev/shm")
        assert mark.read_text() == SECRET
        assert not mark.with_name(f"{mark.name}-2").exists()
    finally:
        mark.unlink()
    assert SECRET not in done.output


def test_no_descriptor_is_inherited(attack: Attack, open_file: Path) -> None:
    with open_file.open() as file:
        os.set_inheritable(file.fileno(), True)
        done = attack("for fd in /proc/self/fd/*; do readlink $fd; done; ls -l /proc/1/fd")
        os.set_inheritable(file.fileno(), False)
    assert open_file.name not in done.output


def test_it_gains_no_right(attack: Attack) -> None:
    done = attack(
        "grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status; unshare -Ur true && echo nested;"
        "mount -o remount,rw /usr 2>/dev/null && echo remounted; mount -t tmpfs x /tmp 2>/dev/null && echo mounted;"
        "echo x 2>/dev/null > /proc/sys/kernel/core_pattern && echo written; chroot / true 2>/dev/null && echo rooted;"
        "cat /proc/1/mem 2>/dev/null | head -c 1; su -c true 2>/dev/null && echo su; true"
    )
    facts = done.output.split("\n")
    assert facts[:3] == ["CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"]
    assert not {"nested", "remounted", "mounted", "written", "rooted", "su"} & set(facts)


def test_what_it_reads_it_can_not_write(attack: Attack, open_file: Path) -> None:
    tries = f"cat {open_file}; echo changed > {open_file}; rm {open_file}; touch /usr/x /etc/x /x"
    done = attack(tries, read=(open_file,))
    assert SECRET in done.output
    assert open_file.read_text() == SECRET


def test_a_file_that_it_writes_can_not_be_replaced(attack: Attack, open_file: Path) -> None:
    attack(f"rm {open_file}; mv {open_file} x; mkfifo {open_file}; ln -sf /etc/passwd {open_file}", write=(open_file,))
    assert open_file.is_file()
    assert not open_file.is_symlink()


def test_a_program_that_it_puts_first_on_its_path_is_not_run_outside(attack: Attack, folder: Path) -> None:
    for name in ("setpriv", "bwrap", "sh", "prlimit"):
        planted = folder / name
        planted.write_text("#!/bin/bash\nid -u > /tmp/planted; echo planted; exit 0\n")
        planted.chmod(0o755)
    assert attack("echo real").output == "real\n"
    assert not Path("/tmp/planted").exists()


def test_a_file_has_a_largest_size(attack: Attack, folder: Path) -> None:
    done = attack("head -c 8M /dev/zero > large; truncate -s 3G sparse", limits=Limits(file_size=MiB))
    assert done.returncode != 0
    assert {path.stat().st_size <= MiB for path in folder.iterdir()} <= {True}


def test_endless_output_ends_it(attack: Attack) -> None:
    done = attack("yes", limits=Limits(output=MiB, file_size=64 * MiB))
    assert done.exceeded == "more than 1 MiB of output" or done.returncode in {-25, 153}


def test_its_processes_are_counted(attack: Attack) -> None:
    done = attack("for i in {1..60}; do sleep 5 & done; jobs -p | wc -l", limits=Limits(processes=20))
    assert "Resource temporarily unavailable" in done.output or "retry" in done.output


def test_the_memory_of_all_its_processes_is_counted(attack: Attack) -> None:
    grow = "perl -e '$x = \"x\" x (40*1024*1024); sleep 60' &"
    done = attack(f"for i in 1 2 3 4; do {grow} done; wait", limits=Limits(memory=100 * MiB))
    assert done.exceeded == "more than 100 MiB of memory"


def test_the_memory_of_a_process_is_limited(attack: Attack) -> None:
    assert attack("perl -e '$x = \"x\" x (400*1024*1024)'", limits=Limits(memory=100 * MiB)).returncode != 0
