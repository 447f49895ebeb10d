"""A preview: which cells of a matrix are known, and which would have to be run, without running any."""

from pathlib import Path

from interlock.adapters.connections import access_from, open_connections
from interlock.errors import UsageError
from interlock.matrix.executor import MatrixProgress, look_ahead
from interlock.matrix.request import MatrixRequest, edges
from interlock.matrix.run import plan_matrix
from interlock.model.family_file import find, load
from interlock.model.versions import Selection


def check(request: MatrixRequest) -> None:
    """Find the mistakes of a request that need nothing outside: the names, the family file, the reports' paths.

    Raises:
        FamilyError: The family file can't be used.
        UsageError: A name is not in the family, the versions can't be read, or a report would overwrite something.
    """
    family = find(request.family_path)
    edges(request, load(family))
    _check_report_paths(request, family)
    for versions in (request.upstream_versions, request.downstream_versions):
        Selection.parse(versions)


def _check_report_paths(request: MatrixRequest, family: Path) -> None:
    """Refuse a path for a report where something else would be lost."""
    paths = [Path(path) for path in (request.html, request.json_file) if path]
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError("both reports would be written to the same file", hint="give --html and --json two names")
    for path in paths:
        if path.is_dir():
            raise UsageError(f"{path} is a directory", hint="name a file in it")
        is_report = path.is_file() and path.resolve() != family.resolve() and _is_report(path.read_bytes())
        if path.is_file() and not is_report:
            raise UsageError(f"{path} is there already, and is no report", hint="name another file, or remove it")


def _is_report(content: bytes) -> bool:
    """Whether a file looks like a report of ours, by its beginning."""
    head = content[:2000].lstrip()
    return not head or head.startswith(b"<!doctype html") or (head.startswith(b"{") and b'"format"' in head)


async def preview(request: MatrixRequest) -> MatrixProgress:
    """Plan a matrix and ask the ledger what it knows.

    Raises:
        InterlockError: The error that running the matrix would raise before its first cell.
    """
    family = load(request.family_path)
    async with open_connections(family, access_from(family).reading) as connections:
        planned = await plan_matrix(connections, request)
        return await look_ahead(planned.plan.cells, connections.ledger, fresh=request.fresh)
