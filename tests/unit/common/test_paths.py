from pathlib import Path

import platformdirs
import pytest

from interlock.common.paths import cache, home


def test_everything_is_kept_where_the_variable_says_for_its_owner_alone(interlock_home: Path) -> None:
    assert home() == interlock_home.resolve()
    assert interlock_home.stat().st_mode & 0o777 == 0o700
    assert cache() == interlock_home.resolve() / "cache"
    assert cache().is_dir()


def test_folders_that_were_there_before_become_their_owners_alone(interlock_home: Path) -> None:
    (interlock_home / "cache").mkdir(parents=True)
    for folder in (interlock_home, interlock_home / "cache"):
        folder.chmod(0o755)
    assert cache().stat().st_mode & 0o777 == 0o700
    assert home().stat().st_mode & 0o777 == 0o700


def test_a_folder_that_belongs_to_everybody_stays_so(interlock_home: Path) -> None:
    interlock_home.mkdir(parents=True, exist_ok=True)
    interlock_home.chmod(0o1777)
    assert home().stat().st_mode & 0o7777 == 0o1777
    assert cache().stat().st_mode & 0o777 == 0o700


def test_without_the_variable_it_is_the_users_data_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("INTERLOCK_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home() == platformdirs.user_data_path("interlock", appauthor=False).resolve()
    assert home().is_relative_to(tmp_path.resolve())
