"""Yes, no or unknown: what each cell says, and what all of them say together. Pure.

A red cell says no, unless the last release was red in the same way: that release is out, and this one breaks nothing
that works. A cell that was never run says unknown, and so does a flaky one, or a downstream without a suite that is not
red. The answer is yes only if a cell was seen to work, and none says no or unknown.
"""

from collections.abc import Iterable

from interlock.contracts.admission.models import Answer, CellSaid, Evidence, Shown
from interlock.model.suites import ONLY_TRIED, UNPROVEN
from interlock.model.verdicts import Verdict

# A last release with one of these verdicts is nothing to compare with.
NO_EVIDENCE = {
    Verdict.FLAKY: "two runs showed different things: neither is proven",
    Verdict.UNTESTED: "nothing could be tested",
}
# Red, and not by this upstream as far as a matrix could tell.
OWN_FAULTS = frozenset({Verdict.BROKEN_BEFORE, Verdict.OUTDATED})


def decide(cells: Iterable[CellSaid]) -> Answer:
    """What the cells say together; without cells, unknown."""
    said = {cell.says for cell in cells}
    if Answer.NO in said:
        return Answer.NO
    return Answer.YES if Answer.YES in said and Answer.UNKNOWN not in said else Answer.UNKNOWN


def say(evidence: Evidence) -> CellSaid:
    """What one cell says."""
    says, why = _says(evidence)
    return CellSaid(evidence=evidence, says=says, why=why)


def _says(evidence: Evidence) -> tuple[Answer | None, str]:
    known, before = evidence.known, evidence.before
    if evidence.allowed_to_fail is not None:
        return None, f"allowed to fail: {evidence.allowed_to_fail}"
    is_proof = evidence.cell.suite != UNPROVEN.name
    if known is None:
        return Answer.UNKNOWN, "never run" if is_proof else "unproven: no suite"
    if known.verdict is Verdict.COMPATIBLE:
        return (Answer.YES, "every test passes") if is_proof else (Answer.UNKNOWN, f"unproven: {ONLY_TRIED}")
    if known.verdict in NO_EVIDENCE:
        return Answer.UNKNOWN, NO_EVIDENCE[known.verdict] if is_proof else "unproven: no suite"
    return _red_says(known, before)


def _red_says(known: Shown, before: Shown | None) -> tuple[Answer | None, str]:
    """What a red cell says, beside what the last release shows."""
    unsure = Answer.UNKNOWN if known.verdict in OWN_FAULTS else Answer.NO
    if before is None:
        return unsure, f"{_what(known)}; the last release was never tried"
    if before.verdict is Verdict.COMPATIBLE:
        return Answer.NO, f"{_what(known)}, and was not with the last release"
    if before.verdict in NO_EVIDENCE:
        return unsure, f"{_what(known)}; the last release is {before.verdict}"
    if known.red and before.red:
        return _red_tests_say(known, before)
    if known.verdict is before.verdict and known.verdict is not Verdict.INCOMPATIBLE:
        return None, f"{known.verdict} with the last release too"
    return unsure, f"{_what(known)}; the last release is {before.verdict}"


def _red_tests_say(known: Shown, before: Shown) -> tuple[Answer | None, str]:
    # A test in a file that could not even be collected was red, too.
    # After a test in which the run ended, others may be red that were not with the last release.
    new = [
        test
        for test in known.red
        if test in known.crashed - before.crashed or not {test, test.partition("::")[0]} & before.red.keys()
    ]
    if not new:
        return None, "red with the last release too"
    return Answer.NO, f"{len(new)} red that {'was' if len(new) == 1 else 'were'} not with the last release"


def _what(known: Shown) -> str:
    return "red" if known.verdict in OWN_FAULTS else known.verdict.value
