"""`broadcaster db`: the database."""

import typer

from broadcaster import clock
from broadcaster.cli.context import console, opened
from broadcaster.store import schema

app = typer.Typer(help="The database.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The database."""


@app.command()
def upgrade() -> None:
    """Create the database, or bring it to this version; a file with data is copied into data/backups first."""
    with opened(needs_database=False) as (built, words):
        before = schema.current(built.store)
        backup = built.upgrade(clock.now())
        if before == schema.newest():
            console().print(words("The database is up to date."))
        elif backup is None:
            console().print(words("The database is ready."))
        else:
            console().print(words("The database was upgraded. The old one is kept in {backup}.", backup=backup))
