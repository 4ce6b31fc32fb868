"""The rows of a plan: what stands where it is, what differs from what is wanted, and how the change is written.

An airing whose order lies at a station is never changed here. Where something else is wanted of it by now, it is
marked as outdated, and the worker takes it back first; see `recalling`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, exists, insert, or_, select, update
from sqlalchemy.orm import Session
from ulid import ULID

from broadcaster.domain.airing import AiringKey, Phase, Reason, StationState
from broadcaster.domain.plan import NEAR, Held, HeldAiring
from broadcaster.services.wishes import Asking
from broadcaster.store.airings import AT_STATION
from broadcaster.store.bulk import in_parts, insert_rows
from broadcaster.store.tables import AiringRow, DeliveryRow, PlanRow, Row, ScheduleRow

COMPARED = (
    "bulletin", "revision", "submission", "clip", "mode", "repeats", "gap_s", "due_at", "ends_at", "blocked",
)  # fmt: skip
"""The columns that a plan says of an airing."""
DUE, MODE = COMPARED.index("due_at"), COMPARED.index("mode")

_LOOKING_BACK = timedelta(days=3)
_FARTHEST = timedelta(days=367)  # what lies beyond was planned by a clock that went right: this one may be at 1970
_AIRINGS: Table = Row.metadata.tables["airings"]
_KEY = ("schedule", "commune", "local_date", "place_in_day")
_NEW = ("id", *_KEY, "phase", *COMPARED)
_OF_SCHEDULE = ScheduleRow.id == _AIRINGS.c.schedule
_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

Values = tuple[Any, ...]
"""What a plan says of one airing: the columns of COMPARED, in their order."""


@dataclass(frozen=True, slots=True)
class PlanChange:
    """How many airings a planning added, moved and removed, and of how many it found that they lie outdated at a
    station, or no longer do."""

    new: int = 0
    moved: int = 0
    removed: int = 0
    outdated: int = 0

    def __add__(self, other: "PlanChange") -> "PlanChange":
        return PlanChange(
            self.new + other.new, self.moved + other.moved, self.removed + other.removed, self.outdated + other.outdated
        )


class AtStation(NamedTuple):
    """An airing whose order lies at stations and can still be taken back.

    `stations` are those that were told, by code; None where a worker died as it told them.
    """

    values: Values
    place: HeldAiring
    stations: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What there is of a commune's airings: what stays where it is, and what lies at stations and may be taken back."""

    firm: dict[AiringKey, HeldAiring] = field(default_factory=dict)
    loose: dict[AiringKey, AtStation] = field(default_factory=dict)


def standing(session: Session, asked: Asking, communes: Sequence[str], now: datetime) -> Mapping[str, Standing]:
    """By commune: what was begun or is past, and what could still be taken back. What was blocked takes no room."""
    found: dict[str, Standing] = defaultdict(Standing)
    columns = [*(_AIRINGS.c[name] for name in _KEY), _AIRINGS.c.due_at, _AIRINGS.c.ends_at]
    counts = ~(ScheduleRow.is_emergency | ScheduleRow.is_rehearsal)
    here = [_AIRINGS.c.commune.in_(communes), _AIRINGS.c.blocked.is_(None)]
    begun = (_AIRINGS.c.phase != Phase.PLANNED) | (_AIRINGS.c.due_at <= now) | _AIRINGS.c.postponed_from.is_not(None)
    firm = select(*columns, counts).join(ScheduleRow, _OF_SCHEDULE)
    firm = firm.where(*here, _near(asked, now), begun | AT_STATION, ~_is_loose(now))
    for *parts, due_at, ends_at, is_counted in session.execute(firm):
        found[parts[1]].firm[AiringKey(*parts)] = HeldAiring(due_at, ends_at, is_counted)
    loose = select(*columns, counts, _AIRINGS.c.id, *(_AIRINGS.c[name] for name in COMPARED))
    rows = session.execute(loose.join(ScheduleRow, _OF_SCHEDULE).where(*here, _is_loose(now))).all()
    told = _told(session, [row.id for row in rows])
    for row in rows:
        key = AiringKey(*row[:4])
        place = HeldAiring(*row[4:7])
        if bar(asked, key) is not None:
            found[key.commune].firm[key] = place  # the worker ends it as it stands
        else:
            found[key.commune].loose[key] = AtStation(tuple(row[8:]), place, told.get(row.id))
    return found


