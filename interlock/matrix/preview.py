"""A look ahead: what is known of a matrix, and what would have to be run, without running it."""

from pathlib import Path

from interlock.adapters.connections import access_from, open_connections
from interlock.errors import UsageError
from interlock.matrix.executor import MatrixProgress, look_ahead
from interlock.matrix.request import MatrixRequest, edges
from interlock.matrix.run import plan_matrix
from interlock.model.family_file import find, load
from interlock.model.versions import Selection


def check(request: MatrixRequest) -> None:
    """Find the mistakes of a request that show without anything outside: what it names, and the family file.

    Raises:
        FamilyError: The family file can't be used.
        UsageError: It names what is not in the family, or says no versions.
    """
    family = find(request.family_path)
    edges(request, load(family))
    _check_places(request, family)
    for versions in (request.upstream_versions, request.downstream_versions):
        Selection.parse(versions)


def _check_places(request: MatrixRequest, family: Path) -> None:
    """Refuse a place for a report where something else would be lost."""
    places = [Path(place) for place in (request.html, request.json_file) if place]
    if len({place.resolve() for place in places}) < len(places):
        raise UsageError("both reports would be written to the same file", hint="give --html and --json two names")
    for place in places:
        if place.is_dir():
            raise UsageError(f"{place} is a directory", hint="name a file in it")
        if place.is_file() and (place.resolve() == family.resolve() or not _is_report(place)):
            raise UsageError(f"{place} is there already, and is no report", hint="name another file, or remove it")


def _is_report(place: Path) -> bool:
    """Whether a file was written by us, judged by its beginning."""
    begins = place.read_bytes()[:2000].lstrip()
    return not begins or begins.startswith(b"<!doctype html") or (begins.startswith(b"{") and b'"format"' in begins)


async def preview(request: MatrixRequest) -> MatrixProgress:
    """Plan a matrix and ask the ledger what it knows.

    Raises:
        InterlockError: The request can't be met; the same that running it would raise.
    """
    family = load(request.family_path)
    async with open_connections(family, access_from(family)) as connections:
        planned = await plan_matrix(connections, request)
        return await look_ahead(planned.plan.cells, connections.ledger, fresh=request.fresh)
