"""Git: the files of a repository at a ref, without a work tree."""

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from interlock.adapters.git.command import git, succeeded
from interlock.adapters.git.models import Remote
from interlock.adapters.git.tree_size import check_tree
from interlock.common.archives import DAMAGE, tar_contents
from interlock.errors import RepositoryError

# Files as they were committed: a repository's own attributes may leave its tests out of archives, or change files.
ATTRIBUTES = "* -export-ignore -export-subst\n"


async def files_at(
    remote: Remote,
    ref: str,
    cache: Path,
    wanted: Callable[[str], bool] = lambda _: True,
    *,
    extra: Mapping[str, str] | None = None,
) -> dict[str, bytes]:
    """The regular files of a repository at a branch, tag or SHA, by path.

    Args:
        remote: Where to fetch from.
        ref: Validated text that does not start with a hyphen.
        cache: Where the repository is while it is read.
        wanted: Whether a file with this path is needed: the others are not held in memory.
        extra: Variables of Git for the fetch.

    Raises:
        RepositoryError: The repository or the ref can't be fetched, or is larger than can be read.
        TokenError: Access was refused.
    """
    cache.mkdir(parents=True, exist_ok=True)
    # One for each call: fetches into one repository at the same time mix up what was fetched.
    with tempfile.TemporaryDirectory(prefix="repository-", dir=cache) as name:
        repository = Path(name)
        await git("init", "--bare", "--quiet", "--template=", at=repository)
        (repository / "info").mkdir(exist_ok=True)
        (repository / "info" / "attributes").write_text(ATTRIBUTES)
        fetch = ("fetch", "--quiet", "--depth=1", "--no-tags", "--", remote.url, ref)
        fetched = await git(*fetch, at=repository, remote=remote, extra=extra)
        succeeded(fetched, f'"{ref}" of {remote.redact(remote.url)} can\'t be fetched')
        await check_tree(repository, "FETCH_HEAD")
        archive = repository / "files.tar"
        written = await git("archive", "--format=tar", f"--output={archive}", "FETCH_HEAD", at=repository)
        succeeded(written, f'"{ref}" can\'t be read')
        try:
            return await asyncio.to_thread(tar_contents, archive, wanted)
        except DAMAGE as error:
            raise RepositoryError(f'"{ref}" of {remote.redact(remote.url)} can\'t be read: {error}') from None
