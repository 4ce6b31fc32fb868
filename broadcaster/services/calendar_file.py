"""A commune's airings as a calendar file (iCalendar, RFC 5545) that Outlook, Google and Apple can subscribe to."""

import unicodedata
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.domain.airing import Outcome
from broadcaster.domain.bulletin import digest
from broadcaster.domain.timetable import instant
from broadcaster.services.communes import named
from broadcaster.store.tables import AiringRow, ClipRow, CommuneRow, RevisionRow

if TYPE_CHECKING:
    from icalendar import Calendar, Event

_FETCHED_EVERY = timedelta(hours=1)
_HEARD = frozenset({None, Outcome.AIRED, Outcome.PARTIAL})


def calendar(session: Session, commune: str, now: datetime, days: int) -> bytes:
    """The airings due in a commune from its midnight on for so many local days, whatever became of them.

    What is blocked or was not heard is an event that is cancelled. Raises InputError for an unknown commune.
    """
    (row,) = named(session, [commune])
    made = _empty(row)
    for event in _events(session, row, now, days):
        made.add_component(event)
    return bytes(made.to_ical())


def _empty(commune: CommuneRow) -> "Calendar":
    from icalendar import Calendar, vDuration  # noqa: PLC0415 - half a tenth of a second, for no other command

    made = Calendar.new(
        name=f"Broadcaster: {_clean(commune.name)}",
        prodid="-//Broadcaster//timetable//EN",
        method="PUBLISH",
        uid=f"{digest(commune.code)[:32]}@broadcaster",
    )
    made.add("refresh-interval", vDuration(_FETCHED_EVERY), {"VALUE": "DURATION"})  # RFC 7986, 5.7
    made.add("x-published-ttl", vDuration(_FETCHED_EVERY))  # what Outlook reads instead
    made.add("x-wr-timezone", commune.timezone)  # in which Google and Apple show the moments, which are in UTC
    return made


def _events(session: Session, commune: CommuneRow, now: datetime, days: int) -> Iterator["Event"]:
    zone = ZoneInfo(commune.timezone)
    today = now.astimezone(zone).date()
    first, last = (instant(day, time(), zone) for day in (today, today + timedelta(days=days)))
    query = (
        select(AiringRow, RevisionRow, ClipRow)
        .join(RevisionRow, (RevisionRow.bulletin == AiringRow.bulletin) & (RevisionRow.number == AiringRow.revision))
        .join(ClipRow, ClipRow.key == AiringRow.clip)
        .where(AiringRow.commune == commune.code, AiringRow.due_at >= first, AiringRow.due_at < last)
        .order_by(AiringRow.due_at, AiringRow.id)
    )
    for airing, revision, clip in session.execute(query):
        yield _event(airing, revision, clip, commune, now)


def _event(airing: AiringRow, revision: RevisionRow, clip: ClipRow, commune: CommuneRow, now: datetime) -> "Event":
    from icalendar import STATUS, TRANSP, Event  # noqa: PLC0415 - see above

    is_heard = airing.blocked is None and airing.outcome in _HEARD
    return Event.new(
        uid=f"{_key(airing)[:32]}@broadcaster",
        stamp=now,
        start=airing.due_at.replace(microsecond=0),
        end=airing.ends_at.replace(microsecond=0),
        summary=_clean(revision.title),
        description=_described(airing, clip),
        location=_clean(commune.name),
        categories=[revision.priority],
        status=STATUS.CONFIRMED if is_heard else STATUS.CANCELLED,
        transparency=TRANSP.TRANSPARENT,  # it takes nobody's time
    )


def _key(airing: AiringRow) -> str:
    """The hash of what an airing keeps through edits and restarts; calendars know an event by it."""
    return digest([airing.schedule, airing.commune, airing.local_date, airing.place_in_day])


def _described(airing: AiringRow, clip: ClipRow) -> str:
    """What is said, then what is known of the airing, by the names and codes of the log."""
    spoken = [part for part in (clip.opening, clip.spoken, clip.closing) if part]
    names = ("schedule", "mode", "blocked", "outcome", "reason")
    known = [f"{name}: {value}" for name in names if (value := getattr(airing, name)) is not None]
    return _clean("\n".join([*spoken, "", *known]))


def _clean(text: str) -> str:
    """Without what RFC 5545 has no room for in a text: control characters, and line ends other than our own."""
    return "\n".join("".join(c for c in line if unicodedata.category(c) != "Cc") for line in text.splitlines())
