"""A rehearsal: an approved bulletin aired once, soon, on stations in test mode; at any hour, for nobody is woken."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from ulid import ULID

from broadcaster.domain.place import Mode
from broadcaster.errors import InputError
from broadcaster.store import communes as places
from broadcaster.store.engine import Store
from broadcaster.store.tables import BulletinRow, CommuneRow, ScheduleCommuneRow, ScheduleRow


def rehearse(store: Store, bulletin: str, at: datetime, now: datetime) -> str:
    """Schedule one airing of a bulletin at `at` in every commune whose stations are all in test mode.

    Returns the schedule's id. A commune with a live station is never part of it.
    """
    with store.writing() as session:
        if session.get(BulletinRow, bulletin) is None:
            raise InputError("There is no bulletin {bulletin}. See: broadcaster bulletin list", bulletin=bulletin)
        stations = places.stations(session)
        communes = [code for code, found in stations.items() if all(station.mode is Mode.TEST for station in found)]
        if not communes:
            raise InputError("There is no commune with only stations in test mode; rehearsals need one.")
        zones = {session.get_one(CommuneRow, code).timezone for code in communes}
        schedule = f"rehearsal-{ULID()}"
        for zone in sorted(zones):
            local = at.astimezone(ZoneInfo(zone))
            key = schedule if zone == min(zones) else f"{schedule}-{zone.replace('/', '-')}"[:64]
            session.add(
                ScheduleRow(
                    id=key,
                    version=1,
                    bulletin=bulletin,
                    slots=[],
                    times=[f"{local:%H:%M:%S}"],
                    dtstart=local.date(),
                    rrule="FREQ=DAILY;COUNT=1",
                    exdates=[],
                    order=0,
                    is_rehearsal=True,
                    created_at=now,
                )
            )
            session.flush()
            in_zone = session.scalars(select(CommuneRow.code).where(CommuneRow.timezone == zone))
            for commune in sorted(set(in_zone) & set(communes)):
                session.add(ScheduleCommuneRow(schedule=key, commune=commune))
        return schedule
