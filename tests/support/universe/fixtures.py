"""The fixtures of every test: an environment without this machine's settings, and universes to work in."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.made_once import SHARED, made_once
from tests.support.universe.world import Universe, open_universe, pack_friends

# Settings of the machine that runs the tests, and everything that could carry a request out of this machine.
FOREIGN = ("INTERLOCK_", "PREFECT_", "UV_", "PIP_", "PYTEST_", "GIT_CONFIG", "GITHUB_RUN_", "CI_PIPELINE_")
FOREIGN_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
# Nobody listens on the discard port: what asks an index that no test named is refused at once.
NOWHERE = "http://127.0.0.1:9/simple/"


def _is_foreign(name: str) -> bool:
    kept = name.startswith("PYTEST_XDIST") or name in {"PYTEST_CURRENT_TEST", "PYTEST_VERSION"}
    return not kept and (name.startswith(FOREIGN) or name.upper() in FOREIGN_PROXIES)


def heed_signals() -> None:
    """Take back what a background shell has this process ignore: its children would ignore it for ever as well."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def _signals_as_in_a_terminal() -> None:
    """For the whole session: what a test sends to a child is heeded there."""
    heed_signals()


@pytest.fixture(scope="session", autouse=True)
def _environment_without_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For the whole session: no setting of this machine, no network, a cache of uv's of its own."""
    folder = tmp_path_factory.mktemp("machine")
    with pytest.MonkeyPatch.context() as patch:
        for name in filter(_is_foreign, list(os.environ)):
            patch.delenv(name)
        patch.setenv(SHARED, str(_of_all_workers(tmp_path_factory)))
        patch.setenv("INTERLOCK_HOME", str(folder / "interlock"))
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("UV_CACHE_DIR", str(folder / "uv"))
        patch.setenv("UV_DEFAULT_INDEX", NOWHERE)
        patch.setenv("UV_PYTHON_DOWNLOADS", "never")
        patch.setenv("UV_HTTP_RETRIES", "0")
        yield


def _of_all_workers(factory: pytest.TempPathFactory) -> Path:
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(autouse=True)
def interlock_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's Interlock keeps everything: INTERLOCK_HOME, new and empty."""
    home = tmp_path / "interlock-home"
    monkeypatch.setenv("INTERLOCK_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def friends() -> Path:
    """A folder with wheels of pytest and what it needs."""
    return made_once("friends", pack_friends)


@pytest.fixture(scope="session")
def seeded_world() -> Path:
    """A rehearsal's world in which nothing has happened yet, to be copied."""
    from tests.support.rehearsed_release import seed

    return made_once("world", seed)


@pytest.fixture(scope="session")
def builds() -> Path:
    """What was built before: equal trees give equal files."""
    return made_once("builds", Path.mkdir)


@pytest.fixture(scope="session")
def shared_universe(friends: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Universe]:
    """One universe for the whole session, with pytest in it: add packages under names of your own, break nothing."""
    with open_universe(tmp_path_factory.mktemp("universe"), friends) as opened:
        yield opened


@pytest.fixture
def universe(friends: Path, tmp_path: Path) -> Iterator[Universe]:
    """A universe of this test's own, with pytest in it, to fill and to break."""
    with open_universe(tmp_path / "universe", friends) as opened:
        yield opened
