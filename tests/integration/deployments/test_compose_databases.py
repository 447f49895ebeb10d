"""The databases of `compose.yaml`, made by its own script on a real PostgreSQL: each role has one, and no other."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.ledgers import Postgres, served
from tests.support.shared_prefect_server import make_databases


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with served() as server:
        yield server


@pytest.fixture(scope="module")
def passwords(postgres: Postgres) -> dict[str, str]:
    return make_databases(postgres)


def opened(postgres: Postgres, role: str, password: str, database: str) -> "psycopg.Connection[tuple[object, ...]]":
    host = str(postgres.directory)
    return psycopg.connect(host=host, user=role, password=password, dbname=database, connect_timeout=5, autocommit=True)


@pytest.mark.parametrize("role", ["prefect", "interlock"])
def test_a_role_makes_tables_in_its_own_database_and_is_no_administrator(
    postgres: Postgres, passwords: dict[str, str], role: str
) -> None:
    with opened(postgres, role, passwords[role], role) as connection:
        connection.execute("CREATE TABLE mine (id integer)")
        for refused in ("CREATE ROLE other", "CREATE DATABASE other", "COPY mine FROM PROGRAM 'true'"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(refused)


@pytest.mark.parametrize(
    ("role", "database"),
    [*(("prefect", name) for name in ("interlock", "postgres", "template1")), ("interlock", "prefect")],
)
def test_no_role_reaches_another_database(
    postgres: Postgres, passwords: dict[str, str], role: str, database: str
) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        opened(postgres, role, passwords[role], database)


def test_the_password_of_one_role_is_not_that_of_the_other(postgres: Postgres, passwords: dict[str, str]) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        opened(postgres, "prefect", passwords["interlock"], "prefect")
