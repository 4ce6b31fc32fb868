"""`broadcaster loudspeaker`: add, code, list, remove, test, volume, health - those that obey signed orders."""

import threading
from datetime import datetime, timedelta
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from broadcaster import clock
from broadcaster.cli.context import As, Json, LocalTimes, actor, console, opened, show
from broadcaster.errors import BroadcasterError
from broadcaster.orders.device import PlayState
from broadcaster.orders.payload import Command
from broadcaster.orders.topics import Device
from broadcaster.services import adjustments, attending, enrolment
from broadcaster.services.communes import named
from broadcaster.services.telling import TROUBLES
from broadcaster.store.device_tables import AdjustmentRow
from broadcaster.words import Words

app = typer.Typer(help="Loudspeakers that obey signed orders, and how they are.", no_args_is_help=True)

Commune = Annotated[str, typer.Argument(metavar="COMMUNE", help="The commune, by code.")]
Loudspeaker = Annotated[str, typer.Argument(metavar="ID", help="The loudspeaker's id.")]
Where = Annotated[str | None, typer.Argument(metavar="[COMMUNE]", help="Only those of this commune.")]

Volume = Annotated[int, typer.Option("--volume", metavar="PERCENT", min=0, max=100, help="How loud.")]

_PATIENCE = timedelta(seconds=20)
_UNDER_WAY = ("", PlayState.ACCEPTED, PlayState.READY, PlayState.STARTED)
_COLUMNS = ("commune", "id", "station", "presence", "seen_at", "version", "volume", "troubles")
_FAULT_COLUMNS = ("commune", "id", "trouble", "since", "until", "detail", "meaning")


@app.command()
def add(
    commune: Commune,
    loudspeaker: Annotated[str, typer.Argument(metavar="ID", help="A new id: letters a-z, figures, hyphens.")],
    station: Annotated[
        str | None, typer.Option(metavar="CODE", help="Its station, where the commune has several of such.")
    ] = None,
    person: As = None,
) -> None:
    """Add a loudspeaker to a station; prints the one-time code with which it enrols."""
    with opened() as (built, words):
        acting = actor(built, person)
        with built.store.writing() as session:
            at = station or enrolment.only_station(session, commune)
            code = enrolment.add(session, commune, at, loudspeaker, clock.now(), actor=acting)
        _print_code(words, loudspeaker, code)


@app.command()
def code(commune: Commune, loudspeaker: Loudspeaker, person: As = None) -> None:
    """Another one-time code, for a loudspeaker whose code was lost or lapsed, or that was exchanged."""
    with opened() as (built, words):
        acting = actor(built, person)
        with built.store.writing() as session:
            found = enrolment.new_code(session, commune, loudspeaker, clock.now(), actor=acting)
        _print_code(words, loudspeaker, found)


@app.command(name="list")
def list_all(commune: Where = None, as_json: Json = False) -> None:
    """The loudspeakers: whether each is there, when it was last seen, and what is wrong with it."""
    with opened() as (built, words):
        local = LocalTimes(built)
        with built.store.reading() as session:
            _require(session, commune)
            lines = attending.lines(session, commune, clock.now())
        rows = [
            {
                "commune": line.device.commune,
                "id": line.device.loudspeaker,
                "station": line.station,
                "presence": str(line.presence),
                "seen_at": _said(line.seen_at, line.device.commune, local, as_json=as_json),
                "version": None if line.health is None else line.health.version,
                "volume": None if line.health is None else line.health.volume,
                "troubles": list(line.troubles) if as_json else ", ".join(line.troubles),
            }
            for line in lines
        ]
    if rows or as_json:
        show(rows, _COLUMNS, as_json=as_json)
    else:
        typer.echo(words("There are no loudspeakers yet. Add one with: broadcaster loudspeaker add COMMUNE ID"))


@app.command()
def remove(commune: Commune, loudspeaker: Loudspeaker, person: As = None) -> None:
    """Remove a loudspeaker: its password and its key count no more."""
    with opened() as (built, words):
        acting = actor(built, person)
        with built.store.writing() as session:
            enrolment.remove(session, commune, loudspeaker, clock.now(), actor=acting)
        console().print(words("Loudspeaker {id} is removed.", id=loudspeaker), markup=False)


@app.command()
def test(commune: Commune, loudspeaker: Loudspeaker, volume: Volume = 50, person: As = None) -> None:
    """Have a loudspeaker sound a tone of two seconds, and wait for its answer. Not in quiet hours."""
    _adjust(Device(commune, loudspeaker), Command.TEST, volume, person)


@app.command()
def volume(
    commune: Commune,
    loudspeaker: Loudspeaker,
    percent: Annotated[int, typer.Argument(metavar="PERCENT", min=0, max=100, help="Never louder from now on.")],
    person: As = None,
) -> None:
    """Set how loud a loudspeaker may be at most, and wait for its answer."""
    _adjust(Device(commune, loudspeaker), Command.VOLUME, percent, person)


@app.command()
def health(
    commune: Where = None,
    past_days: Annotated[
        int, typer.Option("--past-days", metavar="N", min=0, max=90, help="Also the faults that ended in N days.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """What is wrong with which loudspeaker, and since when; the oldest first."""
    with opened() as (built, words):
        local = LocalTimes(built)
        with built.store.reading() as session:
            _require(session, commune)
            found = attending.faults(session, commune)
            if past_days:
                found += attending.past(session, clock.now() - timedelta(days=past_days), commune)
        rows = [
            {
                "commune": fault.commune,
                "id": fault.loudspeaker,
                "trouble": str(fault.trouble),
                "since": _said(fault.opened_at, fault.commune, local, as_json=as_json),
                "until": _said(fault.cleared_at, fault.commune, local, as_json=as_json),
                "detail": fault.detail,
                "meaning": words(TROUBLES[fault.trouble]),
            }
            for fault in found
        ]
    if rows or as_json:
        show(rows, _FAULT_COLUMNS, as_json=as_json)
    else:
        typer.echo(words("No loudspeaker has a fault."))


def _adjust(device: Device, command: Command, percent: int, person: str | None) -> None:
    with opened() as (built, words):
        acting, pause = actor(built, person), threading.Event()
        with built.store.writing() as session:
            key = adjustments.ask(session, device, command, percent, clock.now(), actor=acting).id
        until = clock.now() + _PATIENCE
        answer = ""
        while answer in _UNDER_WAY and clock.now() < until:
            pause.wait(0.2)
            with built.store.reading() as session:
                answer = session.get_one(AdjustmentRow, key).answer
        if answer != PlayState.FINISHED:
            raise BroadcasterError(
                "{id} did not do it: {answer}", id=device.loudspeaker, answer=answer or words("no answer yet")
            )
        console().print(words("{id} has done it.", id=device.loudspeaker), markup=False)


def _print_code(words: Words, loudspeaker: str, found: str) -> None:
    text = words("{id} enrols with this code, once, within 24 hours: {code}", id=loudspeaker, code=found)
    console().print(text, markup=False, soft_wrap=True)


def _require(session: Session, commune: str | None) -> None:
    if commune is not None:
        named(session, [commune])


def _said(moment: datetime | None, commune: str, local: LocalTimes, *, as_json: bool) -> datetime | str | None:
    """A moment in the commune's own time for people, and as it is for programs."""
    return moment if moment is None or as_json else local(commune, moment)
