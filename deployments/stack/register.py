"""A program that prepares a Prefect server for workers, and registers every deployment of `prefect.yaml`.

It registers the block types, and makes the work pools and the automations that restart dead runs. Running it again
changes only deployments that differ from the file.
"""

import asyncio
import runpy
import sys

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from blocks import GitHubCredentials, PackageIndexCredentials
from deployments.automations import healing
from deployments.stack.programs import POOL, UNTRUSTED_POOL

DESCRIPTIONS = {
    POOL: "Runs the flows of Interlock as processes of the machine where a worker was started.",
    UNTRUSTED_POOL: "Runs code under test. Its workers need no token that writes: docs/security.md.",
}


async def make_pools(client: PrefectClient) -> None:
    """Make the work pools that are not there; an existing one keeps its settings."""
    for name, description in DESCRIPTIONS.items():
        try:
            await client.read_work_pool(name)
        except ObjectNotFound:
            template = ProcessWorker.get_default_base_job_template()
            pool = WorkPoolCreate(name=name, type="process", description=description, base_job_template=template)
            await client.create_work_pool(pool)


async def prepare() -> None:
    """Everything but the deployments."""
    async with get_client() as client:
        await make_pools(client)
        for said in await healing.ensure_automations(client):
            print(said)  # noqa: T201  for the log
    for kind in (GitHubCredentials, PackageIndexCredentials):
        await kind.aregister_type_and_schema()


def main() -> None:
    """Prepare the server, and register the deployments."""
    asyncio.run(prepare())
    sys.argv = ["prefect", "--no-prompt", "deploy", "--all"]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
