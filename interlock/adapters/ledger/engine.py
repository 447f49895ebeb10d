"""The ledger's database: connections that many threads and processes can share, and transactions on them."""

import os
import sqlite3
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

from sqlalchemy import URL, ColumnElement, Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite

from interlock.adapters.ledger.location import LedgerLocation, code_of

# Seconds that a writer waits for the others, each of which takes milliseconds.
PATIENCE = 60.0
# Seconds that a server has to answer, unless the URL says otherwise.
_CONNECT_TIMEOUT = 10
_WRITES = "ledger_writes"
# Names in one query: far below either database's limit, and few enough logs in memory.
_CHUNK: Final = 1000


class Database:
    """The base of all parts of `SqlLedger`: transactions to read and to write.

    Args:
        engine: Its connections.
        location: Where it is, for error messages.
    """

    def __init__(self, engine: Engine, location: LedgerLocation) -> None:
        self._reader = engine
        self._writer = writer(engine)
        self._location = location

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._location.name}>"

    def close(self) -> None:
        """Close all connections; on SQLite the last program to do so also merges the -wal file into the ledger."""
        self._reader.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._location.blamed(), self._reader.begin() as connection:
                yield connection
        # pydantic's and json's errors are ValueErrors
        except (ValueError, zlib.error) as error:
            raise self._location.damage(" ".join(str(error).split())[:300]) from error

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._location.blamed(), self._writer.begin() as connection:
            yield connection

    def _keep(
        self, table: Table, rows: Iterable[dict[str, Any]], *, newer: Callable[[Any], ColumnElement[bool]] | None = None
    ) -> None:
        """Insert rows, or replace those with the same keys: all of them or none.

        Args:
            table: The table.
            rows: The rows, each with the same columns.
            newer: The condition on which a new row replaces an old one. Default: always.
        """
        key = [column.name for column in table.primary_key]
        # PostgreSQL locks row by row: writers that keep one order never wait in a circle
        ordered = sorted(rows, key=itemgetter(*key))
        if not ordered:
            return
        with self._writing() as connection:
            new = insert(connection, table)
            others = {name: new.excluded[name] for name in ordered[0] if name not in key}
            where = newer and newer(new.excluded)
            connection.execute(new.on_conflict_do_update(index_elements=key, set_=others, where=where), ordered)


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """The database's own INSERT, which knows ON CONFLICT."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def chunks(names: Iterable[str]) -> Iterator[list[str]]:
    """The names, each once, in lists that fit one query."""
    wanted = list(set(names))
    return (wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK))


def connect(location: LedgerLocation, *, to_read: bool = False) -> Engine:
    """An engine for a location; a missing SQLite file is made.

    Args:
        location: Where the ledger is.
        to_read: Whether a file that can't be written is good enough.

    Raises:
        LedgerError: The file cannot be made or opened, or is empty.
    """
    # hide_parameters: an error need not repeat a whole log
    if location.file is None:
        waits = {} if "connect_timeout" in location.url.query else {"connect_timeout": _CONNECT_TIMEOUT}
        return create_engine(location.url, connect_args=waits, pool_pre_ping=True, hide_parameters=True)
    url = _open_file(location, location.file, to_read=to_read)
    return set_up_sqlite(create_engine(url, connect_args={"timeout": PATIENCE}, hide_parameters=True))


def set_up_sqlite(engine: Engine) -> Engine:
    """The engine, set up so that its transactions start where SQLAlchemy starts them."""
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def writer(engine: Engine) -> Engine:
    """The same connections, for transactions that write."""
    return engine.execution_options(**{_WRITES: True})


def _open_file(location: LedgerLocation, path: Path, *, to_read: bool) -> URL:
    """Make or check the file; the URL by which it is opened."""
    try:
        if not path.exists():
            _make_file(path)
        # Not opened for this: to close it would release the locks that this process holds on it through another ledger,
        # and the next program to close it would remove the journal that this ledger still uses.
        if path.stat().st_size == 0:
            raise location.emptiness()
        _enter_wal(path)
    except (OSError, sqlite3.Error) as error:
        if to_read and code_of(error) in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
            return _unchanged(path)
        raise location.failure(error) from None
    return location.url


def _make_file(path: Path) -> None:
    """Make a ledger under another name, and give it its own when it is on disk: a crash leaves no empty file."""
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        # Made here, since SQLite would let everyone read it; its -wal and -shm get the same mode.
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        _enter_wal(unfinished)
        # A link, unlike a new name, does not replace the file that another process has made meanwhile.
        os.link(unfinished, path)
    except FileExistsError:
        pass
    except PermissionError:  # by some file systems without links
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _unchanged(path: Path) -> URL:
    """The URL of a file that can only be read. SQLite can't even lock it, so it must not change meanwhile.

    While another program writes, its -wal file is there, and SQLite reads both.
    """
    fixed = {} if path.with_name(f"{path.name}-wal").exists() else {"immutable": "1"}
    query = {"mode": "ro", "uri": "true", **fixed}
    return URL.create("sqlite+pysqlite", database=f"file:{quote(str(path))}", query=query)


def _enter_wal(path: Path) -> None:
    """Let readers and a writer work at the same time; the file keeps this mode."""
    end = time.monotonic() + PATIENCE
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as connection:
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                # Here SQLite does not wait by itself when another process opens the new file at the same time.
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
                time.sleep(0.01)
            else:
                return


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - sqlite3's, behind SQLAlchemy's wrapper
    # Transactions start where SQLAlchemy starts them, and include the statements that make tables.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    # Every commit reaches the disk: with WAL's usual NORMAL a power failure may lose the last ones.
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once when another has written in between.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
