"""GitHub's official OpenAPI description as the judge of the rehearsal's answers."""

from tests.support.openapi.checked import Judge, checked_async_client, checked_client
from tests.support.openapi.oracle import OpenApiOracle, UnfaithfulError, official

__all__ = ["Judge", "OpenApiOracle", "UnfaithfulError", "checked_async_client", "checked_client", "official"]
