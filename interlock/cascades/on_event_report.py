"""Says on GitHub how a release ended that a push or a merge had started: a status of its commit, and one comment.

A status is written unless the newest one is equal. A pull request gets a comment only when its release did not end
well; the comment is found again by a marker at its start and the token's own account, and is kept up to date. So it may
be said any number of times. What GitHub refuses is a remark: it hides no result.
"""

from interlock.adapters.code_host import CodeHost
from interlock.adapters.github import Comment, CommitStatus, StatusState
from interlock.common.frozen_model import FrozenModel
from interlock.common.sanitize import cut, plain
from interlock.errors import InterlockError

CONTEXT = "interlock/release/"
LONGEST, LONGEST_STATUS = 20_000, 140


class EventResult(FrozenModel):
    """How the release of an event ended.

    Attributes:
        repository: As owner/name.
        pull: The pull request that was merged.
        said: The result, or what went wrong, for people.
        url: The page of the run.
    """

    package: str
    repository: str
    sha: str
    pull: int | None = None
    is_good: bool
    said: str
    hint: str | None = None
    url: str | None = None

    @property
    def marker(self) -> str:
        """The start of its comment, which nobody sees."""
        return f"<!-- interlock:release {self.package} {self.sha} -->"

    @property
    def comment(self) -> str:
        """The text of its comment; what others wrote is shown as it is, and formats nothing."""
        said = plain(self.said)[:LONGEST].replace("```", "'''")
        title = "is released" if self.is_good else "is not released as this merge asks for"
        lines = [self.marker, f"**{self.package}** {title}:", "", "```", said, "```"]
        if not self.is_good:
            hint = f"\nhint: {cut(self.hint, LONGEST_STATUS * 3)}" if self.hint else ""
            again = f"interlock release {self.package}{hint}".replace("```", "'''")
            lines += ["", "Nothing is lost: the next merge releases it too, and so does", "", "```", again, "```"]
        return "\n".join([*lines, *(["", f"[The run]({self.url})"] if self.url else [])])


async def tell(github: CodeHost, result: EventResult) -> tuple[str, ...]:
    """Say a result; a second call changes nothing.

    Returns:
        What could not be said, and why.
    """
    troubles = []
    for work in (_status, _comment):
        try:
            await work(github, result)
        except InterlockError as error:
            troubles.append(f"not told on GitHub: {error.message}")
    return tuple(troubles)


async def _status(github: CodeHost, result: EventResult) -> None:
    state = StatusState.SUCCESS if result.is_good else StatusState.FAILURE
    context, text = f"{CONTEXT}{result.package}", cut(result.said, LONGEST_STATUS)
    wanted = CommitStatus(context=context, state=state, description=text, target_url=result.url)
    known = (await github.statuses(result.repository, result.sha)).get(context)
    if known is None or (known.state, known.description) != (wanted.state, wanted.description):
        await github.create_status(result.repository, result.sha, wanted)


async def _comment(github: CodeHost, result: EventResult) -> None:
    if result.pull is None:
        return
    known = await _own(github, result, result.pull)
    if known is None and not result.is_good:
        await github.comment(result.repository, result.pull, result.comment)
    elif known is not None and (known.body or "").replace("\r\n", "\n").strip() != result.comment.strip():
        await github.update_comment(result.repository, known.id, result.comment)


async def _own(github: CodeHost, result: EventResult, pull: int) -> Comment | None:
    me = await github.account()
    comments = await github.comments(result.repository, pull)
    return next(
        (each for each in comments if me.is_same(each.user) and (each.body or "").startswith(result.marker)), None
    )
