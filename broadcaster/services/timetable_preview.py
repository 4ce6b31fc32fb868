"""What would air of a file in the one schema, from the file alone: no database, the planner's own arithmetic."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pydantic import Field as Constraint
from pydantic import field_validator

from broadcaster.domain.airing import Reason
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.laying import lay
from broadcaster.domain.plan import Wanted
from broadcaster.domain.timetable import CommuneTimetable
from broadcaster.errors import InputError
from broadcaster.services.exchange import BulletinEntry, Code, CommuneEntry, Exchange, ScheduleEntry, SlotEntry
from broadcaster.services.holidays import HolidayBook
from broadcaster.services.importing import commune_row, refuse_twins
from broadcaster.services.wishes import Asked, Calendar, OfBulletin, add_wanted, asked_from
from broadcaster.store import communes as places

_BEFORE = timedelta(days=7)
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)  # the age of what stands first in the file


class PreviewCommune(CommuneEntry):
    name: str = ""
    timezone: str
    slots: list[SlotEntry]


class PreviewBulletin(BulletinEntry):
    """Of a bulletin the preview needs to know how long it is, not what it says."""

    title: str = ""
    text: str = ""
    priority: Priority
    duration_s: float = Constraint(gt=0)

    @field_validator("text", "title")
    @classmethod
    def _has_words(cls, value: str) -> str:
        return value


class PreviewSchedule(ScheduleEntry):
    communes: list[Code]
    rrule: str


class PreviewFile(Exchange):
    """The one schema, in which the length of each bulletin stands and its text may be left out."""

    communes: list[PreviewCommune] = []  # type: ignore[assignment]
    bulletins: list[PreviewBulletin] = []  # type: ignore[assignment]
    schedules: list[PreviewSchedule] = []  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One airing as it would be; `reason` says why it would be skipped. The moments are in the commune's zone."""

    commune: str
    schedule: str
    bulletin: str
    due: datetime
    ends: datetime
    reason: Reason | None


def preview(file: PreviewFile, first: date, days: int) -> list[PreviewRow]:
    """All airings from a local date on for so many days, by due time, commune and schedule.

    Raises InputError for a schedule that names a commune, a bulletin or a slot that the file does not hold.
    """
    refuse_twins([file])
    _check(file)
    bulletins = {entry.id: entry for entry in file.bulletins}
    asked = [_asked(entry, bulletins[entry.bulletin], number) for number, entry in enumerate(file.schedules)]
    book = HolidayBook()
    rows = [
        row for commune in file.communes for row in _of_commune(commune, file, asked, bulletins, book, (first, days))
    ]
    return sorted(rows, key=lambda row: (row.due, row.commune, row.schedule, row.ends))


def _of_commune(
    commune: CommuneEntry,
    file: PreviewFile,
    asked: Sequence[Asked],
    bulletins: Mapping[str, PreviewBulletin],
    book: HolidayBook,
    when: tuple[date, int],
) -> Iterator[PreviewRow]:
    first, days = when
    row = commune_row(commune)
    holidays = book.dates(row.timetable.get("holidays"), first)
    timetable: CommuneTimetable = places.timetable(row, None, holidays)
    # From before the first date: a slot may cross midnight, and what goes on to the next day can push others on.
    calendar = Calendar(days + _BEFORE.days)
    wanted: defaultdict[date, list[Wanted]] = defaultdict(list)
    for entry, item in zip(file.schedules, asked, strict=True):
        if commune.code in entry.communes:
            length_ms = round(bulletins[entry.bulletin].duration_s * 1000)
            add_wanted(wanted, item, length_ms, calendar, first - _BEFORE)
    asked_for = (first + timedelta(days=number) for number in range(days))
    shown = {(item.wish.schedule, item.date) for day in asked_for for item in wanted.get(day, ())}
    of_schedule = {entry.id: entry.bulletin for entry in file.schedules}
    for key, due, ends, blocked in lay(timetable, wanted):
        if (key.schedule, key.local_date) in shown:
            local = [moment.astimezone(timetable.zone) for moment in (due, ends)]
            yield PreviewRow(commune.code, key.schedule, of_schedule[key.schedule], local[0], local[1], blocked)


def _asked(entry: ScheduleEntry, bulletin: BulletinEntry, number: int) -> Asked:
    """A schedule as the planner sees it, of a bulletin that is approved; its age is its place in the file."""
    approved = OfBulletin(1, bulletin.priority, bulletin.expires, "", None, None, None)
    return asked_from(entry, _FIRST + timedelta(seconds=number), approved)


def _check(file: PreviewFile) -> None:
    communes = {commune.code: commune for commune in file.communes}
    bulletins = {bulletin.id for bulletin in file.bulletins}
    faults: list[InputError] = []
    for entry in file.schedules:
        if entry.bulletin not in bulletins:
            faults.append(_unknown(entry.id, "bulletin", entry.bulletin))
        for code in entry.communes:
            if code not in communes:
                faults.append(_unknown(entry.id, "commune", code))
                continue
            slots = {slot.name for slot in communes[code].slots}
            faults += [_unknown(entry.id, "slot", f"{slot} ({code})") for slot in entry.slots if slot not in slots]
    if faults:
        raise InputError("{faults}", faults=faults[:20])


def _unknown(schedule: str, noun: str, name: str) -> InputError:
    return InputError("Schedule {schedule}: the file has no {noun} {name}.", schedule=schedule, noun=noun, name=name)
