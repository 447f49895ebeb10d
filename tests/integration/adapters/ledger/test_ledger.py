"""The ledger keeps what it is given, whoever writes at the same time, and says what is wrong when it cannot."""

import errno
import socket
import sqlite3
import stat
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import CommandLine
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version
from pydantic import SecretStr
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from interlock.adapters.ledger import KnownCell, KnownContract, Ledger, SqlLedger, open_ledger
from interlock.adapters.ledger.engine import connect, writer
from interlock.adapters.ledger.location import location_of
from interlock.adapters.ledger.migrate import MIGRATIONS, bring_up_to_date, downgrade
from interlock.adapters.ledger.tables import SCHEMA_TABLE, metadata
from interlock.errors import LedgerError
from interlock.model.bump import Part
from interlock.model.cascade import Action, Cascade, CascadePlan, Planned, begun, moved
from interlock.model.cascade import State as CascadeState
from interlock.model.verdicts import CellKey, Run, RunStatus, TestOutcome, TestResult, Verdict
from tests.support.ledger_writers import (
    ROUNDS,
    START,
    WRITERS,
    a_delivery,
    a_run,
    endless_writer,
    open_with_others,
    some_keys,
    write_with_others,
    writers,
)
from tests.support.ledgers import readable_only
from tests.support.paths import ROOT
from tests.support.release_values import NOON, a_receipt, a_record, a_release, an_order

if TYPE_CHECKING:
    from tests.support.ledgers import Postgres


SECRET = "hunter2/with:odd%chars"


# ---- what goes in comes out: the same for all kinds -------------------------------------------------------------

