"""The report in a terminal: it fits, it says what is wrong, and it obeys nothing that a test printed."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from interlock.matrix.report import MatrixReport
from interlock.model.verdicts import Verdict
from interlock.reports import print_report
from tests.support.matrix_reports import (
    CORE,
    LOST_TEST,
    OWN_TEST,
    Case,
    Table,
    family_report,
    make_report,
    pipeline_report,
    small_report,
)


def printed(report: MatrixReport, width: int = 120, page: Path | None = None) -> str:
    output = StringIO()
    print_report(report, Console(file=output, width=width), page=page)
    return output.getvalue()


def flowing(text: str) -> str:
    """The text without its line breaks."""
    return " ".join(text.split())


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("make", [pipeline_report, family_report])
def test_no_line_is_wider_than_the_terminal(make: Callable[[], MatrixReport], width: int) -> None:
    assert max(map(cell_len, printed(make(), width).splitlines())) <= width


def test_71_x_67_versions_are_a_table_of_six_rows_and_five_columns() -> None:
    lines = [line.rstrip() for line in printed(pipeline_report()).splitlines()]
    start = next(number for number, line in enumerate(lines) if line.startswith("0.8.1 "))
    assert [" ".join(line.split()) for line in lines[start : start + 7]] == [
        "0.8.1 – 0.8.3 (3) ○ [○] [○] [○] [○]",
        "0.8.4 – 0.8.14 (11) ✓ [✓] [✓] [✗] [✗]",
        "0.8.15 – 0.8.38 (22) ✓ [✓] [✓] [✓] [✓]",
        "0.8.39 – 0.8.40 (2) ✓ ✓ [✓] [✓] [✓]",
        "0.8.41 – 0.8.66 (25) ⊘ ✓ [✓] [✓] [✓]",
        "0.8.67 – 0.8.70 (4) ⊘ ✓ ✓ ✓ [✓]",
        "",
    ]


@pytest.mark.parametrize(
    "phrase",
    [
        f"{LOST_TEST} fails from market-data-core 1.3.0 on (passes with 1.2.99): ImportError: cannot import name",
        "with market-data-pipeline 0.8.4 – 0.8.14 (declared)",
        f"{OWN_TEST} fails with every market-data-core: NameError: name 'x' is not defined",
        "compatible → ✗ incompatible: market-data-pipeline 0.8.4 – 0.8.6 with market-data-core 1.3.0 – 1.3.1 (6 cells",
        "market-data-pipeline 0.8.70 declares >=1.4.61,<2.0.0, and works with market-data-core 1.2.9 – 1.4.60 as well",
        "The index was read from the cache: offline.",
        "! The newest releases fit together, older ones do not.",
        "4,757 cells: 83 run, 4,674 shared, 0 known (87 runs in 2 min 13 s)",
    ],
)
def test_what_matters_is_said_in_words(phrase: str) -> None:
    assert phrase in flowing(printed(pipeline_report()))


def test_the_legend_explains_what_was_used_and_nothing_else() -> None:
    text = printed(small_report(Case(), declared=""))
    assert "every test passes" in text
    assert "no environment can hold both" not in text


def test_headers_become_numbers_with_a_key_when_ranges_are_too_wide() -> None:
    text = printed(family_report(), 80)
    assert "market-data-core: 1 = 1.2.0 – 1.2.11 (11),  2 = 1.2.12 – 1.2.99 (9)" in text


def test_columns_are_no_longer_split_by_what_is_declared_when_that_is_too_much() -> None:
    assert "0.8.1 – 0.8.10 (9) (✓) ✓ ✓ ✗ ✓ ✓ ✓" in flowing(printed(family_report(), 80))


def test_what_does_not_fit_at_all_is_said_with_the_way_to_see_it() -> None:
    def checkered(row: int, column: int) -> Case:
        return Case() if (row + column) % 2 else Case(Verdict.UNTESTED)

    report = make_report(Table("market-data-store", ("1.0", "1.1"), checkered, lambda _: ""))
    text = flowing(printed(report, 80, Path("out/matrix.html")))
    assert (
        "market-data-core 1.2.0 – 1.4.46 (56) did not fit in this width; the HTML report shows all: out/matrix.html"
        in text
    )
    assert f"71 = {CORE[-1]}" in text


def test_a_sheet_without_versions_says_so() -> None:
    assert "no version pair to show" in printed(make_report(Table("store", (), lambda *_: Case(), lambda _: None)))


def test_what_is_falsely_allowed_is_said_once_with_the_settings_that_show_it() -> None:
    red = Case(Verdict.INCOMPATIBLE, (("test_x", "KeyError"),))
    tables = [
        Table("store", ("1.0",), lambda *_: red, lambda _: "", columns=("2.0",), point={"bus": bus})
        for bus in ("redis", "memory")
    ]
    line = "store 1.0 declares any version, and does not work with market-data-core 2.0"
    assert flowing(printed(make_report(*tables))).count(line) == 1
    both = "[contracts · Python 3.11.7 · bus=redis; contracts · Python 3.11.7 · bus=memory]"
    assert f"{line} {both}" in flowing(printed(make_report(*tables)))
    assert f"{line} [" not in flowing(printed(make_report(tables[0])))


def test_a_point_that_may_fail_says_why() -> None:
    report = small_report(Case(Verdict.BROKEN_BEFORE, (("test_x", "KeyError"),), own=True))
    sheet = report.sheets[0].model_copy(update={"allowed_to_fail": "an experiment"})
    text = flowing(printed(report.model_copy(update={"sheets": (sheet,)})))
    assert "Python 3.11.7 allowed to fail: an experiment" in text
    assert "with market-data-store 0.6.0 – 0.6.1 (allowed to fail: an experiment)" in text


def test_what_a_test_printed_is_neither_markup_nor_obeyed() -> None:
    case = Case(Verdict.BROKEN_BEFORE, (("test_x[bold]", "\x1b[2J[red]boom[/red] \x07:warning:"),), own=True)
    text = printed(small_report(case))
    assert "test_x[bold] fails with every market-data-core: [red]boom[/red] :warning:" in flowing(text)
    assert "\x1b" not in text
    assert "\x07" not in text


def test_long_lists_are_cut_with_a_word_on_the_rest() -> None:
    rows = [f"1.{number}" for number in range(30)]

    def by_row(row: int, _: int) -> Case:
        return Case(Verdict.BROKEN_BEFORE, ((f"test_{row}", "AssertionError"),), own=True)

    report = make_report(Table("store", rows, by_row, lambda row: f"<{row + 2}"))
    text = printed(report)
    assert "The downstreams' own faults (30)" in text
    assert "and 10 more: the HTML report lists them all" in text
    assert "partly" not in text


def test_red_that_no_comparison_explains_is_said_with_its_first_error() -> None:
    red = Case(Verdict.INCOMPATIBLE, (("test_x", "ImportError: no module"),))
    text = flowing(printed(small_report(red, declared="")))
    assert "test_x fails with market-data-core" in text
    assert "ImportError: no module" in text


def test_what_was_not_tested_says_why() -> None:
    assert "the suite was not tested with market-data-core" in flowing(printed(small_report(Case(Verdict.UNTESTED))))
