"""A verification as its readers see it: the maintainer on the pull request, the terminal, and programs."""

import json
from collections.abc import Iterator
from io import StringIO

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.cells import cell_len
from rich.console import Console

from interlock.contracts.schema import ContractChange, ElementChange, Use
from interlock.contracts.schema.models import Kind, What
from interlock.contracts.verify.report import ContractsReport, DownstreamResult, RedTest
from interlock.reports import (
    contracts_comment,
    contracts_json,
    contracts_markdown,
    contracts_schema_text,
    contracts_texts,
    print_contracts,
)
from interlock.reports.contracts_markdown import LONGEST
from interlock.reports.markdown import cell, code, fenced, link, within
from tests.support.contracts_reports import (
    BRANCH,
    CHANGE,
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
from tests.support.paths import ROOT

PUBLISHED = ROOT / "docs" / "contracts.schema.json"
URL = "https://prefect.example.org/runs/1"
GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
# The only HTML that a comment has; whatever else looked like some would be somebody else's.
OURS = ("<details><summary>", "</details>", "<sub>", "</sub>")
# Each piece of somebody's text has this character: where it stands, somebody's text stands.
THEIRS = "ϟ"
PIECES = [
    *(f"{THEIRS}{piece}" for piece in ("`", "``", "```", "~~~", "|", "\\", "\\|", "\n", "\r\n", "\n\n", " ", "\n    ")),
    *(
        f"{piece}{THEIRS}"
        for piece in ("@alice", "#12", "GH-1", "<b>", "</details>", "<!--", "-->", "![](x)", "[a](b)")
    ),
    *(
        f"{piece}{THEIRS}"
        for piece in ("https://x.example", "www.x.example", "&#64;a", "# ", "- ", "* ", "> ", "**", "_")
    ),
    *(f"{THEIRS}{piece}" for piece in ("\x1b[31m", "\x1b]0;t\x07", "\u202e", "\ud800", "\x00", "[red]", ":cat:", "\t")),
]
hostile = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)


def an_evil_report(text: str) -> ContractsReport:
    """One in which this stands wherever somebody else's text can."""
    red = a_red_cell(side=text, point={"axis": text}, regressed=(RedTest(id=text, error=text),) * 2, reproduce=text)
    element = ElementChange(name=text, kind=Kind.ENUM, what=What.CHANGED, details=(text,) * 5, breaks_readers=True)
    quiet = a_cell(side=text, suite=text, verdict="incompatible", allowed_to_fail=text, reproduce=text)
    return a_report(
        ref=text,
        baseline=text,
        notes=(text,),
        downstreams=(
            DownstreamResult(downstream=PIPELINE, cells=(red, quiet)),
            DownstreamResult(downstream=STORE, trouble=text),
            DownstreamResult(
                downstream="other", cells=(a_red_cell(verdict="unresolvable", regressed=(), reason=text),)
            ),
        ),
        change=ContractChange(
            before="1",
            after="2",
            changes=(element,),
            api=(text,),
            notes=(text,),
            uses={PIPELINE: {text: Use.COVERED}, STORE: {text: Use.UNTESTED}},
        ),
    )


def tokens(markdown: str) -> Iterator[Token]:
    """What Markdown makes of it, flat."""
    for token in GITHUB.parse(markdown):
        yield token
        yield from token.children or ()


def printed(report: ContractsReport, width: int = 100) -> str:
    output = StringIO()
    print_contracts(report, Console(file=output, width=width))
    return output.getvalue()


def flowing(text: str) -> str:
    return " ".join(text.split())


