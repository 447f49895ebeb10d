"""The id of the CI run that a command is part of: a job that runs again asks for the same release."""

import os
from urllib.parse import quote

# By CI, the variables that name a run and stay the same when one of its jobs is run again.
RUNS = (("github", ("GITHUB_REPOSITORY", "GITHUB_RUN_ID")), ("gitlab", ("CI_PROJECT_PATH", "CI_PIPELINE_ID")))
MOST = 300


def of_this_ci(wanted: str, ref: str | None = None) -> str | None:
    """The id of what a CI run asks for, as `github/owner/name/123/minor`; None outside of a CI.

    Args:
        wanted: The bump or the version. A run may ask for several.
        ref: The branch that is released from, where the request names one.
    """
    for name, variables in RUNS:
        values = [os.environ.get(variable, "") for variable in variables]
        if all(values):
            return quote("/".join((name, *values, wanted, *([ref] if ref else []))), safe="/,!+")[:MOST]
    return None
