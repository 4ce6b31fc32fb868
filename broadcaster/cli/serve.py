"""`broadcaster serve`: everything a commune needs, in one command that runs until it is stopped."""

import sys
from datetime import timedelta
from typing import Annotated

import typer

from broadcaster import application, clock
from broadcaster.application import Application
from broadcaster.cli import own_loudspeakers
from broadcaster.cli.airing_line import tell
from broadcaster.cli.context import opened, progress, replan, upgraded
from broadcaster.jobs.supervisor import StopRequests, Supervisor
from broadcaster.services import rehearsals, samples
from broadcaster.store import schema
from broadcaster.words import Words

_UNTIL_FIRST = timedelta(seconds=20)  # time for the worker and the loudspeakers to start, to plan, and to fetch

WithSamples = Annotated[
    bool, typer.Option("--samples", help="Fill an empty database with sample communes and air a first bulletin.")
]


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)


def serve(*, with_samples: WithSamples = False) -> None:
    """Run Broadcaster in this folder until Ctrl-C: create the database if there is none, then air what is scheduled."""
    with opened("serve", needs_database=False) as (built, words):
        _prepare(built, words)
        if with_samples:
            _load_samples(built, words)
        names = ["worker", "door"] if built.config.door.enabled else ["worker"]
        loudspeakers = own_loudspeakers.commands(built)
    commands = {name: [sys.executable, "-m", "broadcaster", name, "--until-stdin-closes"] for name in names}
    commands |= loudspeakers
    requests = StopRequests()
    with requests.asked_by_signals():
        tell(words("Broadcaster is running. Press Ctrl-C to stop it."))
        code = Supervisor(commands, tell, words, requests=requests, vital={"worker"}).run()
        if code == 0:
            tell(words("Broadcaster has stopped. Nothing airs until it is started again."))
    raise typer.Exit(code)


def _prepare(built: Application, words: Words) -> None:
    """The data folder and a database of this version."""
    is_new = schema.current(built.store) is None
    upgraded(built, words)
    folder = built.config.data_folder.absolute()
    if is_new:
        tell(words("Created a new database. All data lie in {folder}", folder=folder))
    else:
        tell(words("All data lie in {folder}", folder=folder))


def _load_samples(built: Application, words: Words) -> None:
    """The samples, and a first airing soon; where there are communes already, nothing changes."""
    tell(words("Loading the sample communes and turning their first bulletins into speech ..."))
    with progress() as bar:
        task = bar.add_task(words("Speaking"), total=len(samples.APPROVED))
        spoken = -1  # told of each bulletin when it begins

        def on_bulletin(bulletin: str) -> None:
            nonlocal spoken
            spoken += 1
            bar.update(task, completed=spoken, description=words("Speaking {bulletin}", bulletin=bulletin))

        has_loudspeakers = built.config.door.enabled and built.config.broker.embedded
        keys = built.keys_folder if has_loudspeakers else None
        loaded = samples.load(built.store, built.desk, application.os_user(), clock.now(), on_bulletin, keys=keys)
        bar.update(task, completed=len(samples.APPROVED))
    if not loaded:
        tell(words("The samples were left out: they have aired here before, or this database has communes of its own."))
        return
    now = clock.now()
    if has_loudspeakers:
        own_loudspeakers.make_samples(built, now)
    rehearsals.rehearse(built.store, samples.FIRST, now + _UNTIL_FIRST, now)
    replan(built)
    tell(words("The first bulletin airs in less than a minute, on the test stations of the sample communes."))
