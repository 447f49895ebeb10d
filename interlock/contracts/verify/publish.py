"""Telling the maintainers on GitHub: a status for each downstream, a check run, and one comment on the pull request.

Everything looks before it acts, so that telling the same again changes nothing, and a lost answer does not make it
twice. Nothing that GitHub refuses hides the verdict: what could not be told is handed back, each with its cure.
"""

from collections.abc import Awaitable, Callable, Sequence

from interlock.adapters.code_host import CodeHost
from interlock.adapters.github import Account, Annotation, CommitStatus, StatusState
from interlock.adapters.github.errors import NotThereError, UnprocessableError
from interlock.common.frozen_model import FrozenModel
from interlock.common.retry import patiently
from interlock.common.sanitize import one_line
from interlock.contracts.verify import check_run, comment
from interlock.contracts.verify.annotations import Notes
from interlock.contracts.verify.comparison import Comparison
from interlock.contracts.verify.context import VerificationContext
from interlock.contracts.verify.report import ContractsReport
from interlock.contracts.verify.statuses import CONTEXT, status, statuses
from interlock.errors import InterlockError, TokenError

TRIES = 4
CHECK_RUN = f"the check run {CONTEXT}"
PAUSE = 1.0  # seconds before the second look; each further one is about twice as long


class Texts(FrozenModel):
    """What is said at length; made by whoever renders reports.

    Attributes:
        title: Of the check run: plain text, a line.
        summary: Of the check run: Markdown, 65,535 characters at most.
        comment: On the pull request: Markdown, 65,000 characters at most.
    """

    title: str
    summary: str
    comment: str


class Commit(FrozenModel):
    """What is told about.

    Attributes:
        package: The upstream.
        repository: As owner/name.
        downstreams: Those that are tested.
        is_whole: Whether these are all: check run and comment speak of all, and are left alone otherwise.
        url: The page of the run; None when it has none.
    """

    package: str
    repository: str
    sha: str
    downstreams: tuple[str, ...]
    is_whole: bool = True
    url: str | None = None


class PublishFailure(FrozenModel):
    """What could not be told, why, and what to do about it."""

    what: str
    why: str
    cure: str | None = None

    def __str__(self) -> str:
        return f"{self.what} not told: {self.why}" + (f"; {self.cure}" if self.cure else "")


class Published(FrozenModel):
    """What was told.

    Attributes:
        done: What was changed on GitHub, each in a line; nothing of what was there already.
        untold: What could not be told.
        comment: The address of the comment, when there is one.
    """

    done: tuple[str, ...] = ()
    untold: tuple[PublishFailure, ...] = ()
    comment: str | None = None


async def publish_pending(github: CodeHost, commit: Commit, *, against: str = "", pause: float = PAUSE) -> Published:
    """Say that the downstreams are being tested.

    Args:
        github: Whose token tells.
        commit: What is told about.
        against: What it is compared with, for people.
        pause: Seconds before a second try.
    """
    words = f"is being tested{f', beside {against}' if against else ''}"
    said = [status(each, StatusState.PENDING, words, commit.url) for each in commit.downstreams]
    telling = _Telling(github, commit, pause)
    await telling.say(said)
    await telling.begin_check_run()
    return telling.told


async def publish_failed(github: CodeHost, commit: Commit, reason: str, *, pause: float = PAUSE) -> Published:
    """Say that the run ended without a verdict, so that nothing stays pending for ever.

    Args:
        github: Whose token tells.
        commit: What is told about.
        reason: Why, in a line.
        pause: Seconds before a second try.
    """
    said = [status(each, StatusState.ERROR, f"not tested: {reason}", commit.url) for each in commit.downstreams]
    telling = _Telling(github, commit, pause)
    await telling.say(said)
    await telling.end_check_run(check_run.Said(conclusion="failure", title="not tested", summary=one_line(reason)))
    return telling.told


async def publish(
    github: CodeHost, commit: Commit, report: ContractsReport, texts: Texts, *, pause: float = PAUSE
) -> Published:
    """Say what became of the downstreams. Told again, nothing changes.

    Args:
        github: Whose token tells.
        commit: What is told about, as `publish_pending` was given it.
        report: Is told.
        texts: The report as people read it.
        pause: Seconds before a second try.
    """
    telling = _Telling(github, commit, pause)
    await telling.say(statuses(report, commit.downstreams, commit.url))
    await telling.end_check_run(
        check_run.Said(
            conclusion=check_run.CONCLUSIONS[report.conclusion],
            title=texts.title,
            summary=texts.summary,
            annotations=await telling.notes(report),
        )
    )
    await telling.keep_comment(report, texts.comment)
    return telling.told


def listener(context: VerificationContext, comparison: Comparison) -> CodeHost | None:
    """Who is told; None when nobody is: it was not wanted, the ref is no commit on GitHub, or too little is run.

    Raises:
        TokenError: Somebody would be, and there is no token for it.
    """
    if not _is_wanted(context, comparison) or _narrowed(context):
        return None
    connections = context.connections
    if not connections.has_credentials:
        error = connections.access.token_error
        raise TokenError(
            error.message if error else "there is no token for GitHub",
            hint=f"{error.hint if error and error.hint else 'see docs/tokens.md'}; or tell nobody: --no-tell",
        )
    return connections.github


