"""What a verification is called."""

import pytest

from interlock.contracts.verify import ContractsRequest

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("ref", "pull", "title"),
    [
        ("topic", None, "core topic"),
        ("topic", 12, "core #12 (topic)"),
        ("#12", None, "core #12"),
        ("#12", 12, "core #12"),
        (SHA, None, "core 0123456789ab"),
        (SHA, 12, "core #12 (0123456789ab)"),
        (SHA[:-1], None, f"core {SHA[:-1]}"),
    ],
)
def test_it_is_called_by_its_pull_request_and_a_commit_by_few_digits(ref: str, pull: int | None, title: str) -> None:
    assert ContractsRequest(upstream="core", ref=ref, pull=pull).title == title
