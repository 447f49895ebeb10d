"""Publishes the result on GitHub: a status for all, one for each downstream, a check run, and one comment.

Theory of operation. A verification may be killed, run twice, or run at the same time as a newer one, and an answer of
GitHub may be lost. So each write first reads what is there, and writes only what differs:

- A status is sent unless the newest one of its context is equal.
- A check run and a comment are found again by the token's account and by their subject: see `check_run` and `comment`.
- These and the status for all speak of all downstreams, so they are left alone when only some were tested. Nothing at
  all is published when less was run than the family file requires, since that could turn red into green.

GitHub takes 500 new things an hour from an account. The status for all is written first and always. Those of single
downstreams are written last, and only as long as the hour's budget lasts; the rest waits for another attempt.
While a run lasts they are left out, but an older result on the same commit becomes pending: old evidence is no yes.

Publishing the same again therefore changes nothing, and every attempt may be repeated. An attempt that fails for good
becomes a `PublishFailure` with a hint, and the others continue: no refusal of GitHub hides the verdict.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from interlock.adapters.code_host import CodeHost
from interlock.adapters.github import Account, Annotation, CommitStatus, StatusState
from interlock.adapters.github.errors import NotThereError, UnprocessableError
from interlock.adapters.ledger import Ledger
from interlock.common.clock import now
from interlock.common.frozen_model import FrozenModel
from interlock.common.retry import is_transient, patiently
from interlock.common.sanitize import one_line
from interlock.contracts.verify import check_run, comment
from interlock.contracts.verify.annotations import Notes
from interlock.contracts.verify.comparison import Comparison
from interlock.contracts.verify.context import VerificationContext
from interlock.contracts.verify.report import ContractsReport
from interlock.contracts.verify.statuses import CONTEXT, ROLL_UP, of_package, roll_up, rolled_up, status, statuses
from interlock.errors import GitHubError, InterlockError, TokenError

TRIES = 4
CHECK_RUN = f"the check run {CONTEXT}"
PAUSE = 1.0  # seconds before the second look; each further one is about twice as long
# Statuses of single downstreams, by all runs together. GitHub's limits are 80 and 500, for everything that is made.
MOST_A_MINUTE, MOST_AN_HOUR = 50, 350
Spend = Callable[[], float]
"""Takes one write from the budget, and returns 0; or else after how many seconds there is one."""
LONGEST_WAIT = 60.0
LATER = "they are written later, or by another run; downstream_statuses = false in [family] leaves them out"


def unlimited() -> float:
    """No budget: it is never spent."""
    return 0.0


def budget_in(ledger: Ledger) -> Spend:
    """The budget that all processes with this ledger share."""
    return lambda: ledger.spend_write(now(), a_minute=MOST_A_MINUTE, an_hour=MOST_AN_HOUR)


class BudgetSpentError(GitHubError):
    """The hour's budget is spent."""


class Texts(FrozenModel):
    """The rendered report.

    Attributes:
        title: The title of the check run: plain text, a line.
        summary: The summary of the check run: Markdown, 65,535 characters at most.
        comment: The comment on the pull request: Markdown, 65,000 characters at most.
    """

    title: str
    summary: str
    comment: str


class Commit(FrozenModel):
    """The commit on which the result is published.

    Attributes:
        package: The upstream.
        repository: As owner/name.
        downstreams: The packages that are tested.
        is_whole: Whether these are all downstreams that can be tested.
        is_detailed: Whether each downstream has a status of its own.
        url: The page of the run; None when it has none.
        has_siblings: Whether other packages are in the repository: then each has statuses of its own.
    """

    package: str
    repository: str
    sha: str
    downstreams: tuple[str, ...]
    is_whole: bool = True
    is_detailed: bool = True
    url: str | None = None
    has_siblings: bool = False


class PublishFailure(FrozenModel):
    """What could not be published, why, and what to do about it.

    Attributes:
        transient: Whether it may succeed later.
        postponed: Whether it only waits for the budget of another hour.
    """

    what: str
    why: str
    hint: str | None = None
    transient: bool = False
    postponed: bool = False

    def __str__(self) -> str:
        return f"{self.what} not told: {self.why}" + (f"; {self.hint}" if self.hint else "")


