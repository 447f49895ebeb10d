"""The command `interlock` as `python -m deployments`, for programs that start programs by a module."""

from deployments.cli.main import main

main()
