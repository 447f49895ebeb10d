"""Whose code runs without a person: only that of people who may write to the repository, which GitHub is asked.

An event says who wrote the code of a pull request from a fork: its author, the owner of the fork, and the person who
pushed last. Each of them must have the permission to write. The author's association, which events have, is not enough:
a member of the organisation, or a collaborator who may only read, has one too. When GitHub does not answer, nothing
runs.
"""

from interlock.contracts.verify.comparison import named_commit
from interlock.contracts.verify.context import VerificationContext
from interlock.contracts.verify.publication import Publication
from interlock.contracts.verify.publish import commit_of, is_published
from interlock.contracts.verify.workflow import Host, publish_or_hand_over
from interlock.errors import InterlockError


async def refuse_strangers(context: VerificationContext, host: Host) -> str | None:
    """Refuse to run the code of people who may not write to the repository, and publish how a maintainer runs it.

    Nothing is fetched, built or run.

    Returns:
        Why it is refused, and the command that runs it; None when it may run.

    Raises:
        TokenError: There is no token to ask GitHub with.
        GitHubError: GitHub does not answer; the code must not run.
    """
    request = context.request
    if not request.authors:
        return None
    repository = context.family.repository(request.upstream)
    try:
        strangers = await host.run("ask-permission", _strangers, context, repository)
    except InterlockError:
        await _publish(context, host)
        raise
    if not strangers:
        return None
    await _publish(context, host)
    return f"{' and '.join(strangers)} may not write to {repository}; a maintainer runs it: {request.command}"


async def _publish(context: VerificationContext, host: Host) -> None:
    """Publish that a maintainer must run it."""
    commit = named_commit(context)
    if commit is not None and is_published(context, commit):
        publication = Publication(commit=commit_of(context, commit, None), refused=context.request.pull)
        await host.run("tell-refused", publish_or_hand_over, context, host, publication)


async def _strangers(context: VerificationContext, repository: str) -> list[str]:
    github, authors = context.connections.github, dict.fromkeys(context.request.authors)
    return [each for each in authors if not await github.may_write(repository, each)]
