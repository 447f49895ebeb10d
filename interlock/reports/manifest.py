"""The manifest of a cascade: commits, versions, files with hashes, verdicts and receipts, as JSON for programs."""

from collections.abc import Iterable, Mapping

from pydantic import AwareDatetime

from interlock.common.frozen_model import FrozenModel
from interlock.model.cascade import Action, Cascade, Outcome, Proven, State
from interlock.model.dispatches import DispatchRecord
from interlock.model.release import Release, ReleasedFile
from interlock.model.versions import VersionField


class ManifestPackage(FrozenModel):
    """A package of the cascade.

    Attributes:
        why: Why it takes part.
        reason: Why it is in its state.
        version: What it was released as; None when it was not.
    """

    package: str
    action: Action
    why: str
    state: State
    reason: str
    since: AwareDatetime
    previous: VersionField | None
    version: VersionField | None
    repository: str | None = None
    tag: str | None = None
    commit: str | None = None
    page: str | None = None
    files: tuple[ReleasedFile, ...] = ()
    dispatches: tuple[DispatchRecord, ...] = ()
    verdicts: tuple[Proven, ...] = ()


class Manifest(FrozenModel):
    """A whole cascade; the packages in dependency order."""

    id: str
    root: str
    version: VersionField
    outcome: Outcome
    aborted: bool
    began_at: AwareDatetime
    ended_at: AwareDatetime | None
    packages: tuple[ManifestPackage, ...]


def manifest(cascade: Cascade, releases: Iterable[Release] = ()) -> Manifest:
    """Collect what is known about a cascade.

    Args:
        cascade: How far it has come.
        releases: Those that the ledger has; others than the cascade's don't matter.
    """
    known = {(release.package, release.version): release for release in releases}
    return Manifest(
        id=cascade.id,
        root=cascade.root,
        version=cascade.version,
        outcome=cascade.outcome,
        aborted=cascade.aborted,
        began_at=cascade.began_at,
        ended_at=cascade.ended_at,
        packages=tuple(_package(cascade, name, known) for name in cascade.progress),
    )


def manifest_json(found: Manifest) -> str:
    """The manifest as it is printed."""
    return found.model_dump_json(indent=2) + "\n"


def _package(cascade: Cascade, name: str, releases: Mapping[tuple[str, VersionField], Release]) -> ManifestPackage:
    planned, progress, version = cascade.plan.package(name), cascade.progress[name], cascade.released().get(name)
    release = releases.get((name, version)) if version else None
    fields = ("repository", "tag", "commit", "page", "files", "dispatches") if release else ()
    return ManifestPackage(
        package=name,
        action=planned.action,
        why=planned.why,
        state=progress.state,
        reason=progress.reason,
        since=progress.since,
        previous=planned.current,
        version=version,
        verdicts=progress.proof,
        **{field: getattr(release, field) for field in fields},
    )
