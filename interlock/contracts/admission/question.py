"""From what a person writes to what is asked about: a version that the ledger knows, a release, or a commit."""

from dataclasses import dataclass

from interlock.adapters.connections import Connections
from interlock.adapters.ledger import Ledger
from interlock.contracts.admission.evidence import AdmissionRequest, admission, known_as
from interlock.contracts.admission.models import Admission
from interlock.contracts.candidates import CandidateBuilder, Kind, Ref, ResolvedRef, find
from interlock.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Question:
    """What `interlock check` is asked."""

    package: str
    ref: Ref
    downstream: tuple[str, ...] = ()


async def answer(connections: Connections, question: Question) -> Admission:
    """Whether it may be released; nothing is run, and GitHub is asked only where a ref has to be found.

    Args:
        connections: Family, index, ledger, and perhaps a token for private repositories.
        question: What is asked.

    Raises:
        UsageError: There is no such package, downstream or ref.
        RepositoryError, IndexUnavailableError, LedgerError: Something could not be looked at.
    """
    connections.family.package(question.package)
    asked = await _written_out(connections.ledger, question) or await _found(connections, question)
    family, ledger, index = connections.family, connections.ledger, connections.index
    return await admission(family, ledger, index, asked, downstream=question.downstream)


async def _written_out(ledger: Ledger, question: Question) -> AdmissionRequest | None:
    """What needs no finding: a whole SHA, or a version of which the ledger has cells."""
    ref = question.ref
    if ref.kinds == (Kind.SHA,):
        return AdmissionRequest(package=question.package, described=f"commit {ref.name[:12]}", sha=ref.name)
    if ref.version is None:
        return None
    asked = AdmissionRequest(package=question.package, described=str(ref.version), version=str(ref.version))
    return asked if await known_as(ledger, asked) else None


async def _found(connections: Connections, question: Question) -> AdmissionRequest:
    if connections.access.token_error:  # the token that is there is none: what it is for would not be found
        raise connections.access.token_error
    return asked_of(await find(CandidateBuilder(connections), question.package, question.ref))


def asked_of(found: ResolvedRef) -> AdmissionRequest:
    """What was found, as it is asked about.

    Raises:
        UsageError: A folder with changes of its own: nobody could have run anything of it.
    """
    if found.version is not None:
        return AdmissionRequest(package=found.package, described=found.described, version=str(found.version))
    if found.sha is None:
        raise UsageError(
            f"{found.described} is no commit, and the ledger keeps what it knows by commit and version",
            hint=f"commit it, or run the suites with it: interlock contracts {found.folder} --of {found.package}",
        )
    return AdmissionRequest(package=found.package, described=found.described, sha=found.sha)
