"""What the `if:` of a job or step says of something that happens in its repository: yes, no, or not known.

Only what is certain is decided: GitHub's own facts of the event, compared with texts. Everything else, such as what an
earlier step has put out, is not known.
"""

import re
from collections.abc import Iterable

from interlock.common.frozen_model import FrozenModel

HEADS, TAGS = "refs/heads/", "refs/tags/"
LONGEST = 500
_ALWAYS = frozenset({"true", "always()", "success()", "!cancelled()", "!failure()", "github.event.pull_request.merged"})
_NEVER = frozenset({"false", "failure()", "cancelled()", "!success()", "!github.event.pull_request.merged"})
_COMPARED = re.compile(r"(?P<fact>[\w.]+)\s*(?P<sign>[!=]=)\s*(?P<text>'[^']*'|true|false)")
_CALLED = re.compile(
    r"(?P<no>!?)\s*(?P<name>startsWith|contains)\(\s*(?P<fact>[\w.]+)\s*,\s*'(?P<text>[^']*)'\s*\)", re.IGNORECASE
)


class Happening(FrozenModel):
    """Something that happens in a repository, and may start workflows.

    Attributes:
        event: As GitHub names it.
        said: In words, after "on": `the push of its tag`.
        refs: The refs that it may be about, each a sample; of a pull request, the branch that it was merged into.
        actions: What may be its action, or the type of a dispatch; for a `workflow_run`, the names of the workflow.
        paths: Files that it surely changes.
        message: Of the commit that is pushed, where it is known.
    """

    event: str
    said: str
    refs: tuple[str, ...] = ()
    actions: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()
    message: str | None = None

    @property
    def facts(self) -> dict[str, frozenset[str]]:
        """What `github.…` may be, by lower-case name."""
        known: dict[str, Iterable[str]] = {"event_name": [self.event], "event.action": self.actions}
        if self.event in {"push", "create"}:
            known |= {"ref": self.refs, "ref_name": map(short, self.refs), "ref_type": map(_kind, self.refs)}
        if self.message is not None:
            known["event.head_commit.message"] = [self.message]
        if self.event.startswith("pull_request"):
            known |= {"event.pull_request.merged": ["true"], "event.pull_request.base.ref": map(short, self.refs)}
            known |= {"base_ref": map(short, self.refs)}
        if self.event == "workflow_run":
            branches = {"event.workflow_run.head_branch": map(short, self.refs)}
            known |= {"event.workflow_run.conclusion": ["success"], **branches, "event.action": ["completed"]}
        return {f"github.{name}": frozenset(values) for name, values in known.items()}


def short(ref: str) -> str:
    """The name of a branch or tag."""
    return ref.removeprefix(HEADS).removeprefix(TAGS)


def _kind(ref: str) -> str:
    return "tag" if ref.startswith(TAGS) else "branch"


def every(answers: Iterable[bool | None]) -> bool | None:
    """Yes if all are, no if one is no, else not known."""
    found = set(answers)
    return False if False in found else None if None in found else True


def some(answers: Iterable[bool | None]) -> bool | None:
    """Yes if one is, no if all are no, else not known."""
    found = set(answers)
    return True if True in found else None if None in found else False


def holds(condition: str | None, happening: Happening) -> bool | None:
    """Whether an `if:` is true; one that is missing is."""
    if condition is None:
        return True
    text = condition.replace("${{", " ").replace("}}", " ").strip()
    if len(text) > LONGEST or re.search(r"(?<!\w)\(", text):
        return None
    return some(every(_holds(part, happening) for part in _split(each, "&&")) for each in _split(text, "||"))


def _split(text: str, sign: str) -> list[str]:
    """The parts between an operator that is not inside of a text."""
    parts = [""]
    for piece in re.findall(r"'[^']*'|\|\||&&|.", text, re.DOTALL):
        if piece == sign:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def _holds(part: str, happening: Happening) -> bool | None:
    plain = re.sub(r"\s+", "", part).lower()
    if plain in _ALWAYS | _NEVER:
        return plain in _ALWAYS
    if found := _COMPARED.fullmatch(part.strip()):
        wanted, is_equal = found["text"].strip("'").lower(), found["sign"] == "=="
        return _all_or_none((value.lower() == wanted) is is_equal for value in _values(found["fact"], happening))
    if found := _CALLED.fullmatch(part.strip()):
        text = found["text"].lower()
        test = str.startswith if found["name"].lower() == "startswith" else str.__contains__
        return _all_or_none(
            test(value.lower(), text) is not bool(found["no"]) for value in _values(found["fact"], happening)
        )
    return None


def _values(fact: str, happening: Happening) -> frozenset[str]:
    return happening.facts.get(fact.lower(), frozenset())


def _all_or_none(answers: Iterable[bool]) -> bool | None:
    found = set(answers)
    return found.pop() if len(found) == 1 else None
