"""The workflow files of a clone, which anybody may have made anything but files."""

from pathlib import Path

from interlock.adapters.github.workflows.listeners import FOLDER, is_workflow
from interlock.adapters.github.workflows.yaml_nodes import LARGEST
from interlock.common.bounded_files import UnreadableFileError, read_bounded

MOST = 200


def workflow_files(root: Path) -> dict[str, bytes]:
    """By path, the workflow files of a clone that GitHub would read; links and what is too large are left out."""
    folder = root / FOLDER
    if not folder.is_dir() or folder.is_symlink() or folder.parent.is_symlink():
        return {}
    found: dict[str, bytes] = {}
    for path in sorted(path for path in folder.iterdir() if is_workflow(path.name))[:MOST]:
        try:
            found[FOLDER + path.name] = read_bounded(path, LARGEST)
        except (FileNotFoundError, UnreadableFileError):
            continue
    return found
