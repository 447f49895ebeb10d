"""GitHub's answers as values, without the fields that are not needed."""

from datetime import datetime
from typing import Any, Self

from pydantic import AwareDatetime, ConfigDict, Field

from interlock.common.frozen_model import FrozenModel

# The rules of rulesets that refuse a direct push of an unsigned, unchecked commit.
HINDERING = frozenset({"merge_queue", "pull_request", "required_signatures", "required_status_checks", "update"})


class Answer(FrozenModel):
    """A part of an answer; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")


class Permissions(Answer):
    """What the token's owner may do in a repository; the token itself may be allowed less."""

    push: bool = False
    admin: bool = False


class Collaborator(Answer):
    """A user's permission on a repository: `admin`, `write`, `read` or `none`, the nearest one below a finer role."""

    permission: str


class Repository(Answer):
    """A repository that the token can see."""

    full_name: str
    default_branch: str
    private: bool
    archived: bool = False
    html_url: str
    permissions: Permissions = Permissions()
    allow_squash_merge: bool = True
    allow_merge_commit: bool = True
    allow_rebase_merge: bool = True

    @property
    def merge_methods(self) -> tuple[str, ...]:
        """How pull requests may be merged, the method that adds the fewest commits first; there is at least one."""
        switches = {
            "squash": self.allow_squash_merge,
            "merge": self.allow_merge_commit,
            "rebase": self.allow_rebase_merge,
        }
        return tuple(method for method, allowed in switches.items() if allowed)

    @property
    def can_push(self) -> bool:
        """Whether the token's owner may push to it."""
        return self.permissions.push

    @property
    def can_admin(self) -> bool:
        """Whether the token's owner may change its settings."""
        return self.permissions.admin


class TokenFacts(FrozenModel):
    """What GitHub says about a token.

    Attributes:
        kind: `classic`, `fine-grained`, `app` or `unknown`.
        login: Its owner; None for an App's.
        scopes: Of a classic token; None for any other.
        expires_at: None when it does not expire, or GitHub does not say.
    """

    kind: str
    login: str | None = None
    scopes: frozenset[str] | None = None
    expires_at: AwareDatetime | None = None


class BranchRules(FrozenModel):
    """The rules for pushes to a branch, from rulesets and from the older branch protection.

    Attributes:
        protected: Whether it has any rule.
        needs_checks: The names of status checks that must have passed.
        needs_queue: Whether only its merge queue may change it.
        is_locked: Whether no account, or only some, may push to it.
        binds_admins: Whether the older protection applies to administrators too; None when it can't be read.
        details_readable: Whether the older protection could be read, or there is none.
        ruled: Whether a ruleset that is known to bind the token's owner requires one of these of a push.
        perhaps: The rules if rulesets also bind that can't be known to bind or not; None when there are none.
    """

    protected: bool
    needs_pull_request: bool = False
    needs_signatures: bool = False
    needs_linear_history: bool = False
    needs_checks: tuple[str, ...] = ()
    needs_queue: bool = False
    is_locked: bool = False
    binds_admins: bool | None = None
    details_readable: bool = True
    ruled: bool = False
    perhaps: Self | None = None

    @classmethod
    def read(cls, branch: dict[str, Any], rules: list[dict[str, Any]], protection: dict[str, Any] | None) -> Self:
        """Combine three answers.

        Args:
            branch: Of `/branches/{branch}`.
            rules: Of `/rules/branches/{branch}`, those that count.
            protection: Of `/branches/{branch}/protection`; None when it can't be read, or there is none.
        """
        kinds, older = {rule.get("type") for rule in rules}, protection or {}
        is_protected = bool(branch.get("protected"))
        checks = {*_ruled_checks(rules), *_protected_checks(branch, older)}
        return cls(
            protected=is_protected or bool(rules),
            needs_pull_request="pull_request" in kinds or "required_pull_request_reviews" in older,
            needs_signatures="required_signatures" in kinds or _on(older, "required_signatures"),
            needs_linear_history="required_linear_history" in kinds or _on(older, "required_linear_history"),
            needs_checks=tuple(sorted(checks)),
            needs_queue="merge_queue" in kinds,
            is_locked="update" in kinds or _on(older, "lock_branch") or "restrictions" in older,
            binds_admins=_on(older, "enforce_admins") if protection is not None else None,
            details_readable=protection is not None or not is_protected,
            ruled=not kinds.isdisjoint(HINDERING),
        )


