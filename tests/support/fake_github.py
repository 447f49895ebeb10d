"""A GitHub in memory, for checks: what each repository is, and what is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from interlock.adapters.github import BranchRules, GitHub, Hook, Repository, TokenFacts
from interlock.adapters.github.models import Permissions
from interlock.errors import InterlockError, TokenError

LISTENS = """
name: on-release
run-name: "${{ github.event.client_payload.dispatch_id }}"
on:
  repository_dispatch:
    types: [core_release, downstream_release]
jobs:
  go:
    steps:
      - run: make
"""
EVERYTHING = frozenset({"PYPI_API_TOKEN", "REPO_DISPATCH_TOKEN"})
NO_RULES = BranchRules(protected=False)
FACTS = TokenFacts(kind="fine-grained", login="mj")


@dataclass
class FakeRepository:
    """One repository."""

    branch: str = "main"
    can_push: bool = True
    can_admin: bool = False
    archived: bool = False
    private: bool = False
    files: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {"main": {"on.yml": LISTENS}})
    rules: BranchRules = NO_RULES
    secrets: frozenset[str] | None = EVERYTHING
    refuses: Mapping[str, InterlockError] = field(default_factory=dict)
    hooks: tuple[Hook, ...] = ()


@dataclass
class FakeGitHub:
    """A GitHub that holds these repositories; `asked` keeps what was asked."""

    repositories: dict[str, FakeRepository]
    facts: TokenFacts | InterlockError = FACTS
    asked: list[str] = field(default_factory=list)

    @property
    def github(self) -> GitHub:
        return cast("GitHub", self)

    def _repository(self, what: str, repo: str) -> FakeRepository:
        self.asked.append(f"{what} {repo}")
        found = self.repositories.get(repo)
        if found is None:
            raise TokenError(f"{repo}: 404 Not Found", hint="can the token see it?")
        if what in found.refuses:
            raise found.refuses[what]
        return found

    async def repository(self, repo: str) -> Repository:
        found = self._repository("repository", repo)
        return Repository(
            full_name=repo,
            default_branch=found.branch,
            private=found.private,
            archived=found.archived,
            html_url=f"https://github.com/{repo}",
            permissions=Permissions(push=found.can_push, admin=found.can_admin),
        )

    async def token_facts(self) -> TokenFacts:
        if isinstance(self.facts, InterlockError):
            raise self.facts
        return self.facts

    async def hooks(self, repo: str) -> tuple[Hook, ...]:
        return self._repository("hooks", repo).hooks

    async def can_dispatch(self, repo: str) -> None:
        self._repository("dispatch", repo)

    async def files(self, repo: str, folder: str, ref: str | None = None) -> dict[str, bytes]:
        found = self._repository(f"files {ref}" if ref else "files", repo)
        files = found.files.get(ref or found.branch, {})
        return {f"{folder}/{name}": text.encode() for name, text in files.items()}

    async def branch_rules(self, repo: str, branch: str) -> BranchRules:
        return self._repository(f"rules {branch}", repo).rules

    async def secret_names(self, repo: str) -> frozenset[str] | None:
        return self._repository("secrets", repo).secrets
