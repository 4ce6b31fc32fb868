"""A commune's day for tests of the planner: wishes, and what is laid of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from broadcaster.domain.airing import AiringKey
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.laying import lay
from broadcaster.domain.plan import Held, PlannedAiring, Wanted, Wish
from broadcaster.domain.timetable import CommuneTimetable, Slot, Window

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
MONDAY = date(2026, 11, 23)
NIGHT = Window(time(21), time(5))
EVENING = Slot("Buổi chiều", Window(time(17), time(17, 30)))
COMMUNE = CommuneTimetable("kep", VIETNAM, (EVENING,), NIGHT)


def here(text: str, day: date = MONDAY) -> datetime:
    return datetime.fromisoformat(f"{day}T{text}+07:00").astimezone(UTC)


def wish(schedule: str, minutes: float = 10, **values: object) -> Wish:
    """A wish for the evening slot, unless a time is given."""
    plain = Wish(schedule, timedelta(minutes=minutes), Priority.NORMAL, 0, (here("00:00"), schedule))
    return replace(plain, slot=None if "at" in values else EVENING.name, **values)  # type: ignore[arg-type]


def lay_day(
    timetable: CommuneTimetable, day: date, wishes: Sequence[Wish], held: Held = MappingProxyType({})
) -> list[PlannedAiring]:
    return lay(timetable, {day: [Wanted(day, wish) for wish in wishes]}, held)


def slot_of(timetable: CommuneTimetable, name: str | None) -> Slot | None:
    return next((slot for slot in timetable.slots if slot.name == name), None)


def laid(*wishes: Wish, timetable: CommuneTimetable = COMMUNE, day: date = MONDAY) -> dict[str, PlannedAiring]:
    return {airing.key.schedule: airing for airing in lay_day(timetable, day, wishes)}


def starts(airings: dict[str, PlannedAiring]) -> list[tuple[str, str]]:
    """Who airs, in order, with the local time."""
    return [
        (name, f"{airing.due_at.astimezone(VIETNAM):%H:%M}") for name, airing in airings.items() if not airing.blocked
    ]


def key(schedule: str) -> AiringKey:
    return AiringKey(schedule, "kep", MONDAY, EVENING.name)
