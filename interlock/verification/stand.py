"""What a verification works with: family, repositories, index, uv and ledger, opened and closed together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from interlock.candidates import Workshop, open_workshop
from interlock.connections import Access
from interlock.environments import Uv
from interlock.family import Family, Package
from interlock.family_file import load
from interlock.github import GitHub, open_github, place
from interlock.home import cache
from interlock.index_settings import find_index
from interlock.ledger import Ledger, open_ledger
from interlock.matrix.bench import Bench
from interlock.package_index import PackageIndex, open_index
from interlock.verification.cells import downstreams
from interlock.verification.request import ContractsRequest


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Stand:
    """The connections of one verification.

    Attributes:
        workshop: Where refs are found and built.
        access: By what GitHub is told, or what was wrong with it.
        github: None without credentials.
        downstreams: The packages that are tested.
        now: The clock.
    """

    request: ContractsRequest
    family: Family
    workshop: Workshop
    ledger: Ledger
    access: Access
    github: GitHub | None
    downstreams: tuple[str, ...]
    started_at: datetime = field(default_factory=_now)
    now: Callable[[], datetime] = field(default=_now)

    @property
    def upstream(self) -> str:
        """The package whose contract is verified."""
        return self.request.upstream

    @property
    def package(self) -> Package:
        """Its entry in the family file."""
        return self.family.package(self.upstream)

    @property
    def is_whole(self) -> bool:
        """Whether all downstreams are tested that have a suite."""
        return self.downstreams == downstreams(self.request.model_copy(update={"downstream": ()}), self.family)

    @property
    def index(self) -> PackageIndex:
        """Where releases are looked for."""
        return self.workshop.index

    @property
    def bench(self) -> Bench:
        """The same, as the machinery of the matrix wants it."""
        return Bench(self.family, self.index, self.workshop.uv, self.ledger)


@contextlib.asynccontextmanager
async def open_stand(request: ContractsRequest, access: Access) -> AsyncIterator[Stand]:
    """Open everything that a verification works with.

    Args:
        request: What is verified.
        access: Whose token Git may send, and who tells GitHub; without one, repositories must be public.

    Raises:
        FamilyError: The family file can't be used.
        UsageError: A name is not in the family, or no suite tests what was asked for.
        LedgerError: The ledger can't be opened.
    """
    family = load(request.family_path)
    tested = downstreams(request, family)
    ledger = await asyncio.to_thread(open_ledger)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(ledger.close)
        index = await stack.enter_async_context(open_index(find_index(family.index), cache()))
        github = (
            await stack.enter_async_context(open_github(access.credentials, place())) if access.credentials else None
        )
        uv = Uv(index.index.environment(), cache() / "environments", index.download)
        workshop = await stack.enter_async_context(open_workshop(family, index, uv, credentials=access.credentials))
        yield Stand(
            request=request,
            family=family,
            workshop=workshop,
            ledger=ledger,
            access=access,
            github=github,
            downstreams=tested,
        )
