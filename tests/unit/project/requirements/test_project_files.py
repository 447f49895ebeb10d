"""Requirements in `pyproject.toml` and `setup.cfg`: moved where they stand, however they are written."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from interlock.errors import BuildError
from interlock.project.requirements import declared, proposed, repin
from interlock.project.requirements.clauses import Edit
from interlock.project.requirements.location import File
from tests.support.projects import contents, project

CORE, V = "market-data-core", Version("1.5.0")
STORE = """\
# market-data-core>=1.4.61,<2.0.0 is what 0.6.73 wants
[project]
name = "market-data-store"
version = "0.6.73"
dependencies = [
  "market-data-core>=1.4.61,<2.0.0", # "market-data-core>=1.4.61,<2.0.0"
  "market-data-core-extras>=1.4.61,<2.0.0",
  'Market_Data.Core[redis]  >=  1.4.61 ; python_version < "3.12"',
  "market.data.core>=1.2; python_version >= \\"3.12\\"",
  "uvicorn[standard]>=0.30",
]

[project.optional-dependencies]
core = ["market-data-core==1.4.61"]
other = ["market-data-core>=1.4.61,<2.0.0"]

[dependency-groups]
test = ["pytest", {include-group = "typing"}, '''market-data-core~=1.4.61''']
typing = ["mypy"]

[build-system]
requires = ["setuptools>=69", "market-data-core>1"]
"""
STORE_AFTER = """\
# market-data-core>=1.4.61,<2.0.0 is what 0.6.73 wants
[project]
name = "market-data-store"
version = "0.6.73"
dependencies = [
  "market-data-core>=1.4.62,<2.0.0", # "market-data-core>=1.4.61,<2.0.0"
  "market-data-core-extras>=1.4.61,<2.0.0",
  'Market_Data.Core[redis]  >=  1.4.62 ; python_version < "3.12"',
  "market.data.core>=1.4.62; python_version >= \\"3.12\\"",
  "uvicorn[standard]>=0.30",
]

[project.optional-dependencies]
core = ["market-data-core==1.4.62"]
other = ["market-data-core>=1.4.62,<2.0.0"]

[dependency-groups]
test = ["pytest", {include-group = "typing"}, '''market-data-core~=1.4.62''']
typing = ["mypy"]

[build-system]
requires = ["setuptools>=69", "market-data-core>=1.4.62"]
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_requirement_in_a_pyproject_moves_and_nothing_else(tmp_path: Path, ending: str) -> None:
    root = project(tmp_path, {"pyproject.toml": STORE.replace("\n", ending)})
    found = repin(root, "Market_Data_Core", Version("1.4.62"))
    assert contents(root) == {"pyproject.toml": STORE_AFTER.replace("\n", ending).encode()}
    assert [change.line for change in found.changes] == [6, 8, 9, 14, 15, 18, 22]
    assert str(found.changes[0]) == (
        "pyproject.toml:6: market-data-core>=1.4.61,<2.0.0 -> market-data-core>=1.4.62,<2.0.0"
    )
    assert found.files == (Path("pyproject.toml"),)
    again = repin(root, CORE, Version("1.4.62"))
    assert (again.changes, len(again.unchanged)) == ((), 7)
    assert contents(root) == {"pyproject.toml": STORE_AFTER.replace("\n", ending).encode()}


def test_what_is_declared_is_told_with_its_place_and_range(tmp_path: Path) -> None:
    found = declared(project(tmp_path, {"pyproject.toml": STORE}), "market_data.core")
    assert [(each.at, each.named) for each in found] == [
        ("pyproject.toml:6", "project.dependencies"),
        ("pyproject.toml:8", "project.dependencies"),
        ("pyproject.toml:9", "project.dependencies"),
        ("pyproject.toml:14", "project.optional-dependencies.core"),
        ("pyproject.toml:15", "project.optional-dependencies.other"),
        ("pyproject.toml:18", "dependency-groups.test"),
        ("pyproject.toml:22", "build-system.requires"),
    ]
    assert found[0].specifier == SpecifierSet(">=1.4.61,<2.0.0")
    assert found[0].range == ">=1.4.61,<2.0.0"


