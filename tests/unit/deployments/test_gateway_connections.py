import resource

from starlette.applications import Starlette

from deployments.gateway.connections import BoundedConfig, ConnectionLimits, raise_file_limit


def test_there_are_never_more_connections_than_half_of_the_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
        assert BoundedConfig(Starlette(), ConnectionLimits()).waiting.most == 256
        assert BoundedConfig(Starlette(), ConnectionLimits(connections=8)).waiting.most == 8
        raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
