"""A CI's job that runs again asks for the same release; another run, or something else, is another request."""

import pytest

from deployments.cli.request_id import of_this_ci
from interlock.releases.plan import ReleaseRequest


def test_outside_of_a_ci_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert of_this_ci("patch") is None
    monkeypatch.setenv("GITHUB_RUN_ID", "9")  # of what repository?
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    assert of_this_ci("patch") is None


@pytest.mark.parametrize(
    ("variables", "arguments", "expected"),
    [
        (("GITHUB_REPOSITORY", "GITHUB_RUN_ID"), ("patch",), "github/me/core/9/patch"),
        (("GITHUB_REPOSITORY", "GITHUB_RUN_ID"), ("minor,rc", "1.x"), "github/me/core/9/minor,rc/1.x"),
        (("GITHUB_REPOSITORY", "GITHUB_RUN_ID"), ("2!1.0", "é\x1b x"), "github/me/core/9/2!1.0/%C3%A9%1B%20x"),
        (("CI_PROJECT_PATH", "CI_PIPELINE_ID"), ("patch",), "gitlab/me/core/9/patch"),
    ],
)
def test_it_names_the_run_and_what_it_asks_for(
    monkeypatch: pytest.MonkeyPatch, variables: tuple[str, str], arguments: tuple[str, ...], expected: str
) -> None:
    for name, value in zip(variables, ("me/core", "9"), strict=True):
        monkeypatch.setenv(name, value)
    assert of_this_ci(*arguments) == expected
    assert ReleaseRequest(package="core", request_id=expected).request_id == expected
