"""A release as the terminal and Markdown show it."""

import io
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from packaging.version import Version
from rich.console import Console

from interlock.model.dispatches import DispatchRecord
from interlock.model.release import VISIBLE, Release, Step
from interlock.releases.checks import failed, ok, unknown, warning
from interlock.releases.plan import Plan
from interlock.releases.preflight import Preview
from interlock.reports import preview_markdown, print_preview, print_release, print_releases, release_markdown
from tests.support.release_values import NOON, a_file, a_receipt, a_record, a_release, an_order

PLAN = Plan(
    package="market-data-core",
    version=Version("1.3.0rc1"),
    previous=Version("1.2.11"),
    repository="mjdevaccount/market-data-core",
    branch="main",
    tag="v1.3.0rc1",
    base="b" * 40,
    epoch=0,
    changed=("pyproject.toml", "core/__init__.py"),
    source="pyproject.toml: project.version",
    remarks=("docs/conf.py:3: 1.0 is another version, and was left alone",),
)
HOSTILE = "[red]x[/] :cat: \x1b[31m\x1b]0;title\x07\r| `a` <b> [c](d)\nsecond"


def shown(write: Callable[[Console], None], width: int = 80) -> str:
    out = io.StringIO()
    write(Console(file=out, width=width, force_terminal=False))
    return out.getvalue()


def printed(release: Release) -> str:
    return shown(lambda console: print_release(release, console))


def test_a_finished_release_is_all_that_was_done() -> None:
    assert printed(a_release()).splitlines() == [
        "✓ market-data-core 1.2.11 released (before: 1.2.10)",
        "  tag      v1.2.11 on cccccccccc, mjdevaccount/market-data-core main",
        "  file     market_data_core-1.2.11-py3-none-any.whl  sha256:aaaaaaaaaaaaaaaa…  12,345 bytes",
        "  file     market_data_core-1.2.11.tar.gz  sha256:bbbbbbbbbbbbbbbb…  12,345 bytes",
        "  page     https://example.org/releases/v1.2.11",
        "  told     ✓ mjdevaccount/market-data-store core_release: success  https://example.org/runs/7",
        "  time     1.8 s: build 0.2 s, push 1.5 s",
    ]


def test_a_repeated_release_says_since_when_it_is_out() -> None:
    done = a_release(resumed=True, done_before=tuple(VISIBLE))
    since = ", out since 2026-11-20 12:01 UTC; everything was done before"
    assert printed(done).splitlines()[0] == f"✓ market-data-core 1.2.11 released (before: 1.2.10){since}"
    half = a_release(resumed=True, done_before=(Step.PUSH, Step.PUBLISH, Step.GITHUB_RELEASE))
    assert printed(half).splitlines()[0].endswith("(before: 1.2.10), finishing what an earlier run began")


def test_with_nothing_new_only_that_is_said() -> None:
    since = "market-data-core has nothing to release since v1.2.11 (released 2026-11-20 12:01 UTC)"
    lines = [f"✓ {since}", "  nothing was changed; with --empty it is released all the same"]
    nothing = a_release(nothing_new=True)
    assert printed(nothing).splitlines() == lines

    preview = Preview(checks=(ok("core", "repository", "public"),), repeats=nothing)
    assert shown(lambda console: print_preview(preview, console), 200).splitlines()[1:] == ["", *lines]
    assert preview_markdown(preview).startswith(f"## {since}\n")
    assert preview.says() == since


def test_what_there_is_not_is_not_named() -> None:
    bare = a_release(previous=None, files=(), page=None, dispatches=(), seconds={}, resumed=True)
    assert printed(bare).splitlines() == [
        "✓ market-data-core 1.2.11 released, finishing what an earlier run began",
        "  tag      v1.2.11 on cccccccccc, mjdevaccount/market-data-core main",
    ]


@pytest.mark.parametrize(
    ("record", "line", "cell"),
    [
        (a_record(), "✗ {}: nobody took it", "**nobody took it**"),
        (a_record(a_receipt(conclusion="timed_out")), "✗ {}: timed_out  {url}", r"[timed\_out]({url})"),
        (a_record(a_receipt(conclusion=None)), "… {}: in progress  {url}", "[in progress]({url})"),
        (
            a_record(a_receipt(exact=False)),
            "✓ {}: success (the first run since: it does not name the dispatch)  {url}",
            "[success]({url}) (the first run since: it does not name the dispatch)",
        ),
    ],
)
def test_a_dispatch_says_what_became_of_it(record: DispatchRecord, line: str, cell: str) -> None:
    release, url = a_release(dispatches=(record,)), "https://example.org/runs/7"
    said = line.format("mjdevaccount/market-data-store core_release", url=url)
    assert f"  told     {said}" in printed(release).splitlines()
    assert f"| mjdevaccount/market-data-store | core\\_release | {cell.format(url=url)} |" in release_markdown(release)


UNHEARD = a_release(dispatches=(a_record(a_receipt()), a_record()), ended_at=None)
FAILED = a_release(dispatches=(a_record(a_receipt(conclusion="failure")),))


@pytest.mark.parametrize(
    ("release", "words"),
    [
        (UNHEARD, "released, and not everybody has taken its dispatch"),
        (FAILED, "released, and a run that took its dispatch failed"),
    ],
)
def test_the_first_line_says_that_not_all_is_well(release: Release, words: str) -> None:
    assert printed(release).startswith(f"! market-data-core 1.2.11 {words} (before: 1.2.10)\n")
    assert f"\n{words}; before: 1.2.10\n" in release_markdown(release)


def test_remarks_are_shown() -> None:
    release = a_release(remarks=("mind the gap",))
    assert "  ! mind the gap\n" in printed(release)
    assert "\n- mind the gap\n" in release_markdown(release)


