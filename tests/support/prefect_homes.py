"""Homes of Prefect servers that begin with a migrated database: to migrate takes longer than the rest of a start."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from deployments import embedded_server
from deployments.embedded_server import Policy, ServerDirectory
from tests.support.made_once import made_once


def begin_migrated(path: Path) -> ServerDirectory:
    """The home of a server, with an empty database that is migrated already."""
    place = ServerDirectory(path)
    place.prepare()
    shutil.copyfile(made_once("prefect.db", _migrate), place.database)
    place.protect_database()
    return place


def _migrate(database: Path) -> None:
    place = ServerDirectory(database.with_name("prefect"))
    place.prepare()
    try:
        with embedded_server.start(place, Policy(port=0)) as server:
            server.wait_until_ready()
    finally:
        embedded_server.stop(place)
    # A copy of the file alone would lack what is still in its journal.
    with closing(sqlite3.connect(place.database)) as connection:
        connection.execute("VACUUM INTO ?", [str(database)])
