"""Checks of the package index: it answers, it has the package, and there are credentials for uploads."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from interlock.adapters.index.rules import project_is_active
from interlock.common import tokens
from interlock.common.retry import patiently
from interlock.common.sanitize import cut
from interlock.errors import InterlockError
from interlock.releases.checks.models import Check, failed, no_answer, ok, warning

if TYPE_CHECKING:
    from interlock.adapters.connections import Connections
    from interlock.adapters.index.client import PackageIndex, Project

SUBJECT = "package index"
STATUS = "unarchive it in its settings on the index; what is quarantined, the index's own people decide"
# Of a reason that strangers wrote.
LONGEST = 200


async def check_package_name(member: str, index: "PackageIndex") -> tuple[Check, ...]:
    """Check that the index answers and has the package; only an upload shows who owns the name."""
    name = index.index.name
    try:
        project = await patiently(lambda: index.project(member), tries=3)
    except InterlockError as error:
        # A release can't be confirmed without the index, so no answer is a failure.
        return (no_answer(member, "on the index", error),)
    if not (releases := project.releases) and project.status is None:
        cause = f"{name} has no {member}: the first upload registers the name, and shows whether the name is allowed"
        return (warning(member, "on the index", cause, "upload with a token that is not limited to a project"),)
    newest = f", {max(releases)} the newest" if releases else ""
    there = ok(member, "on the index", f"{name} has {len(releases)} of its releases{newest}")
    return (there, *_status(member, name, project))


def _status(member: str, name: str, project: "Project") -> Iterator[Check]:
    """Check that the project's status (PEP 792) admits new releases."""
    why = f" ({cut(project.status_reason, LONGEST)})" if project.status_reason else ""
    for says in project_is_active(project.status):
        yield failed(member, "project status", f"on {name}: {says}{why}", STATUS)
    if project.status == "deprecated":
        yield warning(member, "project status", f"{name} shows it as deprecated{why}")


def check_upload(connections: "Connections") -> tuple[Check, ...]:
    """Check that there is a password for uploads, and that all its variables agree. This uploads nothing."""
    upload = connections.access.upload
    if upload is None:
        return (_missing(connections.access.upload_error),)
    where = f" ({upload.source})" if upload.source else ""
    present = ok(SUBJECT, "upload credentials", f"to {upload.name} as {upload.username}{where}")
    found = tokens.find(tokens.INDEX, tokens.INDEX_ALIASES, connections.environ) if upload.source in NAMES else None
    if found is None or not found.disagreeing:
        return (present,)
    others = ", ".join(found.disagreeing)
    cause = f"{others} holds something else than {found.name}, which is used"
    return (present, warning(SUBJECT, "one upload token", cause, f"remove {others}, or give it the same value"))


NAMES = frozenset({tokens.INDEX, *tokens.INDEX_ALIASES})


def _missing(error: InterlockError | None) -> Check:
    if error is not None:
        return failed(SUBJECT, "upload credentials", error.message, error.hint)
    cause = f"there is no password to upload with: neither {tokens.INDEX} nor {' nor '.join(tokens.INDEX_ALIASES)}"
    return failed(SUBJECT, "upload credentials", cause, f"set {tokens.INDEX}: docs/tokens.md says how to make one")
