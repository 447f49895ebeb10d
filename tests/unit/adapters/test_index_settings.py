import os
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from twine.utils import DEFAULT_REPOSITORY

from interlock.adapters.index.settings import Index, age_filters, find_index
from interlock.errors import FamilyError

Files = Callable[[str, str], None]
SECRET = "https://me:hush@index.example/simple/"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a user's settings, on a machine with no other settings."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("interlock.adapters.index.settings.SYSTEM", tmp_path / "etc")
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    return tmp_path / ".config"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))


def default(environ: Mapping[str, str]) -> tuple[str, str, bool]:
    found = find_index("pypi", environ)
    return found.name, found.url.get_secret_value(), found.configured


@pytest.mark.usefixtures("config")
def test_nothing_configured_means_pypi_and_uv_needs_no_word_of_it() -> None:
    found = find_index("pypi", {})
    assert (found.name, found.configured, found.environment()) == ("PyPI", False, {})
    url = found.url.get_secret_value()
    assert url.endswith("/simple/")
    assert url.removeprefix("https://").removesuffix("/simple/") in DEFAULT_REPOSITORY
    assert "upload" not in url


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"UV_DEFAULT_INDEX": "https://a/s"}, ("uv's default index", "https://a/s", True)),
        ({"UV_DEFAULT_INDEX": "own=https://a/s?x=y"}, ("own", "https://a/s?x=y", True)),
        ({"UV_DEFAULT_INDEX": "https://a/s?x=y"}, ("uv's default index", "https://a/s?x=y", True)),
        ({"UV_INDEX_URL": "https://b/s"}, ("uv's default index", "https://b/s", True)),
        (
            {"UV_INDEX_URL": "https://b/s", "UV_DEFAULT_INDEX": "https://a/s"},
            ("uv's default index", "https://a/s", True),
        ),
        ({"PIP_INDEX_URL": "https://p/s"}, ("pip's index", "https://p/s", True)),
        ({"PIP_INDEX_URL": "https://p/s", "UV_INDEX_URL": "https://b/s"}, ("uv's default index", "https://b/s", True)),
        ({"UV_INDEX": "more=https://m/s", "PIP_INDEX_URL": "https://p/s"}, ("pip's index", "https://p/s", True)),
    ],
)
def test_the_default_index_is_uvs_else_pips(environ: Mapping[str, str], expected: tuple[str, str, bool]) -> None:
    assert default(environ) == expected


def test_uvs_files_come_after_its_variables_and_before_pip(config: Path, tmp_path: Path) -> None:
    pip = {"PIP_INDEX_URL": "https://p/s"}
    write(tmp_path / "etc/uv/uv.toml", 'index-url = "https://system/s"\n')
    assert default(pip)[1] == "https://system/s"
    write(config / "uv/uv.toml", '[pip]\nindex-url = "https://user/s"\n')
    assert default(pip)[1] == "https://user/s"
    write(config / "uv/uv.toml", '[[index]]\nname = "own"\nurl = "https://own/s"\ndefault = true\n')
    assert default(pip) == ("own", "https://own/s", True)
    assert default({**pip, "UV_DEFAULT_INDEX": "https://a/s"})[1] == "https://a/s"
    write(tmp_path / "named.toml", 'index-url = "https://named/s"\n')
    assert default({**pip, "UV_CONFIG_FILE": str(tmp_path / "named.toml")})[1] == "https://named/s"
    assert default({**pip, "XDG_CONFIG_HOME": str(tmp_path / "empty")})[1] == "https://system/s"


def test_a_file_of_uvs_that_is_no_toml_is_named(config: Path) -> None:
    write(config / "uv/uv.toml", "[[index\n")
    with pytest.raises(FamilyError, match=r"uv\.toml"):
        find_index("pypi", {})


