"""The range by which a cascade decides who follows: what is declared for the environments that are not left behind."""

from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from interlock.cascades.planner import _declared
from tests.support.projects import project

OLD, NEW = "acme-core==1.2.0; python_version < '3.9'", "acme-core>=1.4,<2; python_version >= '3.9'"
CODE = f"from setuptools import setup\nsetup(install_requires=[{OLD!r}, {NEW!r}])\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": f'[project]\ndependencies = ["{OLD}", "{NEW}"]\n'}, ">=1.4,<2"),
        ({"setup.cfg": f"[options]\ninstall_requires =\n    {OLD}\n    {NEW}  # now\n"}, ">=1.4,<2"),
        ({"setup.py": CODE}, ">=1.4,<2"),
        ({"pyproject.toml": '[tool.flit.metadata]\nrequires = ["acme-core (>=1.4)"]\n'}, ">=1.4"),
        (
            {
                "pyproject.toml": "[tool.poetry.dependencies]\nacme-core = "
                '[{version = "1.2", python = "<3.9"}, {version = ">=1.4,<2", python = ">=3.9"}]\n'
            },
            ">=1.4,<2",
        ),
        (
            {
                "pyproject.toml": "[project]\ndependencies = "
                "[\"acme-core>=1.4; os_name == 'a'\", \"acme-core<2; os_name != 'a'\"]\n"
            },
            ">=1.4",
        ),
        ({"pyproject.toml": f'[dependency-groups]\na = ["{NEW}"]\n'}, None),
    ],
)
def test_a_line_that_was_left_behind_says_nothing_of_what_is_to_come(
    tmp_path: Path, files: dict[str, str | bytes], expected: str | None
) -> None:
    found = _declared(project(tmp_path, files), "acme-core")
    assert found == (None if expected is None else SpecifierSet(expected))
