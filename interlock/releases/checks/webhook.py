"""Checks that the gateway learns of what starts a release: a webhook with the right event leads to it."""

from typing import TYPE_CHECKING

from interlock.errors import InterlockError
from interlock.releases.checks.models import Check, ok, unknown, warning
from interlock.webhooks.redelivery import leads_to

if TYPE_CHECKING:
    from interlock.adapters.code_host import Inspection
    from interlock.model.release_on import ReleaseOn

NAME = "webhook"
HINT = "docs/gateway.md says how to make one; an App's webhook does as well"


async def check_webhook(github: "Inspection", member: str, repository: str, on: "ReleaseOn") -> tuple[Check, ...]:
    """Check one repository's webhooks; a release by hand needs none, so nothing here fails it.

    Args:
        github: Reads the repository.
        member: The member of the family.
        repository: Its repository, as owner/name.
        on: What starts a release of it.
    """
    event = "push" if on.event == "push" else "pull_request"
    try:
        hooks = [hook for hook in await github.hooks(repository) if leads_to(hook, None)]
    except InterlockError as error:
        hint = "give the token admin:repo_hook, or Webhooks: read"
        return (unknown(member, NAME, f"whether a {event} reaches the gateway is not known: {error.message}", hint),)
    if not hooks:
        cause = f"no webhook of {repository} leads to a gateway, so that no {event} starts a release"
        return (warning(member, NAME, cause, HINT),)
    if not any({event, "*"}.intersection(hook.events) for hook in hooks):
        cause = f"the webhook to the gateway does not deliver {event}, which starts a release"
        return (warning(member, NAME, cause, f"tick it at {hooks[0].path.removeprefix('/repos')}"),)
    return (ok(member, NAME, f"delivers {event} to the gateway"),)
