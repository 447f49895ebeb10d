"""A release whose files are only partly on the index: what is out, and how it is finished without the rest.

An index may refuse a file for good when the commit, the tag and other files are out. A person then decides: remove the
cause and run it again; leave the version; or finish it with the files that are there. That decision stands in the notes
of the GitHub Release, where every machine finds it, so no later run tries the refused files again.
"""

import re
from collections.abc import Collection, Iterable

from interlock.adapters.github import GitHubRelease
from interlock.adapters.index import upload
from interlock.adapters.index.rules import OPEN_DAYS, RuleSet, release_is_open, rules_of
from interlock.common.clock import now
from interlock.errors import PublishError, RefusedError, UsageError
from interlock.model.release import ReleasedFile
from interlock.project.build import BuiltFile
from interlock.releases.context import ReleaseContext
from interlock.releases.plan import Plan, newer, released

OPTION = "--finish-with-what-is-there"
MARK = "Interlock-Left-Out"
YANK = "yank it on the index's own pages (PyPI: Your projects, Manage, Releases, Options, Yank)"


async def with_decision(context: ReleaseContext, plan: Plan) -> Plan:
    """Add to the plan of a resumed release the files that it is finished without: by a decision before, or the request.

    Raises:
        RefusedError: The index has no file of the release.
    """
    assert plan.manifest is not None
    page = await context.connections.github.release(plan.repository, plan.tag)
    left_out = given_up(page, plan.manifest.files)
    if context.request.finish:
        missing = await upload.missing(plan.package, plan.version, plan.manifest.files, context.connections.index)
        if len(missing) == len(plan.manifest.files):
            index = context.connections.index.index.name
            raise RefusedError(f"{index} has no file of {plan.package} {plan.version}", hint=newer(plan))
        left_out |= missing
    if not left_out:
        return plan
    remark = f"it is finished without {', '.join(sorted(left_out))}"
    return plan.model_copy(update={"left_out": left_out, "remarks": (*plan.remarks, remark)})


def refuse_to_finish(context: ReleaseContext) -> None:
    """Refuse a request that only finishes a release, where none is unfinished.

    Raises:
        UsageError: The request is one.
    """
    if context.request.finish:
        hint = f"by its number: interlock release {context.name} --version … {OPTION}"
        raise UsageError(f"no release of {context.name} is unfinished, so there is nothing to finish", hint=hint)


def given_up(page: GitHubRelease | None, files: Iterable[ReleasedFile]) -> frozenset[str]:
    """The files that a release was finished without, by the notes of its GitHub Release."""
    body = page.body or "" if page else ""
    marked = set(re.findall(rf"^<!-- {MARK}: (\S+) -->\r?$", body, re.MULTILINE))
    return frozenset(file.name for file in files if file.name in marked)


def note(plan: Plan) -> str:
    """What the notes of a release say of the files that it is finished without; empty without any."""
    names = sorted(plan.left_out)
    says = f"\nNot published, since the index does not take it: {', '.join(f'`{name}`' for name in names)}\n\n"
    return says + "".join(f"<!-- {MARK}: {name} -->\n" for name in names) if names else ""


async def refused(
    context: ReleaseContext, plan: Plan, files: Collection[BuiltFile], error: PublishError
) -> PublishError:
    """A final refusal of the index, with what is out already and the ways on."""
    missing = await upload.missing(plan.package, plan.version, released(files), context.connections.index)
    there = [file.name for file in files if file.name not in missing]
    on_index = f"; on {context.connections.index.index.name}: {', '.join(there)}" if there else ""
    message = (
        f"{error.message}\n"
        f"  is out: the commit and the tag {plan.tag} in {plan.repository}{on_index}\n"
        f"  is not out: {', '.join(sorted(missing))}, the GitHub Release, the dispatches"
    )
    return PublishError(message, hint="\n  ".join(_ways_on(plan, error, any_there=bool(there))))


def _ways_on(plan: Plan, error: PublishError, *, any_there: bool) -> Iterable[str]:
    if error.hint:
        yield error.hint
    yield "when the cause is gone, run the same command again: it continues from here"
    if any_there:
        yield f"to finish it without the rest: interlock release {plan.package} --version {plan.version} {OPTION}"
        yield f"to withdraw it: {YANK}; then {newer(plan)}"
    else:
        yield f"or {newer(plan)}"


async def make_sure_it_is_open(context: ReleaseContext, plan: Plan, files: Collection[BuiltFile]) -> None:
    """Refuse to continue a release that lacks files which its index takes no more.

    Raises:
        RefusedError: It is too old.
    """
    family, index = context.family, context.connections.index
    if rules_of(family.index, family.index_rules, context.connections.access.upload) is not RuleSet.PYPI:
        return
    found = (await index.served(plan.package)).get(plan.version)
    there = {file.name for file in found.files} if found else set()
    missing = sorted(file.name for file in files if file.name not in there)
    if missing and found and list(release_is_open(found.uploaded, now())):
        raise RefusedError(
            f"{index.index.name} takes no new files of {plan.package} {plan.version}, whose first was uploaded on "
            f"{found.uploaded:%Y-%m-%d}: a release is closed after {OPEN_DAYS} days. It lacks {', '.join(missing)}",
            hint="\n  ".join(
                (
                    f"to finish it without: interlock release {plan.package} --version {plan.version} {OPTION}",
                    f"or {newer(plan)}",
                )
            ),
        )
