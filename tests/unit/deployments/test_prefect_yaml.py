"""What `prefect.yaml` deploys: every flow, by names that others rely on, with parameters that run as they are."""

import importlib
import re
from typing import Any

import pendulum
import pytest
import yaml
from prefect import Flow
from prefect.events.schemas.deployment_triggers import DeploymentEventTrigger
from prefect.flows import load_flow_from_entrypoint
from prefect.server.schemas.schedules import RRuleSchedule
from prefect.utilities.schema_tools import is_valid_schema, validate

from deployments.stack.programs import POOL, UNTRUSTED_POOL
from interlock.model import family_file
from interlock.webhooks import routing
from tests.support.paths import ROOT

DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]
NAMES = {
    "cascade-release/cascade-release",
    "cascade-release/follow-upstream",
    "check-tokens/check-tokens",
    "continue-cascades/continue-cascades",
    "release-on-event/release-on-event",
    "release-package/release-package",
    "run-matrix/nightly",
    "run-matrix/weekly",
    "send-notice/send-notice",
    "sweep-deliveries/sweep-deliveries",
    "tell-contracts/tell-contracts",
    "verify-contracts/verify-contracts",
}
every = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=[each["name"] for each in DEPLOYMENTS])


def flow_of(deployment: dict[str, Any]) -> Flow[..., Any]:
    found: Flow[..., Any] = load_flow_from_entrypoint(deployment["entrypoint"])
    return found


def test_every_flow_is_deployed_under_the_name_that_others_use() -> None:
    assert {f"{flow_of(each).name}/{each['name']}" for each in DEPLOYMENTS} == NAMES
    modules = (importlib.import_module(f"flows.{path.stem}") for path in (ROOT / "flows").glob("*.py"))
    flows = {value.name for module in modules for value in vars(module).values() if isinstance(value, Flow)}
    # Nobody can know beforehand between which two versions something broke: a person asks, by `interlock bisect`.
    assert flows - {"bisect-contracts"} == {name.partition("/")[0] for name in NAMES}


def test_the_gateway_starts_deployments_that_there_are() -> None:
    started = {value for name, value in vars(routing).items() if name.isupper() and isinstance(value, str)}
    named = {name for name in started if re.fullmatch(r"[a-z-]+/[a-z-]+", name)}
    assert named
    assert named <= NAMES


@every
def test_the_form_has_parameters_that_the_flow_takes_as_they_are(deployment: dict[str, Any]) -> None:
    flow = flow_of(deployment)
    schema = parameter_schema_of(flow)
    given = deployment.get("parameters", {})
    is_valid_schema(schema)
    assert validate(given, schema, raise_on_error=False, preprocess=True, ignore_required=False) == []
    flow.validate_parameters(given)


def parameter_schema_of(flow: Flow[..., Any]) -> dict[str, Any]:
    from prefect.utilities.callables import parameter_schema

    return parameter_schema(flow).model_dump_for_openapi()


@every
def test_every_field_of_a_form_says_what_it_is(deployment: dict[str, Any]) -> None:
    schema = parameter_schema_of(flow_of(deployment))
    for name, definition in schema["definitions"].items():
        for field, described in definition.get("properties", {}).items():
            assert described.get("description"), f"{name}.{field}"


@every
def test_every_deployment_is_described_tagged_and_limited(deployment: dict[str, Any]) -> None:
    assert deployment["description"].endswith(".")
    assert deployment["tags"]
    assert deployment["concurrency_limit"]["limit"] >= 1
    assert deployment["concurrency_limit"]["collision_strategy"] in {"ENQUEUE", "CANCEL_NEW"}
    assert deployment["work_pool"]["name"] in {POOL, UNTRUSTED_POOL}
    assert "flows/" not in deployment["entrypoint"]


def dates(schedule: dict[str, Any], start: pendulum.DateTime) -> list[str]:
    """When the next two runs are, as the server reckons; it gives this kind of time."""
    rule = RRuleSchedule.model_validate({name: text for name, text in schedule.items() if name != "slug"})
    return [f"{date:%Y-%m-%d %H:%M}" for date in rule._get_dates_generator(n=2, start=start)]


def test_what_is_on_a_schedule_is_what_should_be() -> None:
    thursday = pendulum.datetime(2026, 12, 3, 12, 30)
    schedules = {each["name"]: each["schedules"] for each in DEPLOYMENTS if "schedules" in each}
    runs = {name: dates(schedule, thursday) for name, (schedule,) in schedules.items()}
    assert runs == {
        "check-tokens": ["2026-12-04 06:23", "2026-12-05 06:23"],
        "continue-cascades": ["2026-12-03 12:30", "2026-12-03 12:40"],
        "nightly": ["2026-12-04 02:17", "2026-12-05 02:17"],
        "sweep-deliveries": ["2026-12-03 13:07", "2026-12-03 14:07"],
        "tell-contracts": ["2026-12-03 12:30", "2026-12-03 12:40"],
        "weekly": ["2026-12-06 03:41", "2026-12-13 03:41"],
    }


def test_no_release_is_started_by_an_event_alone() -> None:
    for deployment in DEPLOYMENTS:
        for trigger in deployment.get("triggers", []):
            DeploymentEventTrigger.model_validate({key: value for key, value in trigger.items() if key != "type"})
            assert deployment["schedules"], "events are lost: what they start must come without them too"
            assert deployment["name"] in {"continue-cascades", "sweep-deliveries"}


def test_the_default_parameters_name_packages_of_the_default_family() -> None:
    family = family_file.load(ROOT / "family.toml")
    for deployment in DEPLOYMENTS:
        request = deployment.get("parameters", {}).get("request", {})
        for key in ("package", "root", "upstream"):
            if key in request:
                assert not family.package(request[key]).upstreams


@pytest.mark.parametrize("name", ["release-package", "cascade-release", "follow-upstream"])
def test_what_would_release_is_a_dry_run_by_default(name: str) -> None:
    (found,) = (each for each in DEPLOYMENTS if each["name"] == name)
    assert found["parameters"]["request"]["dry_run"] is True


def test_what_runs_code_under_test_has_a_pool_of_its_own_and_nothing_else_is_in_it() -> None:
    untrusted = {each["name"] for each in DEPLOYMENTS if each["work_pool"]["name"] == UNTRUSTED_POOL}
    assert untrusted == {"verify-contracts", "nightly", "weekly"}


def test_nothing_is_told_by_default() -> None:
    (found,) = (each for each in DEPLOYMENTS if each["name"] == "verify-contracts")
    assert found["parameters"]["request"]["tell"] is False
