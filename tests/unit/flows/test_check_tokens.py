"""How a run of `check-tokens` ends; the flow itself runs in tests/end_to_end/deployments/test_doctor_with_server.py."""

import pytest

from flows.check_tokens import conclude
from interlock.releases.checks import Check, failed, ok, unknown, warning

FINE = ok("token", "present", "found")
SOON = warning("token", "expiry", "it expires in 9 days", "rotate it")
DUNNO = unknown("token", "scopes", "no answer")
GONE = failed("package index", "upload credentials", "there is no password")


@pytest.mark.parametrize(
    ("checks", "kind", "name", "message"),
    [
        ((FINE,), "COMPLETED", "Completed", "every token works"),
        ((FINE, SOON), "COMPLETED", "Warning", "token, expiry: it expires in 9 days"),
        ((DUNNO,), "COMPLETED", "Warning", "token, scopes: no answer"),
        ((SOON, GONE), "FAILED", "Failed", "package index, upload credentials: there is no password"),
    ],
)
def test_a_run_ends_as_the_worst_of_its_checks(checks: tuple[Check, ...], kind: str, name: str, message: str) -> None:
    state = conclude(checks)
    assert (state.type.value, state.name, state.message) == (kind, name, message)
