"""The flow `cascade-release`: a release, and every release that it makes necessary; run it again, and it goes on."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from packaging.version import Version
from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State as RunState
from prefect.runtime import flow_run

from blocks.find import load_github_credentials, load_upload
from flows import dry_run
from flows.events import tell
from flows.patient import patient_task
from flows.release_package import release_package
from interlock.cascade_plan import Cascade, State
from interlock.cascades import command, gate, lease, proof, proposal, survey
from interlock.cascades.following import Doors, Follower
from interlock.cascades.request import CascadeRequest
from interlock.cascades.walk import begin, walk, watcher
from interlock.cascades.yard import Yard, open_yard
from interlock.lifecycle import Release
from interlock.releases.change import Proposal
from interlock.releases.plan import ReleaseRequest
from interlock.reports import cascade_markdown, plan_counts, plan_markdown
from interlock.reports.notices import stuck


@patient_task("plan")
async def plan(yard: Yard) -> Cascade:
    """Find out which packages follow, in which order, and why; or the cascade that is to go on."""
    cascade = await survey.plan(yard)
    await acreate_markdown_artifact(key=f"cascade-plan-{cascade.root}", markdown=plan_markdown(cascade.plan))
    return cascade


@patient_task("admit")
async def admit(yard: Yard, cascade: Cascade) -> None:
    """Refuse a root that is known to break a downstream."""
    await gate.admit(yard, cascade)


@patient_task("prove", "prove-{package}")
async def prove(yard: Yard, package: str, moved: Sequence[proof.Moved], release: ReleaseRequest | None) -> proof.Proof:
    """Run the suites of what is about to be released with what has moved beneath it, beside what was before."""
    found = await proof.prove(yard, package, moved, release)
    for line in found.regressed:
        get_run_logger().warning("%s: %s", package, line)
    return found


@patient_task("propose", "propose-{package}")
async def propose(yard: Yard, cascade: Cascade, package: str, pins: Mapping[str, Version]) -> Proposal | None:
    """Make the pull request that moves a package's requirements, or see what has become of it."""
    return await proposal.proposed(yard, cascade, package, pins)


@patient_task("command", "command-{package}")
async def run_command(yard: Yard, cascade: Cascade, package: str) -> Path:
    """Run a member's command in a fresh clone."""
    return await command.run_command(yard, cascade, package)


@patient_task("report")
async def report(cascade: Cascade) -> None:
    """Show where every package is."""
    get_run_logger().info("%s: %s", cascade.id, cascade.outcome)
    await acreate_markdown_artifact(key=f"cascade-{cascade.root}", markdown=cascade_markdown(cascade))


class _Shown:
    """Shows a cascade in the UI whenever a package is somewhere else, and to whoever watches in this process."""

    def __init__(self) -> None:
        self._watch = watcher.get()
        self._states: dict[str, State] = {}

    async def __call__(self, cascade: Cascade) -> None:
        await self._watch(cascade)
        states = {name: progress.state for name, progress in cascade.progress.items()}
        if states != self._states:
            self._states = states
            await acreate_markdown_artifact(key=f"cascade-{cascade.root}", markdown=cascade_markdown(cascade))
            await tell(stuck(cascade))


@contextlib.asynccontextmanager
async def _yard(request: CascadeRequest) -> AsyncIterator[Yard]:
    credentials = await load_github_credentials(request.family)
    async with open_yard(request, credentials, await load_upload(request.family)) as yard:
        yield yard


async def release(request: ReleaseRequest) -> Release:
    """Release a package by its own flow."""
    released = await release_package(request)
    assert isinstance(released, Release)
    return released


async def _dry_run(request: CascadeRequest) -> str:
    async with _yard(request) as yard:
        cascade = await plan(yard)
        await admit(yard, cascade)
    planned = cascade.plan
    return f"{planned.root} {planned.root_version} with what follows: {plan_counts(planned)}"


def _flow_run_name() -> str:
    request = CascadeRequest.model_validate(flow_run.parameters["request"])
    return f"cascade {request.title}{' (dry run)' if request.dry_run else ''}"


@flow(name="cascade-release", flow_run_name=_flow_run_name, persist_result=False)
async def cascade_release(request: CascadeRequest) -> Cascade | RunState[None]:
    """Release a package and everything that its release makes necessary. Run it again after any crash: it goes on."""
    if request.dry_run:
        return await dry_run.told(lambda: _dry_run(request))
    async with _yard(request) as yard:
        planned = await plan(yard)
        await admit(yard, planned)
        async with lease.one_at_a_time(yard, planned):
            watcher.set(_Shown())
            course = await begin(yard, planned)
            doors = Doors(release=release, prove=prove, propose=propose, command=run_command)
            cascade = await walk(course, Follower(course, doors).follow)
        await report(cascade)
        return cascade
