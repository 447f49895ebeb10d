"""The credentials that a command has: what a flow would find, without starting a server for it."""

import os
from collections.abc import Mapping

from deployments import embedded_server
from deployments.cli.run_flow import load
from interlock.adapters.connections import Access, access_from
from interlock.model.family import Family


def use_running_server() -> str | None:
    """The Prefect API that flows would use: the configured one, else this machine's own server if it runs already.

    Raises:
        ServerError: Prefect's settings can't be read.
    """
    if (api := embedded_server.configured_api()) is not None:
        return api
    found = embedded_server.status()
    if found.server is None or found.state != embedded_server.State.RUNNING:
        return None
    os.environ.update(embedded_server.environment(found.server))
    return found.server.api


async def find_access(family: Family, api: str | None, environ: Mapping[str, str] = os.environ) -> Access:
    """The credentials, and what was wrong with those that were not found.

    Args:
        family: Which older names the token has.
        api: The Prefect API in whose blocks they are looked for, when the environment lacks some.
        environ: Where they are looked for first.
    """
    access = access_from(family, environ)
    if api is None or (access.credentials is not None and access.upload is not None):
        return access
    found: Access = await load("blocks.find").find_access(family, environ)
    return found