class TestComment:
    def test_what_breaks_and_why_comes_before_anything_else(self) -> None:
        lines = [line for line in contracts_comment(a_report(), URL).splitlines() if line][:12]
        assert lines == [
            "## ❌ 1 of 3 downstreams would break: `market-data-pipeline`",
            (
                "`market-data-core` of `pull request 12 (0123456789ab)`, "
                "compared with `merge base with base (fedcba987654)`."
            ),
            "### ❌ `market-data-pipeline`",
            f"3 tests regressed in 2 of 4 cells, only with `bus_backend=redis`: `0.8.70`, `{BRANCH}`",
            f'- it uses `{LEVEL}`, changed: `member "soft" removed`, `member "gentle" added`',
            "```",
            "tests/contracts/test_feedback.py::test_levels_are_three",
            "    AttributeError: soft",
            "tests/contracts/test_feedback.py::test_soft_slows_down",
            "    AttributeError: type object has no 'soft'",
            "tests/contracts/test_rates.py::TestRates::test_half_at_soft[redis]",
            "    KeyError: 'soft'",
        ]

    @pytest.mark.parametrize(
        "phrase",
        [
            "At least a **major** version, by what changed since `1.4.61`:",
            (
                "may break readers and writers; used by `market-data-pipeline` (covered by its suite), "
                "`market-data-store` (**untested**)"
            ),
            f"- ⚠️ `market-data-store` uses `{LEVEL}`, and no test covers that",
            "- `market_data_core.clock.Clock` (protocol) added – no downstream uses it",
            (
                "| `market-data-store` | `branch base (89abcdef0123)` | `contracts` | `Python 3.11` | ⚠️ broken-before "
                "| incompatible |"
            ),
            (
                "interlock contracts 0123456789ab --of market-data-core --downstream market-data-store "
                "--against 1.4.61 --python 3.11 --no-tell"
            ),
            "- `market-data-orchestrator has no suite: nothing is known of it`",
            f"[the run](<{URL}>)",
            "<details><summary>4 more cells</summary>",
        ],
    )
    def test_the_rest_is_there_too(self, phrase: str) -> None:
        assert phrase in contracts_comment(a_report(), URL)

    def test_each_command_is_there_once(self) -> None:
        shown = contracts_comment(a_report())
        assert [shown.count(f"--downstream {name} ") for name in (PIPELINE, STORE)] == [1, 1]

    def test_what_is_green_is_short_with_the_rest_folded(self) -> None:
        unfolded = contracts_comment(green(a_report(notes=()))).partition("<details>")[0]
        assert unfolded.splitlines()[0] == "## ✅ No downstream would break (3 downstreams tested)"
        assert "The contract is the same as in `1.4.61`." in unfolded
        assert len(unfolded.splitlines()) == 6

    def test_a_downstream_without_a_suite_is_shown_as_unproven_everywhere(self) -> None:
        proven = DownstreamResult(downstream=STORE, cells=(a_cell(STORE),))
        report = a_report(downstreams=(proven, an_unproven()), change=None, notes=())
        comment, shown = contracts_comment(report), printed(report)
        assert comment.startswith(
            "## ✅ No downstream would break (1 downstream tested; 1 unproven: `market-data-ibkr`)"
        )
        assert "- ❔ `market-data-ibkr` is unproven: no suite; installs and imports" in comment
        assert "| ❔ unproven: compatible |" in comment
        assert "? market-data-ibkr unproven: no suite; installs and imports" in shown
        assert [each["conclusion"] for each in json.loads(contracts_json(report))["downstreams"]] == [
            "success",
            "unproven",
        ]
        alone = contracts_comment(a_report(downstreams=(an_unproven(),), change=None))
        assert alone.startswith("## ✅ Nothing regressed, and nothing is proven (1 unproven: `market-data-ibkr`)")
        broken = a_report(downstreams=(proven, an_unproven(verdict="incompatible", regressed=RED)))
        assert contracts_comment(broken).startswith("## ❌ 1 of 2 downstreams would break: `market-data-ibkr`")

    def test_what_is_not_known_is_no_success(self) -> None:
        report = a_report(downstreams=(DownstreamResult(downstream=STORE, trouble="no wheel: error"),), change=None)
        shown = contracts_comment(report)
        assert shown.splitlines()[0] == "## ❔ Not known whether 1 downstream would break: `market-data-store`"
        assert "Nothing is known of it: `no wheel: error`" in shown

    def test_a_verification_that_was_skipped_says_why(self) -> None:
        shown = contracts_comment(a_report(skipped="the contract is that of 1.4.61", downstreams=(), change=None))
        assert shown.startswith("## ⏭️ Not tested")
        assert "Why: `the contract is that of 1.4.61`" in shown

    def test_a_suite_that_cannot_be_run_says_why_in_place_of_tests(self) -> None:
        cells = (a_red_cell(verdict="unresolvable", regressed=(), reason="pydantic<2 and pydantic>=2"),)
        shown = contracts_comment(a_report(downstreams=(DownstreamResult(downstream=PIPELINE, cells=cells),)))
        assert "It cannot be installed with it in 1 of 1 cell: `0.8.70`" in shown
        assert "```\npydantic<2 and pydantic>=2\n```" in shown

    def test_on_prefects_page_nothing_is_folded(self) -> None:
        shown = contracts_markdown(a_report())
        assert "<details>" not in shown
        assert "### 4 more cells" in shown

    def test_the_check_run_has_the_same_and_a_title_without_markdown(self) -> None:
        texts = contracts_texts(a_report(), URL)
        assert texts.title == "1 of 3 downstreams would break: market-data-pipeline"
        assert texts.summary == texts.comment == contracts_comment(a_report(), URL)


