"""A cascade as the terminal, Markdown and programs read it."""

import io
import json
from collections.abc import Callable

import pytest
from packaging.version import Version
from rich.console import Console

from interlock.cascades.dry_run import CascadePreview
from interlock.model.cascade import (
    Action,
    Cascade,
    CascadePlan,
    Proven,
    State,
    aborted,
    held,
)
from interlock.model.verdicts import CellKey, Verdict
from interlock.reports import (
    cascade_markdown,
    manifest,
    manifest_json,
    plan_markdown,
    plan_mermaid,
    plan_tree,
    print_cascade,
    print_cascade_preview,
    print_cascades,
    print_plan,
    progress_tree,
)
from interlock.reports.cascade import reason
from interlock.reports.manifest import Manifest
from tests.support.cascades import NEW, PLAN, a_cascade, go, half, planned
from tests.support.release_values import NOON, a_release

HOSTILE = "[red]x[/] :cat: \x1b[31m\x1b]0;title\x07\r| `a` <b> [c](d)\nsecond"


def shown(write: Callable[[Console], None], width: int = 100) -> str:
    out = io.StringIO()
    write(Console(file=out, width=width, force_terminal=False))
    return out.getvalue()


def lines(write: Callable[[Console], None], width: int = 100) -> list[str]:
    return [line.rstrip() for line in shown(write, width).splitlines()]


def test_what_was_done_before_says_so() -> None:
    done = "it was done before, and nothing is new since; nothing was changed"
    cascade = a_cascade().model_copy(update={"repeated": True})
    assert lines(lambda console: print_cascade(cascade, console))[1] == done

    preview = CascadePreview(**dict(cascade.plan), was_done=True)
    assert lines(lambda console: print_cascade_preview(preview, console)) == [
        f"✓ market-data-core {NEW} and what follows: {done}"
    ]
    assert preview.says() == "; it was done before, and nothing is new since"
    assert preview.exit_code == 0


@pytest.mark.parametrize("width", [40, 100])
def test_a_plan_is_a_table_with_reasons_and_a_tree(width: int) -> None:
    printed = lines(lambda console: print_plan(PLAN, console), width)

    assert printed[:6] == [
        "package           what      version          tested with",
        "market-data-core  release   1.2.10 → 1.2.11  –",
        "    the cascade begins with it",
        "store             release   1.2.10 → 1.2.11  contracts, imports",
        "    market-data-core is pinned ==1.2.10",
        "pipeline          release   1.2.10 → 1.2.11  –",
    ]
    assert "notes             test      1.2.10           –" in printed
    assert "tip               release   ?                –" in printed
    assert "infra             command   –                –" in printed


def test_the_tree_shows_each_package_once_beneath_the_last_that_it_waits_for() -> None:
    assert lines(lambda console: console.print(plan_tree(PLAN))) == [
        "market-data-core 1.2.10 → 1.2.11",
        "├── store 1.2.10 → 1.2.11",
        "├── pipeline 1.2.10 → 1.2.11",
        "│   └── tip ? (also after store)",
        "│       └── infra command",
        "├── ibkr 1.2.10 → 1.2.11 dispatch",
        "└── notes 1.2.10 test",
    ]


def test_a_plan_says_how_much_it_is() -> None:
    assert "4 releases, 1 test without release, 1 dispatch, 1 command; nothing was changed" in shown(
        lambda console: print_plan(PLAN, console)
    )
    two = CascadePlan(
        root="market-data-core",
        root_version=NEW,
        packages=(
            PLAN.packages[0],
            *(planned(f"t{number}", "market-data-core", Action.TEST) for number in range(2)),
            *(planned(f"d{number}", "market-data-core", Action.DISPATCH) for number in range(2)),
        ),
    )
    assert "1 release, 2 tests without release, 2 dispatches" in plan_markdown(two)


def test_the_graph_draws_only_what_does_not_follow_from_other_arrows() -> None:
    graph = plan_mermaid(PLAN).splitlines()

    assert graph[:2] == ["graph LR", '    p0["market-data-core<br/>1.2.10 → 1.2.11<br/>release"]']
    arrows = [line.strip() for line in graph if "-->" in line]
    assert arrows == ["p0 --> p1", "p0 --> p2", "p0 --> p3", "p0 --> p4", "p1 --> p5", "p2 --> p5", "p5 --> p6"]
    assert "released" in plan_mermaid(PLAN, half().progress)


