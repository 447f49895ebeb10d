"""Before a cascade begins: what the contracts say of the commit that its root is to be released from."""

import asyncio

from interlock.admission.gate import Wanted, look
from interlock.cascade_plan import Action, Cascade
from interlock.cascades.yard import Yard
from interlock.git import Repository
from interlock.versions import tag_name


async def admit(yard: Yard, planned: Cascade) -> None:
    """Go no further when the root would break what works; whoever follows it is proved on the way.

    Nothing is asked of a cascade that goes on, nor of a root that somebody else releases or whose tag is pushed. What
    is merely not known is remarked by the root's release, which asks again: its branch may have moved.

    Raises:
        RefusedError: The root may not be released; nothing was changed.
        RepositoryError, IndexUnavailableError, LedgerError: Something could not be looked at.
    """
    if await asyncio.to_thread(yard.ledger.cascade, planned.id) or planned.action(planned.root) is Action.DISPATCH:
        return
    if not await _is_asked(yard, planned.root):
        return
    sha = await _head(yard, planned)
    if sha is not None:
        wanted = Wanted(package=planned.root, sha=sha, despite=yard.request.despite)
        await look(yard.family, yard.ledger, yard.index, wanted)


async def _is_asked(yard: Yard, root: str) -> bool:
    """Whether the answer may be no: of some commit something is known, or what is not known is refused."""
    known = await asyncio.to_thread(yard.ledger.versions_of, root)
    return any("+g" in version for version in known) or yard.family.package(root).contract.evidence == "required"


async def _head(yard: Yard, planned: Cascade) -> str | None:
    """The commit on the root's branch; None when the release's tag is there, so that it is only to be finished."""
    package = yard.family.package(planned.root)
    branch = f"refs/heads/{package.branch}"
    tag = f"refs/tags/{tag_name(package.tag, planned.version)}"
    refs = await Repository(await yard.remote(planned.root), yard.work).remote_refs(branch, tag)
    return None if tag in refs else refs.get(branch)
