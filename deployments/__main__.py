"""The command `interlock` as `python -m deployments`, for callers that start programs as modules."""

from deployments.cli.main import main

main()
