"""The change of the upstream's contract: what it is, whether suites are run for it, and which downstreams use it."""

from collections.abc import Iterator, Sequence

from packaging.requirements import Requirement

from interlock.adapters.distributions import Wheel
from interlock.adapters.index.client import Release
from interlock.adapters.interpreter import Interpreter
from interlock.adapters.ledger import KnownContract
from interlock.common.clock import now
from interlock.common.frozen_model import FrozenModel
from interlock.common.sanitize import one_line
from interlock.contracts.schema import ContractChange
from interlock.contracts.schema.change import contract_change, with_uses
from interlock.contracts.schema.uses import DownstreamSources
from interlock.contracts.verify import review
from interlock.contracts.verify.comparison import Comparison
from interlock.contracts.verify.context import VerificationContext
from interlock.contracts.verify.subjects import ComparedBuilds, Downstream
from interlock.errors import DistributionError, InterlockError
from interlock.matrix.plan import Plan
from interlock.matrix.sources import Sources
from interlock.model.family import Contract as Policy
from interlock.model.suites import UNPROVEN


class Contract(FrozenModel):
    """The change of a contract.

    Attributes:
        change: None when the contracts could not be compared, or there is nothing to compare with.
        notes: Why not; or what else has changed that only the suites can judge.
    """

    change: ContractChange | None = None
    notes: tuple[str, ...] = ()


async def compare_contracts(context: VerificationContext, compared: ComparedBuilds) -> Contract:
    """What changed in the contract between the baseline and the ref; if that can't be found out, suites still run.

    Raises:
        InterlockError: Another try may help.
    """
    python = (context.request.python or context.family.python)[0]
    try:
        interpreter = await context.connections.uv.interpreter(python)
        new = await _wheel(context, compared.ref.release, interpreter)
        old = await _wheel(context, compared.baseline.release, interpreter) if compared.baseline else None
    except InterlockError as error:
        return _unknown(error)
    contract = await _compared(context, old, new, interpreter)
    # Known even where the contract is not: a change that wants to hide must not be able to.
    remark = await review.remark(old.path if old else None, new.path)
    return contract.model_copy(update={"notes": (*contract.notes, remark)}) if remark else contract


def _unknown(error: InterlockError) -> Contract:
    if error.transient:
        raise error
    return Contract(notes=(f"the contract could not be compared: {one_line(error.message)}",))


async def _compared(context: VerificationContext, old: Wheel | None, new: Wheel, interpreter: Interpreter) -> Contract:
    if old is None:
        return Contract(notes=("the contract is compared with nothing: there is no release yet",))
    try:
        return await _change(context, old, new, interpreter)
    except InterlockError as error:
        return _unknown(error)


async def _change(context: VerificationContext, old: Wheel, new: Wheel, interpreter: Interpreter) -> Contract:
    change = await contract_change(
        old.path,
        new.path,
        modules=context.package.contract.modules,
        uv=context.connections.uv,
        interpreter=interpreter,
        cache=context.connections.cache,
    )
    note = requires_otherwise(old, new)
    return Contract(change=change, notes=(note,) if note else ())


async def _wheel(context: VerificationContext, release: Release, interpreter: Interpreter) -> Wheel:
    wheel = await Sources(context.connections).wheel(release, interpreter)
    if isinstance(wheel, str):
        raise DistributionError(wheel)
    return wheel


def requires_otherwise(before: Wheel, after: Wheel) -> str | None:
    """What one wheel requires and the other does not, in a line; None when both require the same.

    Requirements are not elements of a contract, but may leave a downstream without any environment.
    """
    old, new = _requirements(before), _requirements(after)
    lines = (("now", new - old), ("no longer", old - new))
    parts = "; ".join(f"{word} {', '.join(sorted(found))}" for word, found in lines if found)
    return f"what {after.name} requires has changed: {parts}" if parts else None


def _requirements(wheel: Wheel) -> set[str]:
    python = {f"Python {wheel.requires_python}"} if wheel.requires_python else set[str]()
    return python | {str(Requirement(line)) for line in wheel.requires}


def reason_to_skip(policy: Policy, compared: ComparedBuilds, contract: Contract) -> str | None:
    """Why no suite is run, or None. A contract that could not be compared counts as changed."""
    change = contract.change
    if policy.unchanged != "skip" or compared.baseline is None or change is None:
        return None
    if contract.notes or not change.is_empty:
        return None
    return f"nothing in the contract of {compared.upstream} has changed since {compared.baseline.described}"


async def find_uses(contract: Contract, downstreams: Sequence[Downstream], plan: Plan) -> Contract:
    """The change with its uses: by the downstreams' wheels, and by the suites that would be run."""
    if contract.change is None:
        return contract
    found = {each.name: _sources(each, plan) for each in downstreams}
    change = await with_uses(contract.change, {name: sources for name, sources in found.items() if sources})
    return contract.model_copy(update={"change": change})


def _sources(downstream: Downstream, plan: Plan) -> DownstreamSources | None:
    """The newest sources of a downstream: its branch's, else its release's."""
    for side in reversed(downstream.sides):
        key = downstream.name, side.version
        cells = (cell for cell in plan.cells if (cell.key.downstream, cell.key.downstream_version) == key)
        found = [(cell.key.suite, cell.recipe) for cell in cells if cell.recipe]
        recipes = [recipe for _, recipe in found]
        for wheel in recipes[0].wheels if recipes else ():
            if wheel.name == downstream.name:
                tests = dict.fromkeys(recipe.tests for recipe in recipes if recipe.tests)
                tested = [recipe for suite, recipe in found if suite != UNPROVEN.name]
                imports = dict.fromkeys(module for recipe in tested for module in recipe.modules)
                return DownstreamSources(wheel=wheel.path, tests=tuple(tests), imports=tuple(imports))
    return None


def record(context: VerificationContext, comparison: Comparison, compared: ComparedBuilds, contract: Contract) -> None:
    """Record what a commit does to the contract, for its release."""
    change, baseline = contract.change, compared.baseline
    if change is None or baseline is None or comparison.found.sha is None or context.request.baseline is not None:
        return
    context.connections.ledger.record_contract(
        KnownContract(
            package=context.upstream,
            sha=comparison.found.sha,
            part=change.part.value,
            text="\n".join((f"compared with {baseline.described}", *_lines(change))),
            at=now(),
        )
    )


def _lines(change: ContractChange) -> Iterator[str]:
    """What changed, breaking changes first."""
    for each in sorted(change.changes, key=lambda one: not one.breaks):
        yield one_line(f"{each.name} {each.what}{': ' if each.details else ''}{'; '.join(each.details)}")
    yield from map(one_line, change.api)