MOMENTS = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis adds the time zone
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
SECONDS = st.floats(0, allow_nan=False, allow_infinity=False)
TESTS = st.builds(
    TestResult, id=st.text(), outcome=st.sampled_from(TestOutcome), seconds=SECONDS, error=st.none() | st.text()
)
RUNS = st.builds(
    Run,
    fingerprint=st.text("0123456789abcdef", min_size=1),
    status=st.sampled_from(RunStatus),
    reason=st.none() | st.text(),
    tests=st.lists(TESTS).map(tuple),
    seconds=SECONDS,
    lock=st.lists(st.text()).map(tuple),
    reads=st.frozensets(st.text()),
    log=st.text(),
    started_at=MOMENTS,
    confirmed=st.booleans(),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(run=RUNS)
def test_a_run_comes_back_as_it_went_in(ledger: Ledger, run: Run) -> None:
    ledger.record(run)
    assert run in ledger.runs({run.fingerprint})[run.fingerprint]


def test_moments_come_back_in_utc(ledger: Ledger) -> None:
    late = datetime(2026, 11, 20, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    ledger.record(a_run("f").model_copy(update={"started_at": late}))
    ledger.record_cells({(key := some_keys(1)[0]): Verdict.FLAKY}, late)
    for moment in (ledger.runs(["f"])["f"][0].started_at, ledger.cells([key])[key].at):
        assert moment.isoformat() == "2026-11-19T20:00:00+00:00"


def test_runs_are_kept_beside_each_other_and_given_oldest_first(ledger: Ledger) -> None:
    second, first, third = a_run("f", minutes=2), a_run("f", minutes=1), a_run("f", minutes=3)
    for run in (second, first, first, third, a_run("g")):
        ledger.record(run)
    assert ledger.runs(["f", "unknown"]) == {"f": (first, first, second, third)}


def test_runs_of_one_moment_come_in_the_order_in_which_they_were_recorded(ledger: Ledger) -> None:
    runs = tuple(a_run("f", log=str(number)) for number in range(12))
    for run in runs:
        ledger.record(run)
    assert ledger.runs(["f"])["f"] == runs


def test_a_few_are_found_among_tens_of_thousands(ledger: Ledger) -> None:
    for number in range(0, 30_000, 10_000):
        ledger.record(a_run(f"{number}"))
        ledger.record_version_reader(f"{number}", frozenset({"core"}))
    asked = [f"{number}" for number in range(30_000)] * 2
    assert {name: len(runs) for name, runs in ledger.runs(asked).items()} == {"0": 1, "10000": 1, "20000": 1}
    assert ledger.version_readers(asked).keys() == {"0", "10000", "20000"}


def test_nothing_asked_is_nothing_answered(ledger: Ledger) -> None:
    ledger.record_cells({}, START)
    ledger.record_version_reader("f", frozenset())
    assert (ledger.runs([]), ledger.version_readers(["f"]), ledger.cells([])) == ({}, {}, {})


def test_version_readers_only_grow(ledger: Ledger) -> None:
    ledger.record_version_reader("f", frozenset({"core", "store"}))
    ledger.record_version_reader("f", frozenset({"core", "ibkr"}))
    ledger.record_version_reader("g", frozenset({"core"}))
    assert ledger.version_readers(["f", "h"]) == {"f": {"core", "store", "ibkr"}}


def test_cells_keep_their_last_verdict(ledger: Ledger) -> None:
    one, other, never = some_keys(3)
    ledger.record_cells({one: Verdict.COMPATIBLE, other: Verdict.COMPATIBLE}, START)
    ledger.record_cells({one: Verdict.BROKEN_BEFORE}, START + timedelta(days=1))
    assert ledger.cells([one, other, never]) == {
        one: KnownCell(verdict=Verdict.BROKEN_BEFORE, at=START + timedelta(days=1)),
        other: KnownCell(verdict=Verdict.COMPATIBLE, at=START),
    }


def test_an_older_verdict_does_not_replace_a_newer_one(ledger: Ledger) -> None:
    one, other = some_keys(2)
    ledger.record_cells({one: Verdict.INCOMPATIBLE}, START)
    ledger.record_cells({one: Verdict.COMPATIBLE, other: Verdict.COMPATIBLE}, START - timedelta(seconds=1))
    assert [ledger.cells([key])[key].verdict for key in (one, other)] == [Verdict.INCOMPATIBLE, Verdict.COMPATIBLE]


@pytest.mark.parametrize("name", sorted(CellKey.model_fields))
def test_cells_differ_by_every_part_of_their_key(ledger: Ledger, name: str) -> None:
    key = some_keys(1)[0]
    other = key.model_copy(update={name: "another"})
    ledger.record_cells({key: Verdict.FLAKY}, START)
    assert ledger.cells([other]) == {}
    ledger.record_cells({other: Verdict.COMPATIBLE}, START)
    assert [ledger.cells([key, other])[cell].verdict for cell in (key, other)] == [Verdict.FLAKY, Verdict.COMPATIBLE]


def test_a_large_matrix_goes_in_and_comes_out(ledger: Ledger) -> None:
    verdicts = list(Verdict)
    cells = {key: verdicts[number % len(verdicts)] for number, key in enumerate(some_keys(17_000))}
    for moment in (START, START + timedelta(hours=1)):
        ledger.record_cells(cells, moment)
    assert {key: known.verdict for key, known in ledger.cells(cells).items()} == cells


def test_a_cell_keeps_the_run_that_says_so(ledger: Ledger) -> None:
    one, other = some_keys(2)
    ledger.record_cells({one: Verdict.INCOMPATIBLE, other: Verdict.COMPATIBLE}, START, {one: "f"})
    assert [known.run for known in (ledger.cells([one])[one], ledger.cells([other])[other])] == ["f", None]
    ledger.record_cells({one: Verdict.COMPATIBLE}, START + timedelta(days=1), {one: "g"})
    ledger.record_cells({one: Verdict.FLAKY}, START, {one: "old"})
    assert ledger.cells([one])[one] == KnownCell(verdict=Verdict.COMPATIBLE, at=START + timedelta(days=1), run="g")


def test_all_cells_of_one_version_of_an_upstream_are_found(ledger: Ledger) -> None:
    key = some_keys(1)[0]
    mine = [
        key.model_copy(update={"upstream_version": "1.4+gab", **others})
        for others in ({}, {"downstream": "store"}, {"downstream_version": "0.9+gcd"}, {"point": "p=9"})
    ]
    others = [key, *(each.model_copy(update={"upstream": "store"}) for each in mine)]
    ledger.record_cells(dict.fromkeys((*mine, *others), Verdict.FLAKY), START, {mine[0]: "f"})
    assert ledger.cells_of("core", "1.4+gab") == {
        each: KnownCell(verdict=Verdict.FLAKY, at=START, run="f" if each == mine[0] else None) for each in mine
    }
    assert ledger.versions_of("core") == {key.upstream_version, "1.4+gab"}
    assert (ledger.cells_of("core", "1.4"), ledger.versions_of("ibkr")) == ({}, frozenset())


def a_contract(*, sha: str = "a" * 40, part: Part = Part.MAJOR, text: str = "removed\nand \x00") -> KnownContract:
    return KnownContract.model_validate(
        {
            "package": "core",
            "sha": sha,
            "part": part,
            "text": text,
            "at": START.astimezone(timezone(timedelta(hours=5))),
        }
    )


def test_what_became_of_a_contract_is_kept_by_commit_and_replaced(ledger: Ledger) -> None:
    ledger.record_contract(a_contract())
    ledger.record_contract(other := a_contract(sha="b" * 40, text=""))
    ledger.record_contract(last := a_contract(part=Part.PATCH))
    assert ledger.contract("core", "a" * 40) == last
    assert ledger.contract("core", "b" * 40) == other
    found = ledger.contract("core", "a" * 40)
    assert found is not None
    assert found.at.isoformat() == "2026-11-20T08:00:00+00:00"
    assert (ledger.contract("core", "c" * 40), ledger.contract("store", "a" * 40)) == (None, None)


def test_a_release_is_kept_as_far_as_it_has_come(ledger: Ledger) -> None:
    begun, other = a_release(ended_at=None), a_release(package="market-data-store", began_at=NOON + timedelta(days=1))
    for release in (begun, other, a_release(version="1.2.12", began_at=NOON + timedelta(hours=1))):
        ledger.record_release(release)

    ledger.record_release(done := a_release())

    assert [release.version for release in ledger.releases("market-data-core")] == [Version("1.2.12"), done.version]
    assert ledger.releases("market-data-core")[1] == done
    assert ledger.releases()[0] == other
    assert ledger.releases("nothing") == ()


def test_a_dispatch_is_kept_by_its_id_and_target(ledger: Ledger) -> None:
    sent = a_record()
    ledger.record_dispatch(sent)
    ledger.record_dispatch(taken := sent.taken_by(a_receipt()))

    assert ledger.dispatch(sent.order) == taken
    assert ledger.dispatch(an_order(target="market-data-ibkr")) is None
    assert ledger.dispatch(an_order(version="1.2.1")) is None


def a_cascade(root: str = "core", version: str = "1.2.11", *, hours: int = 0) -> Cascade:
    packages = (
        Planned(package=root, action=Action.RELEASE, next=Version(version), why="the cascade begins with it"),
        Planned(package="store", action=Action.RELEASE, after=(root,), why="pinned", pins={root: Version(version)}),
        Planned(package="feed", action=Action.TEST, after=(root,), why="admitted"),
    )
    plan = CascadePlan(root=root, root_version=Version(version), packages=packages)
    return begun(plan, START + timedelta(hours=hours))


def test_a_cascade_of_the_same_root_and_version_joins_the_first(ledger: Ledger) -> None:
    first = a_cascade().model_copy(update={"holds": {"feed": "not\x00now"}})
    assert ledger.begin_cascade(first) == first
    assert ledger.begin_cascade(a_cascade(hours=5)) == first
    assert ledger.cascade(first.id) == first
    assert ledger.cascade("core-1.2.12") is None


def test_the_progress_of_one_package_leaves_the_others_alone(ledger: Ledger) -> None:
    cascade = ledger.begin_cascade(a_cascade())
    core, store, feed = cascade.progress.values()
    testing = moved(store, CascadeState.TESTING, "contracts", START + timedelta(minutes=1))
    failed = moved(feed, CascadeState.FAILED, "a \x00 in its log", START + timedelta(minutes=2))
    ledger.record_progress(cascade.id)
    ledger.record_progress(cascade.id, testing)
    ledger.record_progress(cascade.id, failed)
    found = ledger.cascade(cascade.id)
    assert found is not None
    assert list(found.progress.values()) == [core, testing, failed]


def test_what_is_released_stays_released_whoever_writes(ledger: Ledger) -> None:
    cascade = ledger.begin_cascade(a_cascade())
    core = cascade.progress["core"]
    releasing = moved(core, CascadeState.RELEASING, "", START, version=Version("1.2.11"))
    ledger.record_progress(cascade.id, released := moved(releasing, CascadeState.RELEASED, "", START))
    ledger.record_progress(cascade.id, releasing)
    found = ledger.cascade(cascade.id)
    assert found is not None
    assert found.progress["core"] == released

    ledger.record_progress(cascade.id, accepted := released.model_copy(update={"accepted": True}))
    found = ledger.cascade(cascade.id)
    assert found is not None
    assert found.progress["core"] == accepted


def test_holds_aborts_and_ends_are_seen_by_who_reads_again(ledger: Ledger) -> None:
    cascade = ledger.begin_cascade(a_cascade())
    ledger.hold(cascade.id, "store", "wait for Friday")
    ledger.hold(cascade.id, "store", "wait for Monday")
    ledger.hold(cascade.id, "feed", "broken")
    ledger.hold(cascade.id, "feed", None)
    ledger.hold(cascade.id, "core", None)
    ledger.abort_cascade(cascade.id)
    ledger.end_cascade(cascade.id, START + timedelta(days=1))
    ended = {"holds": {"store": "wait for Monday"}, "aborted": True, "ended_at": START + timedelta(days=1)}
    assert ledger.cascade(cascade.id) == cascade.model_copy(update=ended)

    ledger.abort_cascade(cascade.id, False)
    ledger.end_cascade(cascade.id, None)
    assert ledger.cascade(cascade.id) == cascade.model_copy(update={"holds": {"store": "wait for Monday"}})


def test_cascades_are_listed_the_newest_first(ledger: Ledger) -> None:
    for cascade in (first := a_cascade(), last := a_cascade(version="1.3.0", hours=2), a_cascade("base", hours=1)):
        ledger.begin_cascade(cascade)
    assert ledger.cascades("core") == (last, first)
    assert [cascade.id for cascade in ledger.cascades()] == ["core-1.3.0", "base-1.2.11", "core-1.2.11"]
    assert ledger.cascades("store") == ()


def test_branches_that_end_together_are_all_kept(ledger: Ledger) -> None:
    ids = [ledger.begin_cascade(a_cascade(version=f"1.2.{number}")).id for number in range(4)]

    def write(name: str) -> None:
        for joined in ids:
            cascade = ledger.begin_cascade(a_cascade(version=joined.removeprefix("core-"), hours=1))
            ledger.record_progress(joined, moved(cascade.progress[name], CascadeState.HELD, name, START))

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(write, ["core", "store", "feed"]))
    assert {each.reason for cascade in ledger.cascades() for each in cascade.progress.values()} == {
        "core",
        "store",
        "feed",
    }
    assert all(cascade.outcome == "held" for cascade in ledger.cascades())


def test_a_damaged_cascade_is_called_so(ledger: SqlLedger) -> None:
    cascade = ledger.begin_cascade(a_cascade())
    with ledger._writer.begin() as connection:
        connection.execute(text("DELETE FROM ledger_cascade_package WHERE package = 'store'"))
    with pytest.raises(LedgerError, match="not that of its plan"):
        ledger.cascade(cascade.id)


def test_a_moment_without_a_time_zone_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        ledger.record_cells({some_keys(1)[0]: Verdict.FLAKY}, datetime(2026, 1, 1))  # noqa: DTZ001 - the point


def test_threads_share_a_ledger(ledger: Ledger) -> None:
    def write(number: int) -> None:
        ledger.record(a_run(f"f{number % 3}"))
        ledger.record_version_reader("base", frozenset({f"p{number}"}))
        ledger.record_cells(dict.fromkeys(some_keys(20), Verdict.FLAKY), START)
        assert ledger.runs([f"f{number % 3}"])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(40)))
    assert sum(map(len, ledger.runs(["f0", "f1", "f2"]).values())) == 40
    assert len(ledger.version_readers(["base"])["base"]) == 40


