from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.served_hub import ServedHub, serve_hub


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ServedHub]:
    with serve_hub(tmp_path / "github") as served:
        yield served
