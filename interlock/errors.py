"""The one tree of errors: each says what is wrong, where, and what to do about it, and has its own exit code.

    InterlockError (70)
        UsageError (2)
        FamilyError (3)
        IndexUnavailableError (4)
        DistributionError (5)
            UnbuildableError
        EnvironmentUnavailableError (6)
        LedgerError (7)
        ServerError (8)
            NoSenderError
            PrefectDownError
            StartRefusedError
        RepositoryError (9)
            PushRaceError
            RemoteUnreachableError
        RefusedError (10)
            DecisionError
            DeliveryRefusedError
            ProtectedBranchError
        GitHubError (11)
            BudgetSpentError
            NotThereError
            RateLimitError
            UnprocessableError
            UnreachableError
        TokenError (12)
        ConflictError (13)
            AlreadyExistsError
        BuildError (14)
            FailedBuildError
        PublishError (15)
        DispatchError (16)
        BusyError (17)
        RehearsalError (18)

The number is the exit code (docs/exit-codes.md). An error without one has that of its base, and is defined in the
module that raises it.
"""

from typing import ClassVar


class InterlockError(Exception):
    """The base of every error that a user can cause or fix; any other exception that escapes is a defect.

    Args:
        message: What is wrong, and where.
        hint: What to do about it, where the message does not say it.
        transient: Whether another try may help.
    """

    exit_code: ClassVar[int] = 70
    transient: bool = False
    """Whether another try may help. After a write it also means that it may have happened."""

    def __init__(self, message: str, *, hint: str | None = None, transient: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.transient = transient or type(self).transient

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  {self.hint}"


class UsageError(InterlockError):
    """An argument or option that is not possible as it is written."""

    exit_code = 2


class FamilyError(InterlockError):
    """A family file that cannot be read, or that says something impossible."""

    exit_code = 3


class IndexUnavailableError(InterlockError):
    """A package index that does not answer, or gives an answer that is not an index's."""

    exit_code = 4
    transient = True


class DistributionError(InterlockError):
    """A release, or a file of one, that is missing, damaged, or has another hash than promised."""

    exit_code = 5


class UnbuildableError(DistributionError):
    """A package of an environment that has no file for this interpreter, or an sdist that can't be built here."""


class EnvironmentUnavailableError(InterlockError):
    """An interpreter or a tool that environments need, and that is missing."""

    exit_code = 6


class LedgerError(InterlockError):
    """A ledger that cannot be opened, or that another version of this program made."""

    exit_code = 7


class ServerError(InterlockError):
    """A Prefect server that cannot be started or reached."""

    exit_code = 8


class RepositoryError(InterlockError):
    """A Git repository or ref that cannot be read or written."""

    exit_code = 9


class RefusedError(InterlockError):
    """Something that was not started, since a check says that it would fail; nothing was changed."""

    exit_code = 10


class GitHubError(InterlockError):
    """GitHub did not answer, or refused a request."""

    exit_code = 11


class TokenError(InterlockError):
    """A token that is missing, expired, or may not do what is needed."""

    exit_code = 12


class ConflictError(InterlockError):
    """Something else is in the release's way: a tag on another commit, a file with another hash."""

    exit_code = 13


class BuildError(InterlockError):
    """A package that can't be built, or built files that are not fit to be published."""

    exit_code = 14


class PublishError(InterlockError):
    """An index that refuses the files, or does not serve them within its time."""

    exit_code = 15


class DispatchError(InterlockError):
    """A dispatch that no workflow run took in time, or that a failed run took."""

    exit_code = 16


class BusyError(InterlockError):
    """Another release of the same package, or another `interlock up` in the same home, is under way."""

    exit_code = 17


class RehearsalError(InterlockError):
    """A world on this machine that can't be brought up, or is in use."""

    exit_code = 18