# ---- many at once, and crashes ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with writers() as pool:
        yield pool


def test_processes_make_a_ledger_together(new_url: Callable[[], SecretStr], processes: ProcessPoolExecutor) -> None:
    urls = [new_url() for _ in range(5)]
    plain = [url.get_secret_value() for url in urls]
    work = [processes.submit(open_with_others, plain, number) for number in range(WRITERS)]
    for each in work:
        each.result(timeout=120)
    for url in urls:
        with open_ledger(url) as ledger:
            assert [run.log for run in ledger.runs(["f"])["f"]] == ["0", "1", "2", "3"]


def test_processes_that_write_together_lose_nothing(url: SecretStr, processes: ProcessPoolExecutor) -> None:
    work = [processes.submit(write_with_others, url.get_secret_value(), number) for number in range(WRITERS)]
    for each in work:
        each.result(timeout=120)
    with open_ledger(url) as ledger:
        runs = ledger.runs([f"f{turn}" for turn in range(ROUNDS)])
        assert [[run.log for run in runs[f"f{turn}"]] for turn in range(ROUNDS)] == [["0", "1", "2", "3"]] * ROUNDS
        assert len(ledger.version_readers(["base"])["base"]) == 1 + WRITERS * ROUNDS
        assert {known.at for known in ledger.cells(some_keys(300)).values()} == {START + timedelta(seconds=ROUNDS - 1)}


