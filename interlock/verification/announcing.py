"""Whether and about what GitHub is told of a verification."""

from interlock.errors import TokenError
from interlock.github import GitHub
from interlock.verification.comparison import Comparison
from interlock.verification.stand import Stand
from interlock.verification.telling import Commit


def listener(stand: Stand, comparison: Comparison) -> GitHub | None:
    """Who is told; None when nobody is: it was not wanted, or the ref is no commit of the repository.

    Raises:
        TokenError: Somebody would be, and there is no token for it.
    """
    if not stand.request.tell or not comparison.is_on_github:
        return None
    if stand.github is None:
        error = stand.access.token_error
        raise TokenError(
            error.message if error else "there is no token for GitHub",
            hint=f"{error.hint if error and error.hint else 'see docs/tokens.md'}; or tell nobody: --no-tell",
        )
    return stand.github


def commit_of(stand: Stand, comparison: Comparison, url: str | None) -> Commit:
    """What is told about.

    Args:
        stand: What is worked with.
        comparison: What was found; its ref is a commit.
        url: The page of the run.
    """
    assert comparison.found.sha is not None
    return Commit(
        package=stand.upstream,
        repository=stand.family.repository(stand.upstream),
        sha=comparison.found.sha,
        downstreams=stand.downstreams,
        url=url,
    )
