"""What a ref of core does to its downstreams in the rehearsal's world, by the steps of the flow."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from interlock.adapters.ledger import open_ledger
from interlock.common.clock import now
from interlock.contracts.admission import Answer
from interlock.contracts.schema import Use
from interlock.contracts.verify import Conclusion, ContractsReport
from interlock.contracts.verify.comparison import Comparison
from interlock.contracts.verify.context import VerificationContext
from interlock.contracts.verify.publication import Publication, check
from interlock.contracts.verify.publish import Published, Texts
from interlock.contracts.verify.review import WHY
from interlock.errors import BuildError, IndexUnavailableError, InterlockError, TokenError, UsageError
from interlock.model.family_file import load
from interlock.model.verdicts import Verdict
from tests.support.rehearsed_release import CORE
from tests.support.rehearsed_verification import (
    IBKR,
    NAMED,
    PIPELINE,
    RUN,
    STORE,
    RehearsedVerification,
    cells,
)
from tests.support.sandboxes import open_to

GREEN, RED = Conclusion.SUCCESS, Conclusion.FAILURE
First = tuple[ContractsReport, int]
PROJECT = "pyproject.toml"


def shown(report: ContractsReport) -> dict[tuple[str, bool], object]:
    """What each cell showed, by which run."""
    return {key: (cell.verdict, cell.baseline, cell.regressed, cell.run) for key, cell in cells(report).items()}


def test_a_renamed_value_regresses_where_a_test_says_so_and_nowhere_else(
    here: RehearsedVerification, first: First
) -> None:
    report, runs = first
    sha = here.git(CORE, "rev-parse", "rename")
    assert (report.sha, report.ref) == (sha, f"branch rename ({sha[:12]})")
    assert report.baseline == f"merge base with main ({here.git(CORE, 'merge-base', 'rename', 'main')[:12]})"
    assert {key: cell.conclusion for key, cell in cells(report).items()} == {
        (PIPELINE, False): RED,
        (PIPELINE, True): RED,
        (STORE, False): GREEN,
        (STORE, True): GREEN,
    }
    assert [each.conclusion for each in report.downstreams] == [RED, GREEN]
    assert report.exit_code == 1
    assert 6 <= runs <= 8, "what the command has run in this world before is not run again"


def test_the_tests_that_regressed_are_named_with_what_went_wrong(first: First) -> None:
    red = cells(first[0])[PIPELINE, True]
    assert (red.verdict, red.baseline) == (Verdict.INCOMPATIBLE, Verdict.COMPATIBLE)
    assert [test.id for test in red.regressed] == [NAMED]
    assert (red.regressed[0].error or "").startswith("AssertionError: ")
    assert red.side.startswith("branch base (")


def test_the_cells_are_in_the_ledger_under_the_candidates_version(here: RehearsedVerification, first: First) -> None:
    report, _runs = first
    with open_ledger() as ledger:
        known = ledger.cells_of(CORE, report.version)
    assert report.version == f"1.2.10+g{(report.sha or '')[:12]}"
    assert sorted(cell.verdict.value for cell in known.values()) == ["compatible"] * 2 + ["incompatible"] * 2


def test_a_release_with_the_content_of_a_verified_commit_is_proved_without_a_run_and_check_says_so(
    here: RehearsedVerification, first: First
) -> None:
    sha = here.branch("as-released", {"src/market_data_core/py.typed": None})
    assert here.verify("as-released", STORE, released_only=True)[0].exit_code == 0
    assert [here.check(CORE, ref, STORE).answer for ref in (sha, "1.2.10")] == [Answer.YES, Answer.UNKNOWN]
    report, runs = here.verify("1.2.10", STORE, released_only=True, baseline="main")
    assert (report.exit_code, runs) == (0, 0)
    said = here.check(CORE, "1.2.10", STORE)
    assert (said.answer, said.version) == (Answer.YES, "1.2.10"), said.why
    assert here.check(CORE, "1.2.10").answer is Answer.UNKNOWN, "nothing is known of the others"


def test_a_downstream_without_a_suite_is_tried_and_what_breaks_it_regresses(
    here: RehearsedVerification, first: First
) -> None:
    here.branch("gone", here.changed(CORE, "src/market_data_core/protocols.py", "RateController", "RateControl"))
    with here.without_suite(IBKR):
        broken, _ = here.verify("gone", IBKR, released_only=True)
        unproven, runs = here.verify("main", IBKR, released_only=True, baseline="gone")
        answers = [here.check(CORE, report.sha or "", IBKR).answer for report in (broken, unproven)]
    (cell,) = cells(broken).values()
    assert (cell.suite, cell.conclusion, broken.exit_code) == ("unproven", RED, 1)
    assert [test.id for test in cell.regressed] == ["market_data_ibkr.provider"]
    assert broken.uses(IBKR)["market_data_core.protocols.RateController"] is Use.UNTESTED, "no suite covers it"
    (cell,) = cells(unproven).values()
    assert (cell.verdict, cell.conclusion, runs) == (Verdict.COMPATIBLE, Conclusion.UNPROVEN, 0)
    assert answers == [Answer.NO, Answer.UNKNOWN]


def test_what_changed_in_the_contract_is_matched_with_who_uses_it(here: RehearsedVerification, first: First) -> None:
    report, _runs = first
    assert report.change is not None
    (change,) = (each for each in report.change.changes if each.name.endswith("BackpressureLevel"))
    assert {name: uses[change.name].name for name, uses in report.change.uses.items()} == {
        PIPELINE: "COVERED",
        STORE: "COVERED",
    }
    with open_ledger() as ledger:
        kept = ledger.contract(CORE, report.sha or "")
    assert kept is not None
    assert kept.part == report.change.part.value
    assert kept.text.splitlines()[0] == f"compared with {report.baseline}"


def test_a_ref_that_changes_no_code_needs_no_run_where_no_version_is_read(
    here: RehearsedVerification, first: First
) -> None:
    here.branch("words", {"README.md": b"# Other words\n"})
    report, runs = here.verify("words", STORE, released_only=True)
    assert (report.exit_code, runs) == (0, 0)
    assert {cell.verdict for cell in cells(report).values()} == {Verdict.COMPATIBLE}
    assert report.change is not None
    assert report.change.is_empty


def test_a_downstreams_branch_that_cannot_be_built_is_its_own_trouble(
    here: RehearsedVerification, first: First
) -> None:
    whole = here.git("market_data_pipeline", "show", f"HEAD:{PROJECT}").encode() + b"\n"
    here.commit("market_data_pipeline", {PROJECT: b"[build-system]\nrequires = [\n"})
    try:
        report, runs = here.verify("rename", PIPELINE, STORE)
    finally:
        here.commit("market_data_pipeline", {PROJECT: whole})
    broken, fine = report.downstreams
    assert [cell.side for cell in broken.cells] == ["0.8.1"]
    assert (broken.trouble or "").startswith("its branch base can't be tested: ")
    assert (broken.conclusion, fine.conclusion, runs) == (RED, GREEN, 0)
    assert report.notes == (f"{PIPELINE}: {broken.trouble}",), "a failure hides no trouble"


def test_an_upstream_that_cannot_be_installed_regresses_with_the_reason(
    here: RehearsedVerification, first: First
) -> None:
    patched = {"src/market_data_core/patched.py": b"import _pytest.python\n"}
    here.branch("greedy", here.changed(CORE, PROJECT, '["pydantic', '["no-such-thing>=9", "pydantic') | patched)
    report, runs = here.verify("greedy", PIPELINE, released_only=True)
    (cell,) = cells(report).values()
    assert (cell.verdict, cell.conclusion, runs) == (Verdict.UNRESOLVABLE, RED, 0)
    assert "no-such-thing" in cell.reason
    assert any("contract" in note for note in report.notes)
    # Also where the contract could not be compared.
    assert f"this change touches market_data_core/patched.py (_pytest): {WHY}" in report.notes


@pytest.mark.parametrize(
    ("ref", "against", "described", "baseline"),
    [
        ("rename", None, "branch rename (", "merge base with main ("),
        ("main", None, "branch main (", "1.2.10, the last release"),
        ("1.2.10", None, "1.2.10", "1.2.9, the release before"),
        ("1.2.9", None, "1.2.9", None),
        ("rename", "v1.2.10", "branch rename (", "tag v1.2.10 ("),
    ],
)
def test_the_baseline_is_what_was_asked_for_or_the_merge_base_or_the_last_release(
    here: RehearsedVerification, first: First, ref: str, against: str | None, described: str, baseline: str | None
) -> None:
    found = here.compare(ref, baseline=against)
    assert found.found.described.startswith(described)
    shown = found.baseline.described if found.baseline else None
    assert shown == baseline or (shown and baseline and shown.startswith(baseline))


def test_nothing_is_compared_with_itself(here: RehearsedVerification, first: First) -> None:
    with pytest.raises(UsageError, match="would be compared with itself"):
        here.compare("rename", baseline=first[0].sha)


def test_a_folder_needs_no_repository_and_is_compared_with_the_last_release(
    here: RehearsedVerification, tmp_path: Path
) -> None:
    (tmp_path / PROJECT).write_text(here.git(CORE, "show", f"HEAD:{PROJECT}"))
    found = here.compare(str(tmp_path))
    assert not found.is_on_github
    assert found.baseline is not None
    assert str(found.baseline.version) == "1.2.10"


def test_a_folder_whose_repository_cannot_be_had_is_compared_with_its_own_parent(
    here: RehearsedVerification, tmp_path: Path
) -> None:
    (tmp_path / PROJECT).write_text(here.git(CORE, "show", f"HEAD:{PROJECT}"))
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    for command in (("add", "--all"), ("commit", "--quiet", "-m", "all")):
        subprocess.run(["git", "-C", tmp_path, *command], check=True)
    with here.family_file('owner = "mjdevaccount"', 'owner = "nobody"'):
        (tmp_path / "new").touch()
        changed = here.compare(str(tmp_path))
        (tmp_path / "new").unlink()
    assert changed.baseline is not None
    assert changed.baseline.sha == changed.found.head
    # Its first commit has no parent.
    with here.family_file('owner = "mjdevaccount"', 'owner = "nobody"'):
        found = here.compare(str(tmp_path))
    assert found.found.sha is not None
    assert not found.is_on_github
    assert found.baseline is not None
    assert str(found.baseline.version) == "1.2.10"
    assert "no merge base" in found.notes[0]


def test_a_ref_that_is_none_is_said_with_what_is_near(here: RehearsedVerification, first: First) -> None:
    with pytest.raises(UsageError) as error:
        here.compare("renam")
    assert "rename" in (error.value.hint or "")


def test_told_on_its_pull_request_nothing_is_run_again_and_the_same_is_said_once(
    here: RehearsedVerification, first: First
) -> None:
    number, sha = here.pull_request("rename"), first[0].sha or ""
    with here.two_downstreams():
        assert here.verify(f"#{number}", STORE, tell=True)[1] == 0
        assert list(here.statuses(sha)) == [f"interlock/cells/{STORE}"]
        assert here.comments(number) == [], "of one downstream, when there are two"

    for _ in range(2):
        with here.two_downstreams():
            report, runs = here.verify(f"#{number}", tell=True)

        assert (report.pull, report.sha, report.ref) == (number, sha, f"pull request {number} ({sha[:12]})")
        assert (shown(report), runs) == (shown(first[0]), 0)
        said = here.statuses(sha)
        assert said[f"interlock/cells/{PIPELINE}"].startswith("failure: 1 test regressed: test_levels_have")
        assert said[f"interlock/cells/{STORE}"].startswith("success: nothing regressed")
        (comment,) = here.comments(number)
        assert NAMED in comment


def test_what_was_narrowed_is_told_nobody_and_says_so(here: RehearsedVerification, first: First) -> None:
    sha = here.branch("narrowed", {"NARROWED.md": b"Only words.\n"})
    report, _ = here.verify("narrowed", STORE, tell=True, released_only=True)
    assert here.statuses(sha) == {}
    assert "GitHub was told nothing: the downstreams' default branches were left out" in report.notes


def test_an_upstream_that_cannot_be_built_is_an_error_that_is_told(here: RehearsedVerification, first: First) -> None:
    sha = here.branch("broken", here.changed(CORE, PROJECT, 'build-backend = "hatchling.build"', 'build-backend = "x"'))
    with pytest.raises(BuildError):
        here.verify("broken", STORE, tell=True)
    (said,) = here.statuses(sha).values()
    assert said.startswith(f"error: not tested: {CORE}, branch broken")


def test_without_a_token_nobody_can_be_told_and_without_telling_none_is_needed(
    here: RehearsedVerification, first: First, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REPO_DISPATCH_TOKEN")
    with pytest.raises(TokenError) as error:
        here.verify("rename", STORE, tell=True)
    assert "--no-tell" in (error.value.hint or "")
    # By the family's policy, to have something that takes no time.
    here.branch("more-words", {"README.md": b"# Still other words\n"})
    with here.family_file(
        "[packages.market-data-core]\n", '[packages.market-data-core]\ncontract.unchanged = "skip"\n'
    ):
        report, runs = here.verify("more-words")
    assert (report.conclusion, report.exit_code, runs, report.downstreams) == (Conclusion.SKIPPED, 0, 0, ())
    assert report.skipped == f"nothing in the contract of {CORE} has changed since {report.baseline}"


def test_what_is_handed_over_needs_no_token_and_tells_nobody_itself(
    here: RehearsedVerification, first: First, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[Publication] = []

    async def hand_over(publication: Publication) -> Published:
        # As the ledger keeps it, and as the process that tells it checks it.
        kept = publication.statement("market-data", now())
        handed.append(check(Publication.read(kept), load()))
        return Published()

    sha, known = here.branch("handed", {"README.md": b"# Words\n"}), os.environ["REPO_DISPATCH_TOKEN"]
    monkeypatch.delenv("REPO_DISPATCH_TOKEN")
    report, _runs = here.verify("handed", STORE, tell=True, hand_over=hand_over)
    here.branch("unbuilt", here.changed(CORE, PROJECT, 'build-backend = "hatchling.build"', 'build-backend = "x"'))
    with pytest.raises(BuildError):
        here.verify("unbuilt", STORE, tell=True, hand_over=hand_over)
    monkeypatch.setenv("REPO_DISPATCH_TOKEN", known)
    assert here.statuses(sha) == {}
    assert {each.run for each in handed} == {RUN}
    pending, result, other, failure = handed
    assert (pending.report, pending.failure, result.report) == (None, None, report)
    assert pending.subject == result.subject == f"mjdevaccount/{CORE}@{sha} {CORE}: {STORE}"
    assert (other.failure, failure.report) == (None, None)
    assert (failure.failure or "").startswith(f"{CORE}, branch unbuilt")


def test_a_merge_base_that_cannot_be_built_has_the_last_release_in_its_place(
    here: RehearsedVerification, first: First
) -> None:
    whole = here.git(CORE, "show", f"main:{PROJECT}").encode() + b"\n"
    here.commit(CORE, {PROJECT: b"[build-system]\nrequires = [\n"})
    sha = here.branch("repaired", {PROJECT: whole})
    try:
        compared = here.build("repaired")
        group = here.build(sha, baseline="main", group=True)
        with pytest.raises(InterlockError):
            here.build("repaired", baseline="main")
    finally:
        here.commit(CORE, {PROJECT: whole})
    assert compared.baseline is not None
    assert compared.baseline.described == "1.2.10, the last release"
    assert group.baseline is not None
    assert group.baseline.described == "1.2.10, the last release", "the base of a merge group"
    assert any(note.startswith("merge base with main (") and "can't be built" in note for note in compared.notes)


SPY = """
import os, pathlib
pathlib.Path({folder!r}, f"{{os.getpid()}}-{name}").write_text(repr(dict(os.environ)))
"""


def test_code_under_test_never_sees_a_secret(
    here: RehearsedVerification, first: First, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build hook, and the package wherever it is imported, write down all that they see of this process."""
    secrets = {name: f"planted-{name}" for name in ("GITHUB_TOKEN", "REPO_TOKEN", "TWINE_PASSWORD", "PREFECT_API_KEY")}
    for name, secret in secrets.items():
        monkeypatch.setenv(name, secret)
    hook = "[tool.hatch.build.hooks.custom]\n"
    project = here.git(CORE, "show", f"HEAD:{PROJECT}") + f"\n\n{hook}"
    seen_by = tmp_path / "seen"
    built = SPY.format(folder=str(seen_by), name="build") + (
        "from hatchling.builders.hooks.plugin.interface import BuildHookInterface\n"
        "class Spy(BuildHookInterface):\n    pass\n"
    )
    module = here.git(CORE, "show", "HEAD:src/market_data_core/__init__.py") + SPY.format(
        folder=str(seen_by), name="import"
    )
    here.branch(
        "spy",
        {
            PROJECT: project.encode(),
            "hatch_build.py": built.encode(),
            "src/market_data_core/__init__.py": module.encode(),
        },
    )

    with open_to(seen_by):
        report, runs = here.verify("spy", STORE, released_only=True)

    assert (report.exit_code, runs) == (0, 1)
    seen = {path.name.partition("-")[2]: path.read_text() for path in seen_by.iterdir()}
    assert set(seen) == {"build", "import"}
    own = [os.environ["REPO_DISPATCH_TOKEN"], *secrets.values()]
    assert not [secret for secret in own for text in seen.values() if secret in text]


