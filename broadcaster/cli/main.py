"""The command `broadcaster`. Exit code 0: done; 1: failed; 2: what was given cannot be used."""

import io
import logging
import sys

import typer

from broadcaster import __version__, config
from broadcaster.cli import (
    alerts,
    broker_config,
    bulletin,
    campaign,
    check,
    commune,
    db,
    demo,
    dictionary,
    door,
    emergency,
    export,
    import_,
    keys,
    log,
    loudspeaker,
    pattern,
    plan,
    player,
    say,
    schedule,
    serve,
    service,
    source,
    spoken,
    station,
    stop,
    timetable,
    voices,
    worker,
)
from broadcaster.cli.context import console
from broadcaster.errors import BroadcasterError, InputError
from broadcaster.words import Words

logger = logging.getLogger(__name__)

app = typer.Typer(
    help="Text bulletins become approved speech, air on commune loudspeakers on time, and end in a log with evidence.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for single in (serve, worker, door, demo, check, import_, export, spoken, say, voices, plan, stop, broker_config):
    single.register(app)
app.add_typer(service.app, name="service")
app.add_typer(db.app, name="db")
app.add_typer(commune.app, name="commune")
app.add_typer(bulletin.app, name="bulletin")
app.add_typer(pattern.app, name="pattern")
app.add_typer(dictionary.app, name="dictionary")
app.add_typer(schedule.app, name="schedule")
app.add_typer(timetable.app, name="timetable")
app.add_typer(campaign.app, name="campaign")
app.add_typer(emergency.app, name="emergency")
app.add_typer(log.app, name="log")
app.add_typer(alerts.app, name="alerts")
app.add_typer(keys.app, name="keys")
app.add_typer(station.app, name="station")
app.add_typer(source.app, name="source")
app.add_typer(loudspeaker.app, name="loudspeaker")
app.add_typer(player.app, name="player")


def _show_version(wanted: bool) -> None:
    if wanted:
        console().print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    _version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Print the version."),
) -> None:
    """Everything else is a command."""


def main() -> None:
    """Run the command line and turn errors into one clear text and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app()
    except BroadcasterError as error:
        console(stderr=True).print(_language().error(error), markup=False, soft_wrap=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has enough; Python would complain while closing
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        logger.exception("A command failed.", extra={"action": "command_failed", "arguments": sys.argv[1:]})
        words = _language()
        text = words(
            "This should not have happened: {error}. Details are in the folder logs of the data.", error=repr(error)
        )
        console(stderr=True).print(text, markup=False, soft_wrap=True)
        sys.exit(1)


def _language() -> Words:
    try:
        return Words(config.load_here().language)
    except BroadcasterError:
        return Words("auto")