def test_markdown_has_every_hash_whole_and_every_step() -> None:
    text = release_markdown(a_release(resumed=True))
    assert text.startswith(
        "## market-data-core 1.2.11\n\nreleased; before: 1.2.10, finishing what an earlier run began\n"
    )
    assert f"- tag `v1.2.11` on `{'c' * 40}` in mjdevaccount/market-data-core\n" in text
    assert "- [GitHub Release](https://example.org/releases/v1.2.11)\n" in text
    assert f"| market\\_data\\_core-1.2.11.tar.gz | `{'b' * 64}` | 12,345 |\n" in text
    assert text.endswith("| step | seconds |\n|---|---|\n| build | 0.25 |\n| push | 1.50 |\n")


def test_markdown_names_no_page_and_no_dispatch_where_there_is_none() -> None:
    text = release_markdown(a_release(page=None, dispatches=(), previous=None))
    assert "GitHub Release" not in text
    assert "told" not in text
    assert "released; before: nothing\n" in text


def test_every_table_of_markdown_stands_alone_and_has_as_many_cells_in_each_row() -> None:
    release = a_release(dispatches=(a_record(a_receipt(conclusion="a|b")),), remarks=("x",))
    tables = re.findall(r"(?:^\|.*\n)+", release_markdown(release), re.MULTILINE)
    assert len(tables) == 3
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_others_text_neither_formats_nor_moves_the_cursor() -> None:
    receipt = a_receipt(conclusion=HOSTILE)
    release = a_release(branch=HOSTILE, remarks=(HOSTILE,), dispatches=(a_record(receipt),), files=(a_file(HOSTILE),))
    text = printed(release)
    harmless = "[red]x[/] :cat: | `a` <b> [c](d) second"
    assert text.count(harmless) == 4
    assert "\x1b" not in text
    assert "\r" not in text


def test_others_text_is_text_in_markdown_too() -> None:
    text = release_markdown(a_release(remarks=(HOSTILE,), repository="a/b](x)"))
    assert r"\[c\](d)" in text.replace(r"\(", "(").replace(r"\)", ")")
    assert "[c](d)" not in text
    assert "<b>" not in text
    assert r"a/b\](x)" in text.replace(r"\(", "(").replace(r"\)", ")")


def test_releases_are_a_table_that_says_how_to_finish_what_is_not() -> None:
    releases = [UNHEARD, FAILED, a_release(dispatches=(), version=Version("1.2.9"), began_at=NOON - timedelta(days=1))]
    lines = shown(lambda console: print_releases(releases, console), width=40).splitlines()
    assert [re.split(r" {2,}|(?<=\d) (?=1\.)", line.strip()) for line in lines] == [
        ["package", "version", "began", "state", "told"],
        [
            "market-data-core",
            "1.2.11",
            "2026-11-20 12:00",
            "unfinished: interlock release market-data-core --version 1.2.11",
            "1 of 2",
        ],
        ["market-data-core", "1.2.11", "2026-11-20 12:00", "finished", "1 of 1, 1 failed"],
        ["market-data-core", "1.2.9", "2026-11-19 12:00", "finished", "–"],
    ]


def preview_of(preview: Preview) -> str:
    return shown(lambda console: print_preview(preview, console))


def test_a_preview_is_every_check_and_the_whole_plan() -> None:
    checks = (
        ok("token", "kind", "fine-grained"),
        warning("token", "expiry", "in 6 days", "rotate it"),
        unknown("store", "listener", HOSTILE),
    )
    orders = (an_order(version="1.3.0rc1"),)
    found = Preview(checks=checks, plan=PLAN, files=(a_file(),), orders=orders, notes=f"- new\n{HOSTILE}\n")
    assert preview_of(found).splitlines() == [
        "✓ token: kind: fine-grained",
        "! token: expiry: in 6 days",
        "    cure: rotate it",
        "? store: listener: [red]x[/] :cat: | `a` <b> [c](d) second",
        "",
        "market-data-core 1.3.0rc1 would be released (before: 1.2.11); nothing was changed",
        "  version  from pyproject.toml: project.version; files to change: pyproject.toml, core/__init__.py",
        "  tag      v1.3.0rc1 on top of bbbbbbbbbb, mjdevaccount/market-data-core main",
        "  file     market_data_core-1.2.11-py3-none-any.whl  sha256:aaaaaaaaaaaaaaaa…  12,345 bytes",
        (
            "  tell     mjdevaccount/market-data-store core_release {version: 1.3.0rc1, origin: market-data-core, "
            "dispatch_id: market-data-core==1.3.0rc1:core_release}"
        ),
        "  ! docs/conf.py:3: 1.0 is another version, and was left alone",
        "  notes",
        "    - new",
        "    [red]x[/] :cat:",
        "    | `a` <b> [c](d)",
        "    second",
    ]


def test_a_preview_of_what_goes_on_says_so() -> None:
    plan = PLAN.model_copy(update={"resumed": True, "previous": None, "changed": (), "remarks": ()})
    text = preview_of(Preview(checks=(), plan=plan))
    assert "market-data-core 1.3.0rc1 would finish (before: nothing); nothing was changed" in text
    assert "files to change: none" in text


def test_a_preview_of_what_would_be_refused_names_the_failure_with_its_cure() -> None:
    text = preview_of(Preview(checks=(failed("store", "listener of core_release", "nobody listens", "write one"),)))
    assert text.splitlines() == [
        "✗ store: listener of core_release: nobody listens",
        "    cure: write one",
        "✗ it would not be started; nothing was changed",
    ]


def test_durations_leave_out_what_took_no_time() -> None:
    release = a_release(seconds={Step.GUARD: 0.01, Step.PUSH: 1.0})
    assert "time     1.0 s: push 1.0 s\n" in printed(release)