def test_threads_of_one_process_make_ledgers_together(new_url: Callable[[], SecretStr]) -> None:
    urls = [new_url() for _ in range(4)]
    together = threading.Barrier(8)

    def write(url: SecretStr) -> None:
        together.wait(timeout=60)
        with open_ledger(url) as ledger:
            ledger.record(a_run("f"))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, urls * 2))
    for url in urls:
        with open_ledger(url) as ledger:
            assert ledger.runs(["f"])["f"] == (a_run("f"), a_run("f"))


def test_what_a_killed_writer_had_recorded_is_there(url: SecretStr) -> None:
    with endless_writer(url.get_secret_value()) as (process, recorded):
        while recorded.recv() < 20:
            pass
        process.kill()
        process.join()
        told = 20
        while recorded.poll():
            try:
                told = recorded.recv()
            except EOFError:
                break
    with open_ledger(url) as ledger:
        assert len(ledger.runs([f"f{number}" for number in range(told + 1)])) == told + 1
        ledger.record(a_run("afterwards"))


def test_a_server_that_came_back_is_connected_to_again(postgres: "Postgres") -> None:
    with open_ledger(postgres.new_ledger()) as ledger:
        ledger.record(a_run("f"))
        others = "backend_type = 'client backend' AND pid <> pg_backend_pid()"
        postgres.execute(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {others}")
        assert ledger.runs(["f"]) == {"f": (a_run("f"),)}


# ---- migrations -------------------------------------------------------------------------------------------------


@pytest.fixture
def engine(url: SecretStr) -> Iterator[Engine]:
    engine = connect(location_of(url))
    yield writer(engine)
    engine.dispose()


def differences(engine: Engine) -> list[object]:
    options = {"version_table": SCHEMA_TABLE, "compare_type": True, "compare_server_default": True}
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def test_the_migrations_make_what_the_models_say(engine: Engine, url: SecretStr) -> None:
    assert differences(engine)
    bring_up_to_date(engine, location_of(url))
    assert differences(engine) == []


def test_migrations_can_be_undone_and_done_again(engine: Engine, url: SecretStr) -> None:
    bring_up_to_date(engine, location_of(url))
    with engine.begin() as connection:
        downgrade(connection, "base")
    assert inspect(engine).get_table_names() == [SCHEMA_TABLE]
    with open_ledger(url) as ledger:
        ledger.record(a_run("f"))
    assert differences(engine) == []


def test_a_migration_that_fails_leaves_nothing_behind(engine: Engine, url: SecretStr) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE ledger_cell (in_the_way INTEGER)"))
    with pytest.raises(LedgerError, match="ledger_cell"):
        open_ledger(url)
    assert inspect(engine).get_table_names() == ["ledger_cell"]


def test_a_ledger_of_an_earlier_program_opens_as_it_is(tmp_path: Path) -> None:
    path, key = tmp_path / "ledger.db", some_keys(1)[0]
    with closing(sqlite3.connect(path)) as stored:
        stored.executescript(Path(__file__).with_name("ledger_of_0_1.sql").read_text())
        before = list(stored.iterdump())
        with open_ledger(SecretStr(f"sqlite:///{path}")) as ledger:
            assert ledger.runs(["f"]) == {"f": (a_run("f", log="a \x00 in its log"),)}
            assert ledger.version_readers(["base"]) == {"base": {"core", "store"}}
            assert ledger.cells([key]) == {key: KnownCell(verdict=Verdict.INCOMPATIBLE, at=START, run="f")}
            assert ledger.releases() == (a_release(),)
            assert ledger.dispatch(an_order()) == a_record()
            assert ledger.contract("core", "a" * 40) == a_contract()
            assert ledger.cascades() == (a_cascade().model_copy(update={"holds": {"store": "wait for Monday"}}),)
            one, other = (ledger.delivery(each.guid) for each in ledger.deliveries())
            assert (one, other) == (a_delivery(2).ignored("of nobody", START), a_delivery(1))
        gone = set(before) - set(stored.iterdump())
        assert {line.partition('"')[2].partition('"')[0] for line in gone} <= {SCHEMA_TABLE}, "the number alone"


def test_a_ledger_of_a_newer_program_is_left_alone(engine: Engine, url: SecretStr) -> None:
    open_ledger(url).close()
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {SCHEMA_TABLE} SET version_num = '9999'"))
    with pytest.raises(LedgerError) as caught:
        open_ledger(url)
    assert location_of(url).name in caught.value.message
    assert "newer Interlock: its form is 9999" in caught.value.message
    assert "Update Interlock" in str(caught.value.hint)


def test_another_program_may_live_in_the_same_database(engine: Engine, url: SecretStr) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))
    open_ledger(url).close()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["theirs"]


