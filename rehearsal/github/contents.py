"""Files and folders of a commit, read and written one at a time."""

import base64
import binascii
from typing import Any

from rehearsal.github.access import needs
from rehearsal.github.commits import resolved
from rehearsal.github.git_shapes import git_commit
from rehearsal.github.git_store import NO_COMMIT, Entry, GitStoreError, Person
from rehearsal.github.protection import HEADS, refuse
from rehearsal.github.pushes import Change, moved
from rehearsal.github.refs import Tagger, person_of
from rehearsal.github.refusals import Refusal, not_found, unprocessable
from rehearsal.github.shapes import html_url, repository_url
from rehearsal.github.web import Answer, Body, Call, Routes

routes = Routes()
KINDS = {"blob": "file", "tree": "dir", "commit": "submodule"}
# The content of larger files is left out; it is available raw.
LARGEST = 1024 * 1024


class NewFile(Body):
    """The body of a PUT."""

    message: str
    content: str
    sha: str | None = None
    branch: str | None = None
    author: Tagger | None = None
    committer: Tagger | None = None


@routes.get("/repos/{owner}/{repo}/contents", needs("contents"))
@routes.get("/repos/{owner}/{repo}/contents/{path:path}", needs("contents"))
def contents(call: Call) -> Answer:
    """A file with its content, or a folder's list; raw with `Accept: application/vnd.github.raw`."""
    name, path = call.query.get("ref") or call.repo.default_branch, call.arguments.get("path", "").strip("/")
    commit = call.git.resolve(name)
    if commit is None:
        is_empty = not call.git.refs(HEADS)
        raise Refusal(404, "This repository is empty." if is_empty else f"No commit found for the ref {name}")
    entry = call.git.entry(commit, path) if path else None
    if path and entry is None:
        raise not_found()
    if entry is None or entry.kind == "tree":
        found = call.git.entries(commit, path)
        return Answer([_shown(call, each, name) for each in found])
    content = call.git.read(entry.sha)
    if ".raw" in call.accept:
        return Answer(content, media="application/vnd.github.raw; charset=utf-8")
    return Answer(_file(call, entry, name, content))


def _shown(call: Call, entry: Entry, ref: str) -> dict[str, Any]:
    """A file or folder without content."""
    url, page = repository_url(call.state, call.repo), html_url(call.state, call.repo)
    here = f"{url}/contents/{entry.path}?ref={ref}"
    is_file = entry.kind == "blob"
    there = f"{url}/git/{'blobs' if is_file else 'trees'}/{entry.sha}"
    web = f"{page}/{'blob' if is_file else 'tree'}/{ref}/{entry.path}"
    return {
        "name": entry.path.rpartition("/")[2],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size,
        "url": here,
        "html_url": web,
        "git_url": there,
        "download_url": f"{page}/raw/{ref}/{entry.path}" if is_file else None,
        "type": "symlink" if entry.mode == "120000" and is_file else KINDS[entry.kind],
        "_links": {"self": here, "git": there, "html": web},
    }


def _file(call: Call, entry: Entry, ref: str, content: bytes) -> dict[str, Any]:
    shown = {**_shown(call, entry, ref), "type": "file"}
    if len(content) > LARGEST:
        return {**shown, "content": "", "encoding": "none"}
    return {**shown, "content": base64.encodebytes(content).decode(), "encoding": "base64"}


@routes.put(
    "/repos/{owner}/{repo}/contents/{path:path}",
    needs("contents", "write", instead=({"contents": "write", "workflows": "write"},)),
)
def put(call: Call) -> Answer:
    """Commit one file to a branch; a file that it replaces must be named by its SHA."""
    asked, path = call.body(NewFile, "Content"), call.arguments["path"].strip("/")
    branch = asked.branch or call.repo.default_branch
    ref = HEADS + branch
    head = call.git.ref(ref)
    if head is None and call.git.refs(HEADS):
        raise Refusal(404, f"Branch {branch} not found")
    before = call.git.entry(head, path) if head else None
    _check_sha(asked.sha, before, path)
    commit = _commit(call, asked, head, path)
    change = Change(ref, head or NO_COMMIT, commit)
    refuse(call.state, call.git, call.repo, change, call.token, status=409)
    call.git.set_ref(ref, commit, change.old)
    moved(call.state, call.repo, [change], call.token)
    call.note(f"push {ref}")
    entry = call.git.entry(commit, path)
    assert entry
    body = {
        "content": _shown(call, entry, branch),
        "commit": git_commit(call.state, call.repo, call.git.commit(resolved(call, commit))),
    }
    return Answer(body, 200 if before else 201)


def _check_sha(sha: str | None, before: Entry | None, path: str) -> None:
    if before and sha is None:
        raise unprocessable('Invalid request.\n\n"sha" wasn\'t supplied.')
    if before and sha != before.sha:
        raise Refusal(409, f"{path} does not match {sha}")


def _person(call: Call, who: Tagger | None) -> Person | None:
    return person_of(call, who.name, who.email, who.date) if who else None


def _commit(call: Call, asked: NewFile, head: str | None, path: str) -> str:
    try:
        content = base64.b64decode("".join(asked.content.split()), validate=True)
    except binascii.Error:
        raise unprocessable("content is not valid Base64") from None
    author, committer = (_person(call, who) for who in (asked.author, asked.committer))
    login = call.caller.login
    mine = call.git.web_flow(login, f"{login}@users.noreply.github.com")
    try:
        return call.git.write_commit(
            head, {path: content}, asked.message, author=author or committer or mine, committer=committer
        )
    except GitStoreError:
        raise unprocessable("path contains a malformed path component") from None
