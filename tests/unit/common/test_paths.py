from pathlib import Path

import platformdirs
import pytest

from interlock.common.paths import cache, home


def test_everything_is_kept_where_the_variable_says_for_its_owner_alone(interlock_home: Path) -> None:
    assert home() == interlock_home.resolve()
    assert interlock_home.stat().st_mode & 0o777 == 0o700
    assert cache() == interlock_home.resolve() / "cache"
    assert cache().is_dir()


def test_without_the_variable_it_is_the_users_data_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("INTERLOCK_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home() == platformdirs.user_data_path("interlock", appauthor=False).resolve()
    assert home().is_relative_to(tmp_path.resolve())
