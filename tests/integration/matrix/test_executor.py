"""Every cell comes to a verdict, with as few runs as there are different cells, whatever happens on the way."""

import asyncio
import gc
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.adapters.ledger import SqlLedger
from interlock.cells.recipe import Recipe
from interlock.common.digest import bound_to
from interlock.matrix.executor import ExecutedCells, MatrixProgress, execute_cells, look_ahead
from interlock.matrix.plan import PlannedCell
from interlock.model.verdicts import Run, RunStatus
from tests.support.ledgers import scratch_ledger, scratch_ledger_of
from tests.support.matrix_values import a_cell, a_run, an_unrun_cell

CORE, PIPELINE = frozenset({"core"}), frozenset({"pipeline"})
BOTH, NOTHING = CORE | PIPELINE, frozenset[str]()


class BoomError(Exception):
    """What a run raises that could not be made."""


class Suites:
    """Runs cells as it is told, and remembers how it was asked.

    Attributes:
        reads: Which packages' versions a suite reads, by the recipe's title, else by its fingerprint.
        red: Titles of the cells that fail.
        ran: The titles of the cells that were run, in order.
        most: How many ran at once at most.
    """

    def __init__(
        self,
        reads: Mapping[str, frozenset[str]] | None = None,
        red: Collection[str] = (),
        pause: Callable[[str], int] = lambda _title: 1,
    ) -> None:
        self.reads = dict(reads or {})
        self.red = red
        self.ran: list[str] = []
        self.ended: list[str] = []
        self.most = 0
        self._now = 0
        self._pause = pause

    async def __call__(self, recipe: Recipe) -> tuple[Run, ...]:
        self.ran.append(recipe.title)
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await self.work(recipe)
        finally:
            self._now -= 1
        self.ended.append(recipe.title)
        return self.outcome(recipe)

    async def work(self, recipe: Recipe) -> None:
        for _ in range(self._pause(recipe.title)):
            await asyncio.sleep(0)

    def outcome(self, recipe: Recipe) -> tuple[Run, ...]:
        reads = self.reads.get(recipe.title, self.reads.get(recipe.fingerprint, NOTHING))
        status = RunStatus.FAILED if recipe.title in self.red else RunStatus.PASSED
        return (a_run(status, reads=reads, fingerprint=recipe.fingerprint, minute=len(self.ran)),)


class Watcher:
    """Sees every progress, and that each adds up."""

    def __init__(self) -> None:
        self.seen: list[MatrixProgress] = []

    async def __call__(self, progress: MatrixProgress) -> None:
        self.seen.append(progress)


def settled(
    cells: Sequence[PlannedCell],
    suites: Suites,
    ledger: SqlLedger,
    *,
    jobs: int = 2,
    fresh: bool = False,
    watcher: Watcher | None = None,
) -> ExecutedCells:
    return asyncio.run(execute_cells(cells, ledger=ledger, run=suites, jobs=jobs, fresh=fresh, observe=watcher))


def ahead(cells: Sequence[PlannedCell], ledger: SqlLedger, *, fresh: bool = False) -> MatrixProgress:
    return asyncio.run(look_ahead(cells, ledger, fresh=fresh))


def grid(base: str, upstream: Iterable[str] = "123", downstream: Iterable[str] = "ab") -> list[PlannedCell]:
    """Cells of one recipe for several versions of both ends."""
    downstream = list(downstream)
    return [a_cell(base, one, other) for one in upstream for other in downstream]


@pytest.fixture
def ledger() -> SqlLedger:
    return scratch_ledger()


# ---- equal, known, fresh ----------------------------------------------------------------------------------------


def test_equal_cells_are_run_once(ledger: SqlLedger) -> None:
    cells, suites = [*grid("x"), *grid("y")], Suites()
    result = settled(cells, suites, ledger)
    assert len(suites.ran) == result.suites_run == 2
    assert result.fingerprints == ("x",) * 6 + ("y",) * 6
    assert set(result.runs) == {"x", "y"}
    assert result.known == frozenset()


def test_what_is_known_is_not_run(ledger: SqlLedger) -> None:
    first = settled(grid("x"), Suites(), ledger)
    suites = Suites()
    result = settled([*grid("x"), *grid("y", "9")], suites, ledger)
    assert suites.ran == ["9 × a"]
    assert result.known == {"x"}
    assert result.runs["x"] == first.runs["x"]


