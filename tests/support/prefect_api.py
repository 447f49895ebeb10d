"""One Prefect server for all tests of a worker that use its API and nothing else of it: their names are their own."""

from collections.abc import Iterator

import pytest

from deployments import embedded_server
from deployments.embedded_server import Policy, ServerDirectory
from deployments.embedded_server.password import password_of
from tests.support.prefect_homes import begin_migrated
from tests.support.prefect_server import clean_up


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerDirectory]:
    """The home of the server, below an INTERLOCK_HOME; it runs."""
    found = begin_migrated(tmp_path_factory.mktemp("home") / "prefect")
    try:
        with embedded_server.start(found, Policy()) as server:
            server.wait_until_ready()
            yield found
    finally:
        clean_up(found)


@pytest.fixture(scope="module")
def api(place: ServerDirectory) -> Iterator[str]:
    """The address of that server's API; this process is set up to use it."""
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, PREFECT_HOME, temporary_settings

    running = embedded_server.status(place).server
    assert running is not None
    password = password_of(running).get_secret_value()
    settings = {PREFECT_API_URL: running.api, PREFECT_API_AUTH_STRING: password, PREFECT_HOME: place.path}
    with temporary_settings(settings), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", running.api)
        patch.setenv("PREFECT_API_AUTH_STRING", password)
        yield running.api