def test_alembics_command_line_finds_nothing_to_migrate(url: SecretStr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_LEDGER_URL", url.get_secret_value())
    alembic = ["-c", str(MIGRATIONS / "alembic.ini")]
    CommandLine().main([*alembic, "upgrade", "head"])
    CommandLine().main([*alembic, "check"])  # raises when the models have what the ledger lacks
    open_ledger(url).close()


def test_the_documentation_shows_every_column() -> None:
    shown = (ROOT / "docs" / "ledger.md").read_text()
    for table in metadata.tables.values():
        picture = shown.partition(f"    {table.name} {{\n")[2].partition("    }")[0]
        assert [line.split()[1] for line in picture.splitlines()] == table.columns.keys()


# ---- where it is ------------------------------------------------------------------------------------------------


def test_by_default_it_is_a_file_at_home_that_nobody_else_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "me@home"))
    monkeypatch.delenv("INTERLOCK_LEDGER_URL", raising=False)
    with open_ledger() as ledger:
        ledger.record(a_run("f"))
        files = sorted((tmp_path / "me@home").iterdir())
        assert [file.name for file in files] == ["ledger.db", "ledger.db-shm", "ledger.db-wal"]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_the_environment_names_another(url: SecretStr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_LEDGER_URL", url.get_secret_value())
    with open_ledger() as ledger:
        ledger.record(a_run("f"))
    with open_ledger(url) as ledger:
        assert ledger.runs(["f"])


PRAGMAS = {"journal_mode": "wal", "busy_timeout": 60_000, "foreign_keys": 1, "synchronous": 2}


def test_sqlite_waits_for_writers_and_keeps_every_commit(tmp_path: Path) -> None:
    with open_ledger(SecretStr(f"sqlite:///{tmp_path}/ledger.db")) as ledger, ledger._reader.connect() as connection:
        pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS}
    assert pragmas == PRAGMAS