def test_other_requirements_are_noted_and_never_skipped(here: RehearsedVerification, first: First) -> None:
    here.branch("narrow", here.changed(CORE, PROJECT, '["pydantic>=2.7,<3"]', '["pydantic>=2.8,<3"]'))
    with here.family_file(
        "[packages.market-data-core]\n", '[packages.market-data-core]\ncontract.unchanged = "skip"\n'
    ):
        report, _runs = here.verify("narrow", STORE, released_only=True)
    assert (report.skipped, report.conclusion) == (None, Conclusion.SUCCESS)
    assert any(
        note.startswith(f"what {CORE} requires has changed: now pydantic<3,>=2.8; no longer") for note in report.notes
    )


def test_what_breaks_while_it_is_told_leaves_nothing_pending(here: RehearsedVerification, first: First) -> None:
    def broken(*_: object) -> Texts:
        raise RuntimeError("a defect")

    sha = here.branch("untold", {"README.md": b"# Words that are never told\n"})
    with pytest.raises(RuntimeError):
        here.verify("untold", STORE, tell=True, texts=broken)
    assert list(here.statuses(sha).values()) == ["error: not tested: a defect of Interlock"]


def test_a_commit_that_cannot_be_looked_at_or_is_cancelled_is_answered(
    here: RehearsedVerification, first: First, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(_context: VerificationContext) -> Comparison:
        raise failure

    monkeypatch.setattr("interlock.contracts.verify.workflow.find_comparison", failing)
    sha = here.branch("unseen", {"README.md": b"# Words that nobody sees\n"})
    failure: BaseException = IndexUnavailableError("the index does not answer")
    with pytest.raises(IndexUnavailableError):
        here.verify(sha, STORE, tell=True)
    assert list(here.statuses(sha).values()) == ["error: not tested: the index does not answer"]
    failure = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        here.verify(sha, STORE, tell=True)
    (said,) = here.statuses(sha).values()
    assert said.startswith(f"error: not tested: cancelled; again: interlock contracts {sha} --of {CORE}")
    with pytest.raises(asyncio.CancelledError):
        here.verify("unseen", STORE, tell=True)
