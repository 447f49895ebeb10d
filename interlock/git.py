"""Git: files of a repository at a ref, without a work tree of it."""

import io
import tarfile
from pathlib import Path

from interlock.errors import RepositoryError
from interlock.fingerprint import digest
from interlock.process import Completed, run, tool_environment

TIMEOUT = 300


async def files_at(url: str, ref: str, cache: Path) -> dict[str, bytes]:
    """The regular files of a repository at a branch, tag or SHA, by path.

    Args:
        url: Where to fetch from: an URL or a path.
        ref: Validated text that does not begin with a hyphen.
        cache: Where bare repositories are kept.

    Raises:
        RepositoryError: The repository or the ref can't be had.
    """
    repository = cache / "repositories" / digest(url)
    repository.mkdir(parents=True, exist_ok=True)
    await _git(repository, "init", "--bare", "--quiet")
    fetched = await _git(repository, "fetch", "--quiet", "--depth=1", "--no-tags", "--", url, ref)
    if fetched.returncode != 0:
        raise RepositoryError(
            f'"{ref}" can\'t be fetched: {fetched.errors.strip()}', hint="check the repository, the ref and the access"
        )
    archive = repository / f"{digest(ref)}.tar"
    written = await _git(repository, "archive", "--format=tar", f"--output={archive}", "FETCH_HEAD")
    if written.returncode != 0:
        raise RepositoryError(f'"{ref}" can\'t be read: {written.errors.strip()}')
    return _members(archive.read_bytes())


async def _git(repository: Path, *arguments: str) -> Completed:
    # No prompt and no hook: what can't be had without a person is an error at once.
    env = {**tool_environment(), "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1"}
    return await run(["git", "-C", repository, *arguments], env=env, timeout=TIMEOUT)


def _members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = ((member.name, archive.extractfile(member)) for member in archive if member.isfile())
        return {name: file.read() for name, file in files if file}