def test_nothing_to_run_runs_nothing(ledger: SqlLedger) -> None:
    watcher = Watcher()
    result = settled([an_unrun_cell("1"), an_unrun_cell("2")], Suites(), ledger, watcher=watcher)
    assert result == ExecutedCells(fingerprints=(None, None), runs={}, known=frozenset(), suites_run=0)
    assert watcher.seen == [MatrixProgress(cells=2, settled=2, failing=2)]
    assert settled([], Suites(), ledger).fingerprints == ()


def test_fresh_runs_each_distinct_cell_once_and_keeps_what_was_known_before(ledger: SqlLedger) -> None:
    settled(grid("x"), Suites(), ledger)
    suites = Suites(red=["1 × a"])
    result = settled([*grid("x"), *grid("y")], suites, ledger, fresh=True)
    assert len(suites.ran) == 2
    assert [run.status for run in result.runs["x"]] == [RunStatus.PASSED, RunStatus.FAILED]
    assert result.known == frozenset()


def test_several_runs_of_a_cell_are_all_kept(ledger: SqlLedger) -> None:
    class Twice(Suites):
        def outcome(self, recipe: Recipe) -> tuple[Run, ...]:
            return (*super().outcome(recipe), a_run(RunStatus.FAILED, red=["t"], minute=99))

    result = settled(grid("x"), Twice(), ledger)
    assert result.suites_run == 2
    assert [run.fingerprint for run in result.runs["x"]] == ["x", "x"]
    assert ledger.runs(["x"])["x"] == result.runs["x"]


@pytest.mark.parametrize("jobs", [1, 2, 3, 64])
def test_no_more_than_jobs_at_once_and_no_fewer(ledger: SqlLedger, jobs: int) -> None:
    cells = [a_cell(str(number), str(number)) for number in range(9)]
    suites = Suites(pause=lambda _title: 50)
    settled(cells, suites, ledger, jobs=jobs)
    assert suites.most == min(jobs, 9)
    assert len(suites.ran) == 9


def test_a_run_is_in_the_ledger_as_soon_as_it_ended(ledger: SqlLedger) -> None:
    seen: list[set[str]] = []

    async def watch(progress: MatrixProgress) -> None:
        seen.append(set(ledger.runs(["x", "y"])))
        assert len(seen[-1]) == progress.runs

    asyncio.run(execute_cells([*grid("x"), *grid("y")], ledger=ledger, run=Suites(), jobs=1, observe=watch))
    assert seen == [set(), {"x"}, {"x", "y"}]


# ---- suites that read a version ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("reads", "runs"), [(CORE, 3), (PIPELINE, 2), (BOTH, 6)])
@pytest.mark.parametrize("jobs", [1, 4])
def test_a_suite_that_reads_a_version_is_run_for_each(
    ledger: SqlLedger, reads: frozenset[str], runs: int, jobs: int
) -> None:
    cells, suites = grid("x"), Suites({"x": reads})
    result = settled(cells, suites, ledger, jobs=jobs)
    assert len(suites.ran) == runs
    assert_bound(result, cells, reads)
    assert settled(cells, (again := Suites()), ledger).fingerprints == result.fingerprints
    assert again.ran == []


def assert_bound(result: ExecutedCells, cells: Sequence[PlannedCell], reads: Iterable[str]) -> None:
    """Every cell stands under its versions of what is read, and has a run there."""
    for cell, fingerprint in zip(cells, result.fingerprints, strict=True):
        assert cell.recipe is not None
        assert fingerprint == bound_to(cell.recipe.fingerprint, {name: cell.versions[name] for name in reads})
        assert all(run.fingerprint == fingerprint for run in result.runs[fingerprint])


def test_other_groups_are_not_divided(ledger: SqlLedger) -> None:
    cells = [*grid("x"), *grid("y")]
    suites = Suites({"x": CORE})
    result = settled(cells, suites, ledger)
    assert len(suites.ran) == 3 + 1
    assert set(result.fingerprints[6:]) == {"y"}


def test_a_version_of_a_package_that_a_cell_has_not_got_does_not_divide(ledger: SqlLedger) -> None:
    result = settled(grid("x"), Suites({"x": frozenset({"store"})}), ledger)
    assert set(result.fingerprints) == {"x"}
    assert result.suites_run == 1


def test_a_known_part_of_a_divided_group_is_not_run(ledger: SqlLedger) -> None:
    settled(grid("x", "12"), Suites({"x": CORE}), ledger)
    suites = Suites({"x": CORE})
    result = settled(grid("x", "1234"), suites, ledger)
    assert [title[0] for title in suites.ran] == ["3", "4"]
    assert len(result.known) == 2


