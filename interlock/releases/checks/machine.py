"""Checks of this machine: the author of commits, and the tools that a release runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from uv import find_uv_bin

from interlock.adapters.index.settings import age_filters
from interlock.common.process import run, tool_environment
from interlock.common.sandbox import not_isolated
from interlock.errors import InterlockError
from interlock.releases.checks.models import Check, failed, from_error, ok, warning

if TYPE_CHECKING:
    from interlock.model.family import Family

SUBJECT = "this machine"
TIMEOUT = 20
KEYS = ("user.name", "user.email")
# Variables for programs and the user's own settings; the settings of a repository around this process don't count.
PASSED_ON = ("PATH", "HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL")


async def check_machine(family: "Family", environ: Mapping[str, str]) -> tuple[Check, ...]:
    """Check Git, the author of commits, uv, and whether code under test is isolated."""
    env = {**tool_environment(), **{name: environ[name] for name in PASSED_ON if name in environ}}
    git = await _version("git", ["git", "--version"], "install git", env)
    checks = [git, await _version("uv", [_uv(), "--version"], "make setup", env), _isolation()]
    checks.append(_filters(environ))
    if git.state == "ok":
        checks.append(await _identity(family, env))
    return tuple(checks)


def _uv() -> str:
    try:
        return find_uv_bin()
    except FileNotFoundError:
        return "uv"


def _isolation() -> Check:
    if (why := not_isolated()) is None:
        return ok(SUBJECT, "isolation", "bubblewrap")
    hint = "docs/security.md says what a machine needs; until then, run only code that you would run by hand"
    return warning(SUBJECT, "isolation", why, hint)


def _filters(environ: Mapping[str, str]) -> Check:
    """What uv passes over here, others install."""
    try:
        found = age_filters(environ)
    except InterlockError as error:
        return from_error(SUBJECT, "age of packages", error)
    if not found:
        return ok(SUBJECT, "age of packages", "no setting leaves out new releases")
    cause = f"new releases of packages beside the family are left out: {', '.join(found)}"
    return warning(SUBJECT, "age of packages", cause, "what only they satisfy is untested here; the family is exempt")


async def _version(name: str, command: list[str | Path], hint: str, env: Mapping[str, str]) -> Check:
    try:
        done = await run(command, env=env, timeout=TIMEOUT)
    except FileNotFoundError:
        return failed(SUBJECT, name, f"{name} is not installed", hint)
    if done.returncode != 0:
        return failed(SUBJECT, name, f"{name} does not run: it ends with {done.returncode}", hint)
    return ok(SUBJECT, name, done.output.strip())


async def _identity(family: "Family", env: Mapping[str, str]) -> Check:
    if family.author is not None:
        return ok(SUBJECT, "Git identity", f"{family.author}, from the family file")
    said = [(await run(["git", "config", "--global", key], env=env, timeout=TIMEOUT)).output.strip() for key in KEYS]
    if all(said):
        return ok(SUBJECT, "Git identity", f"{said[0]} <{said[1]}>, from Git's configuration")
    cause = f"Git does not know {' and '.join(key for key, value in zip(KEYS, said, strict=True) if not value)}"
    return failed(SUBJECT, "Git identity", cause, 'write author = "Name <address>" in [family], or use git config')
