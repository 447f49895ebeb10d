"""A cascade's dry run: its plan, and for each package that Interlock would release what its release would do.

Each release is looked at as its own dry run does (`releases.workflow.preview`): checks, next version, requirements,
build, index rules. The suites are not run: they need the upstreams' files, which the cascade itself publishes.
"""

from collections.abc import Mapping

from packaging.version import Version

from interlock.cascades import planner
from interlock.cascades.context import CascadeContext
from interlock.model.cascade import Action, Cascade, CascadePlan, Planned
from interlock.releases.context import open_release
from interlock.releases.plan import ReleaseRequest
from interlock.releases.preflight import Preview
from interlock.releases.workflow import preview as preview_release

HELD = 1


class CascadePreview(CascadePlan):
    """The plan with each version as its release would choose it.

    Attributes:
        previews: By package that Interlock would release, what its release would do.
        was_done: Whether nothing would be done: the cascade was done before, and nothing is new since.
    """

    was_done: bool = False
    previews: Mapping[str, Preview] = {}

    @property
    def exit_code(self) -> int:
        """That of the root's first refusal; 1 when a downstream would be held; else 0."""
        root = self.previews[self.root].exit_code if self.root in self.previews else 0
        return root or (HELD if self.held else 0)

    @property
    def held(self) -> tuple[str, ...]:
        """The downstreams that would be held, since their own releases would be refused."""
        return tuple(name for name, each in self.previews.items() if each.refusals and name != self.root)

    def says(self) -> str:
        """Say in a line which downstreams would be held; empty without any.

        Raises:
            RefusedError: The root's release would be refused; names every reason.
        """
        if self.was_done:
            return "; it was done before, and nothing is new since"
        if self.root in self.previews:
            self.previews[self.root].says()
        return f"; would be held: {', '.join(self.held)}" if self.held else ""


async def preview(context: CascadeContext) -> CascadePreview:
    """Plan the cascade, and look at each release in it; this writes nothing outside.

    Raises:
        UsageError: The root can't start a cascade.
        RepositoryError, IndexUnavailableError: A repository or the index can't be read.
    """
    cascade = await planner.plan(context)
    if cascade.is_done:
        return CascadePreview(**dict(cascade.plan), was_done=True)
    previews: dict[str, Preview] = {}
    packages: list[Planned] = []
    for planned in cascade.plan.packages:
        known = {each.package: each.next for each in packages}
        pins = {name: version for name in planned.pins if (version := known.get(name)) is not None}
        following = planned.next
        if planned.action is Action.RELEASE:
            found = await _preview(context, _request(context, cascade, planned, pins))
            previews[planned.package] = found
            following = found.plan.version if found.plan else following
        packages.append(planned.model_copy(update={"next": following, "pins": {**planned.pins, **pins}}))
    return CascadePreview(**{**dict(cascade.plan), "packages": tuple(packages), "previews": previews})


def _request(
    context: CascadeContext, cascade: Cascade, planned: Planned, pins: Mapping[str, Version]
) -> ReleaseRequest:
    """The request of the cascade for this package, as a dry run."""
    fields: dict[str, object] = {"cascade": cascade.id, "at": int(cascade.began_at.timestamp()), "dry_run": True}
    if planned.package == cascade.root:
        fields |= {"version": str(cascade.version), "despite": context.request.despite}
    return context.request.release_of(planned.package, pins=pins, **fields)


async def _preview(context: CascadeContext, request: ReleaseRequest) -> Preview:
    async with open_release(request, context.connections) as release:
        found = await preview_release(release)
    if found.plan:
        hashes = tuple(sorted(file.sha256 for file in found.files))
        context.connections.index.announce(request.package, found.plan.version, hashes)
    return found