def test_the_time_zone_of_a_server_does_not_matter(postgres: "Postgres") -> None:
    with open_ledger(postgres.new_ledger(settings="-ctimezone=Asia/Kolkata")) as ledger:
        ledger.record(a_run("f"))
        assert ledger.runs(["f"])["f"][0].started_at.isoformat() == START.isoformat()


# ---- what it says when it cannot --------------------------------------------------------------------------------


def refusal(url: str) -> LedgerError:
    with pytest.raises(LedgerError) as caught:
        open_ledger(SecretStr(url))
    assert caught.value.hint
    return caught.value


def test_a_file_that_is_no_ledger_is_named_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"This is no database. " * 500)
    told = refusal(f"sqlite:///{path}")
    assert told.message.startswith(f"The ledger {path} is damaged: ")
    assert "back-up" in str(told.hint)
    assert path.read_bytes().startswith(b"This is no database. ")


def test_an_empty_file_is_no_new_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch()
    told = refusal(f"sqlite:///{path}")
    assert told.message.startswith(f"The ledger {path} is empty")
    assert "back-up" in str(told.hint)
    assert path.read_bytes() == b""
    path.unlink()
    open_ledger(SecretStr(f"sqlite:///{path}")).close()


def test_a_new_ledger_has_its_name_only_when_it_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen = tmp_path / "ledger.db", []

    def crash(unfinished: str, _name: object) -> None:
        seen.append(Path(unfinished).read_bytes()[:15])
        raise OSError(errno.EIO, "the machine stops")

    with monkeypatch.context() as patch:
        patch.setattr("interlock.adapters.ledger.engine.os.link", crash)
        assert "the machine stops" in refusal(f"sqlite:///{path}").message
    assert (seen, list(tmp_path.iterdir())) == ([b"SQLite format 3"], [])


