"""What a person should know when requirements move: what stays, what is not edited, and what may contradict."""

from collections.abc import Iterator, Sequence

from packaging.version import Version

from interlock.common.sanitize import cut
from interlock.project.requirements.location import File
from interlock.project.requirements.mentions import Handled, mentions
from interlock.project.requirements.old_lines import Pythons
from interlock.project.requirements.project_files import other_versions
from interlock.project.requirements.tree import Tree

LONGEST_SHOWN = 200


def elsewhere(tree: Tree, files: Sequence[File], upstream: str, version: Version) -> Iterator[str]:
    """Remarks about what is not edited: other tools' settings, and other files that name the upstream.

    Args:
        tree: The repository.
        files: The files that are read for requirements.
        upstream: The canonical name.
        version: Its new version.
    """
    for folder, project in tree.projects.items():
        yield from other_versions(project, upstream, version, folder)
    handled = {file.path: Handled({each.line for each in file.locations}, is_done=bool(file.parse)) for file in files}
    yield from mentions(tree.root, (*tree.files, *tree.around), upstream, version, handled)
    if tree.is_cut:
        yield f"only the first {len(tree.files)} files were looked at for {upstream}"


def of_python(upstream: str, version: Version, within: Pythons) -> Iterator[str]:
    """A remark where the downstream says that it runs on older Pythons than the new version does."""
    if older := within.outside(None)[1]:
        yield (
            f"{upstream} {version} requires Python {within.upstream}, and this says that it runs on {within.own}: "
            f"it can't be installed on Python {cut(older, LONGEST_SHOWN)} any more"
        )
