"""The check run `interlock/cells`, which only an App can make: started, completed, and made again for a new result.

Annotations are added to a check run fifty in a call, and can't be removed. So their number shows how far an interrupted
call came, and the next call continues from there. The external id has a digest of the whole result: a check run with
another id has another result. One that is in progress is updated; a completed one is left, and a new one is made.
"""

import hashlib
from collections.abc import Sequence

from interlock.adapters.code_host import CommitChecks
from interlock.adapters.github import Account, Annotation, CheckRun
from interlock.adapters.github.check_runs import LONGEST_SUMMARY, MOST_ANNOTATIONS
from interlock.adapters.github.errors import UnreachableError
from interlock.common.frozen_model import FrozenModel
from interlock.contracts.verify.report import Conclusion
from interlock.contracts.verify.statuses import CONTEXT

IN_PROGRESS = "in_progress"
# Neutral would let a required check pass, but an unknown result must not.
CONCLUSIONS = {
    Conclusion.SUCCESS: "success",
    Conclusion.FAILURE: "failure",
    Conclusion.ERROR: "failure",
    Conclusion.SKIPPED: "skipped",
}


class Subject(FrozenModel):
    """The subject of a check run.

    Attributes:
        repository: As owner/name.
        package: The upstream, which distinguishes the check runs of a repository.
        url: The page with the details.
    """

    repository: str
    sha: str
    package: str
    url: str | None = None


class Result(FrozenModel):
    """The result that a completed check run shows."""

    conclusion: str
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()

    def external_id(self, package: str) -> str:
        """The external id of the check run with this result: GitHub returns it unchanged, but perhaps not the texts."""
        digest = hashlib.sha256(self.model_dump_json().encode()).hexdigest()
        return f"{package} {digest[:16]}"

    def facts(self, annotations: Sequence[Annotation]) -> dict[str, object]:
        """The fields to send, with these of the annotations."""
        sent = [annotation.as_sent() for annotation in annotations]
        output = {"title": self.title, "summary": self.summary[:LONGEST_SUMMARY], "annotations": sent}
        return {"status": "completed", "conclusion": self.conclusion, "output": output}


async def start(github: CommitChecks, me: Account, subject: Subject) -> None:
    """Start the check run, unless one is in progress.

    Raises:
        GitHubError, TokenError: GitHub refuses; when transient, call it again.
    """
    newest = await _newest(github, me, subject)
    if newest is None or newest.is_completed:
        await github.create_check_run(
            subject.repository, **_identity(subject), external_id=subject.package, status=IN_PROGRESS
        )


async def end(github: CommitChecks, me: Account, subject: Subject, result: Result) -> str:
    """Complete the check run, unless it shows this result already.

    Returns:
        The conclusion; empty when nothing was changed.

    Raises:
        GitHubError, TokenError: GitHub refuses; when transient, call it again.
    """
    run, external_id = await _newest(github, me, subject), result.external_id(subject.package)
    is_there = run is not None and run.external_id == external_id
    if run is not None and is_there and run.output.annotations_count >= len(result.annotations):
        return ""
    if run is None or (run.is_completed and not is_there):
        first = result.facts(result.annotations[:MOST_ANNOTATIONS])
        run = await github.create_check_run(subject.repository, **_identity(subject), external_id=external_id, **first)
    elif not is_there:
        run = await _add(github, subject, result, run)
    while run.output.annotations_count < len(result.annotations):
        run = await _add(github, subject, result, run)
    return result.conclusion


async def _add(github: CommitChecks, subject: Subject, result: Result, run: CheckRun) -> CheckRun:
    """Send the result, with the next of the annotations that the check run lacks."""
    there = run.output.annotations_count
    facts = result.facts(result.annotations[there : there + MOST_ANNOTATIONS])
    external_id = result.external_id(subject.package)
    changed = await github.update_check_run(
        subject.repository, run.id, details_url=subject.url, external_id=external_id, **facts
    )
    if changed.output.annotations_count <= there < len(result.annotations):
        raise UnreachableError(f"{subject.repository}: GitHub has not taken the annotations yet", hint="run it again")
    return changed


def _identity(subject: Subject) -> dict[str, object]:
    return {"name": CONTEXT, "head_sha": subject.sha, "details_url": subject.url}


async def _newest(github: CommitChecks, me: Account, subject: Subject) -> CheckRun | None:
    """This App's newest check run about the package."""
    runs = await github.check_runs(subject.repository, subject.sha, name=CONTEXT)
    slug = me.login.removesuffix("[bot]").lower()
    mine = (run for run in runs if run.app is not None and run.app.slug == slug)
    return next((run for run in mine if (run.external_id or "").split(" ")[0] == subject.package), None)
