"""The report of a verification: of what was run, and of what was not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from interlock.matrix.assemble import Occasion, assemble
from interlock.matrix.plan import Plan
from interlock.matrix.settle import Settled
from interlock.verification.cells import unknown
from interlock.verification.comparison import Comparison
from interlock.verification.contract import Contract
from interlock.verification.report import Conclusion, ContractsReport, DownstreamResult
from interlock.verification.results import results
from interlock.verification.sides import Compared, Downstream
from interlock.verification.stand import Stand

NO_BASELINE = "nothing: there is no release yet"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of the upstream before a suite is run."""

    comparison: Comparison
    compared: Compared
    contract: Contract

    def with_contract(self, contract: Contract) -> Self:
        """The same, with more known of the contract."""
        return replace(self, contract=contract)


def report_of(
    stand: Stand,
    known: Known,
    downstreams: Sequence[Downstream],
    plan: Plan,
    settled: Settled,
    notes: Sequence[str] = (),
) -> ContractsReport:
    """What the ref does to its downstreams; the verdicts of all cells are recorded."""
    occasion = Occasion(family=stand.family.name, covers=stand.request.title, started_at=stand.started_at)
    matrix = assemble(plan, settled, occasion, stand.ledger)
    found = results(known.compared, downstreams, plan, matrix)
    said = (
        *notes,
        *(note for each in downstreams for note in each.notes),
        *_hidden(found),
        *unknown(stand.request, stand.family),
    )
    return _report(stand, known, downstreams=found, more=said)


def _hidden(results: Sequence[DownstreamResult]) -> Iterator[str]:
    """Trouble of a downstream of which something worse is said."""
    failing = (each for each in results if each.conclusion is Conclusion.FAILURE)
    return (f"{each.downstream}: {each.trouble}" for each in failing if each.trouble)


def skipped_report(stand: Stand, known: Known, why: str) -> ContractsReport:
    """Nothing was run, and why."""
    return _report(stand, known, skipped=why)


def _report(stand: Stand, known: Known, *, more: Sequence[str] = (), **fields: Any) -> ContractsReport:  # noqa: ANN401
    compared, contract = known.compared, known.contract
    return ContractsReport(
        **_facts(stand, known.comparison),
        version=compared.ref.version,
        baseline=compared.baseline.described if compared.baseline else NO_BASELINE,
        change=contract.change,
        notes=tuple(dict.fromkeys((*compared.notes, *contract.notes, *more))),
        **fields,
    )


def _facts(stand: Stand, comparison: Comparison) -> dict[str, Any]:
    """What is known before anything is built."""
    return {
        "family": stand.family.name,
        "upstream": stand.upstream,
        "repository": stand.family.repository(stand.upstream),
        "ref": comparison.found.described,
        "sha": comparison.found.sha,
        "pull": stand.request.pull or comparison.found.pull,
        "started_at": stand.started_at,
        "finished_at": stand.now(),
    }