def test_known_parts_are_found_when_the_division_is_only_now_noticed(ledger: SqlLedger) -> None:
    """As when the note that it reads was lost, or when another process made it meanwhile."""
    part = bound_to("x", {"core": "3"})
    ledger.record(a_run(fingerprint=part))
    suites = Suites({"x": CORE})
    result = settled(grid("x"), suites, ledger, jobs=1)
    assert [title[0] for title in suites.ran] == ["1", "2"]
    assert result.known == {part}


def test_a_reader_that_is_noticed_late_divides_what_stood_before(ledger: SqlLedger) -> None:
    cells = grid("x")
    assert set(settled(cells, Suites(), ledger).fingerprints) == {"x"}
    result = settled(cells, Suites({"x": CORE}), ledger, fresh=True)
    assert result.suites_run == 3
    assert_bound(result, cells, CORE)
    assert settled(cells, (again := Suites()), ledger).fingerprints == result.fingerprints
    assert again.ran == []


@pytest.mark.parametrize("jobs", [1, 2, 6])
def test_a_second_reader_divides_again_and_no_fingerprint_is_run_twice(ledger: SqlLedger, jobs: int) -> None:
    cells = grid("x", "123456")
    suites = Suites({"x": CORE, "2 × a": BOTH}, pause=lambda title: 40 if title < "4" else 4)
    result = settled(cells, suites, ledger, jobs=jobs)
    assert_bound(result, cells, BOTH)
    assert_each_once(ledger, result)


def assert_each_once(ledger: SqlLedger, result: ExecutedCells) -> None:
    kept = ledger.runs([fingerprint for fingerprint in result.fingerprints if fingerprint])
    assert {fingerprint: len(runs) for fingerprint, runs in kept.items()} == dict.fromkeys(kept, 1)


def test_a_cell_that_waited_when_its_group_was_divided_is_not_run_for_a_part_that_is_known(
    ledger: SqlLedger,
) -> None:
    cells = grid("x", "123", "a")
    ledger.record_version_reader("x", CORE)
    known = bound_to("x", {"core": "3", "pipeline": "a"})
    ledger.record(a_run(fingerprint=known))
    suites = Suites({"x": BOTH})
    result = settled(cells, suites, ledger, jobs=1)
    assert suites.ran == ["1 × a", "2 × a"]
    assert result.known == {known}


