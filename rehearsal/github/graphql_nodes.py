"""Repositories and pull requests as GraphQL shows them; expensive fields are computed only if a query has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from rehearsal.github import checks, diffs, issues, merge_queue, merging, pull_store, statuses
from rehearsal.github.git_shapes import person
from rehearsal.github.issues import Comment
from rehearsal.github.protection import queue_rule
from rehearsal.github.pull_store import Pull
from rehearsal.github.records import Repository
from rehearsal.github.released import Release, releases
from rehearsal.github.releases import show_release
from rehearsal.github.shapes import html_url, minimal_repository, node_id, simple_user, stamp
from rehearsal.github.state import GitHubState

Node = dict[str, Any]
Arguments = Mapping[str, Any]
PERMISSIONS = {"admin": "ADMIN", "write": "WRITE", "read": "READ", None: None}
LARGEST = 100


def connection(nodes: Sequence[Any], arguments: Arguments, **more: Any) -> Node:  # noqa: ANN401  any field
    """A page of nodes: the `first` ones after a cursor, or the `last` ones; a cursor is the number of a node."""
    start = int(arguments.get("after") or 0)
    end = min(len(nodes), start + min(arguments.get("first") or LARGEST, LARGEST))
    if arguments.get("last"):
        start, end = max(0, len(nodes) - arguments["last"]), len(nodes)
    info = {"endCursor": str(end), "hasNextPage": end < len(nodes)}
    info |= {"startCursor": str(start), "hasPreviousPage": start > 0}
    return {"nodes": list(nodes[start:end]), "totalCount": len(nodes), "pageInfo": info, **more}


def user(state: GitHubState, login: str) -> Node:
    """A user or a bot."""
    shown = simple_user(state, login)
    return {
        "__typename": shown["type"],
        "id": shown["node_id"],
        "databaseId": shown["id"],
        "login": shown["login"],
        "name": shown["login"],
        "url": shown["html_url"],
        "avatarUrl": shown["avatar_url"],
    }


class Nodes:
    """The nodes of one request.

    Args:
        state: GitHub's state.
        login: The caller's login.
    """

    def __init__(self, state: GitHubState, login: str) -> None:
        self.state, self.login = state, login

    def repository(self, repository: Repository) -> Node:
        """A repository."""
        shown = minimal_repository(self.state, repository)
        methods = pull_store.settings_of(self.state, repository).methods
        moments = {"createdAt": "created_at", "updatedAt": "updated_at", "pushedAt": "pushed_at"}
        role = self.state.role(self.login, repository)
        return {
            "__typename": "Repository",
            "id": shown["node_id"],
            "name": repository.name,
            "nameWithOwner": repository.full_name,
            "description": repository.description,
            "url": shown["html_url"],
            "sshUrl": shown["ssh_url"],
            "isPrivate": repository.private,
            "isArchived": repository.archived,
            "isInOrganization": simple_user(self.state, repository.owner)["type"] == "Organization",
            "isEmpty": lambda _: not self.state.git(repository).refs("refs/heads/"),
            **dict.fromkeys(("isFork", "isTemplate", "deleteBranchOnMerge"), False),
            **dict.fromkeys(("hasProjectsEnabled", "hasWikiEnabled", "hasDiscussionsEnabled"), False),
            "hasIssuesEnabled": True,
            "visibility": "PRIVATE" if repository.private else "PUBLIC",
            "autoMergeAllowed": repository.allow_auto_merge,
            **{f"{way}MergeAllowed": way in methods for way in ("rebase", "squash")},
            "mergeCommitAllowed": "merge" in methods,
            **{name: shown[field] for name, field in moments.items()},
            "viewerPermission": PERMISSIONS[role],
            "viewerCanAdminister": role == "admin",
            "viewerDefaultCommitEmail": f"{self.login}@users.noreply.github.com",
            "owner": user(self.state, repository.owner),
            "defaultBranchRef": lambda _: self.ref(repository, repository.default_branch),
            "pullRequest": lambda arguments: self._numbered(repository, arguments["number"]),
            "pullRequests": lambda arguments: self._pulls(repository, arguments),
            "release": lambda arguments: self._release(repository, arguments["tagName"]),
        }

    def ref(self, repository: Repository, branch: str) -> Node | None:
        """A branch."""
        sha = self.state.git(repository).ref(f"refs/heads/{branch}")
        name = {"id": node_id("Ref", f"{repository.id}:{branch}"), "name": branch, "prefix": "refs/heads/"}
        return {**name, "target": lambda _: self.commit(repository, sha)} if sha else None

    def _numbered(self, repository: Repository, number: int) -> Node | None:
        pull = pull_store.find_pull(self.state, repository, number)
        return self.pull(repository, pull) if pull else None

    def _release(self, repository: Repository, tag: str) -> Node | None:
        """A release by its tag; a draft only for callers that can write."""
        for release in releases(self.state).values():
            if (release.repository, release.tag) == (repository.key, tag) and self._shows(repository, release):
                shown = show_release(self.state, repository, release)
                names = {"createdAt": "created_at", "publishedAt": "published_at", "url": "html_url", "id": "node_id"}
                flags = {"isDraft": release.draft, "isPrerelease": release.prerelease}
                fields = {name: shown[field] for name, field in names.items()}
                return {**fields, **flags, "databaseId": release.id, "name": release.name, "tagName": tag}
        return None

    def _shows(self, repository: Repository, release: Release) -> bool:
        return not release.draft or self.state.has_role(self.login, repository, "write")

    def _pulls(self, repository: Repository, arguments: Arguments) -> Node:
        pulls = pull_store.pulls_of(self.state, repository)
        for argument, field in (("headRefName", "head"), ("baseRefName", "base")):
            if arguments.get(argument):
                pulls = [pull for pull in pulls if getattr(pull, field) == arguments[argument]]
        if arguments.get("states"):
            pulls = [pull for pull in pulls if _state(pull) in arguments["states"]]
        return connection([self.pull(repository, pull) for pull in pulls], arguments)

    def pull(self, repository: Repository, pull: Pull) -> Node:
        """A pull request."""
        page = f"{html_url(self.state, repository)}/pull/{pull.number}"
        return {
            "__typename": "PullRequest",
            "id": node_id("PullRequest", pull.id),
            "fullDatabaseId": str(pull.id),
            "number": pull.number,
            "title": pull.title,
            "body": pull.body or "",
            "state": _state(pull),
            "url": page,
            "permalink": page,
            "closed": pull.state == "closed",
            "merged": pull.merged_at is not None,
            "isDraft": pull.draft,
            "isCrossRepository": False,
            "maintainerCanModify": False,
            "viewerCanEnableAutoMerge": repository.allow_auto_merge,
            "viewerCanMergeAsAdmin": self.state.has_role(self.login, repository, "admin"),
            "headRefName": pull.head,
            "headRefOid": pull.head_sha,
            "baseRefName": pull.base,
            "baseRefOid": pull.base_sha,
            "reviewDecision": None,
            **self._moments(pull),
            **self._merging(repository, pull),
            **self._people(repository, pull),
            **self._changes(repository, pull),
            **_unused(),
        }

    def _moments(self, pull: Pull) -> Node:
        names = {"createdAt": "created_at", "updatedAt": "updated_at", "closedAt": "closed_at", "mergedAt": "merged_at"}
        moments = {name: getattr(pull, field) for name, field in names.items()}
        return {name: stamp(moment) if moment else None for name, moment in moments.items()}

    def _merging(self, repository: Repository, pull: Pull) -> Node:
        wanted, sha = pull.auto_merge, pull.merge_commit_sha
        request = wanted and {
            "enabledAt": stamp(wanted.enabled_at),
            "enabledBy": user(self.state, wanted.login),
            "mergeMethod": wanted.method.upper(),
            "commitHeadline": wanted.title,
            "commitBody": wanted.message,
            "authorEmail": None,
        }
        return {
            "autoMergeRequest": request,
            "isMergeQueueEnabled": queue_rule(repository, pull.base) is not None,
            "isInMergeQueue": merge_queue.entry_of(self.state, repository, pull) is not None,
            "timelineItems": lambda arguments: connection(pull.removals * [REMOVED], arguments),
            "mergeCommit": lambda _: self.commit(repository, sha) if sha else None,
            "mergeStateStatus": lambda _: pull_store.look(self.state, repository, pull).upper(),
            "mergeable": lambda _: MERGEABLE.get(pull_store.look(self.state, repository, pull), "MERGEABLE"),
        }

    def queue_entry(self, repository: Repository, pull: Pull, entry: merge_queue.QueueEntry) -> Node:
        """The place of a pull request in a merge queue."""
        ahead = [one for one in merge_queue.entries_of(self.state, repository, entry.base) if one.id < entry.id]
        return {
            "id": node_id("MergeQueueEntry", entry.id),
            "position": len(ahead) + 1,
            "state": "AWAITING_CHECKS",
            "pullRequest": lambda _: self.pull(repository, pull),
            "headCommit": lambda _: self.commit(repository, entry.sha),
        }

    def _people(self, repository: Repository, pull: Pull) -> Node:
        return {
            "author": user(self.state, pull.login),
            "mergedBy": user(self.state, pull.merged_by) if pull.merged_by else None,
            "repository": lambda _: self.repository(repository),
            "headRepository": lambda _: self.repository(repository),
            "baseRepository": lambda _: self.repository(repository),
            "headRepositoryOwner": user(self.state, repository.owner),
            "headRef": lambda _: self.ref(repository, pull.head),
            "baseRef": lambda _: self.ref(repository, pull.base),
        }

    def _changes(self, repository: Repository, pull: Pull) -> Node:
        git = self.state.git(repository)

        def files() -> list[diffs.Changed]:
            return diffs.files_since_parting(git, pull.base_sha, pull.head_sha)

        def commits(arguments: Arguments) -> Node:
            brought = merging.commits_between(git, pull.base_sha, pull.head_sha)
            nodes = [
                {"id": node_id("PullRequestCommit", sha), "commit": self.commit(repository, sha)} for sha in brought
            ]
            return connection(nodes, arguments)

        said = [self.comment(repository, one) for one in issues.comments_of(self.state, repository, pull.number)]
        labels = [issues.label_json(self.state, repository, name) for name in pull.labels]
        return {
            "additions": lambda _: sum(file.added for file in files()),
            "deletions": lambda _: sum(file.deleted for file in files()),
            "changedFiles": lambda _: len(files()),
            "files": lambda arguments: connection(
                [{"path": file.path, "additions": file.added, "deletions": file.deleted} for file in files()], arguments
            ),
            "commits": commits,
            "comments": lambda arguments: connection(said, arguments),
            "labels": lambda arguments: connection([{**one, "id": one["node_id"]} for one in labels], arguments),
        }

    def comment(self, repository: Repository, comment: Comment) -> Node:
        """A comment."""
        shown = issues.comment_json(self.state, repository, comment)
        return {
            "id": shown["node_id"],
            "url": shown["html_url"],
            "body": comment.body,
            "author": user(self.state, comment.login),
            "authorAssociation": shown["author_association"],
            "createdAt": shown["created_at"],
            "updatedAt": shown["updated_at"],
            "includesCreatedEdit": comment.created_at != comment.updated_at,
            "isMinimized": False,
            "minimizedReason": None,
            "viewerDidAuthor": comment.login == self.login,
            "reactionGroups": [],
        }

    def commit(self, repository: Repository, sha: str) -> Node:
        """A commit."""
        commit = self.state.git(repository).commit(sha)
        subject, _, rest = commit.message.partition("\n")
        return {
            "__typename": "Commit",
            "id": node_id("Commit", sha),
            "oid": sha,
            "abbreviatedOid": sha[:7],
            "authoredDate": person(commit.author)["date"],
            "committedDate": person(commit.committer)["date"],
            "message": commit.message,
            "messageHeadline": subject,
            "messageBody": rest.strip(),
            "statusCheckRollup": lambda _: self._rollup(repository, sha),
        }

    def _rollup(self, repository: Repository, sha: str) -> Node | None:
        said = statuses.newest(statuses.statuses_of(self.state, repository, sha))
        runs = checks.newest(checks.check_runs_of(self.state, repository, sha))
        contexts = [*map(_status, said), *map(_check_run, runs)]
        ends = [one["state"] for one in contexts if "state" in one] + [run.conclusion or "" for run in runs]
        state = "SUCCESS" if {end.lower() for end in ends} <= {*checks.PASSED} else "PENDING"
        if {end.lower() for end in ends} & {"failure", "error", "timed_out", "cancelled", "action_required"}:
            state = "FAILURE"
        rollup = {"id": node_id("StatusCheckRollup", sha), "state": state}
        return {**rollup, "contexts": lambda arguments: connection(contexts, arguments)} if contexts else None


# The one kind of event in a pull request's time line that the slice of the schema has.
REMOVED = {"__typename": "RemovedFromMergeQueueEvent", "id": node_id("RemovedFromMergeQueueEvent", 1)}
MERGEABLE = {"dirty": "CONFLICTING", "unknown": "UNKNOWN"}


def _state(pull: Pull) -> str:
    return "MERGED" if pull.merged_at else pull.state.upper()


def _status(status: statuses.Status) -> Node:
    return {
        "__typename": "StatusContext",
        "id": node_id("StatusContext", status.id),
        "context": status.context,
        "state": status.state.upper(),
        "description": status.description,
        "targetUrl": status.target_url,
        "createdAt": stamp(status.created_at),
        "isRequired": False,
    }


def _check_run(run: checks.CheckRun) -> Node:
    return {
        "__typename": "CheckRun",
        "id": node_id("CheckRun", run.id),
        "databaseId": run.id,
        "name": run.name,
        "status": run.status.upper(),
        "conclusion": (run.conclusion or "").upper() or None,
        "startedAt": stamp(run.started_at),
        "completedAt": stamp(run.completed_at) if run.completed_at else None,
        "detailsUrl": run.details_url,
        "isRequired": False,
        "checkSuite": {"id": node_id("CheckSuite", run.app)},
    }


def _unused() -> Node:
    """Fields that every client queries and none needs here."""
    empty = ("assignees", "latestReviews", "projectCards", "reviewRequests", "reviews")
    return {**{name: lambda arguments: connection([], arguments) for name in empty}, "reactionGroups": []}