class TestSize:
    def test_the_largest_comment_fits_and_says_what_it_leaves_out(self) -> None:
        red = tuple(RedTest(id=f"tests/test_{'x' * 300}_{n}.py::test", error="e" * 900) for n in range(500))
        names = [f"{PIPELINE}-{number}" for number in range(40)]
        cells = {
            name: tuple(
                a_red_cell(name, f"0.{n}.0", regressed=red, reproduce=f"{name} {n} {'x' * 1500}") for n in range(60)
            )
            for name in names
        }
        elements = tuple(
            ElementChange(
                name=f"core.{'x' * 300}{n}",
                kind=Kind.MODEL,
                what=What.CHANGED,
                details=("d" * 500,) * 10,
                breaks_readers=True,
            )
            for n in range(300)
        )
        uses = {name: {each.name: Use.UNTESTED for each in elements} for name in names}
        report = a_report(
            downstreams=tuple(DownstreamResult(downstream=name, cells=cells[name]) for name in names),
            change=CHANGE.model_copy(update={"changes": elements, "api": ("a" * 500,) * 300, "uses": uses}),
            notes=("n" * 800,) * 100,
        )
        comment = contracts_comment(report, URL)
        assert 30_000 < len(comment) <= LONGEST
        assert comment.count("<details>") == comment.count("</details>") > 0
        assert comment.startswith("## ❌ 40 of 40 downstreams would break")
        for title in (
            "### What changed in the contract",
            "### What is not green",
            "Run it on your machine",
            "### Notes",
        ):
            assert title in comment
        assert "<details><summary>495 more tests</summary>" in comment
        for more in ("more tests\n```", "more elements", "more breakages", "more cells", "more commands", "more notes"):
            assert more in comment

    def test_within_counts_what_it_leaves_out(self) -> None:
        assert within(["aaaa", "bbbb", "cccc"], 10, "items") == ["aaaa", "bbbb", "… and 1 more items"]
        assert within(["aaaa", "bbbb"], 10, "items") == ["aaaa", "bbbb"]


class TestEscaping:
    @given(text=hostile)
    def test_somebodys_text_stands_in_code_alone(self, text: str) -> None:
        report = an_evil_report(text)
        comment = contracts_comment(report, URL)
        comment.encode()
        found = list(tokens(comment))
        for token in found:
            if token.type in {"html_block", "html_inline"}:
                assert all(line.startswith(OURS) for line in token.content.splitlines()), token
                assert THEIRS not in token.content
            if token.type in {"text", "html_block"}:
                assert THEIRS not in token.content, token
            assert token.type != "image"
        links = [token.attrGet("href") for token in found if token.type == "link_open"]
        assert links == [URL]
        # No row has lost or won a cell, and there is a row for each cell of the report and each heading.
        assert sum(token.type == "td_open" for token in found) == 6 * 3
        assert [token.tag for token in found if token.type == "heading_open"] == ["h2", *["h3"] * 7]

    @given(text=hostile)
    def test_a_code_span_shows_the_line_as_it_is(self, text: str) -> None:
        shown = [token for token in tokens(f"a {code(text)} b") if token.type == "code_inline"]
        assert [token.content.strip() for token in shown] == [" ".join(shown[0].content.split())]
        assert THEIRS in shown[0].content
        assert "\x1b" not in shown[0].content

    @given(text=st.text("`~\n a>-", max_size=12))
    @example(text="```")
    @example(text="```\n````")
    def test_a_fence_is_ended_by_nobody_else(self, text: str) -> None:
        found = list(tokens("\n".join(["before", "", *fenced([text, "last"]), "", "after"])))
        (fence,) = (token for token in found if token.type == "fence")
        assert fence.content.endswith("last\n")
        assert [token.content for token in found if token.type == "text"] == ["before", "after"]

    @given(text=hostile)
    def test_a_terminal_obeys_nothing(self, text: str) -> None:
        shown = printed(an_evil_report(text))
        assert not {"\x1b", "\x07", "\x00", "\u202e", "\ud800"} & set(shown)

    def test_an_empty_text_is_a_dash(self) -> None:
        assert code(" \n") == cell("\x1b[0m") == "–"

    @pytest.mark.parametrize(
        "url", ["javascript:alert(1)", "https://x/)", "https://x/>y", "https://x y", "https://x/`"]
    )
    def test_what_is_no_address_is_no_link(self, url: str) -> None:
        assert link("the run", url) == "the run"


