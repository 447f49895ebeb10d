"""The part of GitHub's GraphQL that is served: which fields each type has, and of which type they are."""

from interlock.rehearsal.github.graphql_language import Schema

PULL_SCALARS = (
    "additions baseRefName baseRefOid body changedFiles closed closedAt createdAt deletions fullDatabaseId headRefName "
    "headRefOid id isCrossRepository isDraft maintainerCanModify mergeStateStatus mergeable merged mergedAt number "
    "permalink reviewDecision state title updatedAt url viewerCanEnableAutoMerge viewerCanMergeAsAdmin"
)
REPOSITORY_SCALARS = (
    "autoMergeAllowed createdAt deleteBranchOnMerge description hasDiscussionsEnabled hasIssuesEnabled "
    "hasProjectsEnabled hasWikiEnabled homepageUrl id isArchived isEmpty isFork isInOrganization isPrivate isTemplate "
    "mergeCommitAllowed name nameWithOwner pushedAt rebaseMergeAllowed squashMergeAllowed sshUrl updatedAt url "
    "viewerCanAdminister viewerDefaultCommitEmail viewerPermission visibility"
)


def _scalars(names: str) -> dict[str, str | None]:
    return dict.fromkeys(names.split())


def _connection(node: str) -> dict[str, str | None]:
    return {"nodes": node, "totalCount": None, "pageInfo": "PageInfo"}


