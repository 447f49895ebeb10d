"""Connections to the ledger's database, set up so that many threads and processes can share it."""

import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from interlock.ledger.place import Place

# Seconds that a writer waits for the others, each of which takes milliseconds.
PATIENCE = 60.0
# Seconds that a server has to answer, unless the URL says otherwise.
_CONNECT_TIMEOUT = 10
_WRITES = "ledger_writes"


def connect(place: Place) -> Engine:
    """An engine for the place; an SQLite file is made if there is none.

    Raises:
        LedgerError: The file cannot be made or opened.
    """
    # hide_parameters: an error need not repeat a whole log
    if place.file is None:
        waits = {} if "connect_timeout" in place.url.query else {"connect_timeout": _CONNECT_TIMEOUT}
        return create_engine(place.url, connect_args=waits, pool_pre_ping=True, hide_parameters=True)
    _make_file(place, place.file)
    engine = create_engine(place.url, connect_args={"timeout": PATIENCE}, hide_parameters=True)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def writer(engine: Engine) -> Engine:
    """The same connections, for transactions that write."""
    return engine.execution_options(**{_WRITES: True})


def _make_file(place: Place, path: Path) -> None:
    try:
        # made here, since SQLite would let everyone read it; its -wal and -shm take over the mode. One that is there is
        # not opened: closing it would end the locks that this process may have on it by another ledger, and who closes
        # it next would remove the journal from under that one.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        _enter_wal(path)
    except (OSError, sqlite3.Error) as error:
        raise place.failure(error) from None


def _enter_wal(path: Path) -> None:
    """Let readers and a writer work side by side, from now on: the file remembers it."""
    end = time.monotonic() + PATIENCE
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as connection:
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                # SQLite does not wait here by itself when another process opens the new file at the same time
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
                time.sleep(0.01)
            else:
                return


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - sqlite3's, behind SQLAlchemy's wrapper
    # transactions begin where SQLAlchemy says so, and hold the statements that make tables too
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    # every commit reaches the disk: WAL's usual NORMAL may lose the last ones when the power fails
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    # a transaction that reads first and writes later fails at once when another has written in between
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
