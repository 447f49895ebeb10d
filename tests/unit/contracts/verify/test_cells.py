"""Which downstreams a verification has."""

import pytest

from interlock.contracts.verify import ContractsRequest
from interlock.contracts.verify.cells import covered, downstreams
from interlock.contracts.verify.cells import tested_downstreams as all_downstreams
from interlock.errors import UsageError
from interlock.model.family import Family
from interlock.model.suites import UNPROVEN

SUITE = {"name": "contracts", "sdist": "tests"}
FAMILY = Family.model_validate(
    {
        "name": "trains",
        "packages": {
            "core": {},
            "pipeline": {"upstreams": ["core"], "suites": [SUITE, {"name": "imports", "imports": True}]},
            "board": {"upstreams": ["pipeline", "core"], "suites": [{**SUITE, "upstreams": ["pipeline"]}]},
            "store": {"upstreams": ["core"], "suites": [SUITE]},
            "viewer": {"upstreams": ["store"]},
            "images": {"upstreams": ["core"], "publishes": False, "reaction": "command", "command": ["make"]},
        },
    }
)


def asked(*downstream: str, upstream: str = "core") -> ContractsRequest:
    return ContractsRequest(upstream=upstream, ref="main", downstream=downstream)


def test_every_downstream_is_tested_by_its_suites_for_the_upstream_or_else_as_a_cascade_tries_it() -> None:
    tried = [(edge.downstream, edge.suite.name) for edge in covered(asked(), FAMILY)]
    suites = [("pipeline", "contracts"), ("pipeline", "imports"), ("store", "contracts")]
    assert sorted(tried) == [("board", UNPROVEN.name), *suites]
    assert set(downstreams(asked(), FAMILY)) == set(all_downstreams("core", FAMILY)) == {"pipeline", "store", "board"}
    assert downstreams(asked("store"), FAMILY) == ("store",)
    assert downstreams(asked("board"), FAMILY) == ("board",)
    assert downstreams(asked(upstream="store"), FAMILY) == all_downstreams("store", FAMILY) == ("viewer",)


@pytest.mark.parametrize("request_", [asked("images"), asked(upstream="viewer"), asked("stor"), asked(upstream="cor")])
def test_what_cannot_be_tried_is_a_mistake_of_who_asks(request_: ContractsRequest) -> None:
    with pytest.raises(UsageError) as error:
        downstreams(request_, FAMILY)
    assert error.value.hint
