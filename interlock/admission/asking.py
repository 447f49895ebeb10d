"""From what a person writes to what is asked about: a version that the ledger knows, a release, or a commit."""

from collections.abc import Mapping
from dataclasses import dataclass

from interlock import tokens
from interlock.admission.evidence import Asked, admission, known_as
from interlock.admission.values import Admission
from interlock.candidates import Found, Kind, Ref, find, open_workshop
from interlock.errors import UsageError
from interlock.github import StaticToken
from interlock.ledger import Ledger
from interlock.matrix.bench import Bench


@dataclass(frozen=True, kw_only=True)
class Question:
    """What `interlock check` is asked."""

    package: str
    ref: Ref
    downstream: tuple[str, ...] = ()


async def answer(bench: Bench, question: Question, environ: Mapping[str, str]) -> Admission:
    """Whether it may be released; nothing is run, and GitHub is asked only where a ref has to be found.

    Args:
        bench: Family, index and ledger.
        question: What is asked.
        environ: Where a token for a private repository may be.

    Raises:
        UsageError: There is no such package, downstream or ref.
        RepositoryError, IndexUnavailableError, LedgerError: Something could not be looked at.
    """
    bench.family.package(question.package)
    asked = await _written_out(bench.ledger, question) or await _found(bench, question, environ)
    return await admission(bench.family, bench.ledger, bench.index, asked, downstream=question.downstream)


async def _written_out(ledger: Ledger, question: Question) -> Asked | None:
    """What needs no finding: a whole SHA, or a version of which the ledger has cells."""
    ref = question.ref
    if ref.kinds == (Kind.SHA,):
        return Asked(package=question.package, described=f"commit {ref.name[:12]}", sha=ref.name)
    if ref.version is None:
        return None
    asked = Asked(package=question.package, described=str(ref.version), version=str(ref.version))
    return asked if await known_as(ledger, asked) else None


async def _found(bench: Bench, question: Question, environ: Mapping[str, str]) -> Asked:
    token = tokens.find(tokens.DISPATCH, bench.family.token_aliases, environ)
    credentials = StaticToken(token=token.token, name=token.name) if token else None
    async with open_workshop(bench.family, bench.index, bench.uv, credentials=credentials) as workshop:
        return asked_of(await find(workshop, question.package, question.ref))


def asked_of(found: Found) -> Asked:
    """What was found, as it is asked about.

    Raises:
        UsageError: A folder with changes of its own: nobody could have run anything of it.
    """
    if found.version is not None:
        return Asked(package=found.package, described=found.described, version=str(found.version))
    if found.sha is None:
        raise UsageError(
            f"{found.described} is no commit, and the ledger keeps what it knows by commit and version",
            hint=f"commit it, or run the suites with it: interlock contracts {found.folder} --of {found.package}",
        )
    return Asked(package=found.package, described=found.described, sha=found.sha)
