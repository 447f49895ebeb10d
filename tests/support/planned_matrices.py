"""Plans of matrices: what is on an index, resolved by the real uv; nothing is run."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from interlock.adapters.connections import NO_ACCESS, Access
from interlock.matrix.pair import Pair
from interlock.matrix.plan import Plan, PlannedCell, Planner, resolve_pair
from interlock.matrix.request import MatrixRequest
from interlock.matrix.sources import choose, fetch
from interlock.model.family import Family
from interlock.model.lockfile import Resolution
from tests.support.universe import Universe
from tests.support.universe.connected import connected

PYTHON = ".".join(map(str, sys.version_info[:2]))


class Planned(NamedTuple):
    """A plan, the pairs whose environments were resolved for it, and what the index notes."""

    plan: Plan
    resolved: list[str]
    notes: tuple[str, ...]

    def cell(self, upstream: str, downstream: str) -> PlannedCell:
        (found,) = (
            cell
            for cell in self.plan.cells
            if (cell.key.upstream_version, cell.key.downstream_version) == (upstream, downstream)
        )
        return found

    def row(self, version: str) -> str | None:
        (found,) = (row for sheet in self.plan.sheets for row in sheet.rows if row.version == version)
        return found.declared


def a_family(suite: Mapping[str, object], python: Sequence[str] = (PYTHON,)) -> Family:
    packages = {
        "core": {},
        "store": {"upstreams": ["core"]},
        "pipeline": {"upstreams": ["core"], "suites": [{"name": "contracts", **suite}]},
    }
    return Family.model_validate({"name": "trains", "python": python, "packages": packages})


def planned(
    universe: Universe,
    suite: Mapping[str, object] | None = None,
    *,
    downstream: str = "all",
    upstream: str = "all",
    python: Sequence[str] = (PYTHON,),
    owner: str | None = None,
    access: Access = NO_ACCESS,
) -> Planned:
    family = a_family(suite or {"sdist": "tests"}, python).model_copy(update={"owner": owner})
    return asyncio.run(_planned(universe, family, upstream, downstream, access))


async def _planned(universe: Universe, family: Family, upstream: str, downstream: str, access: Access) -> Planned:
    resolved: list[str] = []
    async with connected(
        universe, family, universe.folder.parent / "interlock", credentials=access.credentials
    ) as context:

        async def resolve(pair: Pair) -> Resolution:
            resolved.append(pair.title)
            return await resolve_pair(pair, context.uv)

        request = MatrixRequest(upstream_versions=upstream, downstream_versions=downstream)
        choice = await choose(context, request)
        planner = Planner(frozenset(family.packages), await fetch(context, choice), resolve)
        return Planned(await planner.plan(choice), resolved, tuple(context.index.notes))
