"""Whether code under test might reach Prefect's API: without a sandbox, or by a network that the family file allows."""

import asyncio

import pytest

from interlock.model.family import Family
from interlock.releases.checks import why_exposed
from tests.support.sandboxes import without_isolation


def a_family(*, build: bool = False, suite: bool = False) -> Family:
    suites = [{"name": "imports", "imports": True, "network": suite}]
    packages = {"core": {"build_network": build}, "store": {"upstreams": ["core"], "suites": suites}}
    return Family.model_validate({"name": "trains", "packages": packages})


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        (a_family(), None),
        (a_family(suite=True), "builds or suites have a network (store)"),
        (a_family(build=True, suite=True), "builds or suites have a network (core, store)"),
    ],
)
def test_a_network_leads_out_of_the_sandbox(family: Family, expected: str | None) -> None:
    assert asyncio.run(why_exposed(family)) == expected


def test_without_a_sandbox_everything_is_open() -> None:
    with without_isolation():
        assert "INTERLOCK_ISOLATION is none" in (asyncio.run(why_exposed(a_family())) or "")
