"""`broadcaster import`: communes, people, stations, facts, bulletins and schedules from YAML."""

from pathlib import Path
from typing import Annotated

import typer

from broadcaster import clock, strict_yaml
from broadcaster.application import os_user
from broadcaster.cli.blocked_line import tell_blocked
from broadcaster.cli.context import As, Json, opened, replan, show, upgraded
from broadcaster.services.exchange import Exchange
from broadcaster.services.importing import import_all
from broadcaster.services.keeping import Change


def register(app: typer.Typer) -> None:
    app.command(name="import")(import_files)


def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.yaml...", help="Files in the one schema, in any order.")],
    person: As = None,
    as_json: Json = False,
) -> None:
    """Import files, all or nothing; says what is new, changed and unchanged. Importing twice changes nothing.

    What of the new and changed schedules will not air in the next days is told on standard error.
    """
    documents = [strict_yaml.load(file).validate(Exchange) for file in files]
    with opened(needs_database=False) as (built, words):
        upgraded(built, words)
        done = import_all(built.store, documents, person, os_user(), clock.now())
        replan(built)
        changed = {item.id for item in done if item.noun == "schedule" and item.change is not Change.UNCHANGED}
        tell_blocked(built, words, changed, clock.now())
    show(
        [{"noun": item.noun, "id": item.id, "change": item.change} for item in done],
        ["noun", "id", "change"],
        as_json=as_json,
    )
