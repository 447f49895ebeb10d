"""Which release GitHub shows as the latest."""

import pytest
from packaging.version import Version

from interlock.adapters.index.client import Release
from interlock.releases.publish import is_latest


@pytest.mark.parametrize(
    ("version", "others", "expected"),
    [
        ("1.2.12", "", True),
        ("1.2.12", "1.2.11 1.2.12", True),
        ("1.2.12", "1.2.11 2.0.0", False),
        ("1.2.12", "2.0.0-yanked", True),
        ("1.2.12", "2.0.0rc1 2.0.0.dev3", True),
        ("1.2.12.post1", "1.2.12", True),
        ("1.2.12", "1.2.12.post1", False),
        ("2.1.0rc1", "2.0.0", False),
        ("2.1.0.dev1", "", False),
        ("1.0", "1!0.1", False),
    ],
)
def test_the_highest_final_release_that_is_not_yanked_is_the_latest(version: str, others: str, expected: bool) -> None:
    parted = [other.partition("-") for other in others.split()]
    served = {
        Version(text): Release(package="core", version=Version(text), yanked=bool(yanked)) for text, _, yanked in parted
    }

    assert is_latest(Version(version), served) is expected