class Published(FrozenModel):
    """What was published.

    Attributes:
        done: The changes on GitHub, each in a line.
        failures: What could not be published.
        comment: The address of the comment, if there is one.
    """

    done: tuple[str, ...] = ()
    failures: tuple[PublishFailure, ...] = ()
    comment: str | None = None


async def publish_pending(
    github: CodeHost, commit: Commit, *, against: str = "", pause: float = PAUSE, spend: Spend = unlimited
) -> Published:
    """Publish that the downstreams are being tested.

    Args:
        github: The client; its token writes.
        commit: The commit.
        against: The baseline, for people.
        pause: Seconds before a second try.
        spend: Takes from the budget.
    """
    words = f"is being tested{f', beside {against}' if against else ''}"
    publication = _Publication(github, commit, pause, spend)
    await publication.publish_roll_up(StatusState.PENDING, words)
    await publication.start_check_run()
    await publication.publish_each(_all(commit, StatusState.PENDING, words))
    return publication.result


async def publish_failed(
    github: CodeHost, commit: Commit, reason: str, *, pause: float = PAUSE, spend: Spend = unlimited
) -> Published:
    """Publish that the run ended without a verdict, so that nothing stays pending for ever.

    Args:
        github: The client; its token writes.
        commit: The commit.
        reason: Why, in a line.
        pause: Seconds before a second try.
        spend: Takes from the budget.
    """
    words = f"not tested: {reason}"
    publication = _Publication(github, commit, pause, spend)
    await publication.publish_roll_up(StatusState.ERROR, words)
    await publication.end_check_run(
        check_run.Result(conclusion="failure", title="not tested", summary=one_line(reason))
    )
    await publication.publish_each(_all(commit, StatusState.ERROR, words))
    return publication.result


async def publish_refused(github: CodeHost, commit: Commit, command: str, *, pause: float = PAUSE) -> Published:
    """Publish that a maintainer must run it; what is known of the commit already stays.

    Args:
        github: The client; its token writes.
        commit: The commit.
        command: What the maintainer runs after a look at this commit.
        pause: Seconds before a second try.
    """
    publication = _Publication(github, commit, pause)
    await publication.publish_roll_up(StatusState.PENDING, f"needs a maintainer: {command}", replaces=False)
    return publication.result


async def publish_needless(github: CodeHost, commit: Commit, why: str, *, pause: float = PAUSE) -> Published:
    """Publish that there is nothing to test, so that nobody waits for an answer.

    Args:
        github: The client; its token writes.
        commit: The commit; it has no downstreams.
        why: Why, in a line.
        pause: Seconds before a second try.
    """
    publication = _Publication(github, commit, pause)
    await publication.publish_roll_up(StatusState.SUCCESS, f"not run: {why}")
    return publication.result


async def publish(
    github: CodeHost,
    commit: Commit,
    report: ContractsReport,
    texts: Texts,
    *,
    pause: float = PAUSE,
    spend: Spend = unlimited,
) -> Published:
    """Publish the result; a second call changes nothing.

    Args:
        github: The client; its token writes.
        commit: The commit, as for `publish_pending`.
        report: The result.
        texts: The rendered report.
        pause: Seconds before a second try.
        spend: Takes from the budget.
    """
    publication = _Publication(github, commit, pause, spend)
    each = statuses(report, commit.downstreams, commit.url)
    last = rolled_up(report, each, commit.url)
    await publication.publish_roll_up(last.state, last.description or "")
    await publication.end_check_run(
        check_run.Result(
            conclusion=check_run.CONCLUSIONS[report.conclusion],
            title=texts.title,
            summary=texts.summary,
            annotations=await publication.notes(report),
        )
    )
    await publication.publish_comment(report, texts.comment)
    await publication.publish_each(each)
    return publication.result


def _all(commit: Commit, state: StatusState, words: str) -> list[CommitStatus]:
    return [status(each, state, words, commit.url) for each in commit.downstreams]


def is_published(context: VerificationContext, comparison: Comparison) -> bool:
    """Whether anything is published: see `reason_not_published`."""
    return _is_wanted(context, comparison) and _narrowed(context) is None


