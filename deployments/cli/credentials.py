"""The credentials of a command: those that a flow would find, without starting a server."""

import os
from collections.abc import Mapping
from dataclasses import replace

from deployments import embedded_server
from deployments.cli.run_flow import load
from interlock.adapters.connections import Access, access_from
from interlock.model.family import Family


def use_running_server() -> str | None:
    """The Prefect API that flows would use: the configured one, or this machine's own server if it runs.

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
    """The credentials, and why any of them were not found.

    Args:
        family: The family, which names the token's older variables.
        api: The Prefect API whose blocks are read when the environment lacks some.
        environ: The environment, which comes first.
    """
    access = access_from(family, environ)
    if api is None or (access.credentials is not None and access.upload is not None):
        return access
    found: Access = await load("blocks.find").find_access(family, environ)
    return found


async def with_roles(access: Access, api: str | None, environ: Mapping[str, str] = os.environ) -> Access:
    """The same access, with the credentials that reading and telling have of their own.

    Args:
        access: What was found for releases.
        api: The Prefect API whose blocks are read when the environment lacks some.
        environ: The environment, which comes first.
    """
    if api is None or len(access.distinct) > 1:
        return access
    found: Access = await load("blocks.find").find_roles(environ)
    return replace(access, read=found.read, tell=found.tell)
