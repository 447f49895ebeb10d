"""What the steps of a workflow do of a release: publish, tag, make a GitHub Release; or start another workflow."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

import yaml

from interlock.adapters.github.workflows.yaml_nodes import child, entries, line_of, text_of

# A longer command is cut, so that a hostile one can't take long.
LONGEST = 2000
# Actions that publish a distribution, tag, or make a GitHub Release, by owner/name.
ACTIONS = frozenset(
    {
        "actions/create-release",
        "anothrnick/github-tag-action",
        "casperdcl/deploy-pypi",
        "codfish/semantic-release-action",
        "commitizen-tools/commitizen-action",
        "cycjimmy/semantic-release-action",
        "elgohr/github-release-action",
        "etils-actions/pypi-auto-publish",
        "go-semantic-release/action",
        "google-github-actions/release-please-action",
        "googleapis/release-please-action",
        "jrubics/poetry-publish",
        "marvinpinto/action-automatic-releases",
        "mathieudutour/github-tag-action",
        "ncipollo/release-action",
        "phips28/gh-action-bump-version",
        "pypa/gh-action-pypi-publish",
        "python-semantic-release/publish-action",
        "python-semantic-release/python-semantic-release",
        "python-semantic-release/upload-to-gh-release",
        "relekang/python-semantic-release",
        "rickstaa/action-create-tag",
        "rymndhng/release-on-push-action",
        "softprops/action-gh-release",
        "svenstaro/upload-release-action",
    }
)
# Actions that propose or push a commit, which may start another workflow.
PROPOSERS = frozenset({"peter-evans/create-pull-request", "repo-sync/pull-request", "devops-infra/action-pull-request"})
PUSHERS = frozenset({"ad-m/github-push-action", "endbug/add-and-commit", "stefanzweifel/git-auto-commit-action"})
STARTERS = frozenset({"benc-uk/workflow-dispatch", "convictional/trigger-workflow-and-wait"})
# Commands that release, each at the beginning of a command or behind a runner such as `uv run` or `python -m`.
_COMMANDS = (
    r"twine\s+upload",
    r"(uv|poetry|flit|hatch|pdm|maturin)\s+(-\S+\s+)*(publish|upload)\b",
    r"(python[\d.]*\s+)?setup\.py\b.*\supload",
    r"gh\s+release\s+create",
    r"(python-)?semantic-release(\s+(-\S+\s+)*(version|publish)|\s*$|\s+-)",
    r"release-please\s+(github-release|release-pr|manifest-release)",
    r"git\s+tag\s+(?!-l\b|--list|-n|--sort|--contains|--points-at|--merged|-d\b|--delete|-v\b)\S",
    r"git\s+push\b.*(--tags|--follow-tags|refs/tags/|\stag\s)",
    r"(cz|commitizen)\s+bump",
    r"(bump-my-version|bumpversion|bump2version)\s.*--tag",
    r"auto\s+(shipit|release)",
)
_RELEASES = re.compile("|".join(rf"(?:{each})" for each in _COMMANDS), re.IGNORECASE)
_RUNNER = re.compile(
    r"(?:(?:uvx|pipx\s+run|uv\s+tool\s+run)\s+--(?:from|spec)\s+\S+\s+|(?:uv|poetry|pdm|hatch|pipx)\s+run\s+"
    r"|python[\d.]*\s+-m\s+|\w+=\S*\s+|sudo\s+|uvx\s+|npx\s+|yarn\s+|pnpm\s+|then\s+|do\s+|if\s+|!\s+|-\S+\s+)*"
)
# Names of scripts and targets that look like a release: what they do is not known.
_LIKELY = re.compile(
    r"(make|just|tox|nox|task|invoke|bash|sh|\./\S*)\b.*(?<![a-z])(?<!on[-_])(release|publish)", re.IGNORECASE
)
_TEST_INDEX = re.compile(r"\btest[._-]?pypi", re.IGNORECASE)
_DRY = re.compile(r"--(dry-run|noop)\b|git\s+push\b.*--delete", re.IGNORECASE)
_PROPOSES = re.compile(r"gh\s+pr\s+(create|merge)", re.IGNORECASE)
_PUSHES = re.compile(r"git\s+push\b", re.IGNORECASE)
_STARTS = re.compile(r"gh\s+workflow\s+run\s+(\S+)", re.IGNORECASE)


class Effect(StrEnum):
    """What a step does that may start another workflow."""

    PROPOSES = "opens a pull request"
    PUSHES = "pushes to the branch"


class StepFacts(NamedTuple):
    """What a step does.

    Attributes:
        line: From 1.
        releases: The command or action that releases; empty when it does not.
        is_sure: Whether it surely does: the name of a script is a guess.
        effects: What else may follow.
        starts: The files of workflows that it starts.
    """

    line: int
    releases: str = ""
    is_sure: bool = True
    effects: frozenset[Effect] = frozenset()
    starts: tuple[str, ...] = ()


def facts_of(step: yaml.Node) -> StepFacts:
    """What one step does."""
    uses, run = text_of(child(step, "uses")), child(step, "run")
    if uses is not None:
        return _action(step, uses)
    return _script(run) if isinstance(run, yaml.ScalarNode) else StepFacts(line_of(step))


def _action(step: yaml.Node, uses: str) -> StepFacts:
    name, line = uses.partition("@")[0].strip().lower(), line_of(step)
    settings = {key.lower().replace("_", "-"): text_of(value) or "" for key, _, value in entries(child(step, "with"))}
    if name in STARTERS:
        return StepFacts(line, starts=(settings.get("workflow") or settings.get("workflow-file-name", ""),))
    if name in PROPOSERS | PUSHERS:
        return StepFacts(line, effects=frozenset({Effect.PROPOSES if name in PROPOSERS else Effect.PUSHES}))
    is_likely = name.startswith("./") and re.search("release|publish", name) is not None
    is_sure = _releases(name, settings)
    return StepFacts(line, releases=name[:100] if is_sure or is_likely else "", is_sure=is_sure)


def _releases(name: str, settings: Mapping[str, str]) -> bool:
    """Whether an action releases; one that uploads to a test index does not."""
    if name == "pyo3/maturin-action":
        return settings.get("command") in {"publish", "upload"}
    if name == "release-drafter/release-drafter":
        return settings.get("publish") == "true"
    where = settings.get("repository-url", "") + settings.get("repository", "")
    return name in ACTIONS and _TEST_INDEX.search(where) is None


def _script(run: yaml.ScalarNode) -> StepFacts:
    found = StepFacts(line_of(run))
    for line, written in _commands(run):
        command = _RUNNER.sub("", written, count=1)
        if _TEST_INDEX.search(command) or _DRY.search(command):
            continue
        sure = _RELEASES.match(command)
        if (sure or _LIKELY.match(command)) and (not found.releases or (sure and not found.is_sure)):
            found = found._replace(line=line, releases=_shown(sure[0] if sure else command), is_sure=bool(sure))
        found = found._replace(effects=found.effects | _effects(command), starts=(*found.starts, *_started(command)))
    return found


def _effects(command: str) -> frozenset[Effect]:
    known = ((_PROPOSES, Effect.PROPOSES), (_PUSHES, Effect.PUSHES))
    return frozenset(effect for pattern, effect in known if pattern.match(command))


def _started(command: str) -> tuple[str, ...]:
    return (found[1].strip("'\""),) if (found := _STARTS.match(command)) else ()


def _shown(command: str) -> str:
    return " ".join(command.split())[:60]


def _commands(run: yaml.ScalarNode) -> Iterator[tuple[int, str]]:
    """The commands of a script, each with its line; comments and what is only printed are left out."""
    first = line_of(run) + (run.style in {"|", ">"})
    text = re.sub(r"\\\r?\n", "  ", str(run.value))  # a continued line
    for number, line in enumerate(text.splitlines()):
        for command in re.split(r"&&|\|\||[;|&]|\$\(|`", line):
            plain = command.strip(" \t()'\"")[:LONGEST]
            if plain and not plain.startswith(("#", "echo ", "printf ")):
                yield first + number, plain
