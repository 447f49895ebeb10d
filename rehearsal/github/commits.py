"""Commits: one, a list, and a comparison of two; tags by name."""

from datetime import datetime
from typing import Any

from rehearsal.github import diffs
from rehearsal.github.access import needs
from rehearsal.github.git_shapes import commit_shape, git_commit, short_commit
from rehearsal.github.refusals import Refusal, not_found, unprocessable
from rehearsal.github.shapes import html_url, node_id, repository_url
from rehearsal.github.web import Answer, Call, Routes

routes = Routes()
READ = needs("contents")
MOST = 250


@routes.get("/repos/{owner}/{repo}/git/commits/{sha}", READ)
def git_object(call: Call) -> Answer:
    """A commit as Git's object."""
    if call.git.kind_of(call.arguments["sha"]) != "commit":
        raise not_found()
    return Answer(git_commit(call.state, call.repo, call.git.commit(call.arguments["sha"])))


@routes.get("/repos/{owner}/{repo}/commits", READ)
def commits(call: Call) -> Answer:
    """The commits of a branch, newest first; of a path, since, until."""
    if not call.git.refs("refs/heads/"):
        raise Refusal(409, "Git Repository is empty.")
    start = resolved(call, call.query.get("sha") or call.repo.default_branch)
    options = [f"--{name}={_moment(call.query[name])}" for name in ("since", "until") if call.query.get(name)]
    path = call.query.get("path", "").strip("/")
    paths = [path] if path else []
    return call.page(call.git.log(*options, start, paths=paths), lambda sha: shown(call, sha))


def _moment(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        raise unprocessable("Invalid timestamp.") from None


@routes.get("/repos/{owner}/{repo}/commits/{ref:path}", READ)
def commit(call: Call) -> Answer:
    """A commit by branch, tag or SHA; with `Accept: application/vnd.github.sha` nothing but its SHA."""
    name = call.arguments["ref"]
    sha = call.git.resolve(name)
    if sha is None:
        raise unprocessable(f"No commit found for SHA: {name}")
    if "sha" in call.accept.partition("application/vnd.github")[2]:
        return Answer(sha.encode(), media="application/vnd.github.sha; charset=utf-8")
    files = changed_files(call, call.git.commit(sha).parents[:1], sha)
    additions, deletions = (sum(file[name] for file in files) for name in ("additions", "deletions"))
    stats = {"additions": additions, "deletions": deletions, "total": additions + deletions}
    return Answer({**shown(call, sha), "stats": stats, "files": files})


@routes.get("/repos/{owner}/{repo}/compare/{basehead:path}", READ)
def compare(call: Call) -> Answer:
    """Compare two commits: `base...head`."""
    base_name, dots, head_name = call.arguments["basehead"].partition("...")
    if not dots:
        raise not_found()
    base, head = resolved(call, base_name), resolved(call, head_name)
    merge_base = call.git.line("merge-base", base, head)
    ahead, behind = call.git.log("--reverse", head, "--not", base), call.git.log(base, "--not", head)
    page = html_url(call.state, call.repo)
    address = f"{repository_url(call.state, call.repo)}/compare/{base_name}...{head_name}"
    return Answer(
        {
            "url": address,
            "html_url": f"{page}/compare/{base_name}...{head_name}",
            "permalink_url": f"{page}/compare/{base}...{head}",
            "diff_url": f"{page}/compare/{base_name}...{head_name}.diff",
            "patch_url": f"{page}/compare/{base_name}...{head_name}.patch",
            "base_commit": shown(call, base),
            "merge_base_commit": shown(call, merge_base),
            "status": _status(len(ahead), len(behind)),
            "ahead_by": len(ahead),
            "behind_by": len(behind),
            "total_commits": len(ahead),
            "commits": [shown(call, sha) for sha in ahead[:MOST]],
            "files": changed_files(call, (merge_base,), head),
        }
    )


def _status(ahead: int, behind: int) -> str:
    if ahead and behind:
        return "diverged"
    return "ahead" if ahead else "behind" if behind else "identical"


@routes.get("/repos/{owner}/{repo}/tags", READ)
def tags(call: Call) -> Answer:
    """The tags, with their commits."""
    names = [ref.removeprefix("refs/tags/") for ref in call.git.refs("refs/tags/")]
    return call.page(sorted(names, reverse=True), lambda name: _tag(call, name))


def _tag(call: Call, name: str) -> dict[str, Any]:
    url = repository_url(call.state, call.repo)
    sha = call.git.line("rev-parse", f"refs/tags/{name}^{{}}")
    return {
        "name": name,
        "node_id": node_id("Ref", f"{call.repo.id}:refs/tags/{name}"),
        "commit": short_commit(call.state, call.repo, sha),
        "zipball_url": f"{url}/zipball/refs/tags/{name}",
        "tarball_url": f"{url}/tarball/refs/tags/{name}",
    }


def shown(call: Call, sha: str) -> dict[str, Any]:
    """A commit's body."""
    return commit_shape(call.state, call.repo, call.git.commit(sha))


def resolved(call: Call, name: str) -> str:
    """The commit of a branch, tag or SHA.

    Raises:
        Refusal: 404.
    """
    sha = call.git.resolve(name)
    if sha is None:
        raise not_found()
    return sha


def changed_files(call: Call, base: tuple[str, ...], head: str) -> list[dict[str, Any]]:
    """The files that differ between two commits, or all files of the first commit."""
    changed = diffs.changed_files(call.git, base[0] if base else None, head)
    return [diffs.diff_entry(call.state, call.repo, head, file) for file in changed]
