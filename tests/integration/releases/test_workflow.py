"""The steps of a release stand once, in order: flow, dry run and documentation have the same."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import takewhile
from typing import ParamSpec, TypeVar

from flows.release_package import release_package
from interlock.adapters.connections import access_from, open_connections
from interlock.model import family_file
from interlock.model.release import LIFECYCLE, Step
from interlock.releases import workflow
from interlock.releases.context import open_release
from interlock.releases.plan import ReleaseRequest
from tests.support.rehearsed_release import CORE, SHORT, RehearsedRelease

P = ParamSpec("P")
R = TypeVar("R")


class Steps:
    """Keeps the names of the steps that are run."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def __call__(self, step: str, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        self.names.append(step)
        return await function(*args, **kwargs)


def test_a_release_goes_through_all_steps_in_order_and_a_dry_run_up_to_the_first_that_leaves_a_trace(
    here: RehearsedRelease,
) -> None:
    async def both() -> tuple[list[str], list[str]]:
        seen, done = Steps(), Steps()
        family = family_file.load()
        request = ReleaseRequest(package=CORE, patience=SHORT)
        async with open_connections(family, access_from(family)) as connections:
            async with open_release(request, connections) as context:
                preview = await workflow.preview(context, seen)
            assert preview.plan is not None
            assert here.writes() == []
            async with open_release(request, connections) as context:
                await workflow.release(context, done)
        return seen.names, done.names

    seen, done = asyncio.run(both())

    assert done == [step for step in Step if step is not Step.DEVELOPMENT]  # only where the family file asks for it
    assert [Step.PREFLIGHT, *seen] == list(takewhile(lambda step: LIFECYCLE[step].leaves is None, Step))


def test_the_flow_says_its_steps() -> None:
    said = " ".join((release_package.fn.__doc__ or "").split())

    assert f"Its steps are tasks: {', '.join(Step)}." in said