@pytest.mark.parametrize("is_open", [False, True])
def test_a_ledger_that_cannot_be_written_can_be_read(is_open: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = SecretStr(f"sqlite:///{folder}/led ger#.db")
        with open_ledger(url) as ledger:
            ledger.record(a_run("f"))
            if not is_open:
                ledger.close()
            with readable_only(folder):
                with open_ledger(url, to_read=True) as read:
                    assert read.runs(["f"])
                    with pytest.raises(LedgerError, match="readonly"):
                        read.record(a_run("g"))
                if not is_open:
                    assert "readonly" in refusal(url.get_secret_value()).message
        with open_ledger(url, to_read=True) as ledger:
            ledger.record(a_run("g"))


def test_a_file_that_was_overwritten_in_part_is_named_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_ledger(SecretStr(f"sqlite:///{path}")) as ledger:
        ledger.record(a_run("f"))
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    assert refusal(f"sqlite:///{path}").message.startswith(f"The ledger {path} is damaged: ")


@pytest.mark.parametrize(
    ("column", "value"), [("log", b"x"), ("tests", "{"), ("tests", "[{}]"), ("status", "splendid")]
)
def test_a_run_that_cannot_be_read_is_damage(ledger: SqlLedger, column: str, value: str | bytes) -> None:
    if value == "{" and "postgresql" in repr(ledger):
        value = "5"  # PostgreSQL itself keeps out what is no JSON
    ledger.record(a_run("f"))
    with ledger._writer.begin() as connection:
        connection.execute(text(f"UPDATE ledger_run SET {column} = :value"), {"value": value})
    with pytest.raises(LedgerError, match="is damaged") as caught:
        ledger.runs(["f"])
    assert ledger._location.name in caught.value.message


def test_a_writer_that_does_not_end_is_waited_for_and_then_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    open_ledger(SecretStr(f"sqlite:///{path}")).close()
    monkeypatch.setattr("interlock.adapters.ledger.engine.PATIENCE", 0.05)
    with open_ledger(SecretStr(f"sqlite:///{path}")) as ledger, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert ledger.runs(["f"]) == {}
        with pytest.raises(LedgerError, match=f"{path} cannot be used: database is locked") as caught:
            ledger.record(a_run("f"))
    assert "Another program is writing" in str(caught.value.hint)


def test_a_file_that_others_are_making_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE others (x)")
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("interlock.adapters.ledger.engine.time.sleep", lambda _seconds: other.rollback())
        with open_ledger(SecretStr(f"sqlite:///{path}")) as ledger:
            ledger.record(a_run("f"))


def test_a_file_that_others_do_not_let_go_of_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.db"
    monkeypatch.setattr("interlock.adapters.ledger.engine.PATIENCE", 0.05)
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE others (x)")
        other.execute("BEGIN IMMEDIATE")
        assert f"{path} cannot be used: database is locked" in refusal(f"sqlite:///{path}").message


def test_a_defect_of_the_program_is_not_blamed_on_the_ledger(ledger: SqlLedger) -> None:
    with pytest.raises(IntegrityError, match="seconds"):
        ledger.record(a_run("f").model_copy(update={"seconds": None}))


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path}/nowhere/ledger.db" in refusal(f"sqlite:///{tmp_path}/nowhere/ledger.db").message


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true"])
def test_a_ledger_in_memory_cannot_be_opened(url: str) -> None:
    assert "is a file" in refusal(url).message


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]  # nobody listens on it, and nobody else can


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ("postgresql://me:{quoted}@127.0.0.1:{port}/db", "postgresql://me@127.0.0.1:{port}/db cannot be used"),
        ("postgres://me@127.0.0.1:{port}/db?password={quoted}", "postgresql://me@127.0.0.1:{port}/db cannot be used"),
        ("postgresql+psycopg2://me:{quoted}@/db?host=/nowhere", "postgresql://me@/nowhere/db cannot be used"),
        ("postgresql://me:a@{quoted}@127.0.0.1:{port}/db", "URL cannot be read"),
        ("postgresql://m/e:{secret}@127.0.0.1:{port}/db", "URL cannot be read"),
        ("postgresql://me:{quoted}/db", "URL cannot be read"),
        ("{secret}", "URL cannot be read"),
        ("mysql://me:{quoted}@127.0.0.1/db", "cannot be kept in mysql"),
    ],
)
def test_no_password_is_ever_shown(form: str, says: str, port: int) -> None:
    quoted = SECRET.replace("%", "%25").replace("/", "%2F").replace(":", "%3A")
    told = refusal(form.format(quoted=quoted, secret=SECRET, port=port))
    assert says.format(port=port) in told.message
    assert_hidden(told, SECRET, quoted, "hunter2")