def test_one_refusal_leaves_every_file_as_it_is(tmp_path: Path) -> None:
    text = '[project]\ndependencies = ["market-data-core>=1", "market-data-core<1.5; extra == \\"a\\""]\n'
    root = project(tmp_path, {"pyproject.toml": text, "requirements.txt": "market-data-core==1.4\n"})
    before = contents(root)
    found = repin(root, CORE, V)
    assert contents(root) == before
    (refusal,) = found.refusals
    assert (refusal.at, refusal.reason) == ("pyproject.toml:2", '"<1.5" excludes 1.5.0')
    assert str(refusal) == 'pyproject.toml:2: market-data-core<1.5; extra == "a": "<1.5" excludes 1.5.0'
    assert len(found.changes) == 2


def test_a_proposal_writes_nothing(tmp_path: Path) -> None:
    root = project(tmp_path, {"pyproject.toml": STORE})
    found = proposed(root, CORE, V)
    assert len(found.refusals) == 1  # ~=1.4.61
    assert contents(root) == {"pyproject.toml": STORE.encode()}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"""\nmarket-data-core>=1"""', '"""\nmarket-data-core>=1.5.0"""'),
        ('"""\\\n   market-data-core>=1"""', '"""\\\n   market-data-core>=1.5.0"""'),
        ("'''market-data-core>=1'''", "'''market-data-core>=1.5.0'''"),
        (
            '"market-data-core>=1; python_version<\\u00223\\u0022"',
            '"market-data-core>=1.5.0; python_version<\\u00223\\u0022"',
        ),
        ("'market-data-core', 'market-data-core>=1'", "'market-data-core', 'market-data-core>=1.5.0'"),
        ("'market-data-core>=1', 'market-data-core>=1'", "'market-data-core>=1.5.0', 'market-data-core>=1.5.0'"),
        ("'market-data-core>=1.1','market-data-core>=1'", "'market-data-core>=1.5.0','market-data-core>=1.5.0'"),
        ("' market-data-core >= 1 '", "' market-data-core >= 1.5.0 '"),
        ("'market-data-core>=1', 1, 'core>=1', ''", "'market-data-core>=1.5.0', 1, 'core>=1', ''"),
    ],
)
def test_texts_of_every_kind_are_found(tmp_path: Path, before: str, after: str) -> None:
    text = "[project]\ndependencies = [{}]\nname = 'x' # market-data-core>=1"
    root = project(tmp_path, {"pyproject.toml": text.format(before)})
    assert repin(root, CORE, V).refusals == ()
    assert (root / "pyproject.toml").read_text() == text.format(after)


def test_a_version_that_is_written_with_escapes_is_refused_with_its_place(tmp_path: Path) -> None:
    text = '[project]\nname = "x"\ndependencies = ["market-data-core\\u003e=1"]\n'
    found = repin(project(tmp_path, {"pyproject.toml": text}), CORE, V)
    (refusal,) = found.refusals
    assert refusal.at == "pyproject.toml:3"
    assert "with escapes" in refusal.reason


def test_what_already_requires_more_is_left_and_said(tmp_path: Path) -> None:
    root = project(tmp_path, {"pyproject.toml": '[project]\ndependencies = ["market-data-core==1.6"]\n'})
    (kept,) = repin(root, CORE, V).unchanged
    assert not kept.admits
    assert str(kept) == "pyproject.toml:2: market-data-core==1.6 (already beyond 1.5.0: ==1.6)"


def test_urls_and_nonsense_are_for_a_person(tmp_path: Path) -> None:
    url = "market-data-core @ https://example.com/a.whl ; extra == 'b'"
    text = f'[project]\ndependencies = ["{url}", "market-data-core>>1"]'
    root = project(tmp_path, {"pyproject.toml": text})
    first, second = repin(root, CORE, V).refusals
    assert "names a URL" in first.reason
    assert "no valid requirement" in second.reason
    assert [each.range for each in declared(root, CORE)] == [None, None]
    assert declared(root, CORE)[0].specifier is None


