"""Queries about communes, their stations, people and facts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.domain.place import Station
from broadcaster.domain.roles import Actor, Grant, Role
from broadcaster.domain.timetable import ALL_DAYS, Blocked, Caps, CommuneTimetable, Slot, Window, local_time, weekdays
from broadcaster.errors import InputError
from broadcaster.store.tables import CommuneRow, FactRow, PersonRow, StationRow


def stations(session: Session, communes: Iterable[str] | None = None) -> dict[str, list[Station]]:
    """The stations of each commune that has any; of all communes where none are named."""
    query = select(StationRow).order_by(StationRow.code)
    if communes is not None:
        query = query.where(StationRow.commune.in_(list(communes)))
    found: dict[str, list[Station]] = defaultdict(list)
    for row in session.scalars(query):
        found[row.commune].append(Station(row.code, row.commune, row.connector, row.mode, row.config, row.zones))
    return found


def has_connector(session: Session, connector: str) -> bool:
    """Whether any station is reached by this kind of connector."""
    return (
        session.scalars(select(StationRow.code).where(StationRow.connector == connector).limit(1)).first() is not None
    )


def countries(session: Session) -> list[str]:
    """The countries whose public holidays any commune keeps."""
    kept = (timetable.get("holidays") or {} for timetable in session.scalars(select(CommuneRow.timetable)))
    return sorted({found["country"] for found in kept if found.get("country")})


def timetable(
    row: CommuneRow, default_quiet_hours: Sequence[str] | None, holidays: frozenset[date] = frozenset()
) -> CommuneTimetable:
    """What the planner knows of a commune. A commune without quiet hours of its own has the default ones, if any."""
    kept = row.timetable
    quiet = kept.get("quiet_hours")
    if quiet is None and default_quiet_hours is not None:
        quiet = dict(zip(("start", "end"), default_quiet_hours, strict=True))
    return CommuneTimetable(
        commune=row.code,
        zone=ZoneInfo(row.timezone),
        slots=tuple(Slot(slot["name"], _window(slot), _days(slot)) for slot in kept.get("slots", [])),
        quiet_hours=_window(quiet) if quiet is not None else None,
        reserved=tuple(
            Blocked(_window(item), item.get("reason", ""), _days(item)) for item in kept.get("reserved", [])
        ),
        caps=_caps(kept["caps"]) if kept.get("caps") else None,
        holidays=holidays,
    )


def _caps(entry: dict[str, Any]) -> Caps:
    minutes = entry.get("minutes_per_session")
    per_session = None if minutes is None else timedelta(minutes=minutes)
    return Caps(entry.get("sessions_per_day"), per_session, entry.get("weekends", True))


def _window(entry: dict[str, Any]) -> Window:
    return Window(local_time(entry["start"]), local_time(entry["end"]))


def _days(entry: dict[str, Any]) -> frozenset[int]:
    return weekdays(entry["days"]) if entry.get("days") is not None else ALL_DAYS


def actor(session: Session, code: str | None, os_user: str) -> Actor:
    """The person with this code as one who acts. Raises InputError for an unknown code."""
    if code is None:
        return Actor(None, os_user)
    row = session.get(PersonRow, code)
    if row is None:
        known = ", ".join(session.scalars(select(PersonRow.code).order_by(PersonRow.code).limit(20)))
        raise InputError("There is no person {person}. Known: {known}.", person=code, known=known or "nobody yet")
    grants = tuple(Grant(Role(role["role"]), role.get("commune"), role.get("source")) for role in row.roles)
    return Actor(code, os_user, grants)


def fact(session: Session, key: str) -> FactRow | None:
    """The fact to speak for a key: the one verified last, else a sample."""
    rows = list(session.scalars(select(FactRow).where(FactRow.key == key)))
    verified = [row for row in rows if row.verified_on is not None and not row.sample]
    if verified:
        return max(verified, key=lambda row: (row.verified_on, row.value))
    return next((row for row in rows if row.sample), None)
