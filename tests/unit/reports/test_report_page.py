"""The page as a file: what is in it, and what can't get into it."""

import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from itertools import product
from typing import Any

import pytest

from interlock.model.verdicts import Verdict
from interlock.reports.html_data import LOG_CHARACTERS
from interlock.reports.html_page import render
from tests.support.matrix_reports import Case, family_report, pipeline_report, small_report

HOSTILE = "</script><img src=x onerror=alert(1)><!--<script>\"'&\u2028"
STYLE = files("interlock.reports").joinpath("templates", "matrix.css").read_text(encoding="utf-8")


class Elements(HTMLParser):
    """The elements of a page, and the text of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] == "script" and data.strip():
            self.scripts.append(data)


def data_of(page: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(Elements(page).scripts[0])
    return loaded


def hostile_page() -> str:
    case = Case(Verdict.BROKEN_BEFORE, ((f"test_{HOSTILE}", HOSTILE),), own=True, reason=HOSTILE)
    report = small_report(case, log=HOSTILE)
    return render(report.model_copy(update={"family": HOSTILE, "covers": HOSTILE, "notes": (HOSTILE,)}))


def test_text_from_outside_becomes_no_element() -> None:
    harmless = Elements(
        render(small_report(Case(Verdict.BROKEN_BEFORE, (("test", "error"),), own=True, reason="r"), log="l"))
    )
    hostile = Elements(hostile_page())
    assert {tag for tag, _ in hostile.found} <= {tag for tag, _ in harmless.found} | {"ul", "li"}
    assert [tag for tag, _ in hostile.found].count("script") == len(hostile.scripts) == 2


def test_text_from_outside_is_on_the_page_as_it_was() -> None:
    data = data_of(hostile_page())
    assert HOSTILE in data["texts"]
    assert any(HOSTILE in text for text, _ in data["logs"])


def test_the_page_asks_for_nothing() -> None:
    elements = Elements(render(pipeline_report()))
    policy = next(a["content"] for tag, a in elements.found if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert {a.get("src") for _, a in elements.found} == {None}
    assert all(str(a["href"]).startswith(("#", "data:")) for _, a in elements.found if "href" in a)


def test_of_a_long_log_the_end_is_kept_from_the_beginning_of_a_line() -> None:
    log = "".join(f"line {number}\n" for number in range(10_000))
    ((text, cut),) = data_of(render(small_report(Case(), log=log)))["logs"]
    assert cut
    assert len(text) <= LOG_CHARACTERS
    assert text.startswith("line ")
    assert text.endswith("line 9999\n15 passed\n")


def test_a_log_of_one_endless_line_is_cut_within_it() -> None:
    report = small_report(Case())
    runs = {key: run.model_copy(update={"log": "x" * 20_000}) for key, run in report.runs.items()}
    assert data_of(render(report.model_copy(update={"runs": runs})))["logs"] == [["x" * LOG_CHARACTERS, True]]


def test_a_short_log_is_whole() -> None:
    ((text, cut),) = data_of(render(small_report(Case(), log="all of it\n")))["logs"]
    assert ("all of it" in text, cut) == (True, False)


def test_a_cell_costs_a_number() -> None:
    data = data_of(render(family_report()))
    cells = sum(len(sheet["cells"]) for sheet in data["sheets"])
    assert cells == 71 * 232
    assert sum(len(sheet["kinds"]) for sheet in data["sheets"]) < 1000
    assert len(render(family_report())) < 500_000


def test_what_is_declared_and_proven_is_there_without_the_script() -> None:
    page = render(pipeline_report())
    without = page.partition('<script type="application/json"')[0]
    for words in ("1.2.0 – 1.2.99", "&gt;=1.2.99,&lt;2.0.0", "0.8.41 – 0.8.66 (25)", "NameError: name &#39;x&#39;"):
        assert words in without


def colours(style: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", style))


def luminance(colour: str) -> float:
    """As WCAG 2.2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


MODES = dict(
    zip(("light", "dark"), (colours(part) for part in STYLE.split("@media (prefers-color-scheme: dark)")), strict=True)
)


@pytest.mark.parametrize(("mode", "verdict"), [*product(MODES, Verdict)])
def test_a_verdicts_symbol_is_readable_on_its_colour(mode: str, verdict: Verdict) -> None:
    assert contrast(MODES[mode][f"{verdict}-back"], MODES[mode][f"{verdict}-ink"]) >= 4.5


@pytest.mark.parametrize(
    ("mode", "ink", "back"), [*product(MODES, ("ink", "muted", "link", "red"), ("page", "raised"))]
)
def test_text_is_readable(mode: str, ink: str, back: str) -> None:
    assert contrast(MODES[mode][ink], MODES[mode][back]) >= 4.5


@pytest.mark.parametrize("mode", MODES)
def test_what_works_and_what_does_not_differ_in_brightness_too(mode: str) -> None:
    """So that they are told apart without any sense of colour."""
    assert contrast(MODES[mode]["compatible-back"], MODES[mode]["incompatible-back"]) >= 3
