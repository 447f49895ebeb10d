"""The notes of a release: what its changelog says of it, what GitHub makes of its pull requests, or its commits."""

import logging
from collections.abc import Iterable

from interlock.adapters.git import Checkout
from interlock.errors import GitHubError
from interlock.model.release import ReleasedFile
from interlock.releases.changelog import entry_of
from interlock.releases.changelog_markdown import quoted
from interlock.releases.context import ReleaseContext
from interlock.releases.development import SUBJECT
from interlock.releases.notes import Change, release_notes
from interlock.releases.past import read_past
from interlock.releases.plan import Plan

# How GitHub is told how to write notes of pull requests.
CONFIGURATIONS = (".github/release.yml", ".github/release.yaml")


async def notes_of(context: ReleaseContext, cloned: Checkout, plan: Plan, files: Iterable[ReleasedFile]) -> str:
    """The notes of a release, from the files of its commit: a resumed release has the same.

    Raises:
        GitHubError: GitHub does not answer.
        IndexUnavailableError: The index does not answer.
    """
    assert plan.commit is not None
    paths = context.family.pathspecs(plan.package)
    commits = await cloned.log(since=plan.previous_tag, until=plan.commit, paths=paths)
    served = await context.connections.index.served(plan.package)
    return release_notes(
        repository_url=f"{context.connections.server.server}/{plan.repository}",
        tag=plan.tag,
        previous=plan.previous_tag,
        changes=[
            Change(commit.sha, commit.subject)
            for commit in commits
            if (commit.sha != plan.commit or not plan.changed) and not commit.subject.startswith(SUBJECT)
        ],
        files=files,
        text=_from_changelog(context, cloned, plan) or await _from_github(context, cloned, plan),
        untagged=(await read_past(context, cloned, served)).untagged(plan.version),
    )


def _from_changelog(context: ReleaseContext, cloned: Checkout, plan: Plan) -> str:
    wanted = context.package.changelog
    root = context.project(cloned)
    entry = None if wanted is False else entry_of(root, None if wanted is True else wanted, plan.version)
    if entry is None:
        return ""
    path = (root / entry.path).relative_to(cloned.path).as_posix()
    place = f"{context.connections.server.server}/{plan.repository}/blob/{plan.tag}/{path}"
    return quoted(entry.text, entry.changelog, rest=f"The rest is in [{entry.path.name}]({place}).")


async def _from_github(context: ReleaseContext, cloned: Checkout, plan: Plan) -> str:
    """What GitHub writes by the repository's own configuration: of all of the repository, so for its only package."""
    is_wanted = context.package.changelog is not False and any(
        (cloned.path / each).is_file() for each in CONFIGURATIONS
    )
    if not is_wanted or context.family.shares(plan.package):
        return ""
    try:
        return await context.connections.github.generate_notes(
            plan.repository, tag=plan.tag, previous=plan.previous_tag, target=plan.base
        )
    except GitHubError as error:
        if error.transient:
            raise
        context.log(logging.WARNING, f"GitHub writes no notes for {plan.tag}: {error.message}")
        return ""
