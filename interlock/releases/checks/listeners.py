"""Checks of a repository's workflow files: who hears what the family sends to it, and how well."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from interlock.adapters.github.workflows import ListenerMatch, listens
from interlock.errors import InterlockError
from interlock.releases.checks.models import Check, failed, ok, warning

if TYPE_CHECKING:
    from interlock.adapters.code_host import Inspection

FOLDER = ".github/workflows"
# Where a listener is looked for that the default branch does not have, beside the branch of the family file.
USUAL_BRANCHES = ("main", "master", "base", "develop", "dev")


async def check_listeners(
    github: "Inspection", member: str, repository: str, *, branch: str, named: str, events: tuple[str, ...]
) -> tuple[Check, ...]:
    """Whether the repository hears each of the events.

    Args:
        github: Where it is.
        member: The member of the family.
        repository: Its place, as owner/name.
        branch: Its default branch: GitHub reads workflow files for a dispatch from no other.
        named: The branch that the family file names.
        events: What the family sends to it.

    Raises:
        GitHubError: The files can't be read.
        TokenError: The token may not read them.
    """
    files = await github.files(repository, FOLDER)
    hearings = [listens(files, event) for event in events]
    found = [_heard(member, hearing) for hearing in hearings if hearing.heard]
    silent = [hearing for hearing in hearings if not hearing.heard]
    if silent:
        others = await _other_branches(github, repository, {named, *USUAL_BRANCHES} - {branch})
        found += [_unheard(member, hearing, branch, others) for hearing in silent]
    return (*found, *_files(member, hearings))


def _heard(member: str, hearing: ListenerMatch) -> Check:
    name = f"listener of {hearing.event}"
    places = ", ".join(f"{listener.path}:{listener.line}" for listener in hearing.listeners)
    if hearing.exact:
        return ok(member, name, places)
    vague = ", ".join(listener.path for listener in hearing.listeners if not listener.exact)
    cause = f"{vague} listens, but its run-name does not carry the dispatch's id: its receipt is a guess"
    cure = f"take the run-name from: {cure_of(member, hearing.event)}"
    return warning(member, name, cause, cure)


def _unheard(member: str, hearing: ListenerMatch, branch: str, others: Mapping[str, Mapping[str, bytes]]) -> Check:
    cause = f'no workflow on its branch "{branch}" listens to "{hearing.event}"'
    cure = f"{cure_of(member, hearing.event)} > {FOLDER}/on_{hearing.event}.yml, committed to {branch}"
    for other, files in others.items():
        for listener in listens(files, hearing.event).listeners:
            cause += f"; {listener.path} on {other} does, but GitHub looks at the default branch alone"
            return failed(member, f"listener of {hearing.event}", cause, f"merge {listener.path} into {branch}")
    for miss in hearing.near:
        return failed(member, f"listener of {hearing.event}", f"{cause}; {miss}", f"{miss.hint}  or: {cure}")
    for fault in hearing.faults:
        cause += f"; GitHub can't use {fault}"
    return failed(member, f"listener of {hearing.event}", cause, cure)


def cure_of(member: str, event: str) -> str:
    """The command that prints what is missing."""
    return f"interlock listener {member} --event {event}"


async def _other_branches(github: "Inspection", repository: str, names: set[str]) -> dict[str, Mapping[str, bytes]]:
    found: dict[str, Mapping[str, bytes]] = {}
    for name in sorted(names):
        try:
            found[name] = await github.files(repository, FOLDER, name)
        except InterlockError:  # there is no such branch; that nobody listens is known already
            continue
    return found


def _files(member: str, hearings: list[ListenerMatch]) -> Iterator[Check]:
    """What is wrong with any of the files, each once: every hearing knows all of them."""
    for found in dict.fromkeys(found for hearing in hearings for found in (*hearing.faults, *hearing.warnings)):
        yield warning(member, "workflow file", str(found), found.hint)
