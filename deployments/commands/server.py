"""`interlock server`: the embedded Prefect server of this machine."""

import typer

app = typer.Typer(help="The embedded Prefect server of this machine.", no_args_is_help=True)
