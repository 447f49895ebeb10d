"""Refs and annotated tags."""

from datetime import datetime

from rehearsal.github.access import needs
from rehearsal.github.git_shapes import ref_shape, tag_shape
from rehearsal.github.git_store import NO_COMMIT, GitStoreError, Person
from rehearsal.github.protection import refuse
from rehearsal.github.pushes import Change, moved
from rehearsal.github.refusals import not_found, unprocessable
from rehearsal.github.web import Answer, Body, Call, Routes, created, nothing

routes = Routes()
READ = needs("contents")
WRITE = needs("contents", "write", instead=({"contents": "write", "workflows": "write"},))


class NewRef(Body):
    """The body of a POST."""

    ref: str
    sha: str


class MovedRef(Body):
    """The body of a PATCH."""

    sha: str
    force: bool = False


class Tagger(Body):
    """The tagger; the time is now unless it is given."""

    name: str
    email: str
    date: str | None = None


class NewTag(Body):
    """The body of a POST."""

    tag: str
    message: str
    object: str
    type: str = "commit"
    tagger: Tagger | None = None


def _shown(call: Call, ref: str, sha: str) -> dict[str, object]:
    return ref_shape(call.state, call.repo, ref, sha, call.git.kind_of(sha) or "commit")


@routes.get("/repos/{owner}/{repo}/git/ref/{ref:path}", READ)
def ref_of(call: Call) -> Answer:
    """One ref, by its whole name without `refs/`."""
    ref = f"refs/{call.arguments['ref']}"
    sha = call.git.ref(ref)
    if sha is None:
        raise not_found()
    return Answer(_shown(call, ref, sha))


@routes.get("/repos/{owner}/{repo}/git/matching-refs/{ref:path}", READ)
def matching_refs(call: Call) -> Answer:
    """The refs with a prefix."""
    found = call.git.refs(f"refs/{call.arguments['ref']}")
    return Answer([_shown(call, ref, sha) for ref, sha in found.items()])


@routes.post("/repos/{owner}/{repo}/git/refs", WRITE)
def create_ref(call: Call) -> Answer:
    """Make a ref."""
    asked = call.body(NewRef, "Reference")
    if not asked.ref.startswith("refs/") or asked.ref.count("/") < 2:
        raise unprocessable("Reference name must start with 'refs/' and have at least two slashes.")
    _check_object(call, asked.sha)
    if call.git.ref(asked.ref):
        raise unprocessable("Reference already exists")
    _move(call, Change(asked.ref, NO_COMMIT, asked.sha))
    shown = _shown(call, asked.ref, asked.sha)
    return created(shown, str(shown["url"]))


@routes.patch("/repos/{owner}/{repo}/git/refs/{ref:path}", WRITE)
def update_ref(call: Call) -> Answer:
    """Move a ref; only forward, unless forced."""
    asked, ref = call.body(MovedRef, "Reference"), f"refs/{call.arguments['ref']}"
    old = call.git.ref(ref)
    if old is None:
        raise unprocessable("Reference does not exist")
    _check_object(call, asked.sha)
    if not asked.force and call.git.log("--max-count=1", old, "--not", asked.sha):
        raise unprocessable("Update is not a fast forward")
    _move(call, Change(ref, old, asked.sha))
    return Answer(_shown(call, ref, asked.sha))


@routes.delete("/repos/{owner}/{repo}/git/refs/{ref:path}", WRITE)
def delete_ref(call: Call) -> Answer:
    """Delete a ref."""
    ref = f"refs/{call.arguments['ref']}"
    old = call.git.ref(ref)
    if old is None:
        raise unprocessable("Reference does not exist")
    _move(call, Change(ref, old, NO_COMMIT))
    return nothing()


def _check_object(call: Call, sha: str) -> None:
    if len(sha) != 40 or call.git.kind_of(sha) is None:
        raise unprocessable("Object does not exist")


def _move(call: Call, change: Change) -> None:
    """Move a ref, if its rules allow it, and notify the listeners."""
    refuse(call.state, call.git, call.repo, change, call.token)
    try:
        if change.is_gone:
            call.git.delete_ref(change.ref)
        else:
            call.git.set_ref(change.ref, change.new, change.old)
    except GitStoreError:
        raise unprocessable(f"{change.ref} is not a valid ref name.") from None
    moved(call.state, call.repo, [change], call.token)
    call.note(f"push {change.words}")


@routes.post("/repos/{owner}/{repo}/git/tags", WRITE)
def create_tag(call: Call) -> Answer:
    """Make an annotated tag's object; a ref makes a tag of it."""
    asked = call.body(NewTag, "Tag")
    if call.git.kind_of(asked.object) != asked.type:
        raise unprocessable("Object does not exist")
    sha = call.git.write_tag(asked.tag, asked.object, asked.type, asked.message, _tagger(call, asked.tagger))
    call.note(f"create tag object {asked.tag}")
    shown = tag_shape(call.state, call.repo, call.git.tag(sha))
    return created(shown, shown["url"])


def _tagger(call: Call, asked: Tagger | None) -> Person:
    return person_of(call, asked.name, asked.email, asked.date) if asked else call.git.web_flow(call.caller.login)


def person_of(call: Call, name: str, email: str, date: str | None) -> Person:
    """A committer or tagger, at a time in ISO 8601, or now."""
    try:
        moment = datetime.fromisoformat(date) if date else call.state.now()
    except ValueError:
        raise unprocessable("Invalid request.\n\nInvalid timestamp.") from None
    return Person(name, email, f"{int(moment.timestamp())} +0000")


@routes.get("/repos/{owner}/{repo}/git/tags/{sha}", READ)
def tag_object(call: Call) -> Answer:
    """An annotated tag."""
    if call.git.kind_of(call.arguments["sha"]) != "tag":
        raise not_found()
    return Answer(tag_shape(call.state, call.repo, call.git.tag(call.arguments["sha"])))
