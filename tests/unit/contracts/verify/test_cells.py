"""Which downstreams a verification has."""

import pytest

from interlock.contracts.verify import ContractsRequest
from interlock.contracts.verify.cells import covered, downstreams, unknown
from interlock.errors import UsageError
from interlock.model.family import Family

SUITE = {"name": "contracts", "sdist": "tests"}
FAMILY = Family.model_validate(
    {
        "name": "trains",
        "packages": {
            "core": {},
            "pipeline": {"upstreams": ["core"], "suites": [SUITE, {"name": "imports", "imports": True}]},
            "board": {"upstreams": ["pipeline", "core"], "suites": [{**SUITE, "upstreams": ["pipeline"]}]},
            "store": {"upstreams": ["core"], "suites": [SUITE]},
            "images": {"upstreams": ["core"], "publishes": False, "reaction": "command", "command": ["make"]},
        },
    }
)


def asked(*downstream: str, upstream: str = "core") -> ContractsRequest:
    return ContractsRequest(upstream=upstream, ref="main", downstream=downstream)


def test_every_downstream_with_a_suite_for_the_upstream_is_tested_by_all_of_these() -> None:
    assert downstreams(asked(), FAMILY) == ("pipeline", "store")
    assert [edge.suite.name for edge in covered(asked(), FAMILY)] == ["contracts", "imports", "contracts"]
    assert downstreams(asked("store"), FAMILY) == ("store",)


def test_of_which_nothing_can_be_known_is_said_unless_others_were_asked_for() -> None:
    assert unknown(asked(), FAMILY) == ("board is unproven: no suite of it tests core",)
    assert unknown(asked("store"), FAMILY) == ()


@pytest.mark.parametrize("request_", [asked("board"), asked(upstream="store"), asked("stor"), asked(upstream="cor")])
def test_what_no_suite_tests_is_a_mistake_of_who_asks(request_: ContractsRequest) -> None:
    with pytest.raises(UsageError) as error:
        downstreams(request_, FAMILY)
    assert error.value.hint
