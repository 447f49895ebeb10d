"""`compose.yaml` and the image: whatever they name is there, and nothing secret is in them. No Docker is needed."""

import re
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prefect.cli._app import _app as prefect
from prefect.settings import Settings
from prefect.settings.legacy import _get_settings_fields
from prefect_redis.cleanup_queue import RedisWorkerCleanupQueueSettings  # type: ignore[import-untyped]
from prefect_redis.client import RedisMessagingSettings  # type: ignore[import-untyped]

from deployments.cli.main import load
from deployments.stack.programs import POOL, UNTRUSTED_POOL
from interlock.common import tokens
from interlock.common.credentials import DIRECTORY
from interlock.webhooks.signature import PREVIOUS, SECRET
from tests.support.paths import ROOT

FOLDER = ROOT / "deployments"
TEXT = (FOLDER / "compose.yaml").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if service["image"] == "interlock"}
DOCKERFILE = (FOLDER / "Dockerfile").read_text("utf-8")
EXAMPLE = (FOLDER / "compose.env.example").read_text("utf-8")
# What a variable of the file is called, and whether it must be given.
VARIABLE = re.compile(r"\$\{([A-Z_]+)(:\?)?")
OWN = {
    "INTERLOCK_LEDGER_URL",
    "INTERLOCK_GATEWAY_URL",
    SECRET,
    PREVIOUS,
    "INTERLOCK_HOME",
    DIRECTORY,
    "TWINE_USERNAME",
}
# Prefect's server asks the environment for it where it is needed, and nowhere else.
READ_BY_THEMSELVES = {"PREFECT_SERVER_ENCRYPTION_KEY"}


def environment(name: str) -> dict[str, str]:
    return {key: str(value) for key, value in SERVICES[name].get("environment", {}).items()}


def test_the_programs_are_the_whole_of_the_shared_set_up() -> None:
    assert {"migrate", "api", "services", "deploy", "worker", "worker-untrusted", "gateway"} == OURS
    assert set(SERVICES) - OURS == {"postgres", "redis"}
    assert {service["image"] for service in SERVICES.values()} == {"interlock", "postgres:16", "redis:7"}


def test_every_variable_is_a_setting_of_somebody() -> None:
    prefects = set(_get_settings_fields(Settings))
    redis = {
        f"{model.model_config['env_prefix']}{name}".upper()
        for model in (RedisMessagingSettings, RedisWorkerCleanupQueueSettings)
        for name in model.model_fields
    }
    named = {variable for name in OURS for variable in environment(name)}
    assert named <= prefects | redis | OWN | READ_BY_THEMSELVES, named - prefects - redis - OWN


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_command_is_one_that_there_is(name: str) -> None:
    program, *arguments = SERVICES[name]["command"]
    if program == "interlock":
        options = {option for parameter in load(arguments[0]).params for option in parameter.opts}
        assert {each for each in arguments if each.startswith("--")} <= options
    elif program == "python":
        assert (ROOT / Path(*arguments[1].split("."))).with_suffix(".py").is_file()
    else:
        assert program == "prefect"
        words = [re.sub(r"\$\{\w+:-(\w+)\}", r"\1", each) for each in arguments]
        called, _, _ = prefect.parse_args(words, exit_on_error=False, print_error=False)
        assert called.__name__ in {"start", "upgrade", "start_services"}


def test_the_server_is_apart_from_its_services_and_migrated_by_one_job_alone() -> None:
    assert "--no-services" in SERVICES["api"]["command"]
    assert SERVICES["services"]["command"] == ["prefect", "server", "services", "start"]
    for name in ("migrate", "api", "services"):
        assert environment(name) == environment("api")
        assert environment(name)["PREFECT_SERVER_DATABASE_MIGRATE_ON_START"] == "false"
    for name in ("api", "services"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_everything_that_is_waited_for_is_there_and_says_how_it_is() -> None:
    for service in SERVICES.values():
        for other, wanted in service.get("depends_on", {}).items():
            assert wanted["condition"] != "service_healthy" or "healthcheck" in SERVICES[other]
    assert {name for name, service in SERVICES.items() if "healthcheck" in service} == {
        *("postgres", "redis", "api", "worker", "worker-untrusted", "gateway")
    }


def test_volumes_and_configurations_are_declared() -> None:
    used = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])
    configs = {each["source"] for service in SERVICES.values() for each in service.get("configs", [])}
    assert configs == set(COMPOSE["configs"])


