"""Refs that move, whoever moved them: who hears of it, and what the log says."""

from collections.abc import Sequence
from typing import NamedTuple

from rehearsal.github.git_store import NO_COMMIT
from rehearsal.github.records import Repository, Token
from rehearsal.github.state import GitHubState


class Change(NamedTuple):
    """A ref that moves; all zeros stand for no object."""

    ref: str
    old: str
    new: str

    @property
    def is_new(self) -> bool:
        """Whether there was no such ref."""
        return self.old == NO_COMMIT

    @property
    def is_gone(self) -> bool:
        """Whether there is no such ref any more."""
        return self.new == NO_COMMIT

    @property
    def is_update(self) -> bool:
        """Whether it was there and stays."""
        return not self.is_new and not self.is_gone

    @property
    def words(self) -> str:
        """For the log."""
        return f"-{self.ref}" if self.is_gone else self.ref


def moved(
    state: GitHubState, repository: Repository, changes: Sequence[tuple[str, str, str]], token: Token | None
) -> None:
    """Remember that refs moved, and let the listeners to `push` know: `changes`, `login`, `token` (its name)."""
    if changes:
        repository.pushed_at = repository.updated_at = state.now()
        login = token.login if token else repository.owner
        facts = {"changes": tuple(Change(*change) for change in changes), "login": login}
        state.happened("push", repository, token=token.name if token else None, **facts)
