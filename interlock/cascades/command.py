"""The reaction `command`: runs a program in the member's directory of a fresh clone of its repository."""

import asyncio
from pathlib import Path

from interlock.cascades.context import CascadeContext
from interlock.common.atomic_files import write_whole
from interlock.common.paths import home
from interlock.common.process import run, tool_environment
from interlock.errors import RefusedError
from interlock.model.cascade import Cascade
from interlock.project.directory import project_in

TIMEOUT = 1800.0
LOG = 1 << 20


async def run_command(context: CascadeContext, cascade: Cascade, package: str) -> Path:
    """Run a member's command, with the released versions in its environment and without a token.

    Returns:
        The path of its log.

    Raises:
        RefusedError: The command failed, or took too long.
        RepositoryError: The repository can't be cloned.
        BuildError: It has no such directory.
    """
    cloned = await context.clone(package)
    member = context.family.package(package)
    command, folder = member.command, project_in(cloned.path, member.directory)
    released = " ".join(f"{name}=={version}" for name, version in cascade.released().items())
    variables = {"ORIGIN": cascade.root, "VERSION": str(cascade.version), "RELEASED": released}
    try:
        done = await run(
            command, env={**tool_environment(), **variables}, cwd=folder, timeout=TIMEOUT, keep=LOG, merge=True
        )
    except FileNotFoundError:
        raise RefusedError(
            f"{command[0]} is not on this machine", hint=f"install it, or see [packages.{package}]"
        ) from None
    log = home() / "logs" / cascade.id / f"{package}.log"
    await asyncio.to_thread(write_whole, log, done.output.encode())
    if done.returncode != 0:
        why = f"took more than {TIMEOUT:g} s" if done.timed_out else f"ended with {done.returncode}"
        last = " ".join(done.output.split()[-40:])
        raise RefusedError(f"{' '.join(command)} of {package} {why}: {last}", hint=f"the whole log: {log}")
    return log