def test_a_worker_reaches_the_api_and_the_ledger_and_neither_prefects_queue_nor_its_database() -> None:
    networks = {name: set(service["networks"]) for name, service in SERVICES.items()}
    assert {name for each in networks.values() for name in each} == set(COMPOSE["networks"])
    for name in ("deploy", "worker", "worker-untrusted", "gateway"):
        assert networks[name] == {"interlock"}
        assert not {"PREFECT_DATABASE_PASSWORD", "REDIS_PASSWORD"} & set(re.findall(r"\w+", str(SERVICES[name])))
    assert networks["redis"] == networks["migrate"] == {"prefect"}
    assert networks["postgres"] == networks["api"] == {"prefect", "interlock"}


def test_databases_queue_and_api_have_a_password_each() -> None:
    server = environment("api")
    database = httpx.URL(server["PREFECT_SERVER_DATABASE_CONNECTION_URL"].replace(":?see compose.env.example", ""))
    ledger = httpx.URL(environment("worker")["INTERLOCK_LEDGER_URL"].replace(":?see compose.env.example", ""))
    assert (database.username, database.path) == ("prefect", "/prefect")
    assert (ledger.username, ledger.path) == ("interlock", "/interlock")
    assert database.password != ledger.password
    queues = [value for value in server.values() if value.startswith("redis://")]
    assert len(queues) == 3
    assert all(value.startswith("redis://:${REDIS_PASSWORD") for value in queues)
    assert server["PREFECT_SERVER_API_AUTH_STRING"] == "${PREFECT_API_AUTH}"
    assert server["PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED"] == "true"
    # A process list shows commands.
    assert not [service for service in SERVICES.values() if "PASSWORD" in str(service.get("command"))]


def test_only_what_a_program_needs_is_given_to_it() -> None:
    given = {name: set(SERVICES[name].get("secrets", ())) for name in OURS}
    assert {name: found for name, found in given.items() if found} == {
        "worker": {tokens.DISPATCH, tokens.TELL, tokens.INDEX},
        "worker-untrusted": {tokens.READ},
    }
    assert set().union(*given.values()) == set(COMPOSE["secrets"])
    for name in OURS:
        assert not set(COMPOSE["secrets"]) & environment(name).keys(), "in no environment"
        assert (DIRECTORY in environment(name)) is bool(given[name])
    assert {name for name in OURS if SECRET in environment(name)} == {"gateway"}
    assert {name for name in OURS if "PREFECT_SERVER_ENCRYPTION_KEY" in environment(name)} == {
        *("migrate", "api", "services")
    }


def test_code_under_test_runs_as_another_user_in_a_home_of_its_own() -> None:
    trusted, untrusted = SERVICES["worker"], SERVICES["worker-untrusted"]
    assert "user" not in trusted
    assert re.search(rf"useradd .*--uid 1001 {untrusted['user']}\b", DOCKERFILE)
    assert POOL in trusted["command"]
    assert UNTRUSTED_POOL in untrusted["command"]
    home = environment("worker-untrusted")["INTERLOCK_HOME"]
    assert f"--owner {untrusted['user']} --group {untrusted['user']} --mode 700 {home}" in DOCKERFILE
    assert not set(trusted["volumes"]) & set(untrusted["volumes"])


def test_no_secret_is_in_the_files_and_the_example_has_every_variable_once() -> None:
    variables = {name for name, _ in VARIABLE.findall(TEXT)}
    variables |= {secret["environment"] for secret in COMPOSE["secrets"].values()}
    given = re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE)
    assert {name for name, _ in given} == variables
    assert len(given) == len(variables)
    for name, value in given:
        if re.search("PASSWORD|KEY|SECRET|TOKEN|AUTH", name):
            assert value == "", name
    assert "*.env" in (ROOT / ".gitignore").read_text().splitlines()


def test_what_must_be_given_is_refused_when_it_is_not() -> None:
    required = {name for name, must in VARIABLE.findall(TEXT) if must}
    databases = {"POSTGRES_PASSWORD", "PREFECT_DATABASE_PASSWORD", "LEDGER_DATABASE_PASSWORD", "REDIS_PASSWORD"}
    assert required == databases | {"PREFECT_API_AUTH", "PREFECT_ENCRYPTION_KEY", SECRET}


def test_nothing_listens_to_other_machines_but_through_the_proxy() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:4200:4200", "127.0.0.1:4280:4280"]


def test_the_image_is_made_from_the_lock_and_what_runs_in_it_can_not_change_it() -> None:
    assert DOCKERFILE.count("--require-hashes") == 2
    assert "--constraint requirements.lock" in DOCKERFILE
    assert "--chown" not in DOCKERFILE, "the code and the interpreter are root's"
    assert DOCKERFILE.index("USER interlock") > DOCKERFILE.rindex("RUN uv pip install")
    extras = re.findall(r"--extra (\w+)", DOCKERFILE)
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras) == set(known)
    for wanted in re.findall(r"^!(.+)$", (FOLDER / "Dockerfile.dockerignore").read_text(), re.MULTILINE):
        assert (ROOT / wanted).exists()
