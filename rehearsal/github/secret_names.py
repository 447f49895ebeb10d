"""The names of the secrets that workflows get: the repository's and its organization's."""

from datetime import datetime
from typing import Any

from rehearsal.github.access import needs
from rehearsal.github.records import Record
from rehearsal.github.refusals import not_found
from rehearsal.github.shapes import stamp
from rehearsal.github.web import Answer, Call, Routes

routes = Routes()
READ = needs("secrets", role="write", signed_in=True)


class OrganizationSecret(Record):
    """A secret of an account.

    Attributes:
        repositories: The repositories that get it, by full name in lower case; None for all.
    """

    account: str
    name: str
    repositories: list[str] | None = None
    created_at: datetime


@routes.get("/repos/{owner}/{repo}/actions/secrets", READ)
def listed(call: Call) -> Answer:
    """The secrets of the repository."""
    return call.page(sorted(call.repo.secrets), lambda name: _shown(name, call.repo.created_at), under="secrets")


@routes.get("/repos/{owner}/{repo}/actions/secrets/{name}", READ)
def show(call: Call) -> Answer:
    """A secret of the repository."""
    name = call.arguments["name"].upper()
    if name not in map(str.upper, call.repo.secrets):
        raise not_found()
    return Answer(_shown(name, call.repo.created_at))


@routes.get("/repos/{owner}/{repo}/actions/organization-secrets", READ)
def of_organization(call: Call) -> Answer:
    """The secrets that the repository gets from its organization."""
    known = call.state.table("organization_secrets", OrganizationSecret).values()
    lent = [
        secret
        for secret in known
        if secret.account.lower() == call.repo.owner.lower()
        and (secret.repositories is None or call.repo.key in secret.repositories)
    ]
    return call.page(lent, lambda secret: _shown(secret.name, secret.created_at), under="secrets")


def _shown(name: str, moment: datetime) -> dict[str, Any]:
    return {"name": name, "created_at": stamp(moment), "updated_at": stamp(moment)}