def test_a_cell_that_waited_while_its_group_was_being_divided_waits_anew(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The division is noticed while who watches takes its time, and the part of the cell that waits is known."""
    recording = threading.Event()

    async def watch(progress: MatrixProgress) -> None:
        if progress.runs == 1:
            await asyncio.to_thread(recording.wait)

    def record(run: Run) -> None:
        if run.reads:
            recording.set()
        SqlLedger.record(ledger, run)

    ledger.record_version_reader("x", CORE)
    ledger.record(a_run(fingerprint=bound_to("x", {"core": "2", "pipeline": "a"})))
    monkeypatch.setattr(ledger, "record", record)
    suites = Suites({"x": BOTH}, pause=lambda title: 1 if title[0] == "9" else 50)
    cells = [a_cell("y", "9", "b"), *grid("x", "12", "a")]
    result = asyncio.run(execute_cells(cells, ledger=ledger, run=suites, jobs=2, observe=watch))
    assert suites.ran == ["9 × b", "1 × a"]
    assert len(result.known) == 1


# ---- when it does not come to its end ---------------------------------------------------------------------------


class Fragile(Suites):
    """Can't make some cells' runs; the others end when they are let."""

    def __init__(self, broken: Collection[str]) -> None:
        super().__init__()
        self.broken = broken
        self.cancelled: list[str] = []

    async def work(self, recipe: Recipe) -> None:
        if recipe.title in self.broken:
            raise BoomError(recipe.title)
        if recipe.title[0] in "89":
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                self.cancelled.append(recipe.title)
                raise


def distinct(versions: str) -> list[PlannedCell]:
    return [a_cell(version, version, "a") for version in versions]


def never_retrieved(work: Callable[[], None]) -> list[str]:
    """What asyncio complains of while something is done and forgotten."""
    told: list[str] = []
    with asyncio.Runner() as runner:
        runner.get_loop().set_exception_handler(lambda _loop, context: told.append(context["message"]))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio, "run", runner.run)
            work()
        gc.collect()
    return told


@pytest.mark.parametrize("broken", [["3 × a"], ["3 × a", "4 × a"], ["1 × a", "2 × a", "3 × a", "4 × a"]])
def test_a_run_that_could_not_be_made_ends_the_others_and_keeps_what_was_finished(
    ledger: SqlLedger, broken: list[str]
) -> None:
    suites = Fragile(broken)

    def work() -> None:
        with pytest.raises(BoomError):
            settled(distinct("128934567"), suites, ledger, jobs=5)

    assert never_retrieved(work) == []
    assert sorted(suites.cancelled) == [title for title in suites.ran if title[0] in "89"]
    kept = ledger.runs(list("123456789"))
    assert {f"{fingerprint} × a" for fingerprint in kept} == set(suites.ended)
    assert not set(broken) & set(suites.ended)


def test_the_next_settle_goes_on_with_what_a_broken_one_left(ledger: SqlLedger) -> None:
    with pytest.raises(BoomError):
        settled(distinct("12345"), Fragile(["3 × a"]), ledger, jobs=1)
    suites = Suites()
    result = settled(distinct("12345"), suites, ledger)
    assert suites.ran == ["3 × a", "4 × a", "5 × a"]
    assert result.known == {"1", "2"}


def test_a_division_that_was_noticed_before_the_end_is_known_to_the_next(ledger: SqlLedger) -> None:
    class Broken(Suites):
        async def work(self, recipe: Recipe) -> None:
            if len(self.ran) > 1:
                raise BoomError(recipe.title)

    with pytest.raises(BoomError):
        settled(grid("x"), Broken({"x": CORE}), ledger, jobs=1)
    progress = ahead(grid("x"), ledger)
    assert (progress.known, progress.to_run) == (2, 2)
    suites = Suites({"x": CORE})
    settled(grid("x"), suites, ledger)
    assert [title[0] for title in suites.ran] == ["2", "3"]


def test_cancelled_it_ends_what_runs_and_keeps_what_ended(ledger: SqlLedger) -> None:
    suites = Fragile([])

    async def interrupted() -> None:
        stuck = asyncio.Event()

        async def watch(progress: MatrixProgress) -> None:
            if progress.runs == 2:
                stuck.set()

        work = asyncio.create_task(execute_cells(distinct("1289345"), ledger=ledger, run=suites, jobs=2, observe=watch))
        await stuck.wait()
        await asyncio.sleep(0.01)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    assert never_retrieved(lambda: asyncio.run(interrupted())) == []
    assert sorted(suites.cancelled) == ["8 × a", "9 × a"]
    assert set(ledger.runs(list("123456789"))) == {"1", "2"}
    again = Suites()
    settled(distinct("1289345"), again, ledger)
    assert sorted(again.ran) == ["3 × a", "4 × a", "5 × a", "8 × a", "9 × a"]


def test_cancelled_while_a_run_is_being_recorded_it_is_recorded_before_the_end() -> None:
    class Slow(SqlLedger):
        """Takes a run, and says that it is kept only when it is let."""

        asked, let = threading.Event(), threading.Event()

        def record(self, run: Run) -> None:
            self.asked.set()
            assert self.let.wait(30)
            super().record(run)

    ledger = scratch_ledger_of(Slow)

    async def interrupted() -> None:
        work = asyncio.create_task(execute_cells(distinct("12"), ledger=ledger, run=Suites(), jobs=2))
        await asyncio.to_thread(ledger.asked.wait)
        work.cancel()
        await asyncio.sleep(0)
        ledger.let.set()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert set(ledger.runs(["1", "2"])) == {"1", "2"}

    assert never_retrieved(lambda: asyncio.run(interrupted())) == []


# ---- what is told on the way ------------------------------------------------------------------------------------


def test_the_tally_counts_every_cell_once(ledger: SqlLedger) -> None:
    settled(grid("x"), Suites(red=["1 × a"]), ledger)
    cells = [*grid("x"), *grid("y"), *grid("z", "1"), an_unrun_cell("7")]
    watcher = Watcher()
    settled(cells, Suites(red=["1 × a"]), ledger, jobs=1, watcher=watcher)
    assert watcher.seen == [
        MatrixProgress(cells=15, settled=7, known=6, failing=7, to_run=2),
        MatrixProgress(cells=15, settled=13, known=6, shared=5, failing=13, runs=1, to_run=1),
        MatrixProgress(cells=15, settled=15, known=6, shared=6, failing=15, runs=2),
    ]


def test_green_cells_are_not_failing(ledger: SqlLedger) -> None:
    watcher = Watcher()
    settled(grid("x"), Suites(), ledger, watcher=watcher)
    assert watcher.seen[-1] == MatrixProgress(cells=6, settled=6, shared=5, runs=1)


def test_looking_ahead_says_what_settling_will_do_and_does_nothing(ledger: SqlLedger) -> None:
    cells = [*grid("x"), *grid("y", "1"), *grid("z"), an_unrun_cell("7")]
    settled(grid("x"), Suites({"x": CORE}), ledger)
    settled(grid("y", "1"), Suites(), ledger)
    progress = ahead(cells, ledger)
    assert progress == ahead(cells, ledger) == MatrixProgress(cells=15, settled=9, known=8, failing=1, to_run=1)
    assert ahead(cells, ledger, fresh=True) == MatrixProgress(cells=15, settled=1, failing=1, to_run=5)
    suites = Suites()
    settled(cells, suites, ledger)
    assert len(suites.ran) == progress.to_run


# ---- any groups, readers and knowledge --------------------------------------------------------------------------

READS = st.sampled_from([NOTHING, NOTHING, CORE, PIPELINE, BOTH])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[PlannedCell], dict[str, frozenset[str]], dict[str, int]]:
    """Cells, what each reads when it is run, and how long it takes."""
    places = st.tuples(st.sampled_from("xy"), st.sampled_from("123"), st.sampled_from("ab"))
    chosen = draw(st.lists(places, unique_by=lambda place: place[1:], max_size=6))
    cells = [a_cell(*place) for place in chosen]
    titles = [cell.recipe.title for cell in cells if cell.recipe]
    steady = {base: draw(READS) for base in "xy"}
    late = draw(st.dictionaries(st.sampled_from(titles), READS, max_size=2)) if titles else {}
    return cells, steady | late, {title: draw(st.integers(0, 12)) for title in titles}


@settings(deadline=None)
@given(worlds(), st.data(), st.sampled_from([1, 2, 5]), st.booleans())
def test_every_cell_is_settled_and_nothing_is_run_twice(
    world: tuple[list[PlannedCell], dict[str, frozenset[str]], dict[str, int]],
    data: st.DataObject,
    jobs: int,
    fresh: bool,
) -> None:
    cells, reads, pauses = world
    ledger, suites, watcher = scratch_ledger(), Suites(reads, pause=lambda title: pauses.get(title, 0)), Watcher()
    if cells:
        settled(data.draw(st.lists(st.sampled_from(cells), max_size=3)), Suites(reads), ledger)
    before = {run.fingerprint for runs in ledger.runs(all_fingerprints(cells)).values() for run in runs}
    counted = count(ledger, cells)

    result = settled(cells, suites, ledger, jobs=jobs, fresh=fresh, watcher=watcher)

    final = set(naive(cells, ledger))
    assert list(result.fingerprints) == naive(cells, ledger)
    assert final <= set(result.runs)
    assert result.suites_run == len(suites.ran)
    made = count(ledger, cells) - counted
    assert set(made.values()) <= {1}
    assert made.total() == len(suites.ran)
    if fresh:
        assert final <= set(made)
    else:
        assert set(made) & before == set()
        assert result.known & final == before & final
        assert settled(cells, Suites(reads), ledger).suites_run == 0
    assert_tallies_add_up(watcher.seen, len(suites.ran))


def naive(cells: Sequence[PlannedCell], ledger: SqlLedger) -> list[str]:
    """The final fingerprint of each cell, from what the suites were seen to read."""
    bases = [cell.recipe.fingerprint for cell in cells if cell.recipe]
    readers = ledger.version_readers(bases)
    return [
        bound_to(base, {name: cell.versions[name] for name in readers.get(base, ())})
        for base, cell in zip(bases, cells, strict=True)
    ]


def all_fingerprints(cells: Sequence[PlannedCell]) -> set[str]:
    """Every fingerprint that a cell could ever stand under."""
    return {
        bound_to(cell.recipe.fingerprint, {name: cell.versions[name] for name in names})
        for cell in cells
        for names in (NOTHING, CORE, PIPELINE, BOTH)
        if cell.recipe
    }


def count(ledger: SqlLedger, cells: Sequence[PlannedCell]) -> Counter[str]:
    return Counter({fingerprint: len(runs) for fingerprint, runs in ledger.runs(all_fingerprints(cells)).items()})


def assert_tallies_add_up(seen: Sequence[MatrixProgress], runs: int) -> None:
    for progress in seen:
        distinct = progress.settled - progress.known - progress.shared
        assert 0 <= distinct <= progress.runs
        assert progress.failing == 0
        assert progress.settled <= progress.cells
    assert [progress.runs for progress in seen] == sorted(progress.runs for progress in seen)
    assert (seen[-1].settled, seen[-1].to_run, seen[-1].runs) == (seen[-1].cells, 0, runs)