def publisher(context: VerificationContext) -> CodeHost:
    """The client that publishes.

    Raises:
        TokenError: There is no token for it.
    """
    access = context.connections.access
    if access.tell is None and access.credentials is None:
        error = access.token_error
        raise TokenError(
            error.message if error else "there is no token for GitHub",
            hint=f"{error.hint if error and error.hint else 'see docs/tokens.md'}; or tell nobody: --no-tell",
        )
    return context.connections.telling


def reason_not_published(context: VerificationContext, comparison: Comparison) -> str | None:
    """Why nothing is published although the request asks for it; None when that is not so."""
    if _is_wanted(context, comparison):
        why = _narrowed(context)
    else:
        is_missed = context.request.tell and context.request.pull is not None
        why = f"{comparison.found.described} is no commit of its repository" if is_missed else None
    return f"GitHub was told nothing: {why}" if why else None


def _is_wanted(context: VerificationContext, comparison: Comparison) -> bool:
    return context.request.tell and comparison.is_on_github


def _narrowed(context: VerificationContext) -> str | None:
    if context.request.released_only:
        return "the downstreams' default branches were left out"
    if context.request.downstream_versions is not None:
        return "other releases of the downstreams were tested than the family file says"
    if not context.is_whole and not context.family.downstream_statuses:
        return "some downstreams were left out, and the family file wants no statuses of single ones"
    wanted = context.request.python
    left = [python for python in context.family.python if wanted and python not in wanted]
    return f"Python {', '.join(left)} was left out" if left else None


def commit_of(context: VerificationContext, comparison: Comparison, url: str | None) -> Commit:
    """The commit on which the result is published.

    Args:
        context: The context of the verification.
        comparison: The comparison; its ref is a commit.
        url: The page of the run.
    """
    assert comparison.found.sha is not None
    return Commit(
        package=context.upstream,
        repository=context.family.repository(context.upstream),
        sha=comparison.found.sha,
        downstreams=context.downstreams,
        is_whole=context.is_whole,
        is_detailed=context.family.downstream_statuses,
        url=url,
        has_siblings=context.family.shares(context.upstream),
    )


def _concerns_all(error: InterlockError | None) -> bool:
    """Whether other statuses would be refused for the same reason, and not only one that was set too often."""
    return error is not None and not isinstance(error, UnprocessableError)


