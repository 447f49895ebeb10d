import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from blocks.find import document_name, find_access, find_roles, load_github_credentials, load_upload
from interlock.common.tokens import Role
from interlock.errors import TokenError
from interlock.model.family import Family, Package

FAMILY = Family(name="trains", token_aliases=("REPO_TOKEN", "OLD_TOKEN"), packages={"core": Package()})
DEAD = "http://127.0.0.1:9/api"


@pytest.fixture(autouse=True)
def _no_api() -> Iterator[None]:
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        yield


def github(**environ: str) -> str:
    return asyncio.run(load_github_credentials(FAMILY, environ)).name


def upload(home: Path, **environ: str) -> str:
    return asyncio.run(load_upload({"HOME": str(home), **environ})).source


def test_the_environment_comes_first_by_the_name_and_its_aliases(tmp_path: Path) -> None:
    assert github(REPO_DISPATCH_TOKEN="a", OLD_TOKEN="b") == "REPO_DISPATCH_TOKEN"
    assert github(OLD_TOKEN="b") == "OLD_TOKEN"
    assert upload(tmp_path, PYPI_API_TOKEN="c") == "PYPI_API_TOKEN"


@pytest.mark.parametrize("role", list(Role))
def test_a_role_has_its_own_token_and_else_that_of_releases(role: Role) -> None:
    def of_role(**environ: str) -> str:
        return asyncio.run(load_github_credentials(FAMILY, environ, role=role)).name

    every = {"INTERLOCK_READ_TOKEN": "r", "INTERLOCK_TELL_TOKEN": "t", "REPO_DISPATCH_TOKEN": "d"}
    assert of_role(**every) == role.variable
    assert of_role(REPO_TOKEN="a") == "REPO_TOKEN"
    others = {name: text for name, text in every.items() if name != role.variable}
    others.pop("REPO_DISPATCH_TOKEN", None)
    with pytest.raises(TokenError, match=role.variable) as error:
        of_role(**others)
    assert role.variable in (error.value.hint or "")


def test_for_checks_the_roles_own_tokens_are_found_and_no_others() -> None:
    found = asyncio.run(find_roles({"INTERLOCK_TELL_TOKEN": "t", "REPO_DISPATCH_TOKEN": "d"}))
    assert (found.read, found.credentials, list(found.distinct)) == (None, None, [Role.TELL])


def test_the_family_may_be_named_by_its_file(tmp_path: Path) -> None:
    file = tmp_path / "family.toml"
    file.write_text('[family]\nname = "t"\ntoken_aliases = ["MY_TOKEN"]\n[packages.a]\n')
    assert asyncio.run(load_github_credentials(str(file), {"MY_TOKEN": "x"})).name == "MY_TOKEN"
    assert asyncio.run(load_github_credentials(None, {"REPO_TOKEN": "x"})).name == "REPO_TOKEN"


def test_without_a_server_none_is_started_and_every_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenError) as error:
        github()
    assert error.value.message == (
        "a token for GitHub was not found; looked at the variables REPO_DISPATCH_TOKEN, REPO_TOKEN, OLD_TOKEN; "
        "no blocks, since no Prefect API is configured"
    )
    assert "docs/tokens.md" in str(error.value.hint)
    with pytest.raises(TokenError, match=r"TWINE_PASSWORD, PYPI_API_TOKEN, UV_PUBLISH_TOKEN; ~/\.pypirc; no blocks"):
        upload(tmp_path)


def test_a_server_that_does_not_answer_is_asked_once_and_named() -> None:
    dead = temporary_settings({PREFECT_API_URL: DEAD, PREFECT_CLIENT_MAX_RETRIES: 0})
    with dead, pytest.raises(TokenError) as error:
        github()
    assert error.value.message.count("gave no answer") == 1
    assert '"interlock-github-credentials/interlock"' in error.value.message


def test_no_block_serves_an_index_that_the_environment_names(tmp_path: Path) -> None:
    with temporary_settings({PREFECT_API_URL: DEAD}):
        for environ in ({"TWINE_REPOSITORY_URL": "https://i.example/"}, {"TWINE_REPOSITORY": "testpypi"}):
            with pytest.raises(TokenError) as error:
                upload(tmp_path, **environ)
            assert "no answer" not in error.value.message


def test_for_checks_what_was_not_found_is_kept_as_an_error(tmp_path: Path) -> None:
    access = asyncio.run(find_access(FAMILY, {"HOME": str(tmp_path), "REPO_TOKEN": "x"}))
    assert access.credentials is not None
    assert access.token_error is None
    assert (access.upload, isinstance(access.upload_error, TokenError)) == (None, True)
    access = asyncio.run(find_access(FAMILY, {"HOME": str(tmp_path), "TWINE_PASSWORD": "x"}))
    assert (access.credentials, isinstance(access.token_error, TokenError)) == (None, True)
    assert access.upload is not None


def test_a_secret_block_is_called_after_the_variable() -> None:
    assert document_name("REPO_DISPATCH_TOKEN") == "repo-dispatch-token"
