"""Changes of refs, by any means: how listeners are notified, and what is logged."""

from collections.abc import Sequence
from typing import NamedTuple

from rehearsal.github.git_store import NO_COMMIT
from rehearsal.github.records import Repository, Token
from rehearsal.github.state import GitHubState


class Change(NamedTuple):
    """A change of a ref; a SHA of zeros stands for no object."""

    ref: str
    old: str
    new: str

    @property
    def is_new(self) -> bool:
        """Whether the ref is new."""
        return self.old == NO_COMMIT

    @property
    def is_gone(self) -> bool:
        """Whether the ref is deleted."""
        return self.new == NO_COMMIT

    @property
    def is_update(self) -> bool:
        """Whether the ref existed and still does."""
        return not self.is_new and not self.is_gone

    @property
    def words(self) -> str:
        """The change in words, for the log."""
        return f"-{self.ref}" if self.is_gone else self.ref


def moved(
    state: GitHubState, repository: Repository, changes: Sequence[tuple[str, str, str]], token: Token | None
) -> None:
    """Record changes of refs, and notify the listeners to `push`: `changes`, `login`, `token` (its name)."""
    if changes:
        repository.pushed_at = repository.updated_at = state.now()
        login = token.login if token else repository.owner
        facts = {"changes": tuple(Change(*change) for change in changes), "login": login}
        state.happened("push", repository, token=token.name if token else None, **facts)
