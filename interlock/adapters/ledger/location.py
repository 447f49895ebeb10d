"""Where a ledger is, its name without its password, and the errors when it fails."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from sqlalchemy import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    TimeoutError,  # noqa: A004 - the pool's: every connection was in use for too long
)

from interlock.common.paths import home
from interlock.errors import LedgerError

URL_VARIABLE: Final = "INTERLOCK_LEDGER_URL"
_DRIVERS: Final = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}
_SECRET_OPTIONS: Final = ("password", "sslpassword")
# Errors that only a defect of this program can cause: they are shown as they are.
_DEFECTS: Final = (IntegrityError, DataError, ProgrammingError, NotSupportedError)
_FORMS: Final = "Write sqlite:////a/path/ledger.db or postgresql://user:password@host/database."
_MEGABYTE: Final = 1_000_000
# A delivery has a body of up to a megabyte, and there may be a burst of them.
_ROOM: Final = 10 * _MEGABYTE
_DAMAGED: Final = (
    "Put a back-up in its place, or move it away: a new one is made, and what it knew is run again (docs/ledger.md)."
)
_EMPTY: Final = (
    "Put a back-up in its place, or remove it: a new one is made, and what it knew is gone (docs/ledger.md)."
)


@dataclass(frozen=True, kw_only=True)
class LedgerLocation:
    """Where a ledger is.

    Attributes:
        url: What SQLAlchemy connects to; it may hold a password, and is not part of the repr.
        name: A path or an address without secrets.
    """

    url: URL = field(repr=False)
    name: str

    @property
    def file(self) -> Path | None:
        """The file of an SQLite ledger."""
        return Path(self.name) if self.url.get_backend_name() == "sqlite" else None

    def redacted(self, text: str) -> str:
        """The text without any of the URL's secrets."""
        options = [self.url.query.get(option) for option in _SECRET_OPTIONS]
        for secret in (self.url.password, *options):
            if isinstance(secret, str) and secret:
                text = text.replace(secret, "***")
        return text

    def failure(self, error: Exception) -> LedgerError:
        """The error for one of the database or its driver."""
        cause = getattr(error, "orig", None) or error
        said = self.redacted(" ".join(str(cause).split()))
        if code_of(cause) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return self.damage(said)
        return LedgerError(f"The ledger {self.name} cannot be used: {said}", hint=self._hint(cause))

    def damage(self, said: str) -> LedgerError:
        """The error for content that cannot be what was written."""
        return LedgerError(f"The ledger {self.name} is damaged: {said}", hint=_DAMAGED)

    def emptiness(self) -> LedgerError:
        """The error for a file without content: what was in it is lost, and nobody must go on as if it were new."""
        return LedgerError(
            f"The ledger {self.name} is empty: 0 bytes, as a crash of a file system leaves it.", hint=_EMPTY
        )

    def check_room(self) -> None:
        """Check that there is room beside the file of an SQLite ledger.

        Raises:
            LedgerError: There is hardly any.
        """
        if self.file is None:
            return
        try:
            free = shutil.disk_usage(self.file.parent).free
        except OSError as error:
            raise self.failure(error) from None
        if free < _ROOM:
            raise LedgerError(
                f"The ledger {self.name} has no room: {free // _MEGABYTE} MB are left on its disk.",
                hint=f"Make room: at least {_ROOM // _MEGABYTE} MB.",
            )

    @contextmanager
    def blamed(self, *, also: tuple[type[DBAPIError], ...] = ()) -> Iterator[None]:
        """Turn the database's errors inside the block into LedgerError.

        Args:
            also: Errors that come from the database here, though in general they are defects of this program.
        """
        try:
            yield
        except (DBAPIError, TimeoutError) as error:
            if isinstance(error, _DEFECTS) and not isinstance(error, also):
                raise
            raise self.failure(error) from None

    def _hint(self, cause: BaseException) -> str:
        if self.file is None:
            return (
                f"Does that server run, and is ${URL_VARIABLE} right: user, password, host, database? (docs/ledger.md)"
            )
        if code_of(cause) == sqlite3.SQLITE_BUSY:
            return "Another program is writing to it and does not end: end it, or use PostgreSQL (docs/ledger.md)."
        return "Is there such a directory, may this user write to it and to the file, and is there room on the disk?"


def location_of(url: SecretStr | None) -> LedgerLocation:
    """Where the ledger is: the given URL, else `$INTERLOCK_LEDGER_URL`, else `ledger.db` in Interlock's home.

    Raises:
        LedgerError: The URL cannot be read, or names a database that Interlock does not support.
    """
    text = os.environ.get(URL_VARIABLE) if url is None else url.get_secret_value()
    if not text:
        return _file(URL.create("sqlite+pysqlite", database=str(home() / "ledger.db")))
    parsed = _parsed(text)
    if parsed is None:
        hint = f"{_FORMS} In a password, write % as %25, @ as %40, : as %3A and / as %2F."
        raise LedgerError("The ledger's URL cannot be read (it is not shown, since it may hold a password).", hint=hint)
    backend = parsed.drivername.partition("+")[0]
    driver = _DRIVERS.get(backend)
    if driver is None:
        raise LedgerError(f"A ledger cannot be kept in {backend}.", hint=_FORMS)
    return _file(parsed.set(drivername=driver)) if backend == "sqlite" else _server(parsed.set(drivername=driver))


def _parsed(text: str) -> URL | None:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        return None
    # Such an "@" is the rest of a password that was not quoted; it must not be shown, nor sent to a name server.
    torn = "@" in f"{url.host}{url.database}" and not url.drivername.startswith("sqlite")
    return None if torn else url


def _file(url: URL) -> LedgerLocation:
    if not url.database or url.database.startswith((":", "file:")):
        raise LedgerError("A ledger in SQLite is a file; this URL names none.", hint=_FORMS)
    path = str(Path(url.database).absolute())
    return LedgerLocation(url=url.set(database=path), name=path)


def _server(url: URL) -> LedgerLocation:
    host = url.host or url.query.get("host") or "localhost"
    port = "" if url.port is None else f":{url.port}"
    user = "" if url.username is None else f"{url.username}@"
    return LedgerLocation(url=url, name=f"postgresql://{user}{host}{port}/{url.database or ''}")


def code_of(cause: BaseException) -> int | None:
    """SQLite's general code of an error; None for an error that is not SQLite's."""
    # Extended codes have the general one in their lowest byte: https://www.sqlite.org/rescode.html
    code = getattr(cause, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None
