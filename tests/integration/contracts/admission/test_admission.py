"""What the ledger knows of a version, and which cells are looked for."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from interlock.contracts.admission import Admission, AdmissionRequest, Answer
from interlock.contracts.admission.evidence import admission, known_as
from interlock.contracts.admission.question import Question, answer
from interlock.contracts.candidates import parse_ref
from interlock.errors import UsageError
from interlock.model.verdicts import Verdict
from tests.support.admission_family import AXES, BOARD, CANDIDATE, CORE, PIPELINE, PYTHON, SHA, Table, a_family

OK, BAD, OWN = Verdict.COMPATIBLE, Verdict.INCOMPATIBLE, Verdict.BROKEN_BEFORE
RELEASED = AdmissionRequest(package=CORE, described="1.2", version="1.2")
COMMIT = AdmissionRequest(package=CORE, described="branch main", sha=SHA)


def admitted(table: Table, asked: AdmissionRequest = RELEASED, downstream: Sequence[str] = ()) -> Admission:
    return table.run(lambda at: admission(at.family, at.ledger, at.index, asked, downstream=downstream))


def asked_for(table: Table, ref: str, *downstream: str, package: str = CORE) -> Admission:
    question = Question(package=package, ref=parse_ref(ref), downstream=downstream)
    return table.run(lambda connections: answer(connections, question))


def versions(found: Admission) -> list[tuple[str, str]]:
    return [(cell.evidence.cell.downstream, cell.evidence.cell.downstream_version) for cell in found.cells]


def test_a_version_that_works_with_the_newest_downstreams_may_be_released(table: Table) -> None:
    table.all_works("1.2")
    found = admitted(table)
    assert found.answer is Answer.YES
    assert found.before == "1.1"
    assert versions(found) == [(PIPELINE, "2.1"), (BOARD, "1.0")]
    assert found.why == "2 cells work, and nothing else says anything against it"


def test_one_cell_that_was_never_run_makes_it_unknown(table: Table) -> None:
    table.saw("1.2", OK)
    found = admitted(table)
    assert found.answer is Answer.UNKNOWN
    assert found.why == f"{BOARD} 1.0, imports: never run"


def test_of_a_version_of_which_nothing_is_known_every_cell_is_named(table: Table) -> None:
    found = admitted(table, COMMIT)
    assert (found.answer, found.version, found.before) == (Answer.UNKNOWN, None, "1.2")
    assert versions(found) == [(PIPELINE, "2.1"), (BOARD, "1.0")]


def test_what_is_known_of_other_versions_says_nothing(table: Table) -> None:
    table.all_works("1.1")
    table.saw("1.2", OK, downstream_version="2.0")
    table.saw("1.2", OK, downstream_version="2.2")
    found = admitted(table)
    assert found.answer is Answer.UNKNOWN
    assert all(cell.evidence.known is None for cell in found.cells)


def test_a_red_cell_says_no_and_names_its_tests(table: Table) -> None:
    table.all_works("1.2")
    table.saw("1.1", OK)
    table.saw("1.2", BAD, "t.py::a", "t.py::b", hours=1)
    found = admitted(table)
    (said,) = found.saying(Answer.NO)
    assert found.answer is Answer.NO
    assert said.evidence.known is not None
    assert said.evidence.known.red == {"t.py::a": "E t.py::a", "t.py::b": "E t.py::b"}
    assert "was not with the last release" in found.why


def test_what_was_red_with_the_last_release_does_not_hold_the_next(table: Table) -> None:
    table.all_works("1.2")
    table.saw("1.1", BAD, "t.py::a")
    table.saw("1.2", BAD, "t.py::a", hours=1)
    assert admitted(table).answer is Answer.YES
    table.saw("1.2", BAD, "t.py::a", "t.py::new", hours=2)
    assert admitted(table).answer is Answer.NO


def test_the_cells_of_a_commit_are_found_whatever_its_version(table: Table) -> None:
    table.all_works(CANDIDATE)
    found = admitted(table, COMMIT)
    assert (found.answer, found.version, found.before) == (Answer.YES, CANDIDATE, "1.2")
    other = COMMIT.model_copy(update={"sha": "f" * 40})
    assert admitted(table, other).answer is Answer.UNKNOWN


def test_a_candidate_of_a_downstream_counts_too_and_only_its_last(table: Table) -> None:
    table.all_works(CANDIDATE)
    table.saw(CANDIDATE, BAD, "t.py::a", downstream_version="2.1+gaaaaaaaaaaaa", hours=1)
    found = admitted(table, COMMIT)
    assert found.answer is Answer.NO
    assert versions(found) == [(PIPELINE, "2.1"), (PIPELINE, "2.1+gaaaaaaaaaaaa"), (BOARD, "1.0")]
    table.saw(CANDIDATE, OK, downstream_version="2.1+gbbbbbbbbbbbb", hours=2)
    assert admitted(table, COMMIT).answer is Answer.YES


def test_what_was_not_run_with_the_last_candidate_of_a_downstream_is_unknown(table: Table) -> None:
    """A run on one Python alone must not hide what another one showed of the commit before."""
    table.family = table.family.model_copy(update={"python": (PYTHON, "3.99")})
    for python in (PYTHON, "3.99"):
        table.saw(CANDIDATE, OK, python=python)
        table.saw(CANDIDATE, OK, downstream=BOARD, downstream_version="1.0", python=python)
        table.saw(CANDIDATE, BAD, "t.py::a", downstream_version="2.1+gaaaaaaaaaaaa", python=python, hours=1)
    table.saw(CANDIDATE, OK, downstream_version="2.1+gbbbbbbbbbbbb", hours=2)
    found = admitted(table, COMMIT)
    assert found.answer is Answer.UNKNOWN
    (unknown,) = found.saying(Answer.UNKNOWN)
    assert (unknown.evidence.cell.downstream_version, unknown.evidence.cell.python) == ("2.1+gbbbbbbbbbbbb", "3.99")


def test_points_that_may_fail_do_not_count(table: Table) -> None:
    table.family = a_family(pipeline=AXES)
    table.saw("1.2", OK, point="bus=old")
    table.saw("1.2", OK, downstream=BOARD, downstream_version="1.0")
    assert admitted(table).answer is Answer.YES
    table.saw("1.2", BAD, "t", point="bus=new", hours=1)
    assert admitted(table).answer is Answer.YES
    table.saw("1.2", BAD, "t", point="bus=old", hours=1)
    assert admitted(table).answer is Answer.NO


def test_one_downstream_can_be_asked_for(table: Table) -> None:
    table.saw("1.2", OK)
    assert admitted(table, downstream=[PIPELINE]).answer is Answer.YES
    with pytest.raises(UsageError, match=f"{CORE} does not require {CORE}") as error:
        admitted(table, downstream=[CORE])
    assert error.value.hint == f"its downstreams: {PIPELINE}, {BOARD}"


def test_older_releases_can_be_asked_for_and_those_that_are_supported_always_are(table: Table) -> None:
    table.all_works("1.2")
    asked = Question(package=CORE, ref=parse_ref("1.2"), downstream=(PIPELINE,), downstream_versions="2.0, 2.1")
    found = table.run(lambda connections: answer(connections, asked))
    assert versions(found) == [(PIPELINE, "2.0"), (PIPELINE, "2.1")]
    assert found.answer is Answer.UNKNOWN
    supported = table.family.packages[PIPELINE].model_copy(update={"supported": "<2.2"})
    table.family = table.family.model_copy(update={"packages": {**table.family.packages, PIPELINE: supported}})
    assert admitted(table).answer is Answer.UNKNOWN
    table.saw("1.2", OK, downstream_version="2.0")
    assert admitted(table).answer is Answer.YES
    with pytest.raises(UsageError, match=r"no release 2\.9"):
        table.run(lambda connections: answer(connections, replace(asked, downstream_versions="2.9")))


def test_what_nothing_tests_is_unknown(table: Table) -> None:
    found = admitted(table, AdmissionRequest(package=BOARD, described="1.0", version="1.0"))
    assert (found.answer, found.why, found.cells) == (Answer.UNKNOWN, f"nothing in the family tests {BOARD}", ())


def test_a_downstream_that_has_no_release_has_no_cells(table: Table) -> None:
    packages = {**table.family.packages, "gate-ghost": table.family.packages[BOARD]}
    table.family = table.family.model_copy(update={"packages": packages})
    table.all_works("1.2")
    assert admitted(table).answer is Answer.YES


def test_an_answer_goes_out_as_json_and_comes_back(table: Table) -> None:
    table.all_works("1.2")
    table.saw("1.2", BAD, "t.py::a", hours=1)
    found = admitted(table)
    assert Admission.model_validate_json(found.model_dump_json()) == found


# ---- what a person writes ---------------------------------------------------------------------------------------


def test_a_whole_sha_and_a_version_that_the_ledger_knows_need_no_repository(table: Table) -> None:
    table.all_works(CANDIDATE)
    table.saw("0.9", OK)
    assert asked_for(table, SHA).version == CANDIDATE
    assert asked_for(table, CANDIDATE).answer is Answer.YES
    assert asked_for(table, "0.9").version == "0.9"


def test_a_released_version_needs_none_either(table: Table) -> None:
    assert asked_for(table, "1.2").described == "1.2"


def test_a_package_that_is_not_in_the_family_is_refused(table: Table) -> None:
    with pytest.raises(UsageError, match="no package"):
        asked_for(table, "1.2", package="gate-cor")


def test_a_version_is_known_by_its_own_name_alone(table: Table) -> None:
    table.all_works(CANDIDATE)

    async def known(version: str) -> str | None:
        return await known_as(table.ledger, RELEASED.model_copy(update={"version": version}))

    assert table.run(lambda _: known("1.2")) is None
    assert table.run(lambda _: known(CANDIDATE)) == CANDIDATE
