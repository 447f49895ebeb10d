"""What is to be published about a commit, as data: made where strangers' code runs, and published where none does.

A verification runs what strangers wrote, so what it says is not trusted: neither of whom it speaks nor how long.
`check` compares a request with the family file before anything is published, and texts and addresses are made by the
step that publishes. That a result is true is not checked: docs/security.md.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID, uuid4

from pydantic import Field, ValidationError

from interlock.adapters.code_host import CodeHost
from interlock.common.frozen_model import FrozenModel
from interlock.contracts.verify import publish
from interlock.contracts.verify.cells import tested_downstreams
from interlock.contracts.verify.publish import Commit, Published, Spend, Texts
from interlock.contracts.verify.report import ContractsReport
from interlock.contracts.verify.request import ContractsRequest
from interlock.errors import RefusedError
from interlock.model.family import Family
from interlock.model.statement import LARGEST, Statement

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LONGEST_REASON = 4_000
_TOO_LARGE = "the report is too large to be published"
Reason = Annotated[str, Field(max_length=_LONGEST_REASON)]


class Publication(FrozenModel):
    """What is to be published about a commit: a result, its lack or needlessness, or else that it is being tested.

    Attributes:
        format: The number of this form.
        commit: The commit, without the page of the run.
        run: The flow run that found it out; None for a run without Prefect.
        pull: The pull request that it was proposed by.
        against: While it is being tested: the baseline, for people.
        failure: Why there is no result.
        refused: The pull request whose code only a maintainer may run.
        report: The result.
    """

    format: Literal[1] = 1
    commit: Commit
    run: UUID | None = None
    pull: Annotated[int, Field(ge=1)] | None = None
    against: Reason = ""
    failure: Reason | None = None
    refused: Annotated[int, Field(ge=1)] | None = None
    report: ContractsReport | None = None

    @property
    def subject(self) -> str:
        """What it speaks of; a newer publication replaces an older one about the same."""
        commit = self.commit
        return f"{commit.repository}@{commit.sha} {commit.package}: {' '.join(sorted(commit.downstreams))}"

    @property
    def is_open(self) -> bool:
        """Whether a result is to come."""
        return self.report is None and self.failure is None and self.refused is None and bool(self.commit.downstreams)

    def ended(self, how: str) -> Self:
        """The same for a run that ended without a result, with the command that verifies the commit again."""
        commit = self.commit
        again = ContractsRequest(
            upstream=commit.package,
            ref=commit.sha,
            pull=self.pull,
            downstream=() if commit.is_whole else commit.downstreams,
        )
        return self.model_copy(update={"failure": f"{how}; again: {again.command}"})

    def statement(self, family: str, at: datetime) -> Statement:
        """The form in which the ledger keeps it; a result that is too large becomes a failure."""
        body = self.model_dump_json(exclude_defaults=True)
        if len(body) > LARGEST:
            failed = self.model_copy(update={"report": None, "failure": _TOO_LARGE})
            body = failed.model_dump_json(exclude_defaults=True)
        run = self.run if self.is_open else None
        return Statement(subject=self.subject, id=uuid4(), family=family, at=at, run=run, body=body)

    @classmethod
    def read(cls, statement: Statement) -> Self:
        """The publication that a statement holds.

        Raises:
            RefusedError: It holds something else.
        """
        try:
            return cls.model_validate_json(statement.body)
        except ValidationError as error:
            raise RefusedError(f"what the ledger holds is nothing to publish: {error.error_count()} errors") from None


def check(publication: Publication, family: Family) -> Publication:
    """Check that it speaks of a package of the family and of its downstreams, and of nothing else.

    Returns:
        The publication; whether it speaks of all downstreams is not taken from it.

    Raises:
        RefusedError: It does not.
    """
    commit, report = publication.commit, publication.report
    if commit.package not in family.packages or commit.repository != family.repository(commit.package):
        raise RefusedError("it speaks of a repository that is not that of a package of the family")
    if not _SHA.fullmatch(commit.sha):
        raise RefusedError("it names no commit")
    known = tested_downstreams(commit.package, family)
    named = [*commit.downstreams, *((each.downstream for each in report.downstreams) if report else ())]
    if bool(commit.downstreams) != bool(known) or not set(named) <= set(known):
        raise RefusedError(f"it speaks of a package that is no tested downstream of {commit.package}")
    wanted = (commit.package, commit.repository, commit.sha)
    if report is not None and (report.upstream, report.repository, report.sha) != wanted:
        raise RefusedError("its report is about another commit")
    facts = {
        "is_whole": set(commit.downstreams) == set(known),
        "is_detailed": family.downstream_statuses,
        "url": None,
        "has_siblings": family.shares(commit.package),
    }
    return publication.model_copy(update={"commit": commit.model_copy(update=facts)})


async def publish_it(
    github: CodeHost,
    publication: Publication,
    texts: Callable[[ContractsReport, str | None], Texts],
    url: str | None,
    spend: Spend,
) -> Published:
    """Publish it; a second call changes nothing.

    Args:
        github: The client; its token writes.
        publication: What is published.
        texts: Renders a report, with the page of the run.
        url: The page of the run.
        spend: Takes from the budget.
    """
    commit = publication.commit.model_copy(update={"url": url})
    if not commit.downstreams:
        return await publish.publish_needless(github, commit, f"no suite of a downstream tests {commit.package}")
    if publication.report is not None:
        rendered = texts(publication.report, url)
        return await publish.publish(github, commit, publication.report, rendered, spend=spend)
    if publication.failure is not None:
        return await publish.publish_failed(github, commit, publication.failure, spend=spend)
    if publication.refused is not None:
        by_hand = ContractsRequest(upstream=commit.package, ref=commit.sha, pull=publication.refused)
        return await publish.publish_refused(github, commit, by_hand.command)
    return await publish.publish_pending(github, commit, against=publication.against, spend=spend)
