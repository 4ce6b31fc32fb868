"""Communes as people look at them, and the removal of one that was never used."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from broadcaster.config import Config
from broadcaster.domain.place import Layer
from broadcaster.domain.roles import Actor
from broadcaster.domain.timetable import CommuneTimetable
from broadcaster.errors import InputError
from broadcaster.services.alerts import clear_commune
from broadcaster.services.holidays import HolidayBook, kept_book
from broadcaster.services.permissions import KEEPERS
from broadcaster.store import communes as places
from broadcaster.store import journal
from broadcaster.store.engine import Store, is_writing
from broadcaster.store.journal import Action
from broadcaster.store.record_tables import CampaignAnswerRow
from broadcaster.store.tables import (
    AiringRow,
    CommuneRow,
    PlanRow,
    PronunciationRow,
    ScheduleCommuneRow,
    StationRow,
    SubmissionClipRow,
)

_NAMED = 10  # as many of a long list are told
_A_YEAR = timedelta(days=365)


def named(session: Session, codes: Collection[str]) -> list[CommuneRow]:
    """The communes of these codes, sorted; a writer keeps every other from using them. InputError: an unknown code."""
    query = select(CommuneRow).where(CommuneRow.code.in_(codes))
    rows = {row.code: row for row in session.scalars(query.with_for_update() if is_writing(session) else query)}
    unknown = sorted(set(codes) - set(rows))
    if unknown:
        known = session.scalars(select(CommuneRow.code).order_by(CommuneRow.code).limit(20))
        raise InputError(
            "There is no commune {commune}. Known: {known}.", commune=unknown[0], known=", ".join(known) or "none"
        )
    return [rows[code] for code in sorted(rows)]


def timetable_of(row: CommuneRow, config: Config, book: HolidayBook, around: date) -> CommuneTimetable:
    """What the planner knows of a commune, with its holidays in the years around a date."""
    return places.timetable(row, config.timetable.quiet_hours, book.dates(row.timetable.get("holidays"), around))


def overview(session: Session) -> list[dict[str, Any]]:
    """All communes by code, each with how many stations and schedules it has."""
    stations = _counts(session, StationRow.commune)
    schedules = _counts(session, ScheduleCommuneRow.commune)
    return [
        {
            "code": row.code,
            "name": row.name,
            "kind": row.kind,
            "province": row.province,
            "timezone": row.timezone,
            "stations": stations.get(row.code, 0),
            "schedules": schedules.get(row.code, 0),
        }
        for row in sorted(session.scalars(select(CommuneRow)), key=lambda row: row.code)
    ]


def details(session: Session, code: str, config: Config, now: datetime) -> dict[str, Any]:
    """One commune as the planner sees it, as plain values: the quiet hours may be those of the settings.

    `holidays` holds the dates of the next twelve months. Raises InputError for an unknown commune.
    """
    (row,) = named(session, [code])
    kept = row.timetable
    usual = config.timetable.quiet_hours
    quiet = kept.get("quiet_hours") or (dict(zip(("start", "end"), usual, strict=True)) if usual else None)
    today = now.astimezone(ZoneInfo(row.timezone)).date()
    found = kept_book(config).dates(kept.get("holidays"), today)
    stations = session.scalars(select(StationRow).where(StationRow.commune == code))
    return {
        "code": row.code,
        "name": row.name,
        "kind": row.kind,
        "province": row.province,
        "timezone": row.timezone,
        "zones": row.zones,
        "slots": kept.get("slots", []),
        "quiet_hours": quiet,
        "caps": kept.get("caps"),
        "reserved": kept.get("reserved", []),
        "holidays": [day.isoformat() for day in sorted(found) if today <= day < today + _A_YEAR],
        "stations": [
            {"code": station.code, "connector": station.connector, "mode": station.mode, "zones": station.zones}
            for station in sorted(stations, key=lambda station: station.code)
        ],
    }


def remove(store: Store, code: str, actor: Actor, now: datetime) -> None:
    """Remove a commune with its plan and its pronunciations; its chain of the journal stays.

    Raises InputError while anything names it: what aired there, or was to air there, has to stay in the log.
    """
    actor.require_in([code], *KEEPERS)
    with store.writing() as session:
        (row,) = named(session, [code])
        _refuse_while_used(session, code)
        session.execute(delete(PlanRow).where(PlanRow.commune == code))
        own = (PronunciationRow.layer == Layer.COMMUNE) & (PronunciationRow.owner == code)
        spoken = {entry.written: entry.spoken for entry in session.scalars(select(PronunciationRow).where(own))}
        session.execute(delete(PronunciationRow).where(own))
        before = {column.name: getattr(row, column.name) for column in CommuneRow.__table__.columns}
        clear_commune(session, code, now)
        session.delete(row)
        session.flush()
        data = {"before": before, "pronunciations": spoken}
        journal.append(
            session, chain=code, action=Action.COMMUNE_REMOVED, now=now, actor=actor, subject=code, data=data
        )


def _refuse_while_used(session: Session, code: str) -> None:
    schedules = sorted(session.scalars(_of(ScheduleCommuneRow.schedule, ScheduleCommuneRow.commune, code)))
    if schedules:
        raise InputError(
            "Commune {commune} has schedules: {schedules}. Take them away first: broadcaster schedule remove ID",
            commune=code, schedules=_first(schedules),
        )  # fmt: skip
    stations = sorted(session.scalars(_of(StationRow.code, StationRow.commune, code)))
    if stations:
        raise InputError(
            "Commune {commune} has stations: {stations}. Import them with another commune first.",
            commune=code, stations=_first(stations),
        )  # fmt: skip
    for column in (AiringRow.commune, SubmissionClipRow.commune, CampaignAnswerRow.commune):
        if session.scalars(_of(column, column, code).limit(1)).first() is not None:
            raise InputError(
                "Commune {commune} stands in the log or in an approval, and these stay. "
                "It hears nothing once its stations and schedules are taken away.",
                commune=code,
            )


def _of(wanted: Any, commune: Any, code: str) -> Any:
    return select(wanted).where(commune == code)


def _counts(session: Session, commune: Any) -> dict[str, int]:
    return dict(session.execute(select(commune, func.count()).group_by(commune)).all())


def _first(names: Sequence[str]) -> str:
    return ", ".join([*names[:_NAMED], *(["..."] if len(names) > _NAMED else [])])
