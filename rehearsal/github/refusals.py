"""GitHub's refusals: one exception, with a body in GitHub's form."""

from collections.abc import Mapping, Sequence
from typing import Any

DOCUMENTATION = "https://docs.github.com/rest"


class Refusal(Exception):  # noqa: N818  it is an answer, not a defect
    """A request that is answered with an error.

    Args:
        status: The HTTP status.
        message: GitHub's message.
        errors: For a 422: the faults with their resources and fields.
        headers: Further headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Sequence[Mapping[str, Any] | str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, Any]:
        """The response."""
        errors = {"errors": list(self.errors)} if self.errors else {}
        return {
            "message": self.message,
            **errors,
            "documentation_url": DOCUMENTATION,
            "status": str(self.status),
        }


def not_found() -> Refusal:
    """A 404: the resource does not exist, or the caller may not see it."""
    return Refusal(404, "Not Found")


def bad_credentials() -> Refusal:
    """A 401: the token is unknown or has expired."""
    return Refusal(401, "Bad credentials")


def invalid(resource: str, field: str, code: str, **more: str) -> Refusal:
    """A 422 about one field; `code` is one of GitHub's: missing, missing_field, invalid, already_exists, custom."""
    return Refusal(422, "Validation Failed", errors=[{"resource": resource, "field": field, "code": code, **more}])


def unprocessable(message: str) -> Refusal:
    """A 422 with a message only."""
    return Refusal(422, message)