def test_other_tools_settings_are_remarked_upon(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[project]\nkeywords = ["market-data-core"]\n'
        '[tool.uv]\noverride-dependencies = ["market-data-core==1.4", "other==1.4"]\n',
    }
    found = repin(project(tmp_path, files), CORE, V)
    other = "tool.uv.override-dependencies has market-data-core==1.4, which is not edited: see whether it still fits"
    assert found.remarks == (f"pyproject.toml: {other}",)


@pytest.mark.parametrize(
    ("before", "version", "after"),
    [
        ('"^1.2.3"', "1.5.0", '"^1.5.0"'),
        ("'^1.2'", "1.5.3", "'^1.5'"),
        ('"^0.2.3"', "0.2.7", '"^0.2.7"'),
        ('"~1.2.3"', "1.2.7", '"~1.2.7"'),
        ('"~1.2"', "1.2.7", '"~1.2"'),
        ('"^0.0.0.1"', "0.0.0.2", '"^0.0.0.2"'),
        ('"1.2.3"', "2.0.0", '"2.0.0"'),
        ('"1.2.*"', "1.5.0", '"1.5.*"'),
        ('">=1.2,<2.0"', "1.5.0", '">=1.5.0,<2.0"'),
        ('"~=1.2.3"', "1.2.5", '"~=1.2.5"'),
        ('{version = "^1.2.3", extras = ["a"]}', "1.5.0", '{version = "^1.5.0", extras = ["a"]}'),
        (
            '[{version = "^1.2.3", python = "<3.12"}, {version = "^1.2.3", python = ">=3.12"}]',
            "1.5.0",
            '[{version = "^1.5.0", python = "<3.12"}, {version = "^1.5.0", python = ">=3.12"}]',
        ),
    ],
)
@pytest.mark.parametrize("table", ["dependencies", "dev-dependencies", "group.test.dependencies"])
def test_constraints_of_poetry_move_within_their_caps(
    tmp_path: Path, before: str, version: str, after: str, table: str
) -> None:
    text = f'[tool.poetry]\nname = "x"\n[tool.poetry.{table}]\npython = "^1.2.3"\nMarket_data_core = %s # ^1.2.3\n'
    root = project(tmp_path, {"pyproject.toml": text % before})
    assert repin(root, CORE, Version(version)).refusals == ()
    assert (root / "pyproject.toml").read_text() == text % after


@pytest.mark.parametrize(
    ("constraint", "version"),
    [
        ('"*"', "1.5.0"),
        ('"^1.5"', "1.5.3"),
        ('"^1.6"', "1.5"),
        ('"~1"', "1.5"),
        ('"1.5.0"', "1.5"),
        ('"1.5.*"', "1.5.2"),
    ],
)
def test_constraints_of_poetry_that_need_no_change_are_left(tmp_path: Path, constraint: str, version: str) -> None:
    text = f"[tool.poetry.dependencies]\nmarket-data-core = {constraint}\n"
    found = repin(project(tmp_path, {"pyproject.toml": text}), CORE, Version(version))
    assert [len(each) for each in (found.changes, found.refusals, found.unchanged)] == [0, 0, 1]
    assert (tmp_path / "pyproject.toml").read_text() == text


