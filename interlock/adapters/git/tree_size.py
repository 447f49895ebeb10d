"""Git: measures the tree of a commit before it is written, since a pack of kilobytes can hold one of terabytes."""

from pathlib import Path

from interlock.adapters.git.command import TIMEOUT, environment, succeeded
from interlock.common.process import Limits, run
from interlock.errors import RepositoryError

# The largest repositories of Python packages have about a GiB and some ten thousand files.
LARGEST = 4 << 30
MOST_FILES = 100_000
# For so many files with paths of a hundred characters.
LONGEST_LIST = 16 << 20


async def check_tree(repository: Path, commit: str) -> None:
    """Check that the files of a commit may be written to this disk.

    Args:
        repository: The clone.
        commit: A SHA, or `FETCH_HEAD`.

    Raises:
        RepositoryError: They are too many or too large, or the commit is not in the clone.
    """
    # One tree may hold another one a thousand times, so the list itself is limited.
    command = ("git", "-C", repository, "ls-tree", "-r", "-l", "-z", commit)
    limits = Limits(output=LONGEST_LIST)
    done = await run(command, env=environment(None), timeout=TIMEOUT, keep=LONGEST_LIST, limits=limits)
    hint = "take out of it what does not belong to the package"
    is_cut = done.output.startswith("[")  # by `run`, which says so there; a line starts with a mode
    if done.exceeded or done.timed_out or is_cut:
        raise RepositoryError(f"the tree of {commit} has more files than can be listed", hint=hint)
    lines = succeeded(done, f"the tree of {commit} can't be listed").split("\0")
    # mode, type, SHA, size ("-" for a submodule)
    sizes = [line.partition("\t")[0].split()[-1] for line in lines if line]
    if len(sizes) > MOST_FILES:
        raise RepositoryError(f"the tree of {commit} has more than {MOST_FILES} files", hint=hint)
    if sum(int(size) for size in sizes if size.isdigit()) > LARGEST:
        raise RepositoryError(f"the files of {commit} have more than {LARGEST >> 20} MiB", hint=hint)
