"""Failures between git and a remote, classified by git's messages in the C locale."""

import re

from interlock.errors import InterlockError, RefusedError, RepositoryError, TokenError


class PushRaceError(RepositoryError):
    """A branch or tag of the remote has changed since it was read; nothing was pushed."""


class ProtectedBranchError(RefusedError):
    """The remote's rules for the branch or tag forbid this push; nothing was pushed."""


class RemoteUnreachableError(RepositoryError):
    """A remote did not answer, or not to the end; whether a push happened is not known."""

    transient = True


Kind = type[PushRaceError | ProtectedBranchError | RemoteUnreachableError | TokenError | RepositoryError]

_RACE = (
    r"\((stale info|fetch first|non-fast-forward|needs force|already exists|remote ref updated since checkout)\)"
    r"|cannot lock ref|failed to update ref|incorrect old value|reference already exists|unable to lock"
    r"|\.lock': File exists"
)
_PROTECTED = (
    r"GH006|GH013|protected branch|repository rule violations|hook declined|protected tag"
    r"|\(deny|\(hook|\(refusing to update|is currently checked out|\(deletion prohibited"
)
_ACCESS = (
    r"Authentication failed|could not read (Username|Password)|returned error: 40[13]|Permission to \S+ denied"
    r"|Write access to repository not granted|Permission denied|Invalid username or|Host key verification failed"
    r"|refusing to allow a|access denied|fatal: unable to get password|Bad credentials"
)
_NOT_THERE = (
    r"[Rr]epository not found|repository '[^']*' not found|does not appear to be a git repository"
    r"|returned error: 404|couldn't find remote ref|No such remote|[Uu]pdat\w+ url base|returned error: 30[12378]"
)
_UNREACHABLE = (
    r"Could not resolve|Failed to connect|Couldn't connect|[Cc]onnection (refused|timed out|reset|closed)|Recv failure"
    r"|returned error: (5\d\d|429)|RPC failed|early EOF|unexpected disconnect|hung up unexpectedly|timed? out|Timeout"
    r"|Empty reply|handshake|HTTP/2 stream|transfer closed|Network is unreachable|No route to host|Temporary failure"
    r"|bad line length|invalid server response|expected flush|unexpected EOF|expected 'packfile'"
)
# The first match counts: a race can follow a hook's words, and every refusal ends with a hang-up.
_KINDS: tuple[tuple[str, Kind, str], ...] = (
    (
        r"without `?workflow`? scope",
        TokenError,
        "give the token the scope (classic) or permission (fine-grained) to change workflows",
    ),
    (
        _PROTECTED,
        ProtectedBranchError,
        "let this token's owner bypass the rule, or release by a pull request; see the branch's rules",
    ),
    (_RACE, PushRaceError, "look at the remote again, and start again from what is there now"),
    (_ACCESS, TokenError, "the token, or git's own access, must be valid and may read and write this repository"),
    (_NOT_THERE, RepositoryError, "it does not exist, it has moved, or this token cannot see it"),
    (_UNREACHABLE, RemoteUnreachableError, "check the network and the server, and run it again"),
)
DEFAULT_HINT = "check the repository, the ref and the access to it"


def error_for(message: str, words: str) -> InterlockError:
    """The error for git's words, which are redacted already.

    Args:
        message: What was tried, and where.
        words: What git wrote.
    """
    for pattern, kind, hint in _KINDS:
        if re.search(pattern, words):
            return kind(f"{message}: {words}", hint=hint)
    return RepositoryError(f"{message}: {words}", hint=DEFAULT_HINT)
