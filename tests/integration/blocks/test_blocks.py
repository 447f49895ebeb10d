import asyncio
import traceback

import pytest
from pydantic import SecretStr, ValidationError

import blocks
from blocks import GitHubCredentials, PackageIndexCredentials
from interlock.adapters.github import AppInstallation, GitHub, StaticToken
from interlock.adapters.index.settings import Upload

APP = {"app_id": 12, "private_key": "hush-key", "installation_id": 34}


@pytest.mark.parametrize("name", blocks.__all__)
def test_every_field_is_described_and_every_block_says_what_it_is(name: str) -> None:
    kind = getattr(blocks, name)
    for field in kind.model_fields.values():
        assert field.title
        assert field.description
    assert kind.get_block_type_slug().startswith("interlock-")
    assert str(kind._logo_url).startswith("https://")
    assert str(kind._documentation_url).startswith("https://")
    assert "Interlock" in kind.get_description()
    assert "await" in str(kind.get_code_example())


def test_a_personal_token_is_what_github_is_opened_with() -> None:
    block = GitHubCredentials(token=SecretStr("ghp_hush"))
    credentials = block.credentials("mine")
    assert isinstance(credentials, StaticToken)
    assert credentials.name == "mine"
    assert asyncio.run(credentials.token()).get_secret_value() == "ghp_hush"
    assert block.credentials().name == 'the block "GitHub credentials (Interlock)"'


def test_an_app_is_what_github_is_opened_with() -> None:
    credentials = GitHubCredentials.model_validate(APP).credentials()
    assert isinstance(credentials, AppInstallation)
    assert credentials.name == "the GitHub App 12"


def test_a_client_is_open_while_its_block_lasts() -> None:
    async def look() -> object:
        block = GitHubCredentials(token=SecretStr("ghp_hush"))
        async with block.get_client({"GITHUB_API_URL": "http://127.0.0.1:9"}) as github:
            return github

    assert isinstance(asyncio.run(look()), GitHub)


@pytest.mark.parametrize("given", [{}, {**APP, "token": "hush"}, {"app_id": 12}, {"token": "hush", "app_id": 12}])
def test_it_is_a_token_or_a_whole_app(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="give a token") as error:
        GitHubCredentials.model_validate(given)
    assert "hush" not in "".join(traceback.format_exception(error.value))


def test_settings_of_an_upload_are_kept_whole() -> None:
    upload = Upload(
        name="own", repository_url=SecretStr("https://i.example/x/"), username="me", password=SecretStr("p")
    )
    again = PackageIndexCredentials.of(upload).get_client()
    assert again == upload.model_copy(update={"source": again.source})
    assert "Package index credentials" in again.source
    pypi = PackageIndexCredentials(password=SecretStr("p"))
    assert pypi.get_client() == PackageIndexCredentials.of(pypi.get_client()).get_client()
    assert (pypi.get_client().name, pypi.get_client().repository_url) == ("PyPI", None)


@pytest.mark.parametrize("url", ["ftp://i.example", "i.example", "https://me:hush@i.example/", "https://"])
def test_an_address_that_is_none_or_holds_a_password_is_refused_unseen(url: str) -> None:
    with pytest.raises(ValidationError) as error:
        PackageIndexCredentials(repository_url=url, password=SecretStr("hush"))
    assert "hush" not in str(error.value)


def test_no_secret_is_in_a_blocks_text() -> None:
    whole = [GitHubCredentials(token=SecretStr("hush")), GitHubCredentials.model_validate(APP)]
    whole.append(PackageIndexCredentials(password=SecretStr("hush")))  # type: ignore[arg-type]
    assert "hush" not in f"{whole!r} {[str(block) for block in whole]} {[block.model_dump_json() for block in whole]}"
