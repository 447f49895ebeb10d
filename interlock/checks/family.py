"""Which checks a release of one package needs, and which the whole family; independent ones at the same time."""

import asyncio
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from interlock.checks.index import check_package_name, check_upload
from interlock.checks.machine import check_machine
from interlock.checks.repository import Errand, check_repository
from interlock.checks.token import check_token
from interlock.checks.values import Check, State, unknown

if TYPE_CHECKING:
    from interlock.checks.world import World
    from interlock.family import Family


async def check_package(family: "Family", name: str, world: "World", *, branch: str | None = None) -> tuple[Check, ...]:
    """What a release of one package needs: its own repository, and those that it tells.

    Args:
        family: Where it is a member.
        name: The package.
        world: What is looked at.
        branch: Where it is released from, if that is not the family file's.

    Raises:
        UsageError: The family has no such package.
    """
    family.package(name)
    return await _check(family, (name,), _errands(family, (name,), world, branch), world)


async def check_family(family: "Family", world: "World") -> tuple[Check, ...]:
    """What a release of any of its packages needs."""
    names = family.order()
    return await _check(family, names, _errands(family, names, world), world)


async def check_tokens(family: "Family", world: "World") -> tuple[Check, ...]:
    """What can be said of the tokens without looking at a repository."""
    return (*(await check_token(family, world)), *check_upload(world))


def _errands(
    family: "Family", released: Collection[str], world: "World", branch: str | None = None
) -> tuple[Errand, ...]:
    """What is wanted of each repository when these are released, in the order of the family; each once."""
    sent: dict[str, dict[str, None]] = {}
    for name in released:
        for dispatch in family.package(name).dispatches:
            for target in dispatch.targets:
                sent.setdefault(target, {})[dispatch.event] = None
    return tuple(
        Errand(
            member=name,
            releases=name in released and family.package(name).publishes,
            events=tuple(sent.get(name, ())),
            branch=branch if name in released else None,
            has_role=not world.is_app,
        )
        for name in family.order()
        if name in released or name in sent
    )


async def _check(
    family: "Family", released: Iterable[str], errands: tuple[Errand, ...], world: "World"
) -> tuple[Check, ...]:
    published = [name for name in released if family.package(name).publishes]
    machine, token, *names = await asyncio.gather(
        check_machine(family, world.environ),
        check_token(family, world),
        *(check_package_name(name, world.index) for name in published),
    )
    # Looked at only now: a token that does not work would be told of once for each repository.
    repositories = await asyncio.gather(*(_look(family, errand, world, token) for errand in errands))
    on_index = dict(zip(published, names, strict=True))
    members = [
        check
        for errand, checks in zip(errands, repositories, strict=True)
        for check in (*checks, *on_index.get(errand.member, ()))
    ]
    return (*machine, *token, *(check_upload(world) if published else ()), *members)


async def _look(family: "Family", errand: Errand, world: "World", token: tuple[Check, ...]) -> tuple[Check, ...]:
    unusable = any(check.state is State.FAILED and check.name in {"present", "accepted by GitHub"} for check in token)
    if world.github is None or unusable:
        return (unknown(errand.member, "repository", "not looked at, for want of a token that works"),)
    return await check_repository(family, errand, world.github)
