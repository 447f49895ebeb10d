"""A process that opens the ledger twice keeps the locks that it has on the file."""

import subprocess
import sys
from pathlib import Path

from pydantic import SecretStr

from interlock.adapters.ledger import open_ledger

ANOTHER = """
import contextlib, sqlite3, sys
with contextlib.closing(sqlite3.connect(sys.argv[1])) as connection:
    connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
"""


def test_another_process_that_ends_takes_nothing_away_from_one_that_has_opened_the_ledger_twice(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    url = SecretStr(f"sqlite:///{file}")
    with open_ledger(url) as first, open_ledger(url) as second:
        assert first.cascades() == second.cascades() == ()
        assert Path(f"{file}-wal").exists()
        # Who is the last to close removes the journal; it is not the last, if it can see the others' locks.
        subprocess.run([sys.executable, "-c", ANOTHER, file], check=True)
        assert Path(f"{file}-wal").exists()
        assert first.cascades() == ()
