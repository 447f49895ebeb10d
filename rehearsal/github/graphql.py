"""GraphQL: what REST does not offer (auto-merge), and the queries of `gh`."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from graphql import (
    ExecutionResult,
    FieldNode,
    FieldsOnCorrectTypeRule,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLSyntaxError,
    build_schema,
    execute_sync,
    parse,
    specified_rules,
    validate,
)

from rehearsal.github import access, issues, merge_queue, pull_store, pulls
from rehearsal.github.access import SIGNED_IN, Rule, needs
from rehearsal.github.graphql_nodes import Node, Nodes, user
from rehearsal.github.limits import Limits
from rehearsal.github.pull_store import METHODS, AutoMerge, Pull
from rehearsal.github.records import Repository
from rehearsal.github.refusals import Refusal
from rehearsal.github.shapes import node_id, stamp
from rehearsal.github.web import Answer, Call, Routes

routes = Routes()
# A slice of GitHub's public schema; queries and answers are validated by it.
SCHEMA_FILE = Path(__file__).with_name("schema.graphql")
MERGE = needs("contents", "write", also={"pull_requests": "write"})
SEE = needs("metadata")
Mutation = Callable[["_Request", Mapping[str, Any]], Node]


@routes.post("/graphql", SIGNED_IN)
def graphql(call: Call) -> Answer:
    """Answer a query or a mutation; as on GitHub, errors have the status 200 too."""
    sent = call.json()
    text = sent.get("query") if isinstance(sent, dict) else None
    if not isinstance(text, str):
        return Answer({"errors": [{"message": "A query attribute must be specified and must be a string."}]})
    request = _Request(call)
    root = {**request.query(), **request.mutations()}
    return Answer(_answer(_execute(text, root, sent.get("variables") or {}, sent.get("operationName"))))


@functools.cache
def schema() -> GraphQLSchema:
    """The schema."""
    return build_schema(SCHEMA_FILE.read_text("utf-8"))


class _FieldsRule(FieldsOnCorrectTypeRule):
    """Refuses unknown fields in GitHub's words, by which `gh` recognizes what a server does not support."""

    def enter_field(self, node: FieldNode, *_: object) -> None:
        kind = self.context.get_parent_type()
        if kind and not self.context.get_field_def():
            message = f"Field '{node.name.value}' doesn't exist on type '{kind.name}'"
            self.context.report_error(GraphQLError(message, node))


RULES = [_FieldsRule if rule is FieldsOnCorrectTypeRule else rule for rule in specified_rules]


def _execute(text: str, root: Node, variables: dict[str, Any], name: str | None) -> ExecutionResult:
    try:
        document = parse(text)
    except GraphQLSyntaxError as error:
        return ExecutionResult(None, [error])
    errors = validate(schema(), document, RULES)
    if errors:
        return ExecutionResult(None, errors)
    return execute_sync(
        schema(), document, root, variable_values=variables, operation_name=name, field_resolver=_resolve
    )


def _resolve(source: Node, info: GraphQLResolveInfo, **arguments: Any) -> Any:  # noqa: ANN401  any field
    """A field's value; it may be a function of the arguments, which is called only if the query has the field."""
    given = source.get(info.field_name)
    return given(arguments) if callable(given) else given


def _answer(result: ExecutionResult) -> dict[str, Any]:
    """The errors in GitHub's form.

    Raises:
        Exception: One of them is a defect.
    """
    for error in result.errors or ():
        if error.original_error and not isinstance(error.original_error, GraphQLError):
            raise error.original_error
    errors = {"errors": [_shown(error) for error in result.errors]} if result.errors else {}
    return errors if result.data is None else {"data": result.data, **errors}


def _shown(error: GraphQLError) -> dict[str, Any]:
    path = {"path": error.path} if error.path else {}
    return {**(error.extensions or {}), **path, "message": error.message}


def _refused(message: str, kind: str) -> GraphQLError:
    return GraphQLError(message, extensions={"type": kind})


