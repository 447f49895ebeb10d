"""Whether and about what GitHub is told of a verification."""

from interlock.code_host import CodeHost
from interlock.errors import TokenError
from interlock.verification.comparison import Comparison
from interlock.verification.stand import Stand
from interlock.verification.telling import Commit


def listener(stand: Stand, comparison: Comparison) -> CodeHost | None:
    """Who is told; None when nobody is: it was not wanted, the ref is no commit on GitHub, or too little is run.

    Raises:
        TokenError: Somebody would be, and there is no token for it.
    """
    if not _is_wanted(stand, comparison) or _narrowed(stand):
        return None
    if stand.github is None:
        error = stand.access.token_error
        raise TokenError(
            error.message if error else "there is no token for GitHub",
            hint=f"{error.hint if error and error.hint else 'see docs/tokens.md'}; or tell nobody: --no-tell",
        )
    return stand.github


def silence(stand: Stand, comparison: Comparison) -> str | None:
    """Why nobody is told though it was wanted; None when that is not so.

    What is said of a downstream is said of all that the family file wants run of it: less would turn what is red green.
    """
    if _is_wanted(stand, comparison):
        why = _narrowed(stand)
    else:
        is_missed = stand.request.tell and stand.request.pull is not None
        why = f"{comparison.found.described} is no commit of its repository" if is_missed else None
    return f"GitHub was told nothing: {why}" if why else None


def _is_wanted(stand: Stand, comparison: Comparison) -> bool:
    return stand.request.tell and comparison.is_on_github


def _narrowed(stand: Stand) -> str | None:
    if stand.request.released_only:
        return "the downstreams' default branches were left out"
    wanted = stand.request.python
    left = [python for python in stand.family.python if wanted and python not in wanted]
    return f"Python {', '.join(left)} was left out" if left else None


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
        is_whole=stand.is_whole,
        url=url,
    )
