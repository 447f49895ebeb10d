"""What `interlock matrix` makes of a Prefect server that goes away while it is at work."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette

from deployments.cli.commands import matrix
from flows import run_matrix
from interlock.errors import ServerError
from interlock.matrix.request import MatrixRequest
from tests.support.universe.served import Served


@pytest.fixture
def _api(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Prefect API that is configured, and answers something."""
    monkeypatch.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    with Served(Starlette()) as served:
        monkeypatch.setenv("PREFECT_API_URL", f"{served.url}/api")
        yield


@pytest.mark.usefixtures("_api")
def test_a_server_that_goes_away_is_said_with_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(_request: MatrixRequest, *, return_state: bool) -> None:
        assert return_state
        raise httpx.ConnectError("connection refused")

    monkeypatch.setattr(run_matrix, "run_matrix", lost)
    with pytest.raises(ServerError, match="went away") as error:
        asyncio.run(matrix._run(MatrixRequest()))
    assert "goes on from there" in (error.value.hint or "")
