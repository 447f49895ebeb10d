"""Whether a verification is published, of which perhaps only a part was run."""

import asyncio
import contextlib
from typing import Any

import pytest
from pydantic import SecretStr

from interlock.adapters.connections import Access, Connections
from interlock.adapters.github import StaticToken
from interlock.contracts.candidates import Kind, ResolvedRef
from interlock.contracts.verify import ContractsRequest
from interlock.contracts.verify.comparison import Comparison
from interlock.contracts.verify.context import VerificationContext
from interlock.contracts.verify.publication import Publication, check
from interlock.contracts.verify.publish import Published, commit_of, is_published, publisher, reason_not_published
from interlock.contracts.verify.workflow import Host, answer_needless
from interlock.model.family import Family

GITHUB: Any = object()
SUITE = {"name": "contracts", "imports": True}
FAMILY = Family.model_validate(
    {
        "name": "trains",
        "owner": "alice",
        "python": ["3.11", "3.12"],
        "packages": {
            "core": {},
            "store": {"upstreams": ["core"], "suites": [SUITE]},
            "board": {"upstreams": ["core"], "suites": [SUITE]},
        },
    }
)


def a_context(family: Family = FAMILY, /, **request: object) -> VerificationContext:
    wanted = ContractsRequest.model_validate({"upstream": "core", "ref": "topic", **request})
    access = Access(credentials=StaticToken(SecretStr("a token"), "TOKEN"))
    connections = Connections(family, access, contextlib.AsyncExitStack(), {})
    connections.github = GITHUB
    return VerificationContext(wanted, connections)


def a_comparison(kind: Kind = Kind.BRANCH, sha: str | None = "1" * 40) -> Comparison:
    return Comparison(found=ResolvedRef(package="core", kind=kind, described="topic", sha=sha), baseline=None)


@pytest.mark.parametrize("request_", [{}, {"python": ("3.12", "3.11")}, {"downstream": ("store",)}, {"baseline": "v1"}])
def test_what_is_all_that_is_run_of_a_downstream_is_told(request_: dict[str, object]) -> None:
    context = a_context(**request_)
    assert is_published(context, a_comparison())
    assert publisher(context) is GITHUB
    assert reason_not_published(context, a_comparison()) is None


def test_a_part_has_nothing_to_say_where_only_all_have_a_status() -> None:
    family = FAMILY.model_copy(update={"downstream_statuses": False})
    assert is_published(a_context(family), a_comparison())
    part = a_context(family, downstream=("store",))
    assert not is_published(part, a_comparison())
    assert "some downstreams were left out" in str(reason_not_published(part, a_comparison()))


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"python": ("3.11",)}, "GitHub was told nothing: Python 3.12 was left out"),
        ({"released_only": True}, "GitHub was told nothing: the downstreams' default branches were left out"),
    ],
)
def test_what_is_less_is_not_told_and_says_so(request_: dict[str, object], why: str) -> None:
    context = a_context(**request_)
    assert not is_published(context, a_comparison())
    assert reason_not_published(context, a_comparison()) == why


@pytest.mark.parametrize("request_", [{}, {"released_only": True}])
@pytest.mark.parametrize(
    ("tell", "comparison"), [(False, a_comparison()), (True, a_comparison(Kind.FOLDER)), (True, a_comparison(sha=None))]
)
def test_nobody_misses_what_was_not_wanted_or_is_of_no_commit(
    request_: dict[str, object], tell: bool, comparison: Comparison
) -> None:
    context = a_context(**request_, tell=tell)
    assert not is_published(context, comparison)
    assert reason_not_published(context, comparison) is None


def test_a_pull_request_that_cannot_be_told_is_missed() -> None:
    version = a_comparison(Kind.VERSION, sha=None)
    assert (
        reason_not_published(a_context(pull=12), version)
        == "GitHub was told nothing: topic is no commit of its repository"
    )
    assert reason_not_published(a_context(pull=12, tell=False), version) is None


@pytest.mark.parametrize(
    ("downstream", "is_whole"),
    [((), True), (("board", "store"), True), (("store", "board"), True), (("store",), False)],
)
def test_a_commit_is_told_of_as_a_whole_when_all_downstreams_are_tested(
    downstream: tuple[str, ...], is_whole: bool
) -> None:
    assert commit_of(a_context(downstream=downstream), a_comparison(), None).is_whole is is_whole


@pytest.mark.parametrize(("package", "answered"), [("core", False), ("board", True)])
def test_a_merge_group_that_nothing_tests_is_answered_without_a_run(package: str, answered: bool) -> None:
    handed: list[Publication] = []

    async def hand_over(publication: Publication) -> Published:
        handed.append(check(publication, FAMILY))
        return Published()

    request = ContractsRequest(upstream=package, ref="1" * 40, baseline="2" * 40, group=True)
    host = Host(texts=lambda *_: pytest.fail("there is no report"), hand_over=hand_over)
    assert asyncio.run(answer_needless(request, FAMILY, host)) is answered
    assert [(each.commit.downstreams, each.is_open) for each in handed] == answered * [((), False)]