class _Request:
    """One request, with the root fields of queries and mutations."""

    def __init__(self, call: Call) -> None:
        self.call, self.state = call, call.state
        self.nodes = Nodes(call.state, call.caller.login)

    @property
    def actor(self) -> Node:
        return user(self.state, self.call.caller.login)

    def query(self) -> Node:
        return {
            "id": node_id("Query", 0),
            "viewer": self.actor,
            "repository": lambda arguments: self._repository(arguments["owner"], arguments["name"]),
            "node": self._node,
            "rateLimit": lambda _: self._rate_limit(),
        }

    def mutations(self) -> Node:
        def doing(mutation: Mutation) -> Callable[[Mapping[str, Any]], Node]:
            return lambda arguments: self._do(mutation, arguments["input"])

        return {name: doing(mutation) for name, mutation in MUTATIONS.items()}

    def _do(self, mutation: Mutation, given: Mapping[str, Any]) -> Node:
        try:
            return {"clientMutationId": given.get("clientMutationId"), **mutation(self, given)}
        except Refusal as refusal:
            said = "; ".join(str(error.get("message", refusal.message)) for error in _errors(refusal))
            raise _refused(said or refusal.message, "UNPROCESSABLE") from None

    def _rate_limit(self) -> Node:
        usage, limit = Limits(self.state).usage(self.call.token), Limits(self.state).limit(self.call.token)
        left = max(0, limit - usage.used)
        return {"cost": 1, "limit": limit, "used": usage.used, "remaining": left, "resetAt": stamp(usage.reset)}

    def _repository(self, owner: str, name: str) -> Node:
        known = self.state.repositories.get(f"{owner}/{name}".lower())
        if known is None or not access.sees(self.state, self.call.token, known):
            raise _refused(f"Could not resolve to a Repository with the name '{owner}/{name}'.", "NOT_FOUND")
        return self.nodes.repository(known)

    def _node(self, arguments: Mapping[str, Any]) -> Node:
        repository, pull = self.pull(arguments["id"], SEE)
        return self.nodes.pull(repository, pull)

    def pull(self, identity: object, rule: Rule) -> tuple[Repository, Pull]:
        """The pull request of an id, if the rule allows the request."""
        for pull in self.state.table("pulls", Pull).values():
            repository = self.state.repositories[pull.repository]
            if node_id("PullRequest", pull.id) == identity and access.sees(self.state, self.call.token, repository):
                self.allow(rule, repository)
                return repository, pull
        raise _refused(f"Could not resolve to a node with the global id of '{identity}'", "NOT_FOUND")

    def allow(self, rule: Rule, repository: Repository) -> None:
        """Refuse callers that the rule does not allow."""
        try:
            access.check(self.state, rule, self.call.token, repository)
        except Refusal as refusal:
            raise _refused(refusal.message, "FORBIDDEN") from None


def _errors(refusal: Refusal) -> list[Mapping[str, Any]]:
    return [error for error in refusal.errors if isinstance(error, Mapping)]


def _create(request: _Request, given: Mapping[str, Any]) -> Node:
    for repository in request.state.repositories.values():
        if node_id("Repository", repository.id) == given["repositoryId"]:
            request.allow(pulls.WRITE, repository)
            fields = {"title": "title", "body": "body", "head": "headRefName", "base": "baseRefName", "draft": "draft"}
            new = {name: given[field] for name, field in fields.items() if given.get(field) is not None}
            pull = pulls.open_pull(
                request.state, repository, pulls.NewPull.model_validate(new), request.call.caller.login
            )
            request.call.note(f"create pull {pull.number}: {pull.head} into {pull.base}")
            return {"pullRequest": request.nodes.pull(repository, pull)}
    raise _refused(f"Could not resolve to a node with the global id of '{given['repositoryId']}'", "NOT_FOUND")


def _merge(request: _Request, given: Mapping[str, Any]) -> Node:
    repository, pull = request.pull(given["pullRequestId"], MERGE)
    if given.get("expectedHeadOid") not in {None, pull.head_sha}:
        raise _refused("Head branch was modified. Review and try the merge again.", "UNPROCESSABLE")
    method, state = METHODS[given.get("mergeMethod") or "MERGE"], request.state
    is_admin = state.has_role(request.call.caller.login, repository, "admin")
    reason = pull_store.why_not(state, repository, pull, method, is_admin=is_admin)
    if reason:
        raise _refused(reason, "UNPROCESSABLE")
    words = {"title": given.get("commitHeadline"), "message": given.get("commitBody")}
    pull_store.merge(state, repository, pull, request.call.caller, method, **words)
    request.call.note(f"merge pull {pull.number} ({method})")
    return {"pullRequest": request.nodes.pull(repository, pull), "actor": request.actor}


