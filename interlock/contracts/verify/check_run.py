"""The check run `interlock/cells`, where the token is an App's: begun, ended, and begun anew when it was ended.

Annotations can be added to a check run and never taken away, fifty in a call: how many it has says how far an
interrupted call came.
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
# Neutral would let a required check pass: what is not known is no success.
CONCLUSIONS = {
    Conclusion.SUCCESS: "success",
    Conclusion.FAILURE: "failure",
    Conclusion.ERROR: "failure",
    Conclusion.SKIPPED: "skipped",
}


class Subject(FrozenModel):
    """What a check run is about.

    Attributes:
        repository: As owner/name.
        package: The upstream, by which a repository's check runs are told apart.
        url: Where there is more to read.
    """

    repository: str
    sha: str
    package: str
    url: str | None = None


class Said(FrozenModel):
    """What a check run says in the end."""

    conclusion: str
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()

    def named(self, package: str) -> str:
        """What the check run is called that says this: GitHub keeps it as it is, and perhaps not every white space."""
        digest = hashlib.sha256(self.model_dump_json().encode()).hexdigest()
        return f"{package} {digest[:16]}"

    def facts(self, annotations: Sequence[Annotation]) -> dict[str, object]:
        """What is sent, with these of its annotations."""
        sent = [annotation.as_sent() for annotation in annotations]
        output = {"title": self.title, "summary": self.summary[:LONGEST_SUMMARY], "annotations": sent}
        return {"status": "completed", "conclusion": self.conclusion, "output": output}


async def begin(github: CommitChecks, me: Account, subject: Subject) -> None:
    """Say that it is under way; nothing happens when that is said.

    Raises:
        GitHubError, TokenError: GitHub refuses; when transient, call it again.
    """
    newest = await _newest(github, me, subject)
    if newest is None or newest.is_completed:
        await github.create_check_run(
            subject.repository, **_made(subject), external_id=subject.package, status=IN_PROGRESS
        )


async def end(github: CommitChecks, me: Account, subject: Subject, said: Said) -> str:
    """Say how it ended; nothing happens when that is said.

    Returns:
        What was done, in a word; none when it was as it is.

    Raises:
        GitHubError, TokenError: GitHub refuses; when transient, call it again.
    """
    run, named = await _newest(github, me, subject), said.named(subject.package)
    says_it = run is not None and run.external_id == named
    if run is not None and says_it and run.output.annotations_count >= len(said.annotations):
        return ""
    if run is None or (run.is_completed and not says_it):
        first = said.facts(said.annotations[:MOST_ANNOTATIONS])
        run = await github.create_check_run(subject.repository, **_made(subject), external_id=named, **first)
    elif not says_it:
        run = await _add(github, subject, said, run)
    while run.output.annotations_count < len(said.annotations):
        run = await _add(github, subject, said, run)
    return said.conclusion


async def _add(github: CommitChecks, subject: Subject, said: Said, run: CheckRun) -> CheckRun:
    """Say it, with the next annotations of those that it lacks."""
    there = run.output.annotations_count
    facts = said.facts(said.annotations[there : there + MOST_ANNOTATIONS])
    named = said.named(subject.package)
    changed = await github.update_check_run(
        subject.repository, run.id, details_url=subject.url, external_id=named, **facts
    )
    if changed.output.annotations_count <= there < len(said.annotations):
        raise UnreachableError(f"{subject.repository}: GitHub has not taken the annotations yet", hint="run it again")
    return changed


def _made(subject: Subject) -> dict[str, object]:
    return {"name": CONTEXT, "head_sha": subject.sha, "details_url": subject.url}


async def _newest(github: CommitChecks, me: Account, subject: Subject) -> CheckRun | None:
    """This App's newest check run about the package."""
    runs = await github.check_runs(subject.repository, subject.sha, name=CONTEXT)
    slug = me.login.removesuffix("[bot]").lower()
    mine = (run for run in runs if run.app is not None and run.app.slug == slug)
    return next((run for run in mine if (run.external_id or "").split(" ")[0] == subject.package), None)