def held(session: Session, asked: Asking, communes: Sequence[str], now: datetime) -> Mapping[str, Held]:
    """By commune: what stays where it is, whatever is planned."""
    return {commune: found.firm for commune, found in standing(session, asked, communes, now).items()}


def _is_loose(now: datetime) -> ColumnElement[bool]:
    """Whether an order lies at stations, is due long enough from now to be taken back, and was made by a plan."""
    table = _AIRINGS.c
    can_wait = (table.due_at > now + NEAR) & table.started_at.is_(None) & table.postponed_from.is_(None)
    return and_(AT_STATION, can_wait, ~ScheduleRow.is_emergency)


def _told(session: Session, airings: Sequence[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for part in in_parts(airings):
        query = select(DeliveryRow.airing, DeliveryRow.station).where(DeliveryRow.airing.in_(part))
        for airing, station in session.execute(query):
            found[airing].add(station)
    return {airing: frozenset(stations) for airing, stations in found.items()}


def _near(asked: Asking, now: datetime) -> ColumnElement[bool]:
    """The airings that a plan of now can touch: of the days around it, those moved there from farther away, and those
    that were, and lie at a station since."""
    oldest, newest = (now - _LOOKING_BACK).date(), (now + _FARTHEST).date()
    moved = {date.fromisoformat(move["from"]) for item in asked.schedules.values() for move in item.moved}
    dates = _AIRINGS.c.local_date
    return or_(dates.between(oldest, newest), dates.in_(moved), AT_STATION, _AIRINGS.c.is_outdated)


def bar(asked: Asking, key: AiringKey) -> Reason | None:
    """Why a schedule that still asks for this commune may not air at all."""
    if key.schedule not in asked.of_commune.get(key.commune, ()):
        return None
    return asked.schedules[key.schedule].bar


@dataclass(frozen=True, slots=True)
class Laid:
    """What a commune's plan wants: its airings that are planned, and those at stations that it wants no more so."""

    wanted: Mapping[AiringKey, Values]
    outdated: Collection[AiringKey]
    standing: Standing

    def is_outdated(self, key: AiringKey, values: Values, now: datetime) -> bool:
        """Whether an airing at a station is wanted otherwise; it may have been handed over since this was laid."""
        if key in self.standing.loose:
            return key in self.outdated
        wanted = self.wanted.get(key)
        return wanted is None or (wanted != values and wanted[DUE] >= now)


@dataclass(slots=True)
class Differences:
    """What separates the rows from what is wanted."""

    new: list[Values] = field(default_factory=list)  # the columns of _NEW
    moved: list[dict[str, Any]] = field(default_factory=list)
    barred: list[dict[str, Any]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    """No longer outdated: they are wanted again as they lie at the stations."""


def differences(session: Session, asked: Asking, laid: Mapping[str, Laid], now: datetime) -> Differences:
    """What to change. An airing that was begun, has ended, or stands firm is never touched."""
    names = ("id", "phase", "postponed_from", "latest_start_at", "is_outdated", *_KEY, *COMPARED)
    query = select(*(_AIRINGS.c[name] for name in names)).join(ScheduleRow, _OF_SCHEDULE)
    query = query.where(_AIRINGS.c.commune.in_(list(laid)), _near(asked, now), ~ScheduleRow.is_emergency)
    found = Differences()
    known: set[AiringKey] = set()
    for row in session.execute(query):
        key = AiringKey(row.schedule, row.commune, row.local_date, row.place_in_day)
        known.add(key)
        plan = laid[row.commune]
        if row.phase in {Phase.ON_AIR, Phase.ENDED} or row.due_at <= now or row.postponed_from is not None:
            continue  # begun, ended, or about to be settled as it stands; or waiting in a later slot
        if key in plan.standing.firm:
            continue
        values = tuple(row[-len(COMPARED) :])
        if row.phase is not Phase.PLANNED or row.latest_start_at is not None:
            if row.due_at > now + NEAR and bar(asked, key) is None:
                _mark(found, row, is_outdated=plan.is_outdated(key, values, now))
        elif key not in plan.standing.loose:  # else it was taken back meanwhile
            _compare(found, row, values, plan.wanted.get(key), bar(asked, key), now)
    wanted = ((key, values) for plan in laid.values() for key, values in plan.wanted.items())
    missing = [(key, values) for key, values in wanted if key not in known and values[DUE] >= now]
    found.new += [
        (airing, *key, Phase.PLANNED, *values) for airing, (key, values) in zip(_ids(), missing, strict=False)
    ]
    return found


def _mark(found: Differences, row: Any, *, is_outdated: bool) -> None:
    if is_outdated and not row.is_outdated:
        found.outdated.append(row.id)
    elif row.is_outdated and not is_outdated:
        found.restored.append(row.id)


def _compare(
    found: Differences, row: Any, values: Values, wanted: Values | None, barred: Reason | None, now: datetime
) -> None:
    if wanted is not None:
        # Laid in the past by a slot that was moved meanwhile: better where it is than never.
        new = wanted if wanted[DUE] >= now else values
        if values != new or row.is_outdated:
            found.moved.append({"airing": row.id, "is_outdated": False, **dict(zip(COMPARED, new, strict=True))})
    elif barred is None:
        found.removed.append(row.id)
    elif row.blocked is not barred or row.is_outdated:
        # Kept, and ended with this reason when due: the log shows what residents were not told.
        found.barred.append({"airing": row.id, "is_outdated": False, "blocked": barred})


def _ids() -> Iterator[str]:
    """A million ULIDs (github.com/ulid/spec) of this moment, in order: counting is far faster than drawing."""
    first = str(ULID())[:22]
    return (first + "".join(count) for count in product(_BASE32, repeat=4))


def apply(session: Session, changes: Differences) -> PlanChange:
    """Write the change. A worker may have begun to hand over meanwhile: then the airing is outdated instead."""
    connection = session.connection()
    insert_rows(connection, _AIRINGS, _NEW, changes.new)
    is_untold = (_AIRINGS.c.phase == Phase.PLANNED) & _AIRINGS.c.latest_start_at.is_(None)
    still_planned = (_AIRINGS.c.id == bindparam("airing")) & is_untold
    for rows in (changes.moved, changes.barred):
        if rows:
            values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "airing"}
            connection.execute(update(_AIRINGS).where(still_planned).values(values), rows)
    if changes.removed:
        connection.execute(delete(_AIRINGS).where(still_planned), [{"airing": airing} for airing in changes.removed])
    outdated = changes.outdated
    if connection.dialect.name != "sqlite":  # whose writers wait for one another
        outdated = [*outdated, *(row["airing"] for row in changes.moved), *changes.removed]
    _set_outdated(session, outdated, is_outdated=True)
    _set_outdated(session, changes.restored, is_outdated=False)
    return PlanChange(
        len(changes.new),
        len(changes.moved) + len(changes.barred),
        len(changes.removed),
        len(changes.outdated) + len(changes.restored),
    )


def _set_outdated(session: Session, airings: Sequence[str], *, is_outdated: bool) -> None:
    """Mark what still lies at stations; what one of them has given back already stays outdated for the others."""
    can_change = AT_STATION & AiringRow.started_at.is_(None)
    if not is_outdated:
        given_back = DeliveryRow.state == StationState.RECALLED
        can_change &= ~exists().where(DeliveryRow.airing == AiringRow.id, given_back)
    for part in in_parts(airings):
        statement = update(AiringRow).where(AiringRow.id.in_(part), can_change).values(is_outdated=is_outdated)
        session.execute(statement.execution_options(synchronize_session=False))


def kept_prints(session: Session, communes: Collection[str] | None) -> dict[str, str]:
    """What the plan of each commune was last made from."""
    query = select(PlanRow.commune, PlanRow.fingerprint)
    if communes is not None:
        query = query.where(PlanRow.commune.in_(list(communes)))
    return dict(session.execute(query).all())


def keep_prints(session: Session, prints: Mapping[str, str]) -> None:
    """Note what the plans of some communes were made from."""
    if prints:
        session.execute(delete(PlanRow).where(PlanRow.commune.in_(list(prints))))
        session.execute(insert(PlanRow), [{"commune": code, "fingerprint": found} for code, found in prints.items()])
