"""Publishing: twine uploads the files that the index does not serve yet; the hashes that it serves decide."""

import re
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from packaging.version import Version

from interlock.adapters.index.client import PackageIndex
from interlock.adapters.index.settings import Upload
from interlock.common.process import Completed, run, tool_environment
from interlock.common.retry import until
from interlock.errors import ConflictError, PublishError
from interlock.model.release import ReleasedFile

TIMEOUT = 600
# Indexes say it in different words. The words only lead to another look: what the index serves then decides.
EXISTS = re.compile(r"already exists|\b409\b", re.IGNORECASE)
AGAIN = re.compile(r"HTTPError: (408|429|5\d\d)\b|^(?!HTTPError).*(connection|timed? ?out|max retries)", re.IGNORECASE)


async def missing(
    package: str, version: Version, files: Collection[ReleasedFile], index: PackageIndex
) -> frozenset[str]:
    """The names of the files that the index does not serve.

    Raises:
        ConflictError: It serves another file under one of the names.
        IndexUnavailableError: It did not answer.
    """
    release = (await index.served(package)).get(version)
    served = {file.name: file.sha256 for file in release.files} if release else {}
    for file in files:
        found = served.get(file.name, file.sha256)
        if found != file.sha256:
            raise ConflictError(
                f"{index.index.name} has another {file.name}: its SHA-256 is {found}, and what was built of the tag "
                f"has {file.sha256}",
                hint="this version was published by other means: release a newer one, and yank this one there",
            )
    return frozenset(file.name for file in files if file.name not in served)


async def upload(file: Path, target: Upload) -> None:
    """Upload a file with twine. A file that the index has already is not an error here: the caller looks at it next.

    Files go one by one: twine stops at the first that an index has, and would leave out the others.

    Args:
        file: A wheel or an sdist.
        target: Where to.

    Raises:
        PublishError: The index refuses; a transient one when it is not known whether the file has arrived.
    """
    options = ("--non-interactive", "--disable-progress-bar", "--")
    # -P and an empty directory: a module that lies in the working directory could read the password.
    twine = (sys.executable, "-P", "-m", "twine", "--no-color", "upload")
    command: list[str | Path] = [*twine, *options, file.absolute()]
    with tempfile.TemporaryDirectory() as empty:
        completed = await run(command, env=_environment(target), cwd=Path(empty), timeout=TIMEOUT, merge=True)
    if completed.returncode != 0 and not EXISTS.search(completed.output):
        raise _refusal(completed, target)


def _environment(target: Upload) -> dict[str, str]:
    """Twine's settings go through its environment: every user of a machine can read arguments."""
    secrets = {"TWINE_USERNAME": target.username, "TWINE_PASSWORD": target.password.get_secret_value()}
    address = {"TWINE_REPOSITORY_URL": target.repository_url.get_secret_value()} if target.repository_url else {}
    return {**tool_environment(), **secrets, **address, "COLUMNS": "500"}


def _refusal(completed: Completed, target: Upload) -> PublishError:
    said = _error_lines(completed.output).replace(target.password.get_secret_value() or "\0", "***")
    if completed.timed_out:
        said = f"no answer within {TIMEOUT} s"
    transient = completed.timed_out or bool(AGAIN.search(said))
    is_token = re.search(r"HTTPError: 40[13]\b", said)
    hint = f"may the token for {target.name} upload this package? (docs/tokens.md)" if is_token else None
    return PublishError(f"{target.name} did not take the files: {said}", hint=hint, transient=transient)


def _error_lines(output: str) -> str:
    """The lines from twine's error on, without its decoration."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    start = next((number for number, line in enumerate(lines) if re.match(r"ERROR|\w*(Error|Exception)", line)), -3)
    return " ".join(lines[start:]).removeprefix("ERROR").strip()[:600]


async def confirm(
    package: str, version: Version, files: Collection[ReleasedFile], index: PackageIndex, *, seconds: float
) -> None:
    """Wait until the index serves all files with the right hashes.

    Raises:
        ConflictError: It serves another file under one of the names.
        PublishError: Its time is up; the files may appear later.
    """

    async def all_served() -> bool | None:
        return True if not await missing(package, version, files, index) else None

    if not await until(all_served, seconds=seconds):
        raise PublishError(
            f"{index.index.name} does not serve {package} {version} after {seconds:g} s, though it took the files",
            hint="indexes can be slow: run the same command again, it continues from here",
        )