class TestTerminal:
    @pytest.mark.parametrize("width", [40, 80, 160])
    def test_no_line_but_a_command_is_wider_than_the_terminal(self, width: int) -> None:
        lines = [line for line in printed(a_report(), width).splitlines() if "interlock contracts" not in line]
        assert max(map(cell_len, lines)) <= width

    @pytest.mark.parametrize(
        "phrase",
        [
            "✗ market-data-pipeline 3 tests regressed in 2 of 4 cells, only with bus_backend=redis",
            "✗ 0.8.70 · contracts · Python 3.11, bus_backend=redis incompatible, was compatible",
            "tests/contracts/test_feedback.py::test_levels_are_three AttributeError: soft",
            "! branch base (89abcdef0123) · contracts · Python 3.11 broken-before, was incompatible",
            'BackpressureLevel changed: member "soft" removed; member "gentle" added – may break readers and writers',
            "market-data-store uses it, and no test covers that",
            "! market-data-orchestrator has no suite: nothing is known of it",
        ],
    )
    def test_what_matters_is_said_in_words(self, phrase: str) -> None:
        assert phrase in flowing(printed(a_report(), 200))

    def test_the_answer_comes_last(self) -> None:
        last = flowing(printed(a_report(), 200).split("\n\n")[-1])
        assert last.startswith(
            "✗ 1 of 3 downstreams would break: market-data-pipeline. market-data-core pull request 12"
        )

    def test_only_what_is_wrong_is_to_be_run_again(self) -> None:
        shown = printed(a_report(), 200)
        assert f"--downstream {PIPELINE} " in shown
        assert f"--downstream {STORE} " not in shown
        assert "Run it again" not in printed(green(a_report()))

    def test_a_skipped_verification_says_why(self) -> None:
        shown = flowing(printed(a_report(skipped="the contract is that of 1.4.61", downstreams=(), change=None)))
        assert shown.startswith("! market-data-orchestrator")
        assert "– Not tested, as the family file wants it: the contract is that of 1.4.61." in shown

    def test_many_tests_and_changes_are_counted(self) -> None:
        red = tuple(RedTest(id=f"test_{n}") for n in range(30))
        many = tuple(ElementChange(name=f"core.E{n}", kind=Kind.ENUM, what=What.ADDED) for n in range(30))
        report = a_report(
            downstreams=(DownstreamResult(downstream=PIPELINE, cells=(a_red_cell(regressed=red),)),),
            change=CHANGE.model_copy(update={"changes": many}),
        )
        assert "and 20 more tests" in printed(report)
        assert "and 10 more elements" in printed(report)


class TestJson:
    @pytest.mark.parametrize(
        "report",
        [a_report(), green(a_report()), a_report(skipped="same", downstreams=(), sha=None, change=None)],
        ids=["red", "green", "skipped"],
    )
    def test_it_is_as_its_schema_says(self, report: ContractsReport) -> None:
        data = json.loads(contracts_json(report))
        jsonschema.Draft202012Validator(json.loads(contracts_schema_text())).validate(data)
        assert data["conclusion"] == report.conclusion

    def test_it_says_what_follows_for_each_downstream_and_cell(self) -> None:
        first = json.loads(contracts_json(a_report()))["downstreams"][0]
        assert (first["conclusion"], [one["conclusion"] for one in first["cells"]]) == (
            "failure",
            ["failure", "success", "failure", "success"],
        )

    def test_the_published_schema_is_current(self) -> None:
        assert PUBLISHED.read_text(encoding="utf-8") == contracts_schema_text(), "make schema"