def silence(context: VerificationContext, comparison: Comparison) -> str | None:
    """Why nobody is told though it was wanted; None when that is not so.

    What is said of a downstream is said of all that the family file wants run of it: less would turn what is red green.
    """
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
    wanted = context.request.python
    left = [python for python in context.family.python if wanted and python not in wanted]
    return f"Python {', '.join(left)} was left out" if left else None


def commit_of(context: VerificationContext, comparison: Comparison, url: str | None) -> Commit:
    """What is told about.

    Args:
        context: What is worked with.
        comparison: What was found; its ref is a commit.
        url: The page of the run.
    """
    assert comparison.found.sha is not None
    return Commit(
        package=context.upstream,
        repository=context.family.repository(context.upstream),
        sha=comparison.found.sha,
        downstreams=context.downstreams,
        is_whole=context.is_whole,
        url=url,
    )


class _Telling:
    """One call: what was done and what could not be, as it goes on."""

    def __init__(self, github: CodeHost, commit: Commit, pause: float) -> None:
        self._github = github
        self._commit = commit
        self._pause = pause
        self._me: Account | None = None
        self._is_asked = False
        self._done: list[str] = []
        self._untold: list[PublishFailure] = []
        self._comment: str | None = None

    @property
    def told(self) -> Published:
        return Published(done=tuple(self._done), untold=tuple(self._untold), comment=self._comment)

    async def say(self, said: Sequence[CommitStatus]) -> None:
        """The statuses, each of them unless it is there."""
        for each in said:
            error = await self._attempt(f"the status {each.context}", lambda each=each: self._status(each))  # type: ignore[misc]
            # Why one is refused is why the others would be: token, commit, GitHub; unless it was said too often.
            if error is not None and not isinstance(error, UnprocessableError):
                break

    async def _status(self, wanted: CommitStatus) -> None:
        repo, sha = self._commit.repository, self._commit.sha
        try:
            there = (await self._github.statuses(repo, sha)).get(wanted.context)
        except UnprocessableError as error:
            raise NotThereError(error.message, hint=f"push the commit to {repo}") from None
        if there != wanted:
            await self._github.create_status(repo, sha, wanted)
            self._done.append(f"status {wanted.context}: {wanted.state}, {wanted.description}")

    async def begin_check_run(self) -> None:
        """The check run, begun, if the token is an App's."""
        me, subject = await self._app(), self._subject
        if me is not None:
            await self._attempt(CHECK_RUN, lambda: check_run.begin(self._github, me, subject))

    async def end_check_run(self, said: check_run.Said) -> None:
        """The check run, ended, if the token is an App's."""
        me, subject = await self._app(), self._subject

        async def end() -> None:
            assert me is not None
            done = await check_run.end(self._github, me, subject, said)
            self._done += [f"check run {CONTEXT}: {done}"] if done else []

        if me is not None:
            await self._attempt(CHECK_RUN, end)

    async def keep_comment(self, report: ContractsReport, text: str) -> None:
        """The comment, if there is a pull request to make it on."""
        me = await self._who() if report.pull is not None and self._commit.is_whole else None
        if report.pull is None or me is None:
            return
        place = comment.CommentLocation(repository=report.repository, pull=report.pull)
        marker = comment.Marker(package=report.upstream, sha=self._commit.sha, at=report.started_at)

        async def keep() -> None:
            done, self._comment = await comment.keep(self._github, place, me, marker, text)
            self._done += [f"comment on #{place.pull}: {done}, {self._comment}"] if done else []

        await self._attempt(f"the comment on #{report.pull}", keep)

    async def notes(self, report: ContractsReport) -> tuple[Annotation, ...]:
        """The notes on the pull request's lines, for the check run; it can do without them."""
        me, found = await self._app(), Notes()
        if me is not None and report.pull is not None and report.change is not None:
            await self._attempt("what the changed lines do", lambda: found.look(self._github, report))
        return found.made

    async def _who(self) -> Account | None:
        """Whose token it is, which decides what is found again; asked once."""
        if not self._is_asked:
            self._is_asked = True
            await self._attempt("check run and comment", self._ask)
        return self._me

    async def _app(self) -> Account | None:
        """Whose check run it is: an App's, when all is tested."""
        me = await self._who() if self._commit.is_whole else None
        return me if me is not None and me.is_app else None

    async def _ask(self) -> None:
        self._me = await self._github.account()

    @property
    def _subject(self) -> check_run.Subject:
        commit = self._commit
        return check_run.Subject(repository=commit.repository, sha=commit.sha, package=commit.package, url=commit.url)

    async def _attempt(self, what: str, work: Callable[[], Awaitable[None]]) -> InterlockError | None:
        """Do it, again where that may help; the error in which it ended is noted."""
        try:
            await patiently(work, tries=TRIES, first=self._pause)
        except InterlockError as error:
            self._untold.append(PublishFailure(what=what, why=error.message, cure=error.hint))
            return error
        return None