@pytest.mark.parametrize(
    ("constraint", "version", "reason"),
    [
        ('"^1.2"', "2.0", '"^1.2" excludes 2.0 (it means <2,>=1.2)'),
        ('"^0.2.1"', "0.3", "excludes 0.3"),
        ('"^0.0.1"', "0.0.2", "excludes 0.0.2"),
        ('"^0.0"', "0.1", "excludes 0.1"),
        ('"~1.2"', "1.3", "excludes 1.3"),
        ('"~1"', "2.0rc1", "excludes 2.0rc1"),
        ('"^1.2 || ^2.0"', "1.5", "not one of the forms"),
        ('">=1.2 <2"', "1.5", "not one of the forms"),
        ('"^1.2,!=1.3"', "1.5", "not one of the forms"),
        ('"^1.x"', "1.5", "not one of the forms"),
        ('"=1.2"', "1.5", "not one of the forms"),
        ('">=1.2,<2.y"', "1.5", "not one of the forms"),
        ('""', "1.5", "not one of the forms"),
        ('{git = "https://example.com/a.git"}', "1.5", "by hand"),
        ("[]", "1.5", "by hand"),
    ],
)
def test_constraints_of_poetry_are_never_guessed_at(tmp_path: Path, constraint: str, version: str, reason: str) -> None:
    text = f"[tool.poetry.dependencies]\nmarket-data-core = {constraint}\n"
    (refusal,) = repin(project(tmp_path, {"pyproject.toml": text}), CORE, Version(version)).refusals
    assert reason in refusal.reason
    assert refusal.line == 2
    assert (tmp_path / "pyproject.toml").read_text() == text


SETUP_CFG = """\
[metadata]
name = orchestrator
[options]
install_requires =
    # market-data-core==1.4.61
    market-data-core==1.4.61
    market_data_core >= 1.4.61, <2 ; python_version < "3.12"
    market-data-store==0.6.73
[options.extras_require]
one = market-data-core>=1.4.61; market-data-store; market.data.core>1
none =
"""


def test_a_setup_cfg_is_edited_as_setuptools_reads_it(tmp_path: Path) -> None:
    root = project(tmp_path, {"setup.cfg": SETUP_CFG})
    found = repin(root, CORE, V)
    after = SETUP_CFG.replace("core==1.4.61\n    market_", "core==1.5.0\n    market_")
    after = after.replace("core >= 1.4.61", "core >= 1.5.0").replace("core>=1.4.61;", "core>=1.5.0;")
    assert (root / "setup.cfg").read_text() == after.replace("core>1", "core>=1.5.0")
    assert [(each.at, each.named) for each in declared(root, CORE)] == [
        ("setup.cfg:6", "options.install_requires"),
        ("setup.cfg:7", "options.install_requires"),
        ("setup.cfg:10", "options.extras_require.one"),
        ("setup.cfg:10", "options.extras_require.one"),
    ]
    assert found.refusals == ()


def test_what_looks_the_same_elsewhere_is_passed_over(tmp_path: Path) -> None:
    text = "[tool.x]\na = 1\nb = '1'\n[tool.poetry.dependencies]\nmarket-data-core = '1'\nother = '1'\n"
    root = project(tmp_path, {"pyproject.toml": text})
    repin(root, CORE, Version("2"))
    assert (root / "pyproject.toml").read_text() == text.replace("core = '1'", "core = '2'")
    cfg = "[x]\nmarket-data-core>=1\nxmarket-data-core>=1\n[options]\ninstall_requires=market-data-core>=1\n"
    (root / "setup.cfg").write_text(cfg)
    repin(root, CORE, Version("2"))
    assert (root / "setup.cfg").read_text() == cfg.replace(
        "requires=market-data-core>=1", "requires=market-data-core>=2"
    )


def test_code_that_can_not_be_read_requires_nothing(tmp_path: Path) -> None:
    assert repin(project(tmp_path, {"setup.py": "setup(\n"}), CORE, V).refusals == ()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"pyproject.toml": "[project\n"}, r"pyproject\.toml:1: is no valid TOML"),
        ({"pyproject.toml": b"\xef\xbb\xbf[project]\n"}, r"pyproject\.toml:1: is no valid TOML"),
        ({"setup.cfg": "x\n"}, r"setup\.cfg:1: can't be read"),
    ],
)
def test_a_file_that_is_not_valid_is_an_error_at_its_line(
    tmp_path: Path, files: dict[str, str | bytes], message: str
) -> None:
    with pytest.raises(BuildError, match=message):
        repin(project(tmp_path, files), CORE, V)