def test_a_wrong_password_is_refused_without_showing_it(postgres: "Postgres") -> None:
    told = refusal(postgres.url(password=SECRET).get_secret_value())
    assert f"postgresql://postgres@{postgres.directory}/postgres cannot be used" in told.message
    assert "password authentication failed" in told.message
    assert_hidden(told, SECRET, "hunter2")


def test_an_open_ledger_does_not_show_its_password(postgres: "Postgres") -> None:
    url = postgres.new_ledger()
    with open_ledger(url) as ledger:
        shown = f"{ledger!r} {ledger} {location_of(url)!r} {ledger._reader!r}"
        assert "SqlLedger postgresql://postgres@" in shown
        assert postgres.password not in shown


def test_what_the_driver_says_is_redacted(postgres: "Postgres") -> None:
    told = location_of(postgres.url()).failure(RuntimeError(f"tried {postgres.password}"))
    assert told.message.endswith("tried ***")


def test_a_user_who_may_not_make_tables_is_told_so(postgres: "Postgres") -> None:
    postgres.execute(f"CREATE ROLE reader LOGIN PASSWORD '{postgres.password}'")
    told = refusal(postgres.url(user="reader").get_secret_value())
    assert "permission denied for schema public" in told.message


def assert_hidden(error: LedgerError, *secrets: str) -> None:
    shown = f"{error} {error!r} {error.__dict__} {''.join(traceback.format_exception(error))}"
    assert not [secret for secret in secrets if secret in shown]
