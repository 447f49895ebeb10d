"""Running git: the same on every machine, without prompts, hooks and locales, but with the user's own access."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from interlock.adapters.git.errors import RemoteUnreachableError, error_for
from interlock.adapters.git.models import Remote
from interlock.common.process import Completed, run, tool_environment
from interlock.errors import RepositoryError

TIMEOUT = 300
KEEP = 64 * 1024 * 1024  # lists of tags and commits are read whole
# No prompts: git fails at once where it would need a person. How to get access is in the user's own settings.
SETTINGS = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ASKPASS": "",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",  # large files are fetched for builds alone, and from the repository itself (`lfs`)
    "LC_ALL": "C",
    "TZ": "UTC",
}
# The user's own ways of access, and the configuration that a CI gives by the environment.
ACCESS = re.compile(r"GIT_CONFIG_(GLOBAL|COUNT|KEY_\d+|VALUE_\d+)|GIT_SSH(_COMMAND|_VARIANT)?|SSH_AUTH_SOCK")
CONFIGURATION = (
    ("core.hooksPath", os.devnull),
    ("core.autocrlf", "false"),
    ("core.excludesFile", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.quotePath", "false"),
    ("commit.gpgSign", "false"),
    ("tag.gpgSign", "false"),
    ("tag.forceSignAnnotated", "false"),
    ("push.gpgSign", "false"),
    ("push.followTags", "false"),
    ("push.recurseSubmodules", "no"),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("i18n.commitEncoding", "utf-8"),
    ("i18n.logOutputEncoding", "utf-8"),
    ("log.showSignature", "false"),
    ("gc.auto", "0"),  # it would run in the background, in a directory that is soon removed
    ("maintenance.auto", "false"),
)


def environment(remote: Remote | None = None, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Git's whole environment; the remote's token is in it, and nowhere else.

    Args:
        remote: Its token is in the environment.
        environ: The user's ways of access are taken from here.
    """
    given = {name: value for name, value in environ.items() if ACCESS.fullmatch(name)}
    known = given.get("GIT_CONFIG_COUNT", "")
    first = int(known) if known.isdecimal() else 0
    settings = [*CONFIGURATION, *(remote.settings() if remote else [])]
    return {
        **tool_environment(),
        **given,
        **SETTINGS,
        **{f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in enumerate(settings, first)},
        **{f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in enumerate(settings, first)},
        "GIT_CONFIG_COUNT": str(first + len(settings)),
    }


async def git(
    *arguments: str | Path,
    at: Path | None = None,
    remote: Remote | None = None,
    extra: Mapping[str, str] | None = None,
) -> Completed:
    """Run git and return the result, whatever it is; no secret is in its output.

    Args:
        arguments: Git's own.
        at: The repository.
        remote: The remote that it may send its token to.
        extra: Variables beside `environment`.

    Raises:
        RepositoryError: Git is not installed.
    """
    directory: list[str | Path] = ["-C", at] if at else []
    command: list[str | Path] = ["git", *directory, *arguments]
    try:
        completed = await run(command, env={**environment(remote), **(extra or {})}, timeout=TIMEOUT, keep=KEEP)
    except FileNotFoundError:
        raise RepositoryError(
            "git is not installed", hint="install git; for a suite, a path or an sdist does too"
        ) from None
    if remote is None:
        return completed
    clean = {"output": remote.redact(completed.output), "errors": remote.redact(completed.errors)}
    return completed.model_copy(update=clean)


def succeeded(completed: Completed, tried: str) -> str:
    """The output of git, when it succeeded.

    Args:
        completed: The result.
        tried: What failed otherwise, for the message: "main of https://… can't be fetched".

    Raises:
        RepositoryError: It failed; see `interlock.adapters.git.errors` for the kinds.
        TokenError: Access was refused.
        ProtectedBranchError: A rule of the remote forbids it.
    """
    if completed.timed_out:
        raise RemoteUnreachableError(f"{tried}: not within {TIMEOUT} s", hint="check the network, and run it again")
    if completed.returncode != 0:
        raise error_for(tried, _words(completed))
    return completed.output


def _words(completed: Completed) -> str:
    """Git's words about a failure: the rejected lines of a push's table, and standard error."""
    rejected = [line.replace("\t", " ") for line in completed.output.splitlines() if line.startswith("!")]
    said = [line for line in completed.errors.splitlines() if line.strip() and not line.startswith("hint:")]
    return "\n".join([*rejected, *said]).strip() or f"git ended with {completed.returncode}"
