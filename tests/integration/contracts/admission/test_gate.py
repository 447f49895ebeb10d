"""What the gate of a release says of what is not known, and of a version that moves on by too little."""

import pytest
from packaging.version import Version

from interlock.adapters.ledger import KnownContract
from interlock.errors import RefusedError
from interlock.model.bump import Part
from interlock.model.verdicts import Verdict
from interlock.releases.admission import ReleaseCandidate, look, too_little
from tests.support.admission_family import BOARD, CANDIDATE, CORE, NOON, PIPELINE, SHA, Table, a_family


def looked(table: Table, package: str = CORE, **wanted: str) -> str | None:
    asked = ReleaseCandidate.model_validate({"package": package, "sha": SHA, **wanted})
    return table.run(lambda at: look(at.family, at.ledger, at.index, asked))


def test_a_commit_that_works_needs_no_word(table: Table) -> None:
    table.all_works(CANDIDATE)
    assert looked(table) is None


def test_what_nothing_tests_needs_none_either(table: Table) -> None:
    assert looked(table, BOARD) is None


def test_while_nothing_is_known_the_index_is_not_asked(table: Table) -> None:
    before = len(table.universe.index.requests)
    said = looked(table)
    assert said is not None
    assert said.endswith(f"no suite of a downstream was run with it (interlock contracts {SHA} --of {CORE})")
    assert len(table.universe.index.requests) == before


def test_what_is_known_in_part_is_remarked_or_refused(table: Table) -> None:
    table.saw(CANDIDATE, Verdict.COMPATIBLE)
    said = looked(table)
    assert said is not None
    assert f"{BOARD} 1.0, imports: never run" in said
    table.family = a_family(contract={"evidence": "required"})
    with pytest.raises(RefusedError, match="evidence is required") as refused:
        looked(table)
    assert f"interlock contracts {SHA} --of {CORE}" in (refused.value.hint or "")
    assert looked(table, despite="a test server") == (
        f"whether its downstreams work with commit {SHA[:12]} is not known: {BOARD} 1.0, imports: never run; "
        "released despite that: a test server"
    )


def test_a_refusal_names_a_few_tests_of_a_few_cells(table: Table) -> None:
    table.all_works(CANDIDATE)
    table.saw(CANDIDATE, Verdict.INCOMPATIBLE, *(f"t.py::{number}" for number in range(9)), hours=1)
    with pytest.raises(RefusedError) as refused:
        looked(table)
    lines = refused.value.message.splitlines()
    assert lines[0].startswith(f"{CORE} is not released, and nothing was changed: commit {SHA[:12]} breaks")
    assert lines[1].startswith(f"  ✗ {PIPELINE} 2.1, contracts, Python 3.")
    assert [line.strip() for line in lines[2:]] == [f"t.py::{number}: E t.py::{number}" for number in range(3)]


@pytest.mark.parametrize(
    ("previous", "version", "part", "is_enough"),
    [
        ("1.2.3", "1.2.4", Part.PATCH, True),
        ("1.2.3", "1.2.4", Part.MINOR, False),
        ("1.2.3", "1.3.0", Part.MINOR, True),
        ("1.2.3", "1.3.0", Part.MAJOR, False),
        ("1.2.3", "2.0.0", Part.MAJOR, True),
        ("1.2.3", "2.0.0rc1", Part.MAJOR, True),
        ("1.2.3", "2.0.0", Part.PATCH, True),
        ("1.2", "1.3", Part.MINOR, True),
        ("0.8.70", "0.8.71", Part.MAJOR, False),
        ("0.8.70", "0.9.0", Part.MAJOR, True),
        ("0.8.70", "1.0.0", Part.MAJOR, True),
        ("1.2.3rc1", "1.2.3", Part.MAJOR, True),
        (None, "0.1", Part.MAJOR, True),
    ],
)
def test_less_than_the_change_asks_for_is_remarked(
    previous: str | None, version: str, part: Part, is_enough: bool
) -> None:
    change = KnownContract.model_validate({"package": CORE, "sha": SHA, "part": part, "text": "", "at": NOON})
    said = too_little(change, Version(previous) if previous else None, Version(version))
    assert (said is None) is is_enough


def test_the_remark_names_what_changed_first() -> None:
    text = "compared with 1.2.3\nLevel changed: member soft removed\nanother"
    change = KnownContract.model_validate({"package": CORE, "sha": SHA, "part": "minor", "text": text, "at": NOON})
    assert too_little(change, Version("1.2.3"), Version("1.2.4")) == (
        "1.2.3 to 1.2.4 is a patch version, and what changed in its contract asks for minor: "
        "compared with 1.2.3; Level changed: member soft removed"
    )
