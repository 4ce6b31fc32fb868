"""`broadcaster timetable show`: a day or a week of a commune, or what it will hear in the next 24 hours."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Any

import typer

from broadcaster import clock
from broadcaster.cli.airing_line import on_one_line
from broadcaster.cli.context import Json, console, date_of, opened, print_json, replan
from broadcaster.domain.recurrence import DAY_NAMES
from broadcaster.errors import InputError
from broadcaster.services.telling import REASONS
from broadcaster.services.timetable_view import ShownAiring, ShownDay, ShownSession, View, hours_ahead, view
from broadcaster.store.tables import CommuneRow
from broadcaster.words import Words

_DAYS_OF_A_WEEK = 7


def register(app: typer.Typer) -> None:
    app.command(name="show")(show)


def show(
    commune: Annotated[str, typer.Option(metavar="C", help="The commune, by code.")],
    day: Annotated[str | None, typer.Option(metavar="DATE", help="This date.")] = None,
    week: Annotated[str | None, typer.Option(metavar="DATE", help="The week that holds this date.")] = None,
    as_json: Json = False,
) -> None:
    """What a commune will hear in the next 24 hours; with --day or --week its sessions, with minutes and caps."""
    if day is not None and week is not None:
        raise InputError("These options exclude each other: {options}.", options="--day; --week")
    with opened() as (built, words):
        now = clock.now()
        replan(built)
        with built.store.reading() as session:
            if day is None and week is None:
                ahead = hours_ahead(session, built.config, commune, now)
                name = session.get_one(CommuneRow, commune).name
                if as_json:
                    print_json([_plain(airing) for airing in ahead])
                    return
                lines = _ahead(name, ahead, words)
            else:
                asked = date_of(week or day or "")
                first = asked - timedelta(days=asked.weekday()) if week is not None else asked
                shown = view(session, built.config, commune, first, _DAYS_OF_A_WEEK if week is not None else 1, now)
                if as_json:
                    print_json(_as_json(shown))
                    return
                lines = (line for found in shown.days for line in _day(shown.name, found, words))
            for line in lines:
                console().print(line, markup=False, soft_wrap=True)


def _ahead(name: str, ahead: list[ShownAiring], words: Words) -> Iterator[str]:
    if not any(airing.sounds for airing in ahead):
        yield words("{commune} hears nothing of ours in the next 24 hours.", commune=name)
    else:
        yield words("What {commune} hears in the next 24 hours:", commune=name)
    day: date | None = None
    for airing in ahead:
        if airing.due.date() != day:
            day = airing.due.date()
            yield _heading(day, words)
        yield _line(airing, words)


def _day(name: str, day: ShownDay, words: Words) -> Iterator[str]:
    holiday = f" · {words('holiday')}" if day.is_holiday else ""
    caps = "" if day.most_sessions is None else f"/{day.most_sessions}"
    count = words("{count} sessions", count=f"{day.count}{caps}")
    yield f"{name} · {_heading(day.date, words)} · {count}{holiday}"
    for session in day.sessions:
        yield _session(session, day, words)
        for airing in session.airings:
            yield "  " + _line(airing, words)


def _session(session: ShownSession, day: ShownDay, words: Words) -> str:
    if session.ends is None:
        return f"  {session.starts:%H:%M}"
    room = session.ends - session.starts
    allowed = min(room, day.per_session) if day.per_session is not None else room
    used, most = (length.total_seconds() / 60 for length in (session.used, allowed))
    minutes = words("{used} of {most} minutes", used=f"{used:.1f}", most=f"{most:.0f}")
    return f"  {session.starts:%H:%M}-{session.ends:%H:%M}  {session.name}  {minutes}"


def _line(airing: ShownAiring, words: Words) -> str:
    end = words(REASONS[airing.reason]) if airing.reason is not None else ""
    how = " ".join(part for part in (airing.outcome or "", end) if part)
    mark = "" if airing.sounds else "✗ "
    text = f"  {airing.due:%H:%M:%S}-{airing.ends:%H:%M:%S}  {mark}{on_one_line(airing.title)} ({airing.schedule})"
    return f"{text}  {how}" if how else text


def _heading(day: date, words: Words) -> str:
    return f"{words(DAY_NAMES[day.weekday()])} {day:%d/%m/%Y}"


def _as_json(shown: View) -> dict[str, Any]:
    return {
        "commune": shown.commune,
        "days": [
            {
                "date": day.date.isoformat(),
                "is_holiday": day.is_holiday,
                "sessions_used": day.count,
                "sessions_allowed": day.most_sessions,
                "minutes_allowed": None if day.per_session is None else day.per_session.total_seconds() / 60,
                "sessions": [
                    {
                        "slot": session.name or None,
                        "starts": session.starts,
                        "ends": session.ends,
                        "minutes_used": round(session.used.total_seconds() / 60, 2),
                        "airings": [_plain(airing) for airing in session.airings],
                    }
                    for session in day.sessions
                ],
            }
            for day in shown.days
        ],
    }


def _plain(airing: ShownAiring) -> dict[str, Any]:
    return {
        "airing": airing.airing,
        "due": airing.due,
        "ends": airing.ends,
        "schedule": airing.schedule,
        "bulletin": airing.bulletin,
        "title": airing.title,
        "outcome": airing.outcome,
        "reason": airing.reason,
    }
