from pathlib import Path

import pytest

from tests.support.github_hub import Hub


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path / "github")
