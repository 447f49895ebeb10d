"""An admission and a bisection as people read them: every line is there, and nothing in it formats the terminal."""

import io

from rich.console import Console

from interlock.contracts.admission import Admission
from interlock.contracts.admission.decide import decide, say
from interlock.contracts.admission.models import Evidence
from interlock.contracts.bisect.judge import JudgedSheet
from interlock.contracts.bisect.models import Bisection, Broken, Skipped, Step
from interlock.model.verdicts import Verdict
from interlock.reports.admission import print_admission
from interlock.reports.bisection import bisection_markdown, print_bisection
from tests.support.admission_values import a_cell, shown

HOSTILE = "\x1b[2J[red]x\n```"


def printed(evidence: list[Evidence], width: int = 100, **fields: object) -> str:
    cells = tuple(map(say, evidence))
    told = {"package": "core", "described": "branch main", "version": "1.2", "before": "1.1", "why": "so", **fields}
    found = Admission.model_validate({**told, "answer": decide(cells), "cells": cells})
    print_admission(found, Console(file=(out := io.StringIO()), width=width, highlight=False))
    return out.getvalue()


def cell(known: Verdict | None, *red: str, **where: str) -> Evidence:
    key = a_cell().model_copy(update=where)
    return Evidence(cell=key, known=known and shown(known, *red), before=shown(Verdict.COMPATIBLE))


def test_each_cell_has_a_line_with_what_it_says() -> None:
    text = printed([cell(Verdict.COMPATIBLE, point="bus=redis"), cell(None)])
    assert "✓  pipeline0 2.0  contracts [bus=redis]  2026-11-20  every test passes" in text
    assert "–  pipeline0 2.0  contracts              never       never run" in text
    assert "? unknown  core branch main (before: 1.1): so" in text
    assert "cure: interlock contracts 1.2 --of core" in text


def test_the_python_is_named_where_there_are_several() -> None:
    assert "Python" not in printed([cell(None)])
    assert "contracts, Python 3.12" in printed([cell(None), cell(None, python="3.12")])


def test_red_tests_are_named_the_new_ones_first_and_not_all() -> None:
    found = cell(Verdict.INCOMPATIBLE, "old", *(f"new{number}" for number in range(6)))
    text = printed([found.model_copy(update={"before": shown(Verdict.INCOMPATIBLE, "old")})])
    assert "✗ no" in text
    assert "✗ new0: E" in text
    assert "old" not in text
    assert "and 2 other red tests" in text


def test_what_others_wrote_moves_no_cursor() -> None:
    text = printed([cell(Verdict.INCOMPATIBLE, HOSTILE)], described=HOSTILE, notes=(HOSTILE,))
    assert "\x1b" not in text
    assert "[red]x" in text


def test_what_nothing_tests_has_no_cure() -> None:
    assert "cure" not in printed([])


def test_an_unknown_commit_is_named_in_the_cure() -> None:
    assert f"interlock contracts {'a' * 40} --of core" in printed([cell(None)], sha="a" * 40)


def a_bisection(**fields: object) -> Bisection:
    told = {
        "upstream": "core",
        "downstream": "pipeline",
        "downstream_version": "2.0",
        "last_good": Step(name="a" * 40, subject="fine"),
        "first_bad": Step(name="b" * 40, subject=HOSTILE),
        "broken": (
            Broken(sheet=JudgedSheet(suite="contracts", python="3.11"), tests={f"t{n}": HOSTILE for n in range(7)}),
        ),
        "skipped": tuple(Skipped(step=Step(name=f"1.{n}"), why=HOSTILE) for n in range(7)),
        "steps": 9,
        "runs": 3,
        "reproduce": "interlock contracts",
    }
    return Bisection.model_validate({**told, **fields})


def test_a_bisection_is_told_in_lines_that_nobody_else_can_break() -> None:
    print_bisection(a_bisection(notes=(HOSTILE,)), Console(file=(out := io.StringIO()), width=200, highlight=False))
    text = out.getvalue()
    assert "\x1b" not in text
    assert f"✗ core {'b' * 12} [red]x ``` is the first that breaks pipeline 2.0" in text
    assert "contracts, Python 3.11: 7 tests" in text
    assert "and 2 others" in text
    assert "and 2 others skipped" in text
    assert "9 steps, 3 runs of a suite" in text


def test_its_markdown_ends_its_fence_itself() -> None:
    assert bisection_markdown(a_bisection()).count("```") == 2


def test_one_of_several_is_said_to_be_so() -> None:
    found = a_bisection(unsure=(Step(name="1.5"),))
    text = bisection_markdown(found)
    assert "is the first known to break" in text
    assert "or it is 1.5, which could not be tried" in text
    assert found.exit_code == 1


def test_a_suite_that_did_not_end_has_its_reason_in_place_of_tests() -> None:
    broken = Broken(sheet=JudgedSheet(suite="contracts", python="3.11"), reason="timed out after 600 s")
    assert "contracts, Python 3.11: timed out after 600 s" in bisection_markdown(a_bisection(broken=(broken,)))
