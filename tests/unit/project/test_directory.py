from pathlib import Path

import pytest

from interlock.errors import BuildError
from interlock.project.directory import project_in


def test_the_root_is_the_project_unless_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "packages/core").mkdir(parents=True)

    assert project_in(tmp_path, None) == tmp_path
    assert project_in(tmp_path, "packages/core") == tmp_path / "packages/core"


@pytest.mark.parametrize("directory", ["gone", "packages/gone", "file", "linked", "linked/core", "packages/out"])
def test_what_is_no_directory_of_the_repository_is_refused(directory: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "packages/core").mkdir(parents=True)
    (root / "file").touch()
    (root / "linked").symlink_to("packages")
    (root / "packages/out").symlink_to(tmp_path)

    with pytest.raises(BuildError, match=directory) as refused:
        project_in(root, directory)
    assert str(tmp_path) not in refused.value.message