def test_later_files_of_pip_win_and_install_wins_over_global(config: Path, tmp_path: Path) -> None:
    files = ("etc/pip.conf", ".pip/pip.conf", ".config/pip/pip.conf", "venv/pip.conf", "named.conf")
    for number, name in enumerate(files):
        write(tmp_path / name, f"[global]\nindex-url = https://{number}/%s\n")
        environ = {"PIP_CONFIG_FILE": str(tmp_path / name)} if name == "named.conf" else {}
        assert default(environ) == ("pip's index", f"https://{number}/%s", True)
    write(config / "pip/pip.conf", "[install]\nindex-url = https://install/s\n")
    assert default({})[1] == "https://install/s"


def test_pip_reads_no_file_when_it_is_told_so(config: Path) -> None:
    write(config / "pip/pip.conf", "[global]\nindex-url = https://user/s\n")
    assert default({"PIP_CONFIG_FILE": os.devnull})[0] == "PyPI"


def test_a_url_is_the_index_itself(config: Path) -> None:
    write(config / "uv/uv.toml", 'index-url = "https://user/s"\n')
    found = find_index(SECRET)
    assert (found.name, found.environment()) == ("index.example", {"UV_DEFAULT_INDEX": SECRET})
    assert find_index("file:///srv/packages").name == "local files"


def test_an_index_that_uv_knows_is_found_by_its_name(config: Path) -> None:
    write(config / "uv/uv.toml", '[[index]]\nname = "two"\nurl = "https://two/s"\n')
    environ = {"UV_INDEX": "one=https://one/s https://nameless/s"}
    for name in ("one", "two"):
        found = find_index(name, environ)
        assert (found.name, found.url.get_secret_value(), found.configured) == (name, f"https://{name}/s", True)


@pytest.mark.usefixtures("config")
def test_an_index_that_nobody_knows_is_an_error_with_its_cure() -> None:
    with pytest.raises(FamilyError, match='no index named "corporate"') as error:
        find_index("corporate", {"UV_INDEX": "one=https://me:hush@one/s"})
    assert 'name = "corporate"' in str(error.value)
    assert "hush" not in str(error.value)


def test_an_address_is_in_no_text_of_an_index() -> None:
    found = find_index(SECRET)
    assert "hush" not in f"{found!r} {found} {found.model_dump_json()} {found.name}"
    assert isinstance(found, Index)


def test_user_and_password_of_a_named_index_come_from_uvs_variables() -> None:
    index = find_index(
        "inner",
        {
            "UV_INDEX": "inner=https://index.example/simple",
            "UV_INDEX_INNER_USERNAME": "me",
            "UV_INDEX_INNER_PASSWORD": "p/w",
        },
    )
    assert index.url.get_secret_value() == "https://me:p%2Fw@index.example/simple"
    assert "p%2Fw" not in repr(index)


def test_what_resolves_alike_has_one_key() -> None:
    index = find_index("https://me:secret@index.example/simple")
    assert index.key({}) == find_index("https://other:word@index.example/simple").key({"PATH": "/bin"})
    assert index.key({}) != find_index("https://index.example/other").key({})
    assert index.key({}) != index.key({"UV_EXCLUDE_NEWER": "2026-01-01"})


def test_settings_that_leave_out_new_releases_are_named_with_their_place(config: Path) -> None:
    assert age_filters({}) == ()
    uv = config / "uv" / "uv.toml"
    write(uv, 'exclude-newer = "7 days"\n[pip]\nexclude-newer-package = { core = "2026-01-01" }\n')
    write(config / "pip" / "pip.conf", "[global]\nuploaded-prior-to = P7D\n")
    assert age_filters({"UV_EXCLUDE_NEWER": "2026-01-01", "UV_EXCLUDE_NEWER_PACKAGE": ""}) == (
        "UV_EXCLUDE_NEWER = 2026-01-01",
        f"exclude-newer = 7 days in {uv}",
        f"exclude-newer-package = {{'core': '2026-01-01'}} in {uv}",
        "pip's uploaded-prior-to = P7D",
    )
    assert age_filters({"PIP_UPLOADED_PRIOR_TO": "P3D"})[-1] == "pip's uploaded-prior-to = P3D"
