"""Checks of a repository's workflow files: which of them listen to the family's dispatches, and how well."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from interlock.adapters.github.workflows import ListenerMatch, listens
from interlock.errors import InterlockError
from interlock.releases.checks.models import Check, failed, ok, warning

if TYPE_CHECKING:
    from interlock.adapters.code_host import Inspection

FOLDER = ".github/workflows"
# Branches, beside the family file's, that are searched for a listener that the default branch lacks.
USUAL_BRANCHES = ("main", "master", "base", "develop", "dev")


async def check_listeners(
    github: "Inspection",
    member: str,
    repository: str,
    *,
    files: Mapping[str, bytes],
    branch: str,
    named: str,
    events: tuple[str, ...],
) -> tuple[Check, ...]:
    """Check that the repository has a listener for each of the events.

    Args:
        github: Reads the repository.
        member: The member of the family.
        repository: The member's repository, as owner/name.
        files: The files of `FOLDER` on its default branch.
        branch: Its default branch, the only one that GitHub searches for listeners.
        named: The branch that the family file names.
        events: The events that the family sends to it.
    """
    matches = [listens(files, event) for event in events]
    found = [_found(member, match) for match in matches if match.heard]
    silent = [match for match in matches if not match.heard]
    if silent:
        others = await _other_branches(github, repository, {named, *USUAL_BRANCHES} - {branch})
        found += [_missing(member, match, branch, others) for match in silent]
    # Every match has the faults and warnings of all files: each is shown once.
    wrong = dict.fromkeys(each for match in matches for each in (*match.faults, *match.warnings))
    return (*found, *(warning(member, "workflow file", str(each), each.hint) for each in wrong))


def _found(member: str, match: ListenerMatch) -> Check:
    name = f"listener of {match.event}"
    places = ", ".join(f"{listener.path}:{listener.line}" for listener in match.listeners)
    if match.exact:
        return ok(member, name, places)
    vague = ", ".join(listener.path for listener in match.listeners if not listener.exact)
    cause = f"{vague} listens, but its run-name does not carry the dispatch's id: its receipt is a guess"
    hint = f"take the run-name from: {listener_command(member, match.event)}"
    return warning(member, name, cause, hint)


def _missing(member: str, match: ListenerMatch, branch: str, others: Mapping[str, Mapping[str, bytes]]) -> Check:
    cause = f'no workflow on its branch "{branch}" listens to "{match.event}"'
    hint = f"{listener_command(member, match.event)} > {FOLDER}/on_{match.event}.yml, committed to {branch}"
    for other, files in others.items():
        for listener in listens(files, match.event).listeners:
            cause += f"; {listener.path} on {other} does, but GitHub looks at the default branch alone"
            return failed(member, f"listener of {match.event}", cause, f"merge {listener.path} into {branch}")
    for miss in match.near:
        return failed(member, f"listener of {match.event}", f"{cause}; {miss}", f"{miss.hint}  or: {hint}")
    for fault in match.faults:
        cause += f"; GitHub can't use {fault}"
    return failed(member, f"listener of {match.event}", cause, hint)


def listener_command(member: str, event: str) -> str:
    """The command that prints the missing listener."""
    return f"interlock listener {member} --event {event}"


async def _other_branches(github: "Inspection", repository: str, names: set[str]) -> dict[str, Mapping[str, bytes]]:
    found: dict[str, Mapping[str, bytes]] = {}
    for name in sorted(names):
        try:
            found[name] = await github.files(repository, FOLDER, name)
        except InterlockError:  # no such branch; the missing listener is reported already
            continue
    return found
