"""What statuses and notes on lines say: pure, and within what GitHub takes."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.adapters.github import Annotation, StatusState
from interlock.contracts.schema import ElementChange, Use
from interlock.contracts.schema.models import Kind, What
from interlock.contracts.verify.annotations import annotations, line_of, locate
from interlock.contracts.verify.comment import Marker, visible
from interlock.contracts.verify.report import CellResult, ContractsReport, DownstreamResult, RedTest
from interlock.contracts.verify.statuses import describe, rolled_up, short, statuses
from interlock.model.verdicts import Verdict
from tests.support.contracts_reports import (
    BEGAN,
    CHANGE,
    IBKR,
    LEVEL,
    PIPELINE,
    RED,
    STORE,
    a_cell,
    a_red_cell,
    a_report,
    an_unproven,
    green,
)

SOURCE = b'''"""Telemetry."""
from enum import Enum
from market_data_core.rates import Rate as HalfRate, Other


class BackpressureLevel(Enum):
    NONE = "none"


LIMIT: int = 3
NAMES = []


async def slow() -> None: ...
'''


def described(*cells: CellResult, trouble: str | None = None) -> str:
    return describe(DownstreamResult(downstream=PIPELINE, cells=cells, trouble=trouble))


class TestStatuses:
    @pytest.mark.parametrize(
        ("said", "words"),
        [
            (described(a_cell()), "nothing regressed in 1 cell"),
            (described(a_cell(), a_cell()), "nothing regressed in 2 cells"),
            (
                described(a_cell(), a_cell(verdict="broken-before"), a_red_cell(allowed_to_fail="issue 3")),
                "nothing regressed in 3 cells, 1 red before already, 1 allowed to fail",
            ),
            (
                described(a_red_cell(regressed=(RedTest(id="tests/a.py::TestA::test_x[a::b]"),))),
                "1 test regressed: test_x[a::b]",
            ),
            (
                described(a_red_cell(verdict="unresolvable", regressed=(), reason="pydantic<2 and >=2")),
                "cannot be installed with it: pydantic<2 and >=2",
            ),
            (
                described(a_red_cell(verdict="timed-out", regressed=(), reason="")),
                "does not finish in its time with it",
            ),
            (described(a_cell(verdict="flaky", reason="two runs")), "not known: flaky: two runs"),
            (described(a_cell(verdict="untested")), "not known: untested"),
            (described(), "not known: no cell to test"),
            (described(trouble="its branch can't be built"), "not known: its branch can't be built"),
        ],
    )
    def test_a_downstream_in_a_line(self, said: str, words: str) -> None:
        assert said == words

    def test_a_test_that_regressed_in_two_cells_is_counted_once_in_the_order_of_the_run(self) -> None:
        assert described(a_red_cell(), a_red_cell(side="branch")).startswith(
            "3 tests regressed: test_levels_are_three,"
        )

    def test_what_is_used_changed_and_untested_is_said_where_nothing_regressed(self) -> None:
        said = {each.context.rpartition("/")[2]: each.description or "" for each in statuses(a_report(), (), None)}
        assert said[STORE].endswith("; used, changed and untested: BackpressureLevel")
        assert "untested" not in said[IBKR] + said[PIPELINE]

    @pytest.mark.parametrize(
        ("result", "words"),
        [
            (an_unproven(), "success: unproven: no suite; installs and imports"),
            (an_unproven(trouble="no branch"), "success: unproven: no suite"),
            (an_unproven(verdict="broken-before"), "success: unproven: no suite"),
            (an_unproven(verdict="untested"), "success: unproven: no suite"),
            (an_unproven(verdict="incompatible", regressed=RED), "failure: 3 tests regressed: "),
        ],
    )
    def test_a_downstream_without_a_suite_is_unproven_and_fails_where_it_breaks(
        self, result: DownstreamResult, words: str
    ) -> None:
        (said,) = statuses(a_report(downstreams=(result,), change=None), (), None)
        shown = f"{said.state}: {said.description}"
        assert shown.startswith(words) if words.endswith(" ") else shown == words

    @pytest.mark.parametrize(
        ("proven", "tried", "words"),
        [
            (2, 0, "nothing regressed in 2 downstreams"),
            (1, 2, "nothing regressed in 1 downstream; 2 unproven: no suite"),
            (0, 1, "nothing regressed; 1 unproven: no suite"),
        ],
    )
    def test_the_status_for_all_says_how_many_are_unproven(self, proven: int, tried: int, words: str) -> None:
        one = DownstreamResult(downstream=STORE, cells=(a_cell(STORE),))
        results = [one.model_copy(update={"downstream": f"p{n}"}) for n in range(proven)]
        results += [an_unproven().model_copy(update={"downstream": f"u{n}"}) for n in range(tried)]
        report = a_report(downstreams=tuple(results), change=None)
        said = rolled_up(report, statuses(report, (), None), None)
        assert (said.state, said.description) == (StatusState.SUCCESS, words)

    def test_so_it_is_of_a_downstream_without_a_suite(self) -> None:
        change = CHANGE.model_copy(update={"uses": {IBKR: {LEVEL: Use.UNTESTED}}})
        (said,) = statuses(a_report(downstreams=(an_unproven(),), change=change), (), None)
        assert said.description == (
            "unproven: no suite; installs and imports; used, changed and untested: BackpressureLevel"
        )

    def test_what_breaks_nobody_is_no_warning(self) -> None:
        changes = tuple(
            each.model_copy(update={"breaks_readers": False, "breaks_writers": False}) for each in CHANGE.changes
        )
        report = a_report(change=CHANGE.model_copy(update={"changes": changes}))
        assert not any("untested" in (each.description or "") for each in statuses(report, (), None))

    @given(text=st.text(max_size=300))
    def test_a_description_is_one_line_of_140_characters_whatever_a_test_is_called(self, text: str) -> None:
        red = DownstreamResult(downstream=PIPELINE, cells=(a_red_cell(regressed=(RedTest(id=text),)),))
        unknown = DownstreamResult(downstream=STORE, trouble=text)
        for each in statuses(a_report(downstreams=(red, unknown)), (), None):
            assert each.description
            assert len(each.description) <= 140
            assert each.description.splitlines() == [each.description]

    def test_all_that_regressed_is_cut_where_it_is_seen(self) -> None:
        many = tuple(RedTest(id=f"tests/test_a.py::test_number_{n}") for n in range(40))
        (said,) = statuses(
            a_report(downstreams=(DownstreamResult(downstream=PIPELINE, cells=(a_red_cell(regressed=many),)),)),
            (),
            None,
        )
        assert said.state is StatusState.FAILURE
        assert (said.description or "").startswith("40 tests regressed: test_number_0, test_number_1")
        assert (said.description or "").endswith("…")

    def test_a_name_without_a_file_stays(self) -> None:
        assert short("market_data_pipeline.sinks") == "market_data_pipeline.sinks"


class TestPlaces:
    @pytest.mark.parametrize(
        ("changed", "found"),
        [
            (("src/market_data_core/telemetry.py",), "src/market_data_core/telemetry.py"),
            (("market_data_core/telemetry/__init__.py",), "market_data_core/telemetry/__init__.py"),
            (("src/market_data_core/telemetry.py", "README.md"), "src/market_data_core/telemetry.py"),
            (("src/other_market_data_core/telemetry.py",), None),
            (("src/market_data_core/__init__.py", "telemetry.py"), None),
            (("src/market_data_core/telemetry.py", "tests/market_data_core/telemetry.py"), None),
            ((), None),
        ],
    )
    def test_only_a_changed_file_that_can_be_no_other_is_named(
        self, changed: tuple[str, ...], found: str | None
    ) -> None:
        assert locate(a_report(), changed).get(LEVEL) == found

    def test_of_several_names_the_deepest_module_counts(self) -> None:
        element = ElementChange(
            name="market_data_core.Level", names=("market_data_core.telemetry.Level",), kind=Kind.ENUM, what=What.ADDED
        )
        report = a_report(change=CHANGE.model_copy(update={"changes": (element,)}))
        paths = ("src/market_data_core/__init__.py", "src/market_data_core/telemetry.py")
        assert locate(report, paths) == {element.name: paths[1]}
        assert locate(report, paths[:1]) == {element.name: paths[0]}

    def test_without_a_change_there_is_none(self) -> None:
        assert locate(a_report(change=None), ("src/market_data_core/telemetry.py",)) == {}
        assert annotations(a_report(change=None), {}, {}) == ()

    @pytest.mark.parametrize(
        ("name", "line"),
        [
            ("BackpressureLevel", 6),
            ("HalfRate", 3),
            ("Other", 3),
            ("LIMIT", 10),
            ("NAMES", 11),
            ("slow", 14),
            ("gone", 1),
        ],
    )
    def test_the_line_is_where_a_module_binds_the_name(self, name: str, line: int) -> None:
        assert line_of(SOURCE, name) == line

    @given(st.binary(max_size=200))
    def test_what_cannot_be_read_has_a_first_line(self, source: bytes) -> None:
        assert line_of(source, "gone") == 1


class TestAnnotations:
    def notes(self, report: ContractsReport) -> Mapping[str, Annotation]:
        files = {each.name: "a.py" for each in (report.change.changes if report.change else ())}
        return {each.title: each for each in annotations(report, files, {})}

    def test_the_level_says_whether_somebody_fails_or_may_fail(self) -> None:
        red, calm = self.notes(a_report()), self.notes(green(a_report()).model_copy(update={"change": CHANGE}))
        assert (red[f"{LEVEL} changed"].level, calm[f"{LEVEL} changed"].level) == ("failure", "warning")
        assert red["market_data_core.clock.Clock added"].level == "notice"

    def test_what_regressed_elsewhere_is_not_blamed_on_what_is_not_used(self) -> None:
        uses = {PIPELINE: {LEVEL: Use.NOT_USED}}
        note = self.notes(a_report(change=CHANGE.model_copy(update={"uses": uses})))[f"{LEVEL} changed"]
        assert note.level == "warning"
        assert note.message.splitlines() == [
            'member "soft" removed; member "gentle" added',
            "may break readers and writers",
        ]

    def test_many_tests_are_counted(self) -> None:
        many = tuple(RedTest(id=f"t.py::test_{n}") for n in range(9))
        cells = (
            a_red_cell(regressed=many),
            a_red_cell(regressed=many, allowed_to_fail="x", verdict=Verdict.INCOMPATIBLE),
        )
        report = a_report(downstreams=(DownstreamResult(downstream=PIPELINE, cells=cells),))
        message = self.notes(report)[f"{LEVEL} changed"].message
        assert "regressed: test_0, test_1, test_2, test_3, test_4 and 4 more" in message


class TestMarker:
    def test_it_reads_back_as_it_was_written(self) -> None:
        marker = Marker(package="p", sha="a" * 40, at=BEGAN)
        assert Marker.read(f"{marker}\nwords") == marker
        assert visible(f"{marker}\r\nwords\r\n") == "words"

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "words",
            "<!-- interlock:contracts p sha yesterday -->",
            "<!-- interlock:contracts p s 2026-11-20T12:00:00 -->",
        ],
    )
    def test_what_is_none_is_none(self, body: str) -> None:
        assert Marker.read(body) is None
