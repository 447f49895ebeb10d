"""Git: files of a repository at a ref, without a work tree of it."""

import io
import tarfile
import tempfile
from pathlib import Path

from interlock.errors import RepositoryError
from interlock.process import Completed, run, tool_environment

TIMEOUT = 300
# Files as they were committed: a repository may leave its tests out of archives, or have archives filled in.
ATTRIBUTES = "* -export-ignore -export-subst\n"
# No prompt: what can't be had without a person is an error at once. The user's own settings tell how to get access.
SETTINGS = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1"}


async def files_at(url: str, ref: str, cache: Path) -> dict[str, bytes]:
    """The regular files of a repository at a branch, tag or SHA, by path.

    Args:
        url: Where to fetch from: an URL or a path.
        ref: Validated text that does not begin with a hyphen.
        cache: Where the repository is kept while it is read.

    Raises:
        RepositoryError: The repository or the ref can't be had.
    """
    cache.mkdir(parents=True, exist_ok=True)
    # One for each call: fetches into one repository at the same time hinder each other, and mix up what was fetched.
    with tempfile.TemporaryDirectory(prefix="repository-", dir=cache) as name:
        repository = Path(name)
        await _git(repository, "init", "--bare", "--quiet", "--template=")
        (repository / "info").mkdir(exist_ok=True)
        (repository / "info" / "attributes").write_text(ATTRIBUTES)
        fetched = await _git(repository, "fetch", "--quiet", "--depth=1", "--no-tags", "--", url, ref)
        if fetched.returncode != 0:
            raise _unavailable(ref, "fetched", fetched)
        archive = repository / "files.tar"
        written = await _git(repository, "archive", "--format=tar", f"--output={archive}", "FETCH_HEAD")
        if written.returncode != 0:
            raise _unavailable(ref, "read", written)
        return _members(archive.read_bytes())


def _unavailable(ref: str, done: str, completed: Completed) -> RepositoryError:
    words = f"not within {TIMEOUT} s" if completed.timed_out else completed.errors.strip()
    return RepositoryError(
        f'"{ref}" can\'t be {done}: {words}', hint="check the repository, the ref and the access to it"
    )


async def _git(repository: Path, *arguments: str) -> Completed:
    command: list[str | Path] = ["git", "-C", repository, *arguments]
    try:
        return await run(command, env={**tool_environment(), **SETTINGS}, timeout=TIMEOUT)
    except FileNotFoundError:
        raise RepositoryError(
            "git is not installed", hint="install git, or give the suite a path or an sdist"
        ) from None


def _members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = ((member.name, archive.extractfile(member)) for member in archive if member.isfile())
        return {name: file.read() for name, file in files if file}