class Asset(Answer):
    """A file of a GitHub Release.

    Attributes:
        state: `uploaded`, or `starter` while its upload has not ended.
        digest: As `sha256:…`; None for an old file.
    """

    id: int
    name: str
    size: int
    state: str
    digest: str | None = None
    browser_download_url: str = ""


class GitHubRelease(Answer):
    """A GitHub Release, or the draft of one."""

    id: int
    tag_name: str
    name: str | None = None
    body: str | None = None
    draft: bool
    prerelease: bool
    html_url: str
    upload_url: str = Field(repr=False)
    assets: tuple[Asset, ...] = ()


class GeneratedNotes(Answer):
    """The notes that GitHub writes for a release."""

    body: str


class Label(Answer):
    """A label of a pull request."""

    name: str


class Named(Answer):
    """A repository, by its name."""

    full_name: str


class End(Answer):
    """A side of a pull request.

    Attributes:
        ref: The branch.
        sha: Its commit; of a closed pull request, its commit when it was closed.
        repo: Where the branch is; None when that repository is gone.
    """

    ref: str
    sha: str
    repo: Named | None = None


class AutoMerge(Answer):
    """Auto-merge, when it is on for a pull request."""

    merge_method: str


class Account(Answer):
    """An account: a person, or the bot of an App.

    Attributes:
        login: An App's bot is named after its slug, as `slug[bot]`, which no person's account can be.
        type: `User`, `Bot` and others.
    """

    login: str
    type: str = "User"

    @property
    def is_app(self) -> bool:
        """Whether it is the bot of an App."""
        return self.type == "Bot"

    def is_same(self, other: "Account | None") -> bool:
        """Whether both are one."""
        return other is not None and self.login.lower() == other.login.lower()


class Comment(Answer):
    """A comment on a pull request.

    Attributes:
        user: Its author; None when the account is gone.
    """

    id: int
    body: str | None = None
    html_url: str
    user: Account | None = None


class PullRequest(Answer):
    """A pull request.

    Attributes:
        node_id: Its name in GraphQL.
        mergeable_state: `clean`, `dirty`, `blocked`, `behind`, `unstable`, `draft`, `has_hooks`, or `unknown` until
            GitHub has found out, which it does after a request for this pull request alone.
        merge_commit_sha: The commit that it became; while it is open, that of a trial merge.
    """

    number: int
    node_id: str
    html_url: str
    state: str
    title: str
    body: str | None = None
    draft: bool = False
    head: End
    base: End
    labels: tuple[Label, ...] = ()
    auto_merge: AutoMerge | None = None
    mergeable_state: str = "unknown"
    merged_at: AwareDatetime | None = None
    merge_commit_sha: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is neither merged nor closed."""
        return self.state == "open"

    def is_within(self, repo: str) -> bool:
        """Whether its branch is in the repository itself, and not in a fork."""
        return self.head.repo is not None and self.head.repo.full_name.lower() == repo.lower()


def expiry(text: str | None) -> datetime | None:
    """When a token expires, from its header in either form: with `UTC`, or with an offset as `+0900`."""
    try:
        return datetime.strptime((text or "").strip().replace(" UTC", " +0000"), "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        return None


def _on(protection: dict[str, Any], key: str) -> bool:
    return bool((protection.get(key) or {}).get("enabled"))


def _ruled_checks(rules: list[dict[str, Any]]) -> set[str]:
    wanted = [rule.get("parameters") or {} for rule in rules if rule.get("type") == "required_status_checks"]
    return {check["context"] for parameters in wanted for check in parameters.get("required_status_checks", [])}


def _protected_checks(branch: dict[str, Any], protection: dict[str, Any]) -> set[str]:
    said = (branch.get("protection") or {}, protection)
    return {context for one in said for context in (one.get("required_status_checks") or {}).get("contexts", [])}
