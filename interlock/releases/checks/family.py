"""The checks that a release of one package needs, and those of the whole family; independent ones run together."""

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING

from interlock.releases.checks.index import check_package_name, check_upload
from interlock.releases.checks.machine import check_machine
from interlock.releases.checks.models import Check, State, unknown
from interlock.releases.checks.repository import CheckTarget, check_repository
from interlock.releases.checks.token import check_roles, check_token, is_app

if TYPE_CHECKING:
    from interlock.adapters.connections import Connections
    from interlock.model.family import Family


async def check_package(connections: "Connections", name: str, *, branch: str | None = None) -> tuple[Check, ...]:
    """Check what a release of one package needs: its own repository, and those that get its dispatches.

    Args:
        connections: The connections to what is checked.
        name: The package.
        branch: The branch to release from, if not the family file's.

    Raises:
        UsageError: The family has no such package.
    """
    connections.family.package(name)
    return await _check(connections, (name,), branch)


async def check_family(connections: "Connections") -> tuple[Check, ...]:
    """Check what a release of any package of the family needs."""
    return await _check(connections, connections.family.order())


async def check_tokens(connections: "Connections") -> tuple[Check, ...]:
    """Check the tokens, without looking at a repository."""
    return (*(await check_token(connections)), *(await check_roles(connections)), *check_upload(connections))


def _targets(
    family: "Family", released: Collection[str], branch: str | None, *, has_role: bool
) -> tuple[CheckTarget, ...]:
    """What the release of these packages needs of each repository; each once, in the order of the family."""
    sent: dict[str, dict[str, None]] = {}
    for name in released:
        for dispatch in family.package(name).dispatches:
            for target in dispatch.targets:
                sent.setdefault(target, {})[dispatch.event] = None
    return tuple(
        CheckTarget(
            member=name,
            releases=name in released and family.package(name).publishes,
            events=tuple(sent.get(name, ())),
            branch=branch if name in released else None,
            has_role=has_role,
        )
        for name in family.order()
        if name in released or name in sent
    )


async def _check(connections: "Connections", released: Collection[str], branch: str | None = None) -> tuple[Check, ...]:
    family = connections.family
    targets = _targets(family, released, branch, has_role=not is_app(connections.access.credentials))
    published = [name for name in released if family.package(name).publishes]
    machine, token, *names = await asyncio.gather(
        check_machine(family, connections.environ),
        check_token(connections),
        *(check_package_name(name, connections.index) for name in published),
    )
    # After the token: one that does not work would be reported once for each repository.
    repositories = await asyncio.gather(*(_look(connections, target, token) for target in targets))
    on_index = dict(zip(published, names, strict=True))
    members = [
        check
        for target, checks in zip(targets, repositories, strict=True)
        for check in (*checks, *on_index.get(target.member, ()))
    ]
    return (*machine, *token, *(check_upload(connections) if published else ()), *members)


async def _look(connections: "Connections", target: CheckTarget, token: tuple[Check, ...]) -> tuple[Check, ...]:
    unusable = any(check.state is State.FAILED and check.name in {"present", "accepted by GitHub"} for check in token)
    if unusable or not connections.has_credentials:
        return (unknown(target.member, "repository", "not looked at, for want of a token that works"),)
    return await check_repository(connections.family, target, connections.github)
