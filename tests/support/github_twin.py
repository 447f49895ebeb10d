"""A GitHub in memory, for checks: what each repository is, and what is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from interlock.adapters.github import BranchRules, GitHub, Repository, TokenFacts
from interlock.adapters.github.models import Permissions
from interlock.errors import InterlockError, TokenError

HEARS = """
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
class House:
    """One repository."""

    branch: str = "main"
    can_push: bool = True
    can_admin: bool = False
    archived: bool = False
    private: bool = False
    files: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {"main": {"on.yml": HEARS}})
    rules: BranchRules = NO_RULES
    secrets: frozenset[str] | None = EVERYTHING
    refuses: Mapping[str, InterlockError] = field(default_factory=dict)


@dataclass
class Twin:
    """A GitHub that holds these repositories; `asked` keeps what was asked."""

    houses: dict[str, House]
    facts: TokenFacts | InterlockError = FACTS
    asked: list[str] = field(default_factory=list)

    @property
    def github(self) -> GitHub:
        return cast("GitHub", self)

    def _house(self, what: str, repo: str) -> House:
        self.asked.append(f"{what} {repo}")
        house = self.houses.get(repo)
        if house is None:
            raise TokenError(f"{repo}: 404 Not Found", hint="can the token see it?")
        if what in house.refuses:
            raise house.refuses[what]
        return house

    async def repository(self, repo: str) -> Repository:
        house = self._house("repository", repo)
        return Repository(
            full_name=repo,
            default_branch=house.branch,
            private=house.private,
            archived=house.archived,
            html_url=f"https://github.com/{repo}",
            permissions=Permissions(push=house.can_push, admin=house.can_admin),
        )

    async def token_facts(self) -> TokenFacts:
        if isinstance(self.facts, InterlockError):
            raise self.facts
        return self.facts

    async def can_dispatch(self, repo: str) -> None:
        self._house("dispatch", repo)

    async def files(self, repo: str, folder: str, ref: str | None = None) -> dict[str, bytes]:
        house = self._house(f"files {ref}" if ref else "files", repo)
        files = house.files.get(ref or house.branch, {})
        return {f"{folder}/{name}": text.encode() for name, text in files.items()}

    async def branch_rules(self, repo: str, branch: str) -> BranchRules:
        return self._house(f"rules {branch}", repo).rules

    async def secret_names(self, repo: str) -> frozenset[str] | None:
        return self._house("secrets", repo).secrets