def test_a_project_without_such_files_requires_nothing(tmp_path: Path) -> None:
    assert declared(tmp_path, CORE) == ()
    assert repin(tmp_path, CORE, V) == proposed(tmp_path, CORE, V)


def test_a_file_that_would_say_something_else_is_never_written() -> None:
    file = File(Path("pyproject.toml"), 'a = "1"\n', (), tomllib.loads)
    with pytest.raises(BuildError, match="would not say what was meant"):
        file.edited([Edit(5, 6, "2")], [])


def test_after_a_failed_write_every_file_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '[project]\ndependencies = ["market-data-core>=1"]\n'
    root = project(tmp_path, {"pyproject.toml": text, "requirements.txt": "market-data-core==1\n"})
    before, write = contents(root), Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == "requirements.txt" and content not in before.values():
            write(path, b"half")
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BuildError, match=r"requirements\.txt: can't be written: No space left"):
        repin(root, CORE, V)
    assert contents(root) == before


def test_a_file_keeps_its_mode_and_stays_a_link(tmp_path: Path) -> None:
    root = project(tmp_path, {"config/pins.txt": "market-data-core==1\n"})
    (root / "requirements.txt").symlink_to("config/pins.txt")
    (root / "config/pins.txt").chmod(0o640)
    assert repin(root, CORE, V).files == (Path("requirements.txt"),)
    assert (root / "requirements.txt").is_symlink()
    assert (root / "config/pins.txt").read_text() == "market-data-core==1.5.0\n"
    assert (root / "config/pins.txt").stat().st_mode & 0o777 == 0o640


def test_a_link_that_leads_out_of_the_repository_is_not_followed(tmp_path: Path) -> None:
    root = project(tmp_path / "repository", {"README": ""})
    project(tmp_path, {"outside.txt": "market-data-core==1\n"})
    (root / "requirements.txt").symlink_to(tmp_path / "outside.txt")
    with pytest.raises(BuildError, match="leads out of the project"):
        repin(root, CORE, V)


quotes = st.sampled_from(['"', "'", '"""', "'''"])
blanks = st.text(" \t", max_size=2)
names = st.sampled_from(["market-data-core", "Market_Data.Core", "MARKET.DATA.CORE"])
markers = st.sampled_from(["", "; os_name == 'a'", ' ; extra == "b"'])
ranges = st.sampled_from([">={}", ">= {},<2", "<2 , >={}", "=={}", "~={}", "({})".format(">={}"), "!=1.3,>={}"])


@st.composite
def written_requirements(draw: st.DrawFn) -> tuple[str, str]:
    """A TOML text with a requirement, and the same with `{}` for its version."""
    head = f"{draw(names)}{draw(blanks)}{draw(ranges)}"
    quote, marker = draw(quotes), draw(markers)
    if quote[0] in marker:
        marker = marker.replace(quote, "\\" + quote) if quote == '"' else ""
    return quote, f"{quote}{head}{marker if marker[-1:] != quote[0] else ''}{quote}"


@given(
    st.lists(written_requirements(), min_size=1, max_size=4),
    st.lists(quotes, max_size=2),
    st.sampled_from(["\n", "\r\n"]),
)
def test_only_versions_change_however_a_pyproject_is_written(
    tmp_path_factory: pytest.TempPathFactory, requirements: list[tuple[str, str]], others: list[str], ending: str
) -> None:
    lines = ["# market-data-core>=1.2", "[project]", "dependencies = ["]
    lines += [f"  {quote}other>=1.2{quote}, # 1.2" for quote in others]
    lines += [f"  {text}, # market-data-core>=1.2" for _, text in requirements]
    text = ending.join([*lines, "]", 'name = "market-data-core>=1.2"'])
    root = project(tmp_path_factory.mktemp("p"), {"pyproject.toml": text.replace("{}", "1.2.0")})
    found = repin(root, CORE, Version("1.2.7"))
    assert (len(found.changes), found.refusals) == (len(requirements), ())
    assert (root / "pyproject.toml").read_bytes() == text.replace("{}", "1.2.7").encode()
