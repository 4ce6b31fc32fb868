"""The one YAML schema: communes, people, stations, facts, bulletins, schedules - for samples, import and export."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, ConfigDict, StringConstraints, field_validator, model_validator
from pydantic import Field as Constraint

from broadcaster.domain.bulletin import Field, Late, Priority, normalised, placeholders
from broadcaster.domain.place import Mode
from broadcaster.domain.plan import OnHolidays, Overflow
from broadcaster.domain.roles import Role
from broadcaster.domain.timetable import WEEKDAYS, local_dates, local_time
from broadcaster.errors import InputError
from broadcaster.services.holidays import is_known
from broadcaster.store import journal
from broadcaster.strict_yaml import Strict, problem

_FIRST_YEAR, _LAST_YEAR = 1970, 2200
_CODE = re.compile(r"[A-Za-z0-9-]{2,64}")


def _time_of_day(text: str) -> str:
    try:
        local_time(text)
    except InputError as error:
        raise ValueError(str(error)) from error
    return text


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise problem("{text} is not a code: write 2 to 64 letters a-z, digits and hyphens", text=text)
    return text


def _weekday(name: str) -> str:
    if name not in WEEKDAYS:
        raise problem("Unknown weekday {name}. Known: {known}.", name=name, known=", ".join(WEEKDAYS))
    return name


def in_reach(day: date) -> date:
    """A date of which the calendar can be told. Raises InputError for another one."""
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise InputError("{date} is too far away: years go from {first} to {last}.", date=day, first=_FIRST_YEAR,
                         last=_LAST_YEAR)  # fmt: skip
    return day


def _near(day: date) -> date:
    try:
        return in_reach(day)
    except InputError as error:
        raise ValueError(str(error)) from error


Code = Annotated[str, AfterValidator(_code)]
Text = Annotated[str, AfterValidator(normalised)]
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(normalised)
]
TimeOfDay = Annotated[str, AfterValidator(_time_of_day)]
Day = Annotated[date, AfterValidator(_near)]
Weekday = Annotated[str, AfterValidator(_weekday)]


class Span(Strict):
    """A daily local window; an end before the start means the next day."""

    start: TimeOfDay
    end: TimeOfDay

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if local_time(self.start) == local_time(self.end):
            raise problem("a window from {start} to {end} has no length", start=self.start, end=self.end)
        return self


class SlotEntry(Span):
    name: Name
    days: list[Weekday] | None = None


class ReservedEntry(Span):
    reason: Text = ""
    days: list[Weekday] | None = None


class Caps(Strict):
    sessions_per_day: int | None = Constraint(None, ge=0)
    minutes_per_session: int | None = Constraint(None, ge=0)
    weekends: bool = True


class Holidays(Strict):
    country: str | None = None
    dates: list[date] = []

    @field_validator("country")
    @classmethod
    def _known_country(cls, value: str | None) -> str | None:
        if value is not None and not is_known(value):
            raise problem(
                "there are no holidays of {value}; write a country's two letters, for example VN", value=value
            )
        return value


def _commune_code(text: str) -> str:
    if text == journal.SYSTEM:
        raise problem("{text} is taken: the journal's own chain has this name", text=text)
    return text


class CommuneEntry(Strict):
    code: Annotated[Code, AfterValidator(_commune_code)]
    name: Name
    kind: Name = "xã"
    province: Text = ""
    timezone: str = "Asia/Ho_Chi_Minh"
    zones: list[Name] = []
    slots: list[SlotEntry] = []
    quiet_hours: Span | None = None
    caps: Caps | None = None
    reserved: list[ReservedEntry] = []
    holidays: Holidays | None = None

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise problem("unknown time zone {value}. Write it like Asia/Ho_Chi_Minh", value=value)
        ZoneInfo(value)
        return value

    @field_validator("slots")
    @classmethod
    def _one_slot_of_a_name(cls, value: list[SlotEntry]) -> list[SlotEntry]:
        names = [slot.name for slot in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise problem("two slots are named {name}", name=twice)
        return value


class StationEntry(Strict):
    code: Code
    commune: Code
    connector: Name
    mode: Mode = Mode.LIVE
    zones: list[Name] = []
    config: dict[str, Any] = {}


class RoleEntry(Strict):
    role: Role
    commune: str | None = None
    source: Text | None = None


class PersonEntry(Strict):
    code: Code
    name: str = ""
    roles: list[RoleEntry] = []


class FactEntry(Strict):
    key: Code
    value: Name
    owner: str = ""
    source: str = ""
    verified_on: date | None = None
    verified_by: str | None = None
    sample: bool = False


class BulletinEntry(Strict):
    id: Code
    title: Name
    duration_s: float | None = Constraint(None, gt=0)
    language: str = "vi"
    field: Field = Field.GENERAL
    priority: Priority = Priority.NORMAL
    source: Text = ""
    text: str
    expires: datetime | None = None
    late: Late = Late.START
    grace_s: float | None = Constraint(None, ge=0, le=3600)
    template: str | None = None
    voice: str | None = None

    @field_validator("text", "title")
    @classmethod
    def _has_words(cls, value: str) -> str:
        value = normalised(value)
        if not value:
            raise problem("there is no text. Write what is to be said")
        return value

    @field_validator("text")
    @classmethod
    def _known_placeholders(cls, value: str) -> str:
        try:
            placeholders(value)
        except InputError as error:
            raise ValueError(str(error)) from error
        return value

    @field_validator("expires")
    @classmethod
    def _with_offset(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise problem("write the expiry with its offset, for example 2026-12-31T23:59:00+07:00")
        return value


class Move(Strict):
    """One date of a rule, and the date on which it airs instead."""

    model_config = ConfigDict(serialize_by_alias=True)
    rule_date: Day = Constraint(alias="from")
    to: Day


class ScheduleEntry(Strict):
    id: Code
    bulletin: Code
    communes: list[Code] = Constraint(min_length=1)
    slots: list[Name] = []
    times: list[TimeOfDay] = []
    dtstart: Day
    rrule: str = "FREQ=DAILY"
    exdates: list[Day] = []
    moved: list[Move] = []
    repeats: int = Constraint(1, ge=1, le=20)
    gap_s: float = Constraint(0, ge=0, le=3600)
    on_holidays: OnHolidays = OnHolidays.KEEP
    overflow: Overflow = Overflow.SKIP
    order: int = 0
    zones: list[Name] = []
    rehearsal: bool = False
    version: int | None = Constraint(None, ge=1)

    @model_validator(mode="after")
    def _can_occur(self) -> Self:
        if bool(self.slots) == bool(self.times):
            raise problem("a schedule has either slots or times")
        for named in (self.communes, self.slots, [f"{local_time(text)}" for text in self.times]):
            if len(set(named)) < len(named):  # they would be laid twice and stand in each other's way
                twice = next(item for item in named if named.count(item) > 1)
                raise problem("{name} stands in the schedule twice", name=twice)
        froms = [move.rule_date for move in self.moved]
        if twice_moved := next((day for day in froms if froms.count(day) > 1), None):
            raise problem("{date} is moved twice", date=twice_moved)
        try:
            first = next(local_dates(self.rrule, self.dtstart, self.dtstart, date.max), None)
        except InputError as error:
            raise ValueError(str(error)) from error
        if first is None:
            raise problem("the rule {rule} never occurs", rule=self.rrule)
        return self


class Exchange(Strict):
    """One file. Everything is optional; what is named must exist in the file or in the database."""

    communes: list[CommuneEntry] = []
    people: list[PersonEntry] = []
    stations: list[StationEntry] = []
    facts: list[FactEntry] = []
    bulletins: list[BulletinEntry] = []
    schedules: list[ScheduleEntry] = []