def test_the_progress_says_state_version_and_reason_of_each() -> None:
    cascade = go(a_cascade(), "market-data-core", State.RELEASING, State.RELEASED)
    cascade = go(cascade, "store", State.TESTING, reason="contracts", link="https://example.org/7")
    tree = lines(lambda console: console.print(progress_tree(cascade)))

    assert tree[:4] == [
        "✓ market-data-core 1.2.11 released",
        "├── … store 1.2.11 testing: contracts https://example.org/7",
        "├── · pipeline 1.2.10 → 1.2.11 waiting for upstreams",
        "│   └── · tip ? waiting for upstreams: store, pipeline",
    ]


def test_a_half_released_family_is_told_with_what_to_do() -> None:
    printed = lines(lambda console: print_cascade(half(), console))

    assert printed[0] == "market-data-core-1.2.11 over, with packages that are held; began 2026-11-20 12:00 UTC"
    assert printed[2:4] == [
        "market-data-core  ✓ released   1.2.10 → 1.2.11  2026-11-20 12:05 UTC",
        "    the cascade begins with it",
    ]
    at = printed.index("store             ! held       1.2.10 → 1.2.11  2026-11-20 12:00 UTC")
    assert printed[at + 1] == "    test_enum is red"
    assert "notes             = unchanged  1.2.10           2026-11-20 12:00 UTC" in printed
    assert printed.count("    store is held") == 2
    assert "→ store: cure what holds it, then let it go: test_enum is red" in printed
    assert printed[printed.index("    interlock cascade unhold store") + 2] == (
        "    interlock cascade resume market-data-core-1.2.11"
    )


def test_a_cascade_that_goes_on_gives_no_advice_and_tells_holds_that_are_not_obeyed_yet() -> None:
    cascade = a_cascade().model_copy(update={"holds": {"tip": "not on a Friday", "stranger": "?"}})
    printed = shown(lambda console: print_cascade(cascade, console))

    assert "! tip will be held: not on a Friday" in printed
    assert "stranger" not in printed
    assert "→ market" not in printed
    assert "not over" in printed
    assert "will be held" not in shown(lambda console: print_cascade(held(cascade, "tip", "no", NOON), console))


def held_for(why: str) -> Cascade:
    """Pipeline is held, and for its sake the tip and infra; everybody else is done."""
    cascade = a_cascade()
    for name in ("market-data-core", "store", "ibkr"):
        cascade = go(cascade, name, State.RELEASING, State.RELEASED)
    cascade = go(cascade, "notes", State.TESTING, State.UNCHANGED)
    return go(cascade, "pipeline", State.TESTING, State.HELD, reason=why)


def test_a_long_reason_is_cut_in_the_table_and_follows_in_full_once() -> None:
    why = "uv says:\n" + "\n".join(f"because of {number} we can conclude [that]" for number in range(30)) + "\nthe end"
    printed = shown(lambda console: print_cascade(held_for(why), console), 80)
    rows = printed.splitlines()

    cut = rows[rows.index(next(row for row in rows if row.startswith("pipeline "))) + 1]
    assert cut.startswith("    uv says: because of 0 we can conclude [that] because")
    assert cut.endswith(" …")
    assert len(cut) <= 170
    assert printed.count("because of 29 we can conclude [that]") == printed.count("    the end\n") == 1
    assert "    pipeline is held\n" in printed
    assert "→ pipeline: cure what holds it, then let it go\n    interlock cascade unhold pipeline\n" in printed
    text = cascade_markdown(held_for(why))
    assert text.count("the end") == 1
    assert "### In full" in text


def test_of_many_reasons_each_has_its_line() -> None:
    why = "; ".join(f"contracts: test_{number} is red with market-data-core 1.2.11" for number in range(9))
    printed = lines(lambda console: print_cascade(held_for(why), console))
    at = printed.index("pipeline")
    assert printed[at + 1] == "    contracts: test_0 is red with market-data-core 1.2.11;"
    assert printed[at + 9 : at + 11] == ["    contracts: test_8 is red with market-data-core 1.2.11", ""]


def test_a_short_reason_is_said_in_the_table_alone() -> None:
    assert "In full" not in cascade_markdown(held_for("red"))
    assert (
        len([row for row in lines(lambda console: print_cascade(held_for("red"), console)) if row == "pipeline"]) == 0
    )


def test_what_is_held_for_another_names_where_that_began() -> None:
    cascade = held_for("red")
    assert reason(cascade, cascade.progress["tip"]) == "pipeline is held"
    assert reason(cascade, cascade.progress["infra"]) == "pipeline is held"
    core = go(a_cascade(), "market-data-core", State.RELEASING, State.FAILED, reason="no answer")
    assert reason(core, core.progress["infra"]) == "market-data-core failed"
    assert reason(core, core.progress["market-data-core"]) == "no answer"


