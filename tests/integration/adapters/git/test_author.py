import asyncio
from pathlib import Path

import pytest

from interlock.adapters.git import Author, find_author
from interlock.errors import RepositoryError, UsageError


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    (tmp_path / "config").write_text("[user]\nname = Git Me\nemail = me@example.org\n")
    return tmp_path / "config"


def test_the_familys_author_goes_before_gits() -> None:
    found = asyncio.run(find_author("Release Bot <bot@example.org>"))
    assert found == Author(name="Release Bot", email="bot@example.org")


def test_gits_own_configuration_names_who_commits() -> None:
    assert asyncio.run(find_author(None)) == Author(name="Git Me", email="me@example.org")


@pytest.mark.parametrize("settings", ["", "[user]\nname = Me\n", "[user]\nemail = me@example.org\n"])
def test_nobody_is_an_error_with_its_cure(config: Path, settings: str) -> None:
    config.write_text(settings)
    with pytest.raises(RepositoryError, match="nobody is named who commits") as caught:
        asyncio.run(find_author(None))
    assert "git config --global user.name" in str(caught.value)


@pytest.mark.parametrize("text", ["Me", "<me@example.org>", "Me <>", "Me <a b>", "Me <a@b> x"])
def test_what_is_no_author_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not an author"):
        Author.parse(text)
