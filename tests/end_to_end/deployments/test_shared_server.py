"""The shared set-up: a worker is killed in mid-release, and another one finishes the same release, each effect once."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prefect.client.orchestration import PrefectClient

from deployments.automations.healing import Healing, ensure_automations
from interlock.adapters.ledger import open_ledger
from rehearsal.faults import Effect, InjectedFault
from tests.support.ledgers import Postgres
from tests.support.prefect_release import CORE, RECEIVERS
from tests.support.rehearsed_checks import RehearsedChecks, rehearse_checks
from tests.support.shared_prefect_server import (
    PASSWORD,
    PATIENCE,
    Shared,
    full_postgres,
    has_run,
    kill_tree,
    patiently,
    shared_server,
)

if TYPE_CHECKING:
    import subprocess

pytestmark = pytest.mark.long

# Heartbeats come every 30 s; two of them in a row may be late on a machine that is busy.
SOON = Healing(silence=timedelta(seconds=75))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with full_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Shared]:
    with shared_server(tmp_path_factory.mktemp("shared"), postgres) as server:
        server.run("-m", "deployments.stack.register", environ=server.client)
        asyncio.run(heal_sooner(server))
        yield server


async def heal_sooner(shared: Shared) -> None:
    async with PrefectClient(shared.client["PREFECT_API_URL"], auth_string=PASSWORD) as client:
        assert await ensure_automations(client, SOON)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RehearsedChecks]:
    with rehearse_checks(tmp_path) as rehearsed:
        yield rehearsed


def begin_worker(shared: Shared, world: RehearsedChecks, name: str, ledger: str) -> "subprocess.Popen[bytes]":
    heartbeat = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30", "PREFECT_WORKER_QUERY_SECONDS": "2"}
    own = {"INTERLOCK_HOME": str(shared.folder / name), "INTERLOCK_LEDGER_URL": ledger}
    program = ("-m", "prefect", "worker", "start", "--pool", "interlock", "--name", name, "--limit", "1")
    return shared.begin(name, *program, environ={**world.environ, **shared.client, **heartbeat, **own})


def start_release(api: httpx.Client) -> str:
    deployment = api.get("/deployments/name/release-package/release-package").raise_for_status().json()
    body = {"parameters": {"request": {"package": CORE}}, "state": {"type": "SCHEDULED"}}
    run: dict[str, Any] = api.post(f"/deployments/{deployment['id']}/create_flow_run", json=body).json()
    return str(run["id"])


def effects(world: RehearsedChecks) -> list[str]:
    """What was done to the world, but for leases."""
    seen = [each.note or f"{each.method} {each.path}" for each in world.apps.log.all() if each.wrote]
    return [note for note in seen if "refs/interlock/" not in note]


def test_another_worker_finishes_what_a_killed_one_began(
    shared: Shared, world: RehearsedChecks, postgres: Postgres
) -> None:
    ledger = postgres.new_ledger()
    workers = {name: begin_worker(shared, world, name, ledger.get_secret_value()) for name in ("one", "other")}
    # The second file never gets through: the tag is pushed then, and half of the release is out.
    world.apps.faults.add(
        InjectedFault(effect=Effect.SLOW, seconds=10 * PATIENCE, origin="index", method="POST", skip=1)
    )
    with shared.api() as api:
        shared.add_token(api)
        run = start_release(api)
        patiently(lambda: any(note.startswith("upload ") for note in effects(world)))
        killed = patiently(lambda: next((name for name, each in workers.items() if has_run(each, run)), None))
        kill_tree(workers.pop(killed))
        world.apps.faults.clear()
        assert api.get(f"/flow_runs/{run}").json()["state_type"] == "RUNNING", "nobody has told the server"

        ended = patiently(lambda: done(api, run))
    (finisher,) = workers
    assert ended["state_type"] == "COMPLETED", (ended["state"], shared.log(finisher)[-3000:])
    assert ended["run_count"] == 2
    assert f"Worker '{finisher}' submitting flow run '{run}'" in shared.log(finisher)
    with open_ledger(ledger) as found:
        (release,) = found.releases(CORE)
    assert (str(release.version), release.is_finished, release.resumed) == ("1.2.11", True, True)
    assert sorted(effects(world)) == sorted(once("1.2.11"))


def done(api: httpx.Client, run: str) -> dict[str, Any] | None:
    found: dict[str, Any] = api.get(f"/flow_runs/{run}").json()
    return found if found["state_type"] in {"COMPLETED", "FAILED", "CANCELLED"} else None


def once(version: str) -> list[str]:
    """Each effect of the whole release: one tag, one set of files, one GitHub Release, one dispatch for each."""
    files = [f"market_data_core-{version}-py3-none-any.whl", f"market_data_core-{version}.tar.gz"]
    page = [f"create release v{version} as a draft", f"publish release v{version}"]
    told = [f"dispatch core_release mjdevaccount/{name}" for name in RECEIVERS]
    uploads = [f"{what} {file}" for what in ("upload", "upload asset") for file in files]
    return [f"push refs/heads/main refs/tags/v{version}", *uploads, *page, *told]
