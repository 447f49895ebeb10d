from collections.abc import Mapping
from pathlib import Path

import pytest
from twine.utils import DEFAULT_REPOSITORY

from interlock.adapters.index.settings import Upload, find_upload
from interlock.errors import PublishError, TokenError

TOKEN = "pypi-AgEIcHlwaS5vcmc"
ELSEWHERE = "https://index.example/legacy/"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def found(home: Path, **environ: str) -> tuple[str, str | None, str, str, str]:
    upload = find_upload({"HOME": str(home), **environ})
    assert upload is not None
    url = upload.repository_url.get_secret_value() if upload.repository_url else None
    return upload.name, url, upload.username, upload.password.get_secret_value(), upload.source


def write(home: Path, text: str) -> None:
    (home / ".pypirc").write_text(text)


@pytest.mark.parametrize("name", ["TWINE_PASSWORD", "PYPI_API_TOKEN", "UV_PUBLISH_TOKEN"])
def test_a_token_alone_is_for_pypi(home: Path, name: str) -> None:
    assert found(home, **{name: TOKEN}) == ("PyPI", None, "__token__", TOKEN, name)


def test_twines_own_name_wins(home: Path) -> None:
    assert found(home, PYPI_API_TOKEN="pypi-old", TWINE_PASSWORD=TOKEN)[3:] == (TOKEN, "TWINE_PASSWORD")


def test_a_token_for_pypi_is_not_sent_elsewhere(home: Path) -> None:
    environ = {"HOME": str(home), "TWINE_REPOSITORY_URL": ELSEWHERE, "PYPI_API_TOKEN": TOKEN}
    assert find_upload(environ) is None
    assert found(home, TWINE_REPOSITORY_URL=ELSEWHERE, UV_PUBLISH_TOKEN="other")[3] == "other"


@pytest.mark.parametrize("environ", [{}, {"TWINE_PASSWORD": ""}, {"TWINE_USERNAME": "me"}])
def test_without_a_password_there_is_nowhere_to_upload_to(home: Path, environ: Mapping[str, str]) -> None:
    assert find_upload({"HOME": str(home), **environ}) is None


def test_an_address_may_hold_user_and_password_and_loses_them(home: Path) -> None:
    url = "https://me:p%2Fw@index.example/legacy/"
    assert found(home, TWINE_REPOSITORY_URL=url) == ("index.example", ELSEWHERE, "me", "p/w", "TWINE_REPOSITORY_URL")
    given = {"TWINE_USERNAME": "you", "TWINE_PASSWORD": "two words"}
    assert found(home, TWINE_REPOSITORY_URL=url, **given)[2:] == ("you", "two words", "TWINE_PASSWORD")


def test_pypirc_is_read_as_twine_reads_it(home: Path) -> None:
    write(home, f"[distutils]\nindex-servers = own\n\n[own]\nrepository = {ELSEWHERE}\nusername = me\npassword = %s\n")
    assert found(home, TWINE_REPOSITORY="own") == ("own", ELSEWHERE, "me", "%s", "~/.pypirc")
    assert find_upload({"HOME": str(home)}) is None
    write(home, f"[pypi]\npassword = {TOKEN}\n")
    assert found(home) == ("PyPI", None, "__token__", TOKEN, "~/.pypirc")
    assert found(home, TWINE_PASSWORD="other")[3:] == ("other", "TWINE_PASSWORD")


def test_the_test_index_needs_no_file(home: Path) -> None:
    name, url, *_ = found(home, TWINE_REPOSITORY="testpypi", TWINE_PASSWORD=TOKEN)
    assert name == "testpypi"
    assert url is not None
    assert url != DEFAULT_REPOSITORY


def test_an_index_that_pypirc_does_not_have_is_named_with_its_cure(home: Path) -> None:
    with pytest.raises(PublishError, match='"ghost"') as error:
        find_upload({"HOME": str(home), "TWINE_REPOSITORY": "ghost"})
    assert "TWINE_REPOSITORY_URL" in str(error.value)
    for damaged in (b"password = hush\n", b"\xff\xfe"):
        (home / ".pypirc").write_bytes(damaged)
        with pytest.raises(PublishError) as error:
            find_upload({"HOME": str(home)})
        assert "hush" not in str(error.value)


def test_what_cannot_be_a_token_is_refused_unseen(home: Path) -> None:
    with pytest.raises(TokenError) as error:
        find_upload({"HOME": str(home), "TWINE_PASSWORD": "hush hush"})
    assert "hush" not in str(error.value)


def test_no_secret_is_in_its_text(home: Path) -> None:
    upload = find_upload({"HOME": str(home), "TWINE_REPOSITORY_URL": "https://me:hush@i.example/", "X": "y"})
    assert isinstance(upload, Upload)
    assert "hush" not in f"{upload} {upload!r} {upload.model_dump_json()}"
