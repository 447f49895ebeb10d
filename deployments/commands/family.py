"""`interlock family`: show the family file's graph, check the file, print its schema."""

import typer

app = typer.Typer(help="The family file: show it, check it, print its schema.", no_args_is_help=True)
