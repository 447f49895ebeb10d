"""Requirements in `setup.py`: texts that stand in what `setup(...)` is given are moved, all others are for a person."""

from pathlib import Path

import pytest
from packaging.version import Version

from interlock.project.requirements import declared, repin
from tests.support.projects import contents, project

CORE, V = "acme-core", Version("1.5.0")


@pytest.mark.parametrize(
    "code",
    [
        'setup(install_requires=["other", "acme-core>=1.4,<2"])',
        "setuptools.setup(install_requires=('Acme_Core[x] == 1.4 ; os_name == \"a\"',))",
        "setup(install_requires='acme-core>=1.4')",
        'setup(install_requires=["""acme-core>=1.4"""])',
        'setup(install_requires=[r"acme-core>=1.4"])',
        'é = "é"; setup(name="é", install_requires=["é", "acme-core>=1.4"]) # é',
        'REQUIRES = [\n    "acme-core>=1.4",  # acme-core>=1.4\n]\nsetup(install_requires=REQUIRES)',
        'A: list[str] = ["acme-core>=1.4"]\nsetup(install_requires=A + ["x"], tests_require=[*A, "acme-core~=1.4"])',
        'E = {"a": ["acme-core>=1.4"]}\nsetup(extras_require={"b": ["acme-core==1.4"], **E})',
        'setup(setup_requires={"acme-core>=1.4"}, extras_require=dict())',
        'A = ["acme-core>=1.4"]\nA.append("x")\nif True:\n    setup(install_requires=A)',
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_what_setup_is_given_is_moved_and_nothing_else(tmp_path: Path, code: str, ending: str) -> None:
    code = f"import setuptools{ending}{code.replace(chr(10), ending)}{ending}"
    root = project(tmp_path, {"setup.py": code.encode()})
    found = repin(root, CORE, V)
    after = code.replace("1.4", "1.5.0").replace("# acme-core>=1.5.0", "# acme-core>=1.4").replace("~=1.5.0", "~=1.5")
    assert (contents(root), found.refusals) == ({"setup.py": after.encode()}, ())
    assert len(found.changes) == after.count("1.5") > 0
    assert repin(root, CORE, V).changes == ()


def test_what_is_declared_is_known_by_its_keyword(tmp_path: Path) -> None:
    code = 'setup(\n  install_requires=["acme-core>=1.4"],\n  extras_require={"a": ["acme-core<2"]})\n'
    found = declared(project(tmp_path, {"setup.py": code}), CORE)
    assert [(each.line, each.named, each.range) for each in found] == [
        (2, "install_requires", ">=1.4"),
        (3, "extras_require.a", "<2"),
    ]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ('A = []\nA.append("acme-core>=1.4")\nsetup(install_requires=A)', "stands in code"),
        ('A = ["acme-core>=1.4"]\nA = ["acme-core>=1.3"]\nsetup(install_requires=A)', "stands in code"),
        ('A = ["acme-core>=1.4"]\nfor A in ([], []): pass\nsetup(install_requires=A)', "stands in code"),
        ('def a(): return ["acme-core>=1.4"]\nsetup(install_requires=a())', "stands in code"),
        ('setup(keywords=["acme-core>=1.4"])', "stands in code"),
        ('V = "1.4"\nsetup(install_requires=[f"acme-core>={V}"])', "stands in code"),
        ('V = "1.4"\nsetup(install_requires=["acme-core>=%s" % V, "acme-core~={}".format(V)])', "stands in code"),
        ('A = "acme-core>=1.4"\nsetup(install_requires=A.split())', "stands in code"),
        ('setup(install_requires=["acme-core" ">=1.4"])', "with escapes or in pieces"),
        ('setup(install_requires=["acme-core\\x3e=1.4"])', "with escapes or in pieces"),
        ('setup(install_requires="other\\nacme-core>=1.4")', "no valid requirement"),
        ('setup(install_requires="""\nacme-core>=1.4\nother""")', "no valid requirement"),
        ('setup(install_requires=["acme-core>=1.4,<1.5"])', '"<1.5" excludes 1.5.0'),
        ('setup(install_requires=["acme-core @ https://example.org/a.whl"])', "names a URL"),
        ('# coding: latin-1\nsetup(name="\xe9", install_requires=["acme-core>=1.4"])', "stands in code"),
    ],
)
def test_what_is_not_certain_is_for_a_person(tmp_path: Path, code: str, reason: str) -> None:
    root = project(tmp_path, {"setup.py": code.encode("latin-1"), "requirements.txt": "acme-core==1.4\n"})
    before = contents(root)
    found = repin(root, CORE, V)
    assert {reason in each.reason for each in found.refusals} == {True}
    assert contents(root) == before


def test_a_list_that_holds_itself_is_read_once(tmp_path: Path) -> None:
    code = 'A = [A, B, "acme-core>=1.4"]\nB = [A, A, B]\nsetup(install_requires=A)\n'
    assert len(repin(project(tmp_path, {"setup.py": code}), CORE, V).changes) == 1
