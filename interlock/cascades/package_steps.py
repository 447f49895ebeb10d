"""The steps of one package when its upstreams have ended: prove, move and release it; wait for it; or run its command.

**What it promises.** A package is released only if nothing regressed in its suites, run with the very commit,
requirements and time of the release, and compared with its newest release and the upstreams before. So the release's
request depends on the cascade alone, and is equal each time it is made. Where the branch has moved while the suites
ran, the package is proved again.

**Why it may be killed.** Because of the order of its states. `testing` comes before the suites: nothing is outside yet,
and a hold still helps. `releasing` comes before the first step that can't be undone: from then on the package is
finished, whatever is found out, since half of it may be out. `released` comes only after the check whether everything
that is out can be installed together: a run that is killed in between checks again, and no package starts in between.

**What can interrupt it.** A person's hold or abort, which `CascadeRun.mark` finds: the package stays held. A killed
process: the package starts again, and finds its release by its tag (`cascade` in the manifest), its pull request by
its branch, and its verdicts in the ledger. Another cascade with the same package: see `coordination`. A release of
the package by somebody else: the cascade waits for it, and finishes an unfinished one first, hence `MOST_RELEASES`.

A downstream that does not follow its dispatch does not undo a release: it is out, and the cascade continues with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from packaging.version import Version

from interlock.cascades.candidate import head
from interlock.cascades.command import run_command
from interlock.cascades.context import CascadeContext
from interlock.cascades.coordination import what_moves
from interlock.cascades.pull_request import proposed
from interlock.cascades.scheduler import CascadeRun
from interlock.cascades.verify import Moved, Proof, installable, prove, remember
from interlock.common.retry import until
from interlock.common.steps import RunStep
from interlock.errors import BusyError, DispatchError, RepositoryError
from interlock.model.cascade import Action, Cascade, State
from interlock.model.family import Change
from interlock.model.release import Release
from interlock.releases.plan import ReleaseRequest
from interlock.releases.pull_request import ProposalState
from interlock.releases.requirements import DecisionError

# An unfinished release from outside the cascade is finished first; there is one at most.
MOST_RELEASES = 2
# How often a branch may move while its suites run.
MOST_PROOFS = 3
BROKEN = "what was released can't be installed together"


ReleasePackage = Callable[[CascadeContext, ReleaseRequest], Awaitable[Release]]


class PackageSteps:
    """Runs the steps of each package of a cascade.

    Args:
        cascade_run: The running cascade.
        run: Runs each step.
        release: Releases a package.
    """

    def __init__(self, cascade_run: CascadeRun, run: RunStep, release: ReleasePackage) -> None:
        self._cascade_run = cascade_run
        self._context = cascade_run.context
        self._run = run
        self._release = release
        # Two packages that are released at the same time are checked together.
        self._one_by_one = asyncio.Lock()
        # The release of one package moves the branch on which another one of the same repository is proved.
        self._repositories: dict[str, asyncio.Lock] = {}

    async def follow(self, name: str) -> None:
        """Run a package's steps, and record its states; the scheduler handles errors."""
        cascade = await self._cascade_run.now()
        if name == cascade.root:
            await self._root(cascade)
            return
        does = {
            Action.TEST: self._test,
            Action.RELEASE: self._release_it,
            Action.DISPATCH: self._wait_for_release,
            Action.COMMAND: self._command,
        }
        await does[cascade.action(name)](cascade, name)

    async def _root(self, cascade: Cascade) -> None:
        await self._cascade_run.mark(cascade.root, State.RELEASING, version=cascade.version)
        asked = self._context.request
        if cascade.action(cascade.root) is Action.DISPATCH:
            await self._on_the_index(cascade.root, lambda version: version == cascade.version)
            await self._cascade_run.mark(cascade.root, State.RELEASED, "by somebody else", version=cascade.version)
            return
        version = cascade.plan.root_text or str(cascade.version)
        fields = {"version": version, "ref": cascade.plan.root_ref}
        fields |= {"despite": asked.despite, "request_id": asked.request_id}
        await self._released(self._request(cascade, cascade.root, **fields))

    def _request(self, cascade: Cascade, name: str, **fields: object) -> ReleaseRequest:
        """The request of a package's release: equal each time, so that what was proved is what is released."""
        began = int(cascade.began_at.timestamp())
        return self._context.request.release_of(name, cascade=cascade.id, at=began, **fields)

    async def _test(self, cascade: Cascade, name: str) -> None:
        if await self._proved(cascade, name, None):
            words = (cascade.plan.package(name).why, await self._unproven(name))
            await self._cascade_run.mark(name, State.UNCHANGED, "; ".join(filter(None, words)))

    async def _unproven(self, name: str) -> str:
        return (await self._cascade_run.now()).progress[name].unproven

    async def _release_it(self, cascade: Cascade, name: str) -> None:
        repository = self._context.family.repository(name).lower()
        async with self._repositories.setdefault(repository, asyncio.Lock()):
            await self._prove_and_release(cascade, name)

    async def _prove_and_release(self, cascade: Cascade, name: str) -> None:
        pins = await what_moves(self._cascade_run, name)
        if pins is None:
            return
        # An earlier run may have released half of it: it is finished, whatever its suites show now.
        is_releasing = cascade.state(name) is State.RELEASING
        request = self._request(cascade, name, pins=pins)
        if not is_releasing and not await self._proved(cascade, name, request):
            return
        try:
            await self._release_with(cascade, request)
        except DecisionError as decision:
            await self._cascade_run.mark(name, State.HELD, decision.message)

    async def _release_with(self, cascade: Cascade, request: ReleaseRequest) -> None:
        name = request.package
        by_pull_request = self._context.family.package(name).change is Change.PULL_REQUEST
        is_releasing = cascade.state(name) is State.RELEASING
        if by_pull_request and not is_releasing and not await self._merged(cascade, name, request.pins):
            return
        await self._cascade_run.mark(name, State.RELEASING, cascade.plan.package(name).why)
        await self._released(request)

    async def _proved(self, cascade: Cascade, name: str, request: ReleaseRequest | None) -> bool:
        """Whether nothing regressed; else the package is held. What was pushed meanwhile is proved too."""
        for _ in range(MOST_PROOFS):
            proof = await self._proof(cascade, name, request)
            if held := proof.regressed or self._evidence_missing(name, proof, request):
                await self._cascade_run.mark(name, State.HELD, "; ".join(held))
                return False
            if proof.base is None or proof.base == await head(self._context, name):
                return True
        raise RepositoryError(f"the branch of {name} moved whenever its suites had run", hint="run it again")

    def _evidence_missing(self, name: str, proof: Proof, request: ReleaseRequest | None) -> tuple[str, ...]:
        """Why a package that is only released with evidence may not be."""
        if request is None or self._context.family.package(name).contract.evidence != "required":
            return ()
        proved = {cell.upstream for cell in proof.works}
        missing = ", ".join(upstream for upstream in request.pins if upstream not in proved)
        return (f"evidence is required, and no suite has shown that it works with {missing}",) if missing else ()

    async def _proof(self, cascade: Cascade, name: str, request: ReleaseRequest | None) -> Proof:
        pins = request.pins if request else {}
        released = {**cascade.released(), **pins}
        upstreams = [each for each in self._context.family.package(name).upstreams if each in released]
        moved = [await self._moved(cascade, each, released[each]) for each in upstreams]
        words = ", ".join(f"{each.upstream} {each.now}" for each in moved)
        await self._cascade_run.mark(name, State.TESTING, f"with {words}", pins=pins)
        proof = await self._run(f"prove {name}", prove, self._context, name, moved, request)
        await self._cascade_run.prove(name, proof.cells)
        return proof

    async def _moved(self, cascade: Cascade, upstream: str, now: Version) -> Moved:
        if upstream in cascade.progress:
            return Moved(upstream=upstream, before=cascade.plan.package(upstream).current, now=now)
        # An upstream of another cascade that shares the package: it is not in this plan.
        served = await self._context.connections.index.served(upstream)
        earlier = (each for each in served if each < now and not served[each].yanked)
        return Moved(upstream=upstream, before=max(earlier, default=None), now=now)

    async def _merged(self, cascade: Cascade, name: str, pins: Mapping[str, Version]) -> bool:
        """Whether the pull request with the new requirements is merged; a closed one is a person's decision."""
        # This also finds a hold: a merge can't be undone.
        await self._cascade_run.mark(name, State.TESTING, "making its pull request")
        proposal = await self._run(f"propose {name}", proposed, self._context, cascade, name, pins)
        if proposal is None or proposal.state is ProposalState.MERGED:
            return True
        if proposal.state is ProposalState.CLOSED:
            await self._cascade_run.mark(
                name, State.HELD, f"its pull request was closed: {proposal.url}", link=proposal.url
            )
        else:
            why = f"{proposal.url} waits for {proposal.waits_for}"
            await self._cascade_run.mark(name, State.AWAITING_MERGE, why, link=proposal.url)
        return False

    async def _released(self, request: ReleaseRequest) -> None:
        try:
            release = await self._to_the_end(request)
        except DispatchError:
            if (out := await self._out(request)) is None:
                raise
            release = out
        if release.nothing_new:
            words = f"{release.nothing_new_in_words}, and no requirement moves"
            await self._cascade_run.mark(request.package, State.UNCHANGED, words)
            return
        async with self._one_by_one:
            # Before it counts as released: a killed run checks again, and no package starts in between.
            why = await self._broken_by(request.package, release.version)
            words = "; ".join(filter(None, (why, await self._unproven(request.package), _not_followed(release))))
            proof = (await self._cascade_run.now()).progress[request.package].proof
            await remember(self._context, proof, {file.sha256 for file in release.files})
            await self._cascade_run.mark(
                request.package,
                State.RELEASED,
                words,
                version=release.version,
                link=release.page,
                breaks=why is not None,
            )

    async def _broken_by(self, package: str, version: Version) -> str | None:
        """Why what was released can't be installed together now; None when it can, or could not before."""
        cascade = await self._cascade_run.now()
        if cascade.breakers():
            return None
        # A person has accepted these as they are.
        others = {name: each for name, each in cascade.released().items() if not cascade.progress[name].accepted}
        why = await installable(self._context, {**others, package: version})
        return f"{BROKEN}: {why}" if why is not None else None

    async def _to_the_end(self, request: ReleaseRequest) -> Release:
        for _ in range(MOST_RELEASES):
            release = await self._when_free(request)
            if release.nothing_new or _is_meant(release, request):
                return release
        raise RepositoryError(f"{request.package} was released, but not in {request.cascade}", hint="run it again")

    async def _when_free(self, request: ReleaseRequest) -> Release:
        """Release it, and wait while another process, as of another cascade, releases it."""

        async def released() -> Release | None:
            try:
                return await self._release(self._context, request)
            except BusyError:
                return None

        found = await until(released, seconds=self._context.request.patience.run, first=1.0)
        return found or await self._release(self._context, request)

    async def _out(self, request: ReleaseRequest) -> Release | None:
        """The meant release, which is out although a downstream did not follow; None when it is another one."""
        known = await asyncio.to_thread(self._context.connections.ledger.releases, request.package)
        return next((release for release in known if _is_meant(release, request)), None)

    async def _wait_for_release(self, cascade: Cascade, name: str) -> None:
        """Wait until its own workflows, which got the upstreams' dispatches, have released it."""
        await self._cascade_run.mark(name, State.RELEASING, "by its own workflows, which were told")
        if not self._context.family.package(name).publishes:
            await self._cascade_run.mark(name, State.RELEASED, "its own workflows were told")
            return
        current = cascade.plan.package(name).current
        version = await self._on_the_index(name, lambda version: current is None or version > current)
        await self._cascade_run.mark(name, State.RELEASED, "by its own workflows", version=version)

    async def _on_the_index(self, name: str, is_meant: Callable[[Version], bool]) -> Version:
        async def there() -> Version | None:
            served = await self._context.connections.index.served(name)
            return max((each for each in served if is_meant(each) and not served[each].yanked), default=None)

        seconds = self._context.request.patience.run
        found = await until(there, seconds=seconds)
        if found is None:
            raise RepositoryError(
                f"no new release of {name} is on {self._context.connections.index.index.name} after {seconds:g} s",
                hint=f"see the workflow runs of {self._context.family.repository(name)}, and run it again",
            )
        return found

    async def _command(self, cascade: Cascade, name: str) -> None:
        package = self._context.family.package(name)
        pins = await what_moves(self._cascade_run, name)
        if pins is None:
            return
        await self._cascade_run.mark(name, State.RELEASING, f"running {' '.join(package.command)}", pins=pins)
        log = await self._run(f"command {name}", run_command, self._context, cascade, name)
        await self._cascade_run.mark(name, State.RELEASED, f"{' '.join(package.command)} ended well: {log}")


def _is_meant(release: Release, request: ReleaseRequest) -> bool:
    """Whether it is the cascade's; the root may also have been started by `interlock release`."""
    return release.cascade == request.cascade or release.version == request.wanted


def _not_followed(release: Release) -> str:
    silent = [record.order.repository for record in release.unheard]
    failed = [record.order.repository for record in release.failed]
    words = [f"nobody took its dispatch to {', '.join(silent)}"] if silent else []
    words += [f"the run that took its dispatch failed in {', '.join(failed)}"] if failed else []
    return "; ".join(words)