class _Publication:
    """The work of one call, and what came of it so far."""

    def __init__(self, github: CodeHost, commit: Commit, pause: float, spend: Spend = unlimited) -> None:
        self._github = github
        self._commit = commit
        self._pause = pause
        self._spend = spend
        self._there: dict[str, CommitStatus] | None = None
        self._refuses_statuses = False
        self._me: Account | None = None
        self._is_known = False
        self._done: list[str] = []
        self._failures: list[PublishFailure] = []
        self._comment: str | None = None

    @property
    def result(self) -> Published:
        return Published(done=tuple(self._done), failures=tuple(self._failures), comment=self._comment)

    async def publish_roll_up(self, state: StatusState, words: str, *, replaces: bool = True) -> None:
        """Publish the status for all downstreams, if all are tested; another is replaced, or left as it is."""
        if not self._commit.is_whole:
            return
        wanted = roll_up(state, words, self._commit.url)
        error = await self._attempt(f"the status {ROLL_UP}", lambda: self._status(wanted, replaces=replaces))
        self._refuses_statuses = _concerns_all(error)

    async def publish_each(self, wanted: Sequence[CommitStatus]) -> None:
        """Publish the downstreams' own statuses, as long as the budget lasts; a pending one only replaces another."""
        for number, each in enumerate(wanted if self._commit.is_detailed and not self._refuses_statuses else ()):

            async def publish_one(each: CommitStatus = each) -> None:
                await self._status(each, optional=True)

            error = await self._attempt(f"the status {each.context}", publish_one)
            if isinstance(error, BudgetSpentError):
                waits = {"what": f"{len(wanted) - number} of the downstreams' statuses", "postponed": True}
                self._failures[-1] = self._failures[-1].model_copy(update={**waits, "transient": True})
            if _concerns_all(error):
                break

    async def _status(self, wanted: CommitStatus, *, replaces: bool = True, optional: bool = False) -> None:
        wanted = of_package(wanted, self._commit.package) if self._commit.has_siblings else wanted
        all_there = await self._look()
        there = all_there.get(wanted.context)
        is_new = there is None and not (optional and wanted.state is StatusState.PENDING)
        is_other = there is not None and replaces and there != wanted
        if not (is_new or is_other):
            return
        if optional:
            await self._wait_for_budget()
        self._there = None  # the answer may be lost: then the next attempt looks again
        await self._github.create_status(self._commit.repository, self._commit.sha, wanted)
        self._there = {**all_there, wanted.context: wanted}
        self._done.append(f"status {wanted.context}: {wanted.state}, {wanted.description}")

    async def _wait_for_budget(self) -> None:
        while seconds := await asyncio.to_thread(self._spend):
            if seconds > LONGEST_WAIT:
                raise BudgetSpentError("enough was written in the last hour for GitHub's limit", hint=LATER)
            await asyncio.sleep(seconds)

    async def _look(self) -> dict[str, CommitStatus]:
        """The statuses of the commit; looked up once."""
        repo, sha = self._commit.repository, self._commit.sha
        if self._there is None:
            try:
                self._there = await self._github.statuses(repo, sha)
            except UnprocessableError as error:
                raise NotThereError(error.message, hint=f"push the commit to {repo}") from None
        return self._there

    async def start_check_run(self) -> None:
        """Start the check run, if the token is an App's."""
        me, subject = await self._app(), self._subject
        if me is not None:
            await self._attempt(CHECK_RUN, lambda: check_run.start(self._github, me, subject))

    async def end_check_run(self, result: check_run.Result) -> None:
        """Complete the check run, if the token is an App's."""
        me, subject = await self._app(), self._subject

        async def end() -> None:
            assert me is not None
            done = await check_run.end(self._github, me, subject, result)
            self._done += [f"check run {CONTEXT}: {done}"] if done else []

        if me is not None:
            await self._attempt(CHECK_RUN, end)

    async def publish_comment(self, report: ContractsReport, text: str) -> None:
        """Make or update the comment, if there is a pull request."""
        me = await self._who() if report.pull is not None and self._commit.is_whole else None
        if report.pull is None or me is None:
            return
        location = comment.CommentLocation(repository=report.repository, pull=report.pull)
        marker = comment.Marker(package=report.upstream, sha=self._commit.sha, at=report.started_at)

        async def update() -> None:
            done, url = await comment.publish(self._github, location, me, marker, text)
            self._comment = url or None
            self._done += [f"comment on #{location.pull}: {', '.join(filter(None, (done, url)))}"] if done else []

        await self._attempt(f"the comment on #{report.pull}", update)

    async def notes(self, report: ContractsReport) -> tuple[Annotation, ...]:
        """The annotations for the check run; none when they can't be made."""
        me, found = await self._app(), Notes()
        if me is not None and report.pull is not None and report.change is not None:
            await self._attempt("what the changed lines do", lambda: found.look(self._github, report))
        return found.made

    async def _who(self) -> Account | None:
        """The token's account, which decides what is found again; looked up once."""
        if not self._is_known:
            self._is_known = True
            await self._attempt("check run and comment", self._ask)
        return self._me

    async def _app(self) -> Account | None:
        """The App whose check run it is, when all downstreams are tested."""
        me = await self._who() if self._commit.is_whole else None
        return me if me is not None and me.is_app else None

    async def _ask(self) -> None:
        self._me = await self._github.account()

    @property
    def _subject(self) -> check_run.Subject:
        commit = self._commit
        return check_run.Subject(repository=commit.repository, sha=commit.sha, package=commit.package, url=commit.url)

    async def _attempt(self, what: str, work: Callable[[], Awaitable[None]]) -> InterlockError | None:
        """Do it, again where that may help; the last error is returned, and added to the failures."""
        try:
            await patiently(work, tries=TRIES, first=self._pause)
        except InterlockError as error:
            failure = PublishFailure(what=what, why=error.message, hint=error.hint, transient=is_transient(error))
            self._failures.append(failure)
            return error
        return None
