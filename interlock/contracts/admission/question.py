"""From what a person writes to the request: a version that the ledger knows, a release, or a commit."""

from dataclasses import dataclass

from interlock.adapters.connections import Connections
from interlock.adapters.ledger import Ledger
from interlock.contracts.admission.evidence import AdmissionRequest, admission, known_as
from interlock.contracts.admission.models import Admission
from interlock.contracts.candidates import CandidateBuilder, Kind, Ref, ResolvedRef, find
from interlock.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Question:
    """The arguments of `interlock check`."""

    package: str
    ref: Ref
    downstream: tuple[str, ...] = ()
    downstream_versions: str | None = None


async def answer(connections: Connections, question: Question) -> Admission:
    """Whether a ref may be released; nothing is run, and the repository is read only where a ref has to be found.

    Args:
        connections: Family, index, ledger, and perhaps a token for private repositories.
        question: The arguments.

    Raises:
        UsageError: There is no such package, downstream or ref.
        RepositoryError, IndexUnavailableError, LedgerError: The repository, the index or the ledger can't be read.
    """
    connections.family.package(question.package)
    request = await _written_out(connections.ledger, question) or await _found(connections, question)
    family, ledger, index = connections.family, connections.ledger, connections.index
    return await admission(
        family,
        ledger,
        index,
        request,
        downstream=question.downstream,
        downstream_versions=question.downstream_versions,
    )


async def _written_out(ledger: Ledger, question: Question) -> AdmissionRequest | None:
    """The request for a ref that needs no search: a full SHA, or a version of which the ledger has cells."""
    ref = question.ref
    if ref.kinds == (Kind.SHA,):
        return AdmissionRequest(package=question.package, described=f"commit {ref.name[:12]}", sha=ref.name)
    if ref.version is None:
        return None
    request = AdmissionRequest(package=question.package, described=str(ref.version), version=str(ref.version))
    return request if await known_as(ledger, request) else None


async def _found(connections: Connections, question: Question) -> AdmissionRequest:
    if connections.access.token_error:  # with an unusable token, a private repository would not be found
        raise connections.access.token_error
    return request_for(await find(CandidateBuilder(connections), question.package, question.ref))


def request_for(found: ResolvedRef) -> AdmissionRequest:
    """The request for a ref that was found.

    Raises:
        UsageError: It is a folder with changes, of which the ledger can't have runs.
    """
    if found.version is not None:
        return AdmissionRequest(package=found.package, described=found.described, version=str(found.version))
    if found.sha is None:
        raise UsageError(
            f"{found.described} is no commit, and the ledger keeps what it knows by commit and version",
            hint=f"commit it, or run the suites with it: interlock contracts {found.folder} --of {found.package}",
        )
    return AdmissionRequest(package=found.package, described=found.described, sha=found.sha)