USER = _scalars("id login name url databaseId avatarUrl")
PULL: dict[str, str | None] = {
    **_scalars(PULL_SCALARS),
    "assignees": "UserConnection",
    "author": "Actor",
    "autoMergeRequest": "AutoMergeRequest",
    "baseRef": "Ref",
    "baseRepository": "Repository",
    "comments": "IssueCommentConnection",
    "commits": "PullRequestCommitConnection",
    "files": "PullRequestChangedFileConnection",
    "headRef": "Ref",
    "headRepository": "Repository",
    "headRepositoryOwner": "RepositoryOwner",
    "labels": "LabelConnection",
    "latestReviews": "PullRequestReviewConnection",
    "mergeCommit": "Commit",
    "mergedBy": "Actor",
    "milestone": "Milestone",
    "projectCards": "ProjectCardConnection",
    "reactionGroups": "ReactionGroup",
    "repository": "Repository",
    "reviewRequests": "ReviewRequestConnection",
    "reviews": "PullRequestReviewConnection",
}
PULL_PAYLOAD = {"clientMutationId": None, "pullRequest": "PullRequest"}
SCHEMA: Schema = {
    "Query": {
        "__type": "__Type",
        "node": "Node",
        "rateLimit": "RateLimit",
        "repository": "Repository",
        "viewer": "User",
    },
    "__Type": {"kind": None, "name": None, "fields": "__Field"},
    "__Field": {"name": None},
    "Mutation": {
        "addComment": "AddCommentPayload",
        "closePullRequest": "ClosePullRequestPayload",
        "createPullRequest": "CreatePullRequestPayload",
        "disablePullRequestAutoMerge": "DisablePullRequestAutoMergePayload",
        "enablePullRequestAutoMerge": "EnablePullRequestAutoMergePayload",
        "mergePullRequest": "MergePullRequestPayload",
        "reopenPullRequest": "ReopenPullRequestPayload",
    },
    "Repository": {
        **_scalars(REPOSITORY_SCALARS),
        "defaultBranchRef": "Ref",
        "owner": "RepositoryOwner",
        "parent": "Repository",
        "pullRequest": "PullRequest",
        "pullRequests": "PullRequestConnection",
        "release": "Release",
    },
    "Release": _scalars("createdAt databaseId id isDraft isPrerelease name publishedAt tagName url"),
    "PullRequest": PULL,
    "Node": {"id": None},
    "Actor": _scalars("login url avatarUrl"),
    "RepositoryOwner": _scalars("id login url avatarUrl"),
    "User": USER,
    "Organization": USER,
    "Bot": _scalars("id login url databaseId avatarUrl"),
    "AutoMergeRequest": {
        "authorEmail": None,
        "commitBody": None,
        "commitHeadline": None,
        "enabledAt": None,
        "mergeMethod": None,
        "enabledBy": "Actor",
    },
    "Ref": {"id": None, "name": None, "prefix": None, "target": "GitObject"},
    "GitObject": {"id": None, "oid": None},
    "Commit": {
        **_scalars("abbreviatedOid committedDate authoredDate id message messageBody messageHeadline"),
        "oid": None,
        "status": "Status",
        "statusCheckRollup": "StatusCheckRollup",
    },
    "Status": {"id": None, "state": None, "contexts": "StatusContext"},
    "StatusContext": _scalars("context createdAt description id isRequired state targetUrl"),
    "StatusCheckRollup": {"id": None, "state": None, "contexts": "StatusCheckRollupContextConnection"},
    "StatusCheckRollupContextConnection": _connection("StatusCheckRollupContext"),
    "StatusCheckRollupContext": {},
    "CheckRun": {
        **_scalars("completedAt conclusion databaseId detailsUrl id isRequired name startedAt"),
        "status": None,
        "checkSuite": "CheckSuite",
    },
    "CheckSuite": {"id": None, "workflowRun": "WorkflowRun"},
    "WorkflowRun": {"id": None, "workflow": "Workflow"},
    "Workflow": {"id": None, "name": None},
    "PullRequestConnection": _connection("PullRequest"),
    "PullRequestCommitConnection": _connection("PullRequestCommit"),
    "PullRequestCommit": {"id": None, "commit": "Commit"},
    "PullRequestChangedFileConnection": _connection("PullRequestChangedFile"),
    "PullRequestChangedFile": _scalars("additions deletions path"),
    "IssueCommentConnection": _connection("IssueComment"),
    "IssueComment": {
        **_scalars("authorAssociation body createdAt id includesCreatedEdit isMinimized"),
        **_scalars("minimizedReason updatedAt url viewerDidAuthor"),
        "author": "Actor",
        "reactionGroups": "ReactionGroup",
    },
    "IssueCommentEdge": {"cursor": None, "node": "IssueComment"},
    "LabelConnection": _connection("Label"),
    "Label": _scalars("color description id name"),
    "UserConnection": _connection("User"),
    "ReactionGroup": {"content": None, "users": "ReactingUserConnection"},
    "ReactingUserConnection": {"totalCount": None},
    "Milestone": _scalars("description dueOn number title"),
    "ProjectCardConnection": _connection("ProjectCard"),
    "ProjectCard": {"id": None, "project": "Project", "column": "ProjectColumn"},
    "Project": {"name": None},
    "ProjectColumn": {"name": None},
    "PullRequestReviewConnection": _connection("PullRequestReview"),
    "PullRequestReview": {
        **_scalars("authorAssociation body id includesCreatedEdit state submittedAt url"),
        "author": "Actor",
        "commit": "Commit",
        "reactionGroups": "ReactionGroup",
    },
    "ReviewRequestConnection": _connection("ReviewRequest"),
    "ReviewRequest": {"id": None, "requestedReviewer": "RequestedReviewer"},
    "RequestedReviewer": {},
    "Team": {"name": None, "slug": None, "organization": "Organization"},
    "PageInfo": _scalars("endCursor hasNextPage hasPreviousPage startCursor"),
    "RateLimit": _scalars("cost limit remaining resetAt used"),
    "AddCommentPayload": {"clientMutationId": None, "commentEdge": "IssueCommentEdge"},
    "ClosePullRequestPayload": PULL_PAYLOAD,
    "CreatePullRequestPayload": PULL_PAYLOAD,
    "DisablePullRequestAutoMergePayload": {**PULL_PAYLOAD, "actor": "Actor"},
    "EnablePullRequestAutoMergePayload": {**PULL_PAYLOAD, "actor": "Actor"},
    "MergePullRequestPayload": {**PULL_PAYLOAD, "actor": "Actor"},
    "ReopenPullRequestPayload": PULL_PAYLOAD,
}
