"""The page in a real Chromium; the fixture sees to it that it neither complains nor asks for anything."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from interlock.model.verdicts import Verdict
from interlock.reports.html_page import render
from tests.end_to_end.reports.conftest import Opener
from tests.support.matrix_reports import (
    LOST_ERROR,
    LOST_TEST,
    Case,
    family_report,
    make_report,
    pipeline_report,
    small_report,
)

pytestmark = pytest.mark.browser

CORE, PIPELINE = "market-data-core", "market-data-pipeline"


def cell(page: Page, upstream: str, downstream: str, package: str = PIPELINE) -> Locator:
    return page.get_by_role(
        "gridcell", name=re.compile(rf"^{CORE} {re.escape(upstream)} with {package} {re.escape(downstream)}:")
    )


def details(page: Page) -> Locator:
    return page.locator("#details")


def cells(page: Page) -> Locator:
    return page.locator("#grid td:not(.off)")


def focused(page: Page) -> str:
    name = page.evaluate("document.activeElement.getAttribute('aria-label')")
    return str(name)


def test_every_pair_is_a_cell(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    expect(cells(page)).to_have_count(71 * 67)
    expect(page.get_by_role("status")).to_have_text("4,757 pairs: 71 × 67 versions.")


def test_the_answer_and_the_findings_come_first(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    expect(page.get_by_role("region", name="The answer")).to_contain_text(
        "The newest releases fit together, older ones do not"
    )
    expect(page.get_by_role("region", name="Regressions")).to_contain_text(f"{LOST_TEST} fails from {CORE} 1.3.0 on")
    expect(page.get_by_role("region", name="The downstreams’ own faults")).to_contain_text("0.8.1 – 0.8.3")
    expect(page.get_by_role("region", name="Changed since")).to_contain_text("6 cells")


def test_a_cell_says_what_it_is_to_those_who_cannot_see_it(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    for upstream, downstream, said in (
        ("1.2.9", "0.8.5", "compatible, declared, 15 tests passed"),
        ("1.2.0", "0.8.70", "unresolvable, not declared, pipeline requires pydantic>=2.7, core requires pydantic<2.6"),
        ("1.2.0", "0.8.1", "broken-before, not declared, own fault, 1 of 16 tests failed"),
        ("1.3.0", "0.8.4", "incompatible, declared, 1 of 16 tests failed, was compatible"),
    ):
        name = f"{CORE} {upstream} with {PIPELINE} {downstream}: {said}"
        expect(page.get_by_role("gridcell", name=name, exact=True)).to_have_count(1)


def test_the_table_is_a_grid_with_headers(open_report: Opener) -> None:
    page = open_report(small_report(Case()))
    expect(page.locator("#grid")).to_match_aria_snapshot("""
      - grid "market-data-core by column, market-data-store by row":
        - rowgroup:
          - row:
            - columnheader "market-data-store by row, market-data-core by column"
            - columnheader "1.4.60"
            - columnheader "1.4.61"
        - rowgroup:
          - row:
            - rowheader "0.6.0"
            - 'gridcell "market-data-core 1.4.60 with market-data-store 0.6.0: compatible, declared, 15 tests passed"'
            - 'gridcell "market-data-core 1.4.61 with market-data-store 0.6.0: compatible, declared, 15 tests passed"'
          - row:
            - rowheader "0.6.1"
            - gridcell
            - gridcell
    """)


def test_a_click_shows_the_tests_their_errors_and_the_log(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    expect(details(page)).to_be_hidden()
    cell(page, "1.3.0", "0.8.4").click()
    panel = page.get_by_role("complementary", name=f"{CORE} 1.3.0 with {PIPELINE} 0.8.4")
    expect(panel).to_contain_text("Red tests (1)")
    expect(panel.get_by_role("listitem").first).to_contain_text(LOST_TEST)
    expect(panel.get_by_role("listitem").first).to_contain_text(LOST_ERROR)
    expect(panel.get_by_role("region", name="Log")).to_contain_text("test session starts")
    panel.get_by_text("Other tests (15)").click()
    expect(panel.get_by_role("listitem")).to_have_count(16)
    panel.get_by_text("Environment (8 packages)").click()
    expect(panel.get_by_role("region", name="Environment")).to_contain_text("pydantic==2.1")


def test_a_cell_that_shares_a_verdict_leads_to_the_one_that_was_run(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    cell(page, "1.3.1", "0.8.5").click()
    details(page).get_by_role("link", name="1.3.0 with 0.8.4").click()
    expect(details(page).get_by_role("heading", name=f"{CORE} 1.3.0 with {PIPELINE} 0.8.4")).to_be_visible()
    expect(details(page)).to_contain_text("run for this matrix")


def test_arrows_move_enter_opens_and_escape_returns(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    cell(page, "1.2.0", "0.8.1").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    assert focused(page).startswith(f"{CORE} 1.2.1 with {PIPELINE} 0.8.2:")
    page.keyboard.press("Enter")
    expect(details(page).get_by_role("heading", name=f"{CORE} 1.2.1 with {PIPELINE} 0.8.2")).to_be_focused()
    page.keyboard.press("Escape")
    expect(details(page)).to_be_hidden()
    expect(cell(page, "1.2.1", "0.8.2")).to_be_focused()


def test_the_ends_are_one_key_away(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    for key, upstream, downstream in (
        ("Home", "1.2.0", "0.8.20"),
        ("End", "1.4.61", "0.8.20"),
        ("PageUp", "1.3.0", "0.8.1"),
        ("PageDown", "1.3.0", "0.8.70"),
        ("Control+Home", "1.2.0", "0.8.1"),
        ("Control+End", "1.4.61", "0.8.70"),
    ):
        cell(page, "1.3.0", "0.8.20").focus()
        page.keyboard.press(key)
        assert focused(page).startswith(f"{CORE} {upstream} with {PIPELINE} {downstream}:"), key


def test_the_tab_key_reaches_one_cell(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    expect(page.locator("#grid td[tabindex='0']")).to_have_count(1)
    cell(page, "1.3.0", "0.8.20").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#grid td[tabindex='0']")).to_have_count(1)
    expect(cell(page, "1.3.0", "0.8.21")).to_have_attribute("tabindex", "0")


def test_a_verdict_can_be_hidden_and_rows_without_a_cell_go_with_it(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    page.get_by_role("button", name="✓ compatible").click()
    expect(cells(page)).to_have_count(561 + 213 + 261)
    expect(page.get_by_role("rowheader", name="0.8.15", exact=True)).to_have_count(0)
    expect(page.get_by_role("rowheader", name="0.8.4", exact=True)).to_have_count(1)
    page.get_by_role("button", name="Show all").click()
    expect(cells(page)).to_have_count(71 * 67)


def test_what_is_declared_can_be_told_from_what_is_not(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    for choice, left in (("only declared", 3640), ("only undeclared", 4757 - 3640)):
        page.get_by_label("Range").select_option(choice)
        expect(cells(page)).to_have_count(left)


def test_words_leave_what_they_name(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    for field, text, left in (
        ("Version", "1.2.9", 2 * 67),
        ("Version", "0.8.70", 71),
        ("Version", "1.3 0.8.4 0.8.5", 10 * 21),
        ("Version", "9.9", 0),
        ("Red test", "FEEDBACK", 561),
        ("Red test", "no such test", 0),
    ):
        page.get_by_label(field).fill(text)
        expect(cells(page)).to_have_count(left)
        expect(page.get_by_role("status")).to_contain_text(f"{left} pair")
        expect(page.get_by_text("No pair passes the filters.")).to_have_count(0 if left else 1)
        page.get_by_label(field).fill("")


def test_what_changed_can_be_seen_alone(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    page.get_by_label("only changed").check()
    expect(cells(page)).to_have_count(6)
    cells(page).first.click()
    expect(details(page)).to_contain_text("was compatible in the last run, 2026-11-13 10:41 UTC")


def test_arrows_pass_over_what_a_filter_hides(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    page.get_by_role("button", name="✗ incompatible").click()
    cell(page, "1.2.99", "0.8.3").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert focused(page).startswith(f"{CORE} 1.3.0 with {PIPELINE} 0.8.15:")


def test_the_address_remembers_the_open_cell(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    cell(page, "1.3.0", "0.8.4").click()
    address = page.evaluate("location.hash")
    page.goto("about:blank")
    again = open_report(pipeline_report(), address)
    expect(details(again).get_by_role("heading", name=f"{CORE} 1.3.0 with {PIPELINE} 0.8.4")).to_be_visible()
    expect(again.locator("#grid td.chosen")).to_be_in_viewport()
    again.keyboard.press("Escape")
    assert "upstream" not in again.evaluate("location.hash")


def test_a_finding_leads_to_its_cell_whatever_is_filtered(open_report: Opener) -> None:
    page = open_report(family_report())
    page.get_by_role("tab").nth(3).click()
    page.get_by_label("Version").fill("1.1.0")
    page.get_by_role("region", name="Regressions").get_by_role("link", name="Show the cell").click()
    expect(details(page).get_by_role("heading", name=f"{CORE} 1.3.0 with {PIPELINE} 0.8.14")).to_be_visible()
    expect(page.locator("#grid td.chosen")).to_be_in_viewport()


@pytest.mark.parametrize(
    "address",
    ["#sheet=none", "#upstream=1", "#%", "#sheet=market-data-core:market-data-store:contracts:3.11.7&upstream=9"],
)
def test_an_address_that_names_nothing_shows_the_table(open_report: Opener, address: str) -> None:
    page = open_report(small_report(Case()), address)
    expect(cells(page).first).to_be_visible()
    expect(details(page)).to_be_hidden()


def test_four_sheets_of_71_x_232_versions_open_one_by_one(open_report: Opener) -> None:
    page = open_report(family_report())
    for tab, rows in enumerate((67, 70, 90, 5)):
        page.get_by_role("tab").nth(tab).click()
        expect(page.get_by_role("tab").nth(tab)).to_have_attribute("aria-selected", "true")
        expect(cells(page)).to_have_count(71 * rows)
        expect(page.locator(".ranges:visible")).to_have_count(1)


def test_tabs_are_moved_through_with_the_arrows(open_report: Opener) -> None:
    page = open_report(family_report())
    page.get_by_role("tab").first.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab").nth(3)).to_be_focused()
    expect(cells(page)).to_have_count(71 * 5)


def test_many_sheets_are_chosen_from_a_list(open_report: Opener) -> None:
    report = small_report(Case())
    points = [report.sheets[0].model_copy(update={"point": {"bus": str(number)}}) for number in range(9)]
    page = open_report(report.model_copy(update={"sheets": tuple(points)}))
    page.get_by_label("Which table").select_option(index=8)
    assert page.evaluate("location.hash").endswith("bus%3D8")


def test_the_declared_range_is_outlined_where_it_ends(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    for upstream, downstream, edges in (
        ("1.2.8", "0.8.1", set()),
        ("1.2.9", "0.8.1", {"t", "l"}),
        ("1.2.11", "0.8.20", set()),
        ("1.2.9", "0.8.38", {"l", "b"}),
        ("1.2.99", "0.8.39", {"l"}),
        ("1.4.61", "0.8.70", {"l", "r", "b"}),
    ):
        found = set((cell(page, upstream, downstream).get_attribute("class") or "").split()) & set("trbl")
        assert found == edges, (upstream, downstream)


def test_text_from_a_test_is_shown_and_never_run(open_report: Opener) -> None:
    hostile = "</script><img src=x onerror=\"alert('got you')\"><svg onload=alert(1)>"
    case = Case(Verdict.INCOMPATIBLE, ((f"test_{hostile}", hostile),), reason=hostile)
    page = open_report(small_report(case, log=f"{hostile}\n"))
    cell(page, "1.4.61", "0.6.1", "market-data-store").click()
    expect(details(page).get_by_role("listitem").first).to_contain_text(f"test_{hostile}")
    expect(details(page).get_by_role("region", name="Log")).to_contain_text(hostile)
    expect(page.locator("img")).to_have_count(0)


def test_a_script_that_is_not_the_pages_own_does_not_run(browser: Browser, tmp_path: Path) -> None:
    smuggled = (
        "<script>document.title = 'got you'</script><img src='data:,' onerror=\"document.title = 'got you'\"></main>"
    )
    path = tmp_path / "smuggled.html"
    path.write_text(render(pipeline_report()).replace("</main>", smuggled), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    expect(cells(page)).to_have_count(71 * 67)
    page.wait_for_timeout(100)  # the image's error comes when it comes
    expect(page).to_have_title("The newest releases fit together, older ones do not · market-data")
    page.close()


def test_escape_finds_a_place_to_return_to_when_the_cell_is_hidden(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    cell(page, "1.3.0", "0.8.4").click()
    page.get_by_role("button", name="✗ incompatible").click()
    expect(details(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(details(page)).to_be_hidden()
    expect(page.locator("#table")).to_be_focused()


def test_a_report_of_nothing_opens(open_report: Opener) -> None:
    page = open_report(make_report())
    expect(page.get_by_role("region", name="The answer")).to_contain_text("Not proven")
    expect(page.get_by_role("heading", name="Every pair")).to_be_hidden()


def test_the_end_of_a_long_log_is_shown_with_a_word_on_it(open_report: Opener) -> None:
    case = Case(Verdict.INCOMPATIBLE, (("test_x", "KeyError"),))
    page = open_report(small_report(case, log="a line\n" * 5000))
    cells(page).first.click()
    expect(details(page)).to_contain_text("Log (the last 8 KB; the JSON report has more)")
    expect(details(page).get_by_role("region", name="Log")).to_contain_text("15 passed")


@pytest.mark.parametrize(
    "case",
    [Case(), Case(Verdict.UNTESTED), Case(Verdict.TIMED_OUT, reason="600 s"), Case(Verdict.FLAKY, (("t", "E"),))],
)
def test_every_verdict_can_be_opened(open_report: Opener, case: Case) -> None:
    page = open_report(small_report(case))
    cells(page).first.click()
    expect(details(page)).to_contain_text(case.verdict.value)


def test_a_suite_that_did_not_finish_says_so(open_report: Opener) -> None:
    page = open_report(small_report(Case(Verdict.TIMED_OUT, reason="ended after 600 s")))
    cells(page).first.click()
    expect(details(page)).to_contain_text("The suite did not finish in its time: ended after 600 s.")


def test_a_narrow_window_keeps_the_cell_in_sight_above_the_details(open_report: Opener) -> None:
    page = open_report(pipeline_report())
    page.set_viewport_size({"width": 420, "height": 860})
    cell(page, "1.2.12", "0.8.30").click()
    expect(page.locator("#grid td.chosen")).to_be_in_viewport()
    chosen, panel = page.locator("#grid td.chosen").bounding_box(), details(page).bounding_box()
    assert chosen is not None
    assert panel is not None
    assert chosen["y"] + chosen["height"] <= panel["y"]
