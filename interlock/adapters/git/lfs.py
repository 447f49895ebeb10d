"""Git LFS: the large files of a clone, fetched by git-lfs where it is installed."""

import shutil
from pathlib import Path

from interlock.adapters.git.command import git, succeeded
from interlock.adapters.git.models import Remote
from interlock.common.process import Completed

# Whether or not this user has run `git lfs install`.
FILTERS = ("filter.lfs.clean=git-lfs clean -- %f", "filter.lfs.smudge=git-lfs smudge -- %f", "filter.lfs.required=true")


async def lfs_paths(clone: Path) -> tuple[str, ...]:
    """The tracked files of a clone that Git LFS keeps, by their attributes.

    Raises:
        RepositoryError: They can't be listed.
    """
    listed = await git("ls-files", "-z", "--", ":(attr:filter=lfs)", at=clone, extra={"GIT_LITERAL_PATHSPECS": "0"})
    return tuple(name for name in succeeded(listed, f"the files of {clone} can't be listed").split("\0") if name)


def has_lfs() -> bool:
    """Whether git-lfs is installed."""
    return shutil.which("git-lfs") is not None


async def fetch_lfs(remote: Remote, clone: Path) -> Completed:
    """Put the large files of a clone's commit in place of their pointers.

    They come from the repository itself: `.lfsconfig`, which may name any server, does not count.

    Returns:
        How git-lfs ended; some files may be missing on the server.
    """
    url = remote.url.rstrip("/")
    where = f"{url.removesuffix('.git')}.git/info/lfs" if remote.server else url if "://" in url else f"file://{url}"
    settings = [word for setting in (*FILTERS, f"lfs.url={where}") for word in ("-c", setting)]
    return await git(*settings, "lfs", "pull", at=clone, remote=remote)