def test_pages_are_left_out_where_nobody_can_look_and_links_are_not_said_twice() -> None:
    cascade = go(a_cascade(), "market-data-core", State.RELEASING, State.RELEASED, link="https://example.org/v1")
    url = "https://example.org/pull/7"
    cascade = go(cascade, "store", State.TESTING, State.AWAITING_MERGE, reason=f"{url} waits for checks", link=url)
    printed = shown(lambda console: print_cascade(cascade, console))
    assert "    the cascade begins with it\n    https://example.org/v1\n" in printed
    assert printed.count(url) == 1
    without = shown(lambda console: print_cascade(cascade, console, pages=False))
    assert "example.org/v1" not in without
    assert "example.org/v1" not in shown(lambda console: console.print(progress_tree(cascade)), 200)
    assert without.count(url) == 1


def test_no_cascade_is_said_so() -> None:
    assert shown(lambda console: print_cascades([], console)) == "no cascade is in the ledger\n"


def test_cascades_are_a_table() -> None:
    ended = aborted(half(), NOON).model_copy(update={"ended_at": NOON})
    for width in (20, 100):
        printed = lines(lambda console: print_cascades([a_cascade(), ended], console), width)
        assert printed == [
            "cascade                  began                 state          released  held  failed",
            "market-data-core-1.2.11  2026-11-20 12:00 UTC  running        0         0     0",
            "market-data-core-1.2.11  2026-11-20 12:00 UTC  held, aborted  3         3     0",
        ]
    assert "aborted; over, with packages that are held" in cascade_markdown(ended)
    assert "ended 2026-11-20 12:00 UTC" in cascade_markdown(ended)


def test_a_cascade_is_markdown_with_its_graph_and_ways_out() -> None:
    text = cascade_markdown(half())

    assert "| market-data-core | ✓ released | 1.2.11 | 2026-11-20 12:05 UTC | the cascade begins with it |" in text
    assert "- cure what holds it, then let it go: test\\_enum is red: `interlock cascade unhold store`" in text
    assert "```mermaid\ngraph LR\n" in text
    assert text.endswith("```\n")
    assert "What to do" not in cascade_markdown(a_cascade())


def test_a_link_is_a_link() -> None:
    cascade = go(a_cascade(), "market-data-core", State.RELEASING, link="https://example.org/7")
    assert "([look](https://example.org/7))" in cascade_markdown(cascade)


def test_a_plan_is_markdown_with_its_graph() -> None:
    text = plan_markdown(PLAN)

    assert "| store | release | 1.2.10 → 1.2.11 | contracts, imports | market-data-core is pinned ==1.2.10 |" in text
    assert "```mermaid\ngraph LR\n" in text


def test_what_others_wrote_stays_text() -> None:
    hostile = go(a_cascade(), "market-data-core", State.RELEASING, State.FAILED, reason=HOSTILE)
    plan = PLAN.model_copy(update={"packages": (PLAN.packages[0].model_copy(update={"why": HOSTILE}),)})
    terminal = [
        shown(lambda console: print_cascade(hostile, console)),
        shown(lambda console: console.print(progress_tree(hostile)), 200),
        shown(lambda console: print_plan(plan, console)),
    ]
    for text in terminal:
        assert "[red]x[/]" in text
        assert ":cat:" in text
        assert "\x1b" not in text
    for text in (cascade_markdown(hostile), plan_markdown(plan)):
        assert "\\[c\\]\\(d\\)" in text
        assert "\\| \\`a\\`" in text


def test_a_manifest_is_everything_that_is_known() -> None:
    cell = CellKey(
        upstream="market-data-core",
        downstream="store",
        suite="contracts",
        python="3.11",
        point="",
        upstream_version="1.2.11",
        downstream_version="1.2.10",
    )
    shown = Proven(cell=cell, verdict=Verdict.INCOMPATIBLE)
    cascade = half().with_progress(half().progress["store"].model_copy(update={"proof": (shown,)}))
    releases = [a_release(), a_release(version=Version("1.2.12"), commit="d" * 40), a_release(package="store")]
    found = manifest(cascade, releases)
    core, store, *others = found.packages

    assert (core.version, core.commit, core.tag) == (NEW, "c" * 40, "v1.2.11")
    assert core.files == releases[0].files
    assert core.dispatches == releases[0].dispatches
    assert (store.state, store.version, store.commit, store.reason) == (State.HELD, None, None, "test_enum is red")
    assert store.verdicts == (shown,)
    assert not any(each.verdicts for each in (core, *others))
    assert Manifest.model_validate_json(manifest_json(found)) == found
    assert json.loads(manifest_json(found))["outcome"] == "held"
