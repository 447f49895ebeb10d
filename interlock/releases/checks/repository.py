"""Checks of one repository on GitHub: seen at all, its branch, its rules, its secrets, and whether it hears."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from interlock.common.frozen_model import FrozenModel
from interlock.errors import InterlockError
from interlock.releases.checks.listeners import check_listeners
from interlock.releases.checks.models import Check, Looking, failed, from_error, guarded, ok, unknown, warning

if TYPE_CHECKING:
    from interlock.adapters.code_host import Inspection
    from interlock.adapters.github import BranchRules, Repository
    from interlock.model.family import Family


class CheckTarget(FrozenModel):
    """What is wanted of a member's repository.

    Attributes:
        releases: Whether it is to be released: pushed to, and its secrets be there.
        events: What is sent to it.
        branch: Where it is released from, if that is not the family file's.
        has_role: Whether GitHub tells of the token's owner what he may do; of an App it does not.
    """

    member: str
    releases: bool
    events: tuple[str, ...] = ()
    branch: str | None = None
    has_role: bool = True


async def check_repository(family: "Family", errand: CheckTarget, github: "Inspection") -> tuple[Check, ...]:
    """Everything about one member's repository; when it can't be seen, that alone."""
    place = family.repository(errand.member)
    try:
        repository = await github.repository(place)
    except InterlockError as error:
        return (from_error(errand.member, "repository", error),)
    looks = [guarded(errand.member, name, look) for name, look in _looks(family, errand, github, repository)]
    found = await asyncio.gather(*looks)
    first = (_visible(errand.member, repository), _branch(family, errand.member, repository))
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
    family: "Family", errand: CheckTarget, github: "Inspection", repository: "Repository"
) -> Iterator[tuple[str, Looking]]:
    """The names of the looks that are due, and the looks."""
    member, place = errand.member, family.repository(errand.member)
    package = family.package(member)
    if errand.releases or errand.events:
        yield "write access", _check_access(github, errand, place, repository)
    if errand.releases and (repository.can_push or not errand.has_role):
        yield "branch rules", _check_rules(github, member, place, errand.branch or package.branch, repository)
    if errand.releases and package.secrets:
        yield "secrets", _check_secrets(github, member, place, package.secrets)
    if errand.events:
        actual = repository.default_branch
        yield (
            "listeners",
            check_listeners(github, member, place, branch=actual, named=package.branch, events=errand.events),
        )


async def _check_access(
    github: "Inspection", errand: CheckTarget, place: str, repository: "Repository"
) -> tuple[Check, ...]:
    """Whether the token may push and send events: both want the same permission, and only the latter can be tried."""
    if errand.releases and errand.has_role and not repository.can_push:
        cure = "let the token's owner push to it, or take the token of somebody who may"
        return (failed(errand.member, "write access", f"the token's owner may not push to {place}", cure),)
    await github.can_dispatch(place)
    allowed = [*(["push to it"] if errand.releases else []), *(["send it events"] if errand.events else [])]
    return (ok(errand.member, "write access", f"the token may {' and '.join(allowed)}"),)


async def _check_rules(
    github: "Inspection", member: str, place: str, branch: str, repository: "Repository"
) -> tuple[Check, ...]:
    return (_rules(member, branch, await github.branch_rules(place, branch), repository),)


def _rules(member: str, branch: str, rules: "BranchRules", repository: "Repository") -> Check:
    """Whether the branch's rules let a pushed commit through, which is neither signed nor checked."""
    name, wanted = "branch rules", _wanted(rules)
    cure = f"let the token's owner bypass the rule: {repository.html_url}/settings/rules"
    if wanted:
        cause = f"{branch} wants {wanted}, and a release pushes a commit to it"
        if repository.can_admin and not rules.binds_admins and not rules.ruled:
            return warning(member, name, f"{cause}; an administrator may be let through", cure)
        return failed(member, name, cause, cure)
    if rules.perhaps and (perhaps := _wanted(rules.perhaps)):
        # GitHub refuses the push without a trace if it binds: no reason to refuse a release for ever if it does not.
        cause = f"{branch} wants {perhaps}, and the token may not see whether its owner may bypass that"
        return warning(member, name, cause, cure)
    if not rules.details_readable:
        cure = "give the token Administration: read to have them checked"
        return unknown(member, name, f"{branch} is protected, and the token may not see how", cure)
    return ok(member, name, f"{branch} takes a pushed commit")


def _wanted(rules: "BranchRules") -> str:
    """What the rules want of a push that a release's does not have; nothing when it has all."""
    wants = {
        "a pull request": rules.needs_pull_request,
        "signed commits": rules.needs_signatures,
        f"green checks ({', '.join(rules.needs_checks)})": bool(rules.needs_checks),
        "to be pushed to by some alone": rules.is_locked,
    }
    return " and ".join(want for want, needed in wants.items() if needed)


async def _check_secrets(github: "Inspection", member: str, place: str, needed: tuple[str, ...]) -> tuple[Check, ...]:
    names = await github.secret_names(place)
    if names is None:
        cure = "give the token Secrets: read to have them checked"
        return (unknown(member, "secrets", f"the token may not see whether {', '.join(needed)} are there", cure),)
    return tuple(
        ok(member, f"secret {name}", "present")
        if name in names
        else failed(member, f"secret {name}", "it is missing", f"gh secret set {name} --repo {place}")
        for name in needed
    )
