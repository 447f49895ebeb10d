"""Checks of one repository on GitHub: visible, its branch, its rules, its secrets and its listeners."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from interlock.common.frozen_model import FrozenModel
from interlock.errors import InterlockError
from interlock.releases.checks.double_releases import NAME, check_double_releases
from interlock.releases.checks.listeners import FOLDER, check_listeners
from interlock.releases.checks.models import Check, Looking, failed, from_error, guarded, ok, unknown, warning
from interlock.releases.checks.webhook import check_webhook

if TYPE_CHECKING:
    from interlock.adapters.code_host import Inspection
    from interlock.adapters.github import BranchRules, Repository
    from interlock.model.family import Family


class CheckTarget(FrozenModel):
    """What a release needs of a member's repository.

    Attributes:
        releases: Whether the member is released: the token must push, and its secrets must be there.
        events: The events that are sent to it.
        branch: The branch to release from, if not the family file's.
        has_role: Whether GitHub shows the role of the token's owner; it does not for an App.
    """

    member: str
    releases: bool
    events: tuple[str, ...] = ()
    branch: str | None = None
    has_role: bool = True


async def check_repository(family: "Family", target: CheckTarget, github: "Inspection") -> tuple[Check, ...]:
    """Check one member's repository; one that is not visible gives that check alone."""
    full_name = family.repository(target.member)
    try:
        repository = await github.repository(full_name)
    except InterlockError as error:
        return (from_error(target.member, "repository", error),)
    looks = [guarded(target.member, name, look) for name, look in _looks(family, target, github, repository)]
    found = await asyncio.gather(*looks)
    first = (_visible(target.member, repository), _branch(family, target.member, repository))
    return (*first, *(check for checks in found for check in checks))


def _visible(member: str, repository: "Repository") -> Check:
    name, words = "repository", "private" if repository.private else "public"
    if repository.archived:
        return failed(member, name, f"{repository.full_name} is archived: nothing can be sent to it", "unarchive it")
    return ok(member, name, f"{repository.full_name}, {words}")


def _branch(family: "Family", member: str, repository: "Repository") -> Check:
    named, actual = family.package(member).branch, repository.default_branch
    if named == actual:
        return ok(member, "default branch", actual)
    cause = f'it is "{actual}", and the family file says "{named}"'
    return failed(member, "default branch", cause, f'write branch = "{actual}" in [packages.{member}]')


def _looks(
    family: "Family", target: CheckTarget, github: "Inspection", repository: "Repository"
) -> Iterator[tuple[str, Looking]]:
    """The checks that the target needs, by name."""
    member, full_name = target.member, family.repository(target.member)
    package = family.package(member)
    if target.releases or target.events:
        yield "write access", _check_access(github, target, full_name, repository)
    if target.releases and (repository.can_push or not target.has_role):
        yield "branch rules", _check_rules(github, member, full_name, target.branch or package.branch, repository)
    if target.releases and package.secrets:
        yield "secrets", _check_secrets(github, member, full_name, package.secrets)
    if target.releases and package.release_on is not None:
        yield "webhook", check_webhook(github, member, full_name, package.release_on)
    if target.events or target.releases:
        yield "workflows", _check_workflows(family, target, github, repository)


async def _check_workflows(
    family: "Family", target: CheckTarget, github: "Inspection", repository: "Repository"
) -> tuple[Check, ...]:
    """Check what its workflows do with the events that are sent to it, and that they don't release it as well."""
    member, full_name = target.member, family.repository(target.member)
    try:
        files = await github.files(full_name, FOLDER)
    except InterlockError as error:
        if target.events:
            raise
        # A release does not need its workflows.
        return (unknown(member, NAME, error.message, error.hint),)
    doubles = check_double_releases(family, member, files, events=target.events, releases=target.releases)
    if not target.events:
        return doubles
    named, actual = family.package(member).branch, repository.default_branch
    heard = await check_listeners(
        github, member, full_name, files=files, branch=actual, named=named, events=target.events
    )
    return (*heard, *doubles)


async def _check_access(
    github: "Inspection", target: CheckTarget, full_name: str, repository: "Repository"
) -> tuple[Check, ...]:
    """Check that the token may push and send events: one permission for both, and only the latter can be tried."""
    if target.releases and target.has_role and not repository.can_push:
        hint = "let the token's owner push to it, or take the token of somebody who may"
        return (failed(target.member, "write access", f"the token's owner may not push to {full_name}", hint),)
    await github.can_dispatch(full_name)
    allowed = [*(["push to it"] if target.releases else []), *(["send it events"] if target.events else [])]
    return (ok(target.member, "write access", f"the token may {' and '.join(allowed)}"),)


async def _check_rules(
    github: "Inspection", member: str, full_name: str, branch: str, repository: "Repository"
) -> tuple[Check, ...]:
    return (_rules(member, branch, await github.branch_rules(full_name, branch), repository),)


def _rules(member: str, branch: str, rules: "BranchRules", repository: "Repository") -> Check:
    """Check that the branch's rules accept a pushed commit that is neither signed nor checked."""
    name, wanted = "branch rules", _wanted(rules)
    hint = f"let the token's owner bypass the rule: {repository.html_url}/settings/rules"
    if rules.needs_queue or (rules.perhaps is not None and rules.perhaps.needs_queue):
        hint += '; or release it by pull request, in a workflow of its own (reaction = "dispatch")'
    if wanted:
        cause = f"{branch} wants {wanted}, and a release pushes a commit to it"
        if repository.can_admin and not rules.binds_admins and not rules.ruled:
            return warning(member, name, f"{cause}; an administrator may be let through", hint)
        return failed(member, name, cause, hint)
    if rules.perhaps and (perhaps := _wanted(rules.perhaps)):
        # If the rule binds, GitHub refuses the push without a trace, so a release may try.
        cause = f"{branch} wants {perhaps}, and the token may not see whether its owner may bypass that"
        return warning(member, name, cause, hint)
    if not rules.details_readable:
        hint = "give the token Administration: read to have them checked"
        return unknown(member, name, f"{branch} is protected, and the token may not see how", hint)
    return ok(member, name, f"{branch} takes a pushed commit")


def _wanted(rules: "BranchRules") -> str:
    """What the rules ask of a push and a release's push lacks; empty when it lacks nothing."""
    wants = {
        "a pull request": rules.needs_pull_request and not rules.needs_queue,
        "a pull request in its merge queue": rules.needs_queue,
        "signed commits": rules.needs_signatures,
        f"green checks ({', '.join(rules.needs_checks)})": bool(rules.needs_checks),
        "to be pushed to by some alone": rules.is_locked,
    }
    return " and ".join(want for want, needed in wants.items() if needed)


async def _check_secrets(
    github: "Inspection", member: str, full_name: str, needed: tuple[str, ...]
) -> tuple[Check, ...]:
    names = await github.secret_names(full_name)
    if names is None:
        hint = "give the token Secrets: read to have them checked"
        return (unknown(member, "secrets", f"the token may not see whether {', '.join(needed)} are there", hint),)
    return tuple(
        ok(member, f"secret {name}", "present")
        if name in names
        else failed(member, f"secret {name}", "it is missing", f"gh secret set {name} --repo {full_name}")
        for name in needed
    )