def _enable(request: _Request, given: Mapping[str, Any]) -> Node:
    repository, pull = request.pull(given["pullRequestId"], MERGE)
    method = METHODS[given.get("mergeMethod") or "MERGE"]
    _must_have_to_wait(request, repository, pull)
    pull.auto_merge = AutoMerge(
        login=request.call.caller.login,
        method=method,
        title=given.get("commitHeadline"),
        message=given.get("commitBody"),
        enabled_at=request.state.now(),
    )
    request.call.note(f"auto-merge pull {pull.number} ({method})")
    pull_store.notify(request.state, repository, pull, "auto_merge_enabled", request.call.caller.login)
    return {"pullRequest": request.nodes.pull(repository, pull), "actor": request.actor}


def _must_have_to_wait(request: _Request, repository: Repository, pull: Pull) -> None:
    if not repository.allow_auto_merge:
        raise _refused("Auto merge is not allowed for this repository", "UNPROCESSABLE")
    if pull.state == "closed":
        raise _refused("Can't enable auto-merge for this pull request", "UNPROCESSABLE")
    found = pull_store.look(request.state, repository, pull)
    # As on GitHub, auto-merge is accepted while it is unknown whether the pull request can be merged at once.
    if found not in {"blocked", "behind", "unknown"}:
        raise _refused(f"Pull request is in {found} status", "UNPROCESSABLE")


def _disable(request: _Request, given: Mapping[str, Any]) -> Node:
    repository, pull = request.pull(given["pullRequestId"], MERGE)
    if pull.auto_merge is None:
        raise _refused("Can't disable auto-merge for this pull request", "UNPROCESSABLE")
    pull.auto_merge = None
    request.call.note(f"no auto-merge of pull {pull.number}")
    pull_store.notify(request.state, repository, pull, "auto_merge_disabled", request.call.caller.login)
    return {"pullRequest": request.nodes.pull(repository, pull), "actor": request.actor}


def _enqueue(request: _Request, given: Mapping[str, Any]) -> Node:
    repository, pull = request.pull(given["pullRequestId"], MERGE)
    if given.get("expectedHeadOid") not in {None, pull.head_sha}:
        raise _refused("Head branch was modified. Review and try the merge again.", "UNPROCESSABLE")
    entry = merge_queue.enqueue(request.state, repository, pull, request.call.caller.login)
    request.call.note(f"enqueue pull {pull.number}")
    return {"mergeQueueEntry": request.nodes.queue_entry(repository, pull, entry)}


def _close(request: _Request, given: Mapping[str, Any]) -> Node:
    repository, pull = request.pull(given["pullRequestId"], pulls.WRITE)
    if pull.state == "open":
        pull_store.close(request.state, repository, pull, request.call.caller.login)
    request.call.note(f"update pull {pull.number}: {pull.state}")
    return {"pullRequest": request.nodes.pull(repository, pull)}


def _reopen(request: _Request, given: Mapping[str, Any]) -> Node:
    repository, pull = request.pull(given["pullRequestId"], pulls.WRITE)
    if pull.state == "closed":
        pull_store.reopen(request.state, repository, pull, request.call.caller.login)
    request.call.note(f"update pull {pull.number}: {pull.state}")
    return {"pullRequest": request.nodes.pull(repository, pull)}


def _comment(request: _Request, given: Mapping[str, Any]) -> Node:
    repository, pull = request.pull(given["subjectId"], issues.COMMENT)
    comment = issues.add_comment(request.state, repository, pull.number, request.call.caller.login, given["body"])
    request.call.note(f"comment {comment.id} on {pull.number}")
    return {"commentEdge": {"cursor": str(comment.id), "node": request.nodes.comment(repository, comment)}}


MUTATIONS: dict[str, Mutation] = {
    "addComment": _comment,
    "closePullRequest": _close,
    "createPullRequest": _create,
    "disablePullRequestAutoMerge": _disable,
    "enablePullRequestAutoMerge": _enable,
    "enqueuePullRequest": _enqueue,
    "mergePullRequest": _merge,
    "reopenPullRequest": _reopen,
}
