"""Whether code under test might reach what Interlock itself may do."""

import asyncio
from typing import TYPE_CHECKING

from interlock.common.sandbox import not_isolated

if TYPE_CHECKING:
    from interlock.model.family import Family


async def why_exposed(family: "Family") -> str | None:
    """Why code under test of this family might reach Prefect's API, in words; None when it can't."""
    if (why := await asyncio.to_thread(not_isolated)) is not None:
        return why
    networked = [
        name
        for name, package in family.packages.items()
        if package.build_network or any(suite.network for suite in package.suites)
    ]
    return f"builds or suites have a network ({', '.join(networked)})" if networked else None
