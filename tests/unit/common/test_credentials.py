"""Secrets from files in the place of an environment, and which variables are secrets."""

import os
import stat
from pathlib import Path

import pytest

from interlock.common.credentials import DIRECTORY, LARGEST, is_secret, load_credentials, write_credentials
from interlock.errors import TokenError


def loaded(folder: Path, **environ: str) -> dict[str, str]:
    found = {DIRECTORY: str(folder), **environ}
    load_credentials(found)
    del found[DIRECTORY]
    return found


def test_each_file_stands_for_the_variable_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "TWINE_PASSWORD").write_text("pypi-hush\n")
    (tmp_path / "https_proxy").write_text("http://me:hush@proxy")
    (tmp_path / "KEY").write_bytes(b"-----BEGIN\nhush\n-----END\n")
    assert loaded(tmp_path) == {
        "TWINE_PASSWORD": "pypi-hush",
        "https_proxy": "http://me:hush@proxy",
        "KEY": "-----BEGIN\nhush\n-----END",
    }


def test_a_variable_that_is_set_stays_and_an_empty_one_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    (tmp_path / "A").write_text("file")
    (tmp_path / "B").write_text("file")
    (tmp_path / "EMPTY").write_text("")
    assert loaded(tmp_path, A="shell", B="") == {"A": "shell", "B": "file"}


def test_what_is_no_variable_is_left_alone_and_no_file_is_read_whole_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "FOLDER").mkdir()
    (tmp_path / "a-b").write_text("no")
    (tmp_path / "LONG").write_text("x" * (LARGEST + 1))
    assert {name: len(value) for name, value in loaded(tmp_path).items()} == {"LONG": LARGEST}


def test_a_directory_that_is_not_there_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(TokenError, match="can't be read") as error:
        loaded(tmp_path / "gone")
    assert "docs/tokens.md" in (error.value.hint or "")
    load_credentials(found := {"A": "b"})
    assert found == {"A": "b"}


def test_what_is_written_is_its_owners_alone_and_is_exactly_what_was_given(tmp_path: Path) -> None:
    folder = tmp_path / "credentials" / "worker"
    write_credentials(folder, {"OLD": "x", "A": "y"})
    folder.chmod(0o755)
    write_credentials(folder, {"A": "z", "BYTES": os.fsdecode(b"\xff")})
    assert loaded(folder) == {"A": "z", "BYTES": os.fsdecode(b"\xff")}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "name",
    [
        *("REPO_DISPATCH_TOKEN", "MY_TOKEN", "GH_PAT", "TWINE_PASSWORD", "INTERLOCK_WEBHOOK_SECRET_OLD"),
        *("UV_INDEX_MINE_PASSWORD", "AWS_SECRET_ACCESS_KEY", "PREFECT_SERVER_ENCRYPTION_KEY", "NPM_AUTH", "my_token"),
    ],
)
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert is_secret(name, "x")


@pytest.mark.parametrize("name", ["PATH", DIRECTORY, "KEYBOARD", "PATTERN", "SSH_AUTH_SOCK", "INTERLOCK_FAMILY"])
def test_other_variables_are_none(name: str) -> None:
    assert not is_secret(name, "x")


def test_an_address_with_a_password_is_a_secret_whatever_its_name() -> None:
    assert is_secret("INTERLOCK_LEDGER_URL", "postgresql://me:hush@host/db")
    assert is_secret("PIP_INDEX_URL", "https://__token__:hush@index.example/simple")
    assert not is_secret("INTERLOCK_LEDGER_URL", "sqlite:////home/me/ledger.db")
    assert not is_secret("PIP_INDEX_URL", "http://127.0.0.1:3141/simple")
