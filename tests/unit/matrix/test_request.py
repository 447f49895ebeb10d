"""What a request covers: edges with suites, by name, and the line that says so."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from interlock.errors import UsageError
from interlock.matrix.report import MatrixReport, Totals
from interlock.matrix.request import MatrixRequest, Runner, edges
from interlock.model.family import Family


def a_suite(name: str, **settings: object) -> dict[str, object]:
    return {"name": name, "sdist": "tests", **settings}


FAMILY = Family.model_validate(
    {
        "name": "trains",
        "packages": {
            "core": {},
            "store": {"upstreams": ["core"], "suites": [a_suite("contracts")]},
            "board": {
                "upstreams": ["core", "store"],
                "suites": [a_suite("contracts"), a_suite("storage", upstreams=["store"])],
            },
            "images": {"publishes": False, "upstreams": ["board"]},
        },
    }
)
ALL = [
    ("core", "store", "contracts"),
    ("core", "board", "contracts"),
    ("store", "board", "contracts"),
    ("store", "board", "storage"),
]


def covered(request: MatrixRequest) -> list[tuple[str, str, str]]:
    return [(edge.upstream, edge.downstream, edge.suite.name) for edge in edges(request, FAMILY)]


def test_every_edge_with_every_suite_that_tests_it() -> None:
    assert covered(MatrixRequest()) == ALL


@pytest.mark.parametrize("upstream", ["core", "store", None])
@pytest.mark.parametrize("downstream", [(), ("board",), ("store", "board"), ("board", "store")])
def test_only_the_edges_from_and_to_what_is_named_in_the_familys_order(
    upstream: str | None, downstream: tuple[str, ...]
) -> None:
    wanted = [each for each in ALL if upstream in {None, each[0]} and (not downstream or each[1] in downstream)]
    if wanted:
        assert covered(MatrixRequest(upstream=upstream, downstream=downstream)) == wanted
    else:
        with pytest.raises(UsageError, match="no suite tests"):
            covered(MatrixRequest(upstream=upstream, downstream=downstream))


def test_a_request_takes_names_as_they_are_written() -> None:
    assert covered(MatrixRequest(upstream="Core")) == covered(MatrixRequest(upstream="core"))
    assert MatrixRequest(downstream=("Ruamel.Yaml",)).downstream == ("ruamel-yaml",)


@pytest.mark.parametrize("request_", [MatrixRequest(upstream="cor"), MatrixRequest(downstream=("store", "cor"))])
def test_a_name_that_the_family_has_not_got_comes_with_the_nearest(request_: MatrixRequest) -> None:
    with pytest.raises(UsageError, match='has no package "cor"') as raised:
        covered(request_)
    assert raised.value.hint is not None
    assert "core" in raised.value.hint


def test_an_edge_without_a_suite_says_how_to_give_it_one() -> None:
    with pytest.raises(UsageError, match=r"^no suite tests every upstream × images\.?") as raised:
        covered(MatrixRequest(downstream=("images",)))
    assert "docs/family-file.md" in str(raised.value)


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (MatrixRequest(), "every upstream (latest:10) × its downstreams (latest:10)"),
        (
            MatrixRequest(upstream="core", downstream=("store", "board"), upstream_versions="all"),
            "core (all) × store, board (latest:10)",
        ),
        (
            MatrixRequest(downstream_versions=">=1", python=("3.11", "3.12")),
            "every upstream (latest:10) × its downstreams (>=1), Python 3.11, 3.12",
        ),
    ],
)
def test_what_it_covers_is_said_in_a_line(request_: MatrixRequest, text: str) -> None:
    assert request_.covers() == text


def test_the_usual_number_of_jobs_is_one_that_is_taken() -> None:
    many = "import os; os.cpu_count = lambda: 256"
    use = "from interlock.matrix.request import *; MatrixRequest(jobs=DEFAULT_JOBS)"
    subprocess.run([sys.executable, "-c", f"{many}; {use}"], check=True)


@pytest.mark.parametrize("jobs", [0, 65])
def test_a_number_of_jobs_that_makes_no_sense_is_refused(jobs: int) -> None:
    with pytest.raises(ValidationError):
        MatrixRequest(jobs=jobs)


def test_a_scheduler_without_dask_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing is run on Dask"):
        MatrixRequest(scheduler="tcp://127.0.0.1:8786")
    assert MatrixRequest(runner=Runner.DASK, scheduler="tcp://127.0.0.1:8786").runner is Runner.DASK


class TestThePage:
    report = MatrixReport(
        family="trains",
        covers="all",
        started_at=datetime(2026, 11, 2, 3, 4, 5, tzinfo=UTC),
        finished_at=datetime(2026, 11, 2, 3, 4, 6, tzinfo=UTC),
        sheets=(),
        runs={},
        totals=Totals(cells=0, runs=0, run=0, shared=0, known=0, unrun=0, verdicts={}),
    )

    def test_goes_where_it_was_wanted(self) -> None:
        assert MatrixRequest(html="/tables/a.html").page(self.report) == Path("/tables/a.html")
        assert MatrixRequest(html="a.html").page(self.report).as_uri() == Path.cwd().joinpath("a.html").as_uri()

    def test_goes_among_the_reports_under_a_name_of_its_own(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path))
        assert (
            MatrixRequest().page(self.report) == tmp_path.resolve() / "reports" / "trains-20261102T030405.000000Z.html"
        )
