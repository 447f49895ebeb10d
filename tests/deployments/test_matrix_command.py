"""What `interlock matrix` makes of a Prefect server that goes away while it is at work."""

import asyncio

import httpx
import pytest

from deployments.commands import matrix
from deployments.matrix_display import MatrixDisplay
from flows import run_matrix
from interlock.errors import ServerError
from interlock.matrix.request import MatrixRequest


def test_a_server_that_goes_away_is_said_with_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(_request: MatrixRequest, *, return_state: bool) -> None:
        assert return_state
        raise httpx.ConnectError("connection refused")

    monkeypatch.setattr(run_matrix, "run_matrix", lost)
    with pytest.raises(ServerError, match="went away") as error:
        asyncio.run(matrix._flow(MatrixRequest(), MatrixDisplay()))
    assert "goes on from there" in (error.value.hint or "")
