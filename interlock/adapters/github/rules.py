"""The rules for pushes to a branch, and whether they bind this token's owner."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from interlock.adapters.github.base_client import PAGE, BaseClient, at
from interlock.adapters.github.errors import NotThereError
from interlock.adapters.github.models import BranchRules
from interlock.errors import GitHubError

LETS_THROUGH = frozenset({"always", "exempt"})


class Rules(BaseClient):
    """The calls about a branch's rules."""

    async def branch_rules(self, repo: str, branch: str) -> BranchRules:
        """The rules for pushes to a branch by this token's owner, as far as the token can see them.

        Rules that the owner may bypass are left out; rules that the owner may or may not bypass are in `perhaps`.

        Raises:
            GitHubError: There is no such branch.
            TokenError: The repository does not exist, or this token cannot see it.
        """
        address, name = at(repo), quote(branch, safe="")
        try:
            found = (await self._read(f"{address}/branches/{name}", f"show the branch {branch}", repo)).data
        except NotThereError as error:
            if await self._if_allowed(address, "show the repository", repo) is None:
                raise self._invisible(repo) from None
            raise GitHubError(f"{repo} has no branch {branch}", hint=error.hint) from None
        rules = await self._list(f"{address}/rules/branches/{name}?{PAGE}", "show the branch's rules", repo) or []
        bypass = await self._bypass(repo, {rule.get("ruleset_id") for rule in rules})
        protection = await self._if_allowed(f"{address}/branches/{name}/protection", "show its protection", repo)
        return _rules(found, rules, bypass, protection.data if protection else None)

    async def _bypass(self, repo: str, rulesets: Collection[int | None]) -> dict[int | None, str | None]:
        """Whether the token's owner may bypass each ruleset: `always`, `pull_requests_only`, `never`; None: unknown.

        Fact: https://docs.github.com/en/rest/repos/rules, `current_user_can_bypass`
        """
        return dict(zip(rulesets, await asyncio.gather(*(self._bypass_of(repo, one) for one in rulesets)), strict=True))

    async def _bypass_of(self, repo: str, ruleset: int | None) -> str | None:
        url = f"{at(repo)}/rulesets/{ruleset}"
        reply = await self._if_allowed(url, f"show the ruleset {ruleset}", repo) if ruleset else None
        return reply.data.get("current_user_can_bypass") if reply else None


def _rules(
    branch: dict[str, Any],
    rules: list[dict[str, Any]],
    bypass: Mapping[int | None, str | None],
    protection: dict[str, Any] | None,
) -> BranchRules:
    """The rules that are known to bind, with those that may bind in `perhaps`."""
    perhaps = [rule for rule in rules if bypass[rule.get("ruleset_id")] not in LETS_THROUGH]
    binding = [rule for rule in perhaps if bypass[rule.get("ruleset_id")] is not None]
    certain = BranchRules.read(branch, binding, protection)
    if len(binding) == len(perhaps):
        return certain
    return certain.model_copy(update={"perhaps": BranchRules.read(branch, perhaps, protection)})
