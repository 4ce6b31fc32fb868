"""The planner: approved bulletins and schedules become airings for the days ahead.

A commune whose inputs have the fingerprint they had last time is left alone, so that planning again costs little;
the others are planned in parts, each written in a transaction of its own, so that nothing else waits for long.
"""

import gc
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Table, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session
from ulid import ULID

from broadcaster.config import Config
from broadcaster.domain.airing import AiringKey, Phase, Reason
from broadcaster.domain.laying import lay
from broadcaster.domain.plan import Held, Wanted
from broadcaster.domain.roles import Actor
from broadcaster.domain.timetable import Interval
from broadcaster.services.holidays import HolidayBook
from broadcaster.services.wishes import Asking, Calendar, Clips, asking, clips, wishes
from broadcaster.store import communes as places
from broadcaster.store import journal
from broadcaster.store.bulk import insert_rows
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.tables import PlanRow, Row

_COMMUNES_AT_ONCE = 250
_LOOKING_BACK = timedelta(days=3)
_FARTHEST = timedelta(days=367)  # what lies beyond was planned by a clock that went right: this one may be at 1970
_AIRINGS: Table = Row.metadata.tables["airings"]
_KEY = ("schedule", "commune", "local_date", "place_in_day")
_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_COMPARED = (
    "bulletin", "revision", "submission", "clip", "mode", "repeats", "gap_s", "due_at", "ends_at", "blocked",
)  # fmt: skip
_NEW = ("id", *_KEY, "phase", *_COMPARED)


_Wanted = Mapping[AiringKey, tuple[Any, ...]]
"""For each airing that is asked for and not held, the values of the columns in _COMPARED."""
_DUE = _COMPARED.index("due_at")


@dataclass(frozen=True, slots=True)
class PlanChange:
    """How many airings a planning added, moved and removed."""

    new: int = 0
    moved: int = 0
    removed: int = 0

    def __add__(self, other: "PlanChange") -> "PlanChange":
        return PlanChange(self.new + other.new, self.moved + other.moved, self.removed + other.removed)


def plan(
    store: Store, config: Config, actor: Actor, now: datetime, communes: Collection[str] | None = None
) -> PlanChange:
    """Bring the airings of the days ahead in line with the schedules; what was begun or has ended stays as it is.

    `communes` names those whose inputs were just changed; None looks at all.
    """
    with store.reading() as session:
        asked = asking(session, communes)
        settings = [config.timetable.days_ahead, config.timetable.quiet_hours]
        book = HolidayBook(config.data_folder / "holidays")
        days_off = {
            code: book.dates(row.timetable.get("holidays"), _today(row, now)) for code, row in asked.communes.items()
        }
        prints = {
            code: asked.fingerprint(code, _today(row, now), [*settings, _print(days_off[code])])
            for code, row in asked.communes.items()
        }
        kept = _kept_prints(session, communes)
    changed = sorted(code for code, found in prints.items() if kept.get(code) != found)
    planner = _Planner(store, config, actor, now, asked, prints, days_off, Calendar(config.timetable.days_ahead))
    with _without_collecting():
        parts = (changed[start : start + _COMMUNES_AT_ONCE] for start in range(0, len(changed), _COMMUNES_AT_ONCE))
        return sum((planner.plan_part(part) for part in parts), PlanChange())


@dataclass(frozen=True, slots=True)
class _Planner:
    """What one planning works with, for all its parts."""

    store: Store
    config: Config
    actor: Actor
    now: datetime
    asked: Asking
    prints: Mapping[str, str]
    days_off: Mapping[str, frozenset[date]]
    calendar: Calendar

    def plan_part(self, communes: Sequence[str]) -> PlanChange:
        """Plan some communes and keep their fingerprints, in one transaction."""
        with self.store.reading() as session:
            heard = clips(session, communes)
            held = _held(session, self.asked, communes, self.now)
        wanted = {key: values for code in communes for key, values in self._wanted(heard, held, code)}
        with self.store.writing() as session:
            change = _apply(session, _differences(session, self.asked, communes, wanted, self.now))
            _keep_prints(session, {code: self.prints[code] for code in communes})
            _tell(session, change, self.actor, self.now)
        return change

    def _wanted(
        self, heard: Clips, held: Mapping[str, Held], commune: str
    ) -> Iterator[tuple[AiringKey, tuple[Any, ...]]]:
        """Every airing that a commune's schedules ask for and that is not held, as in _Wanted."""
        row = self.asked.communes[commune]
        timetable = places.timetable(row, self.config.timetable.quiet_hours, self.days_off[commune])
        today = _today(row, self.now)
        by_day: dict[date, list[Wanted]] = defaultdict(list)
        fixed: dict[str, tuple[Any, ...]] = {}
        for schedule in self.asked.of_commune.get(commune, ()):
            item = self.asked.schedules[schedule]
            clip = heard.get((item.submission, commune)) if item.submission is not None else None
            if clip is not None:  # a schedule only narrows what was approved
                mode = self.asked.modes[commune][item.is_rehearsal]
                fixed[schedule] = (
                    item.bulletin, item.revision, item.submission, clip[0], mode, item.repeats, item.gap_s,
                )  # fmt: skip
                wished = list(wishes(item, clip[1]))
                for rule_date, day in self.calendar.dates(item, today):
                    by_day[day] += [Wanted(rule_date, wish) for wish in wished]
        for key, due_at, ends_at, blocked in lay(timetable, by_day, held.get(commune, {})):
            yield key, (*fixed[key.schedule], due_at, ends_at, blocked)


@lru_cache(maxsize=64)
def _print(days: frozenset[date]) -> list[str]:
    return sorted(day.isoformat() for day in days)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Planning makes no reference cycles, and looking for them takes a quarter of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _today(row: Any, now: datetime) -> date:
    return now.astimezone(ZoneInfo(row.timezone)).date()


def _near(asked: Asking, now: datetime) -> ColumnElement[bool]:
    """The airings that a plan of now can touch: of the days around it, and those moved there from farther away."""
    oldest, newest = (now - _LOOKING_BACK).date(), (now + _FARTHEST).date()
    moved = {date.fromisoformat(move["from"]) for item in asked.schedules.values() for move in item.moved}
    return _AIRINGS.c.local_date.between(oldest, newest) | _AIRINGS.c.local_date.in_(moved)


def _held(
    session: Session, asked: Asking, communes: Sequence[str], now: datetime
) -> dict[str, dict[AiringKey, Interval]]:
    """By commune: what was begun or is past. What was blocked never took room from others."""
    table = _AIRINGS.c
    is_held = (table.phase != Phase.PLANNED) | (table.due_at <= now) | table.postponed_from.is_not(None)
    query = select(*(table[name] for name in _KEY), table.due_at, table.ends_at).where(
        table.commune.in_(communes), _near(asked, now), is_held, table.blocked.is_(None)
    )
    found: dict[str, dict[AiringKey, Interval]] = defaultdict(dict)
    for *key, due_at, ends_at in session.execute(query):
        found[key[1]][AiringKey(*key)] = (due_at, ends_at)
    return found


@dataclass(frozen=True, slots=True)
class _Differences:
    new: Sequence[tuple[Any, ...]]  # the columns of _NEW
    moved: Sequence[dict[str, Any]]
    barred: Sequence[dict[str, Any]]
    removed: Sequence[str]


def _differences(
    session: Session,
    asked: Asking,
    communes: Sequence[str],
    wanted: _Wanted,
    now: datetime,
) -> _Differences:
    """What separates the rows from the wanted airings. An airing that was begun or has ended is never touched."""
    columns = [_AIRINGS.c[name] for name in ("id", "phase", "postponed_from", *_KEY, *_COMPARED)]
    query = select(*columns).where(_AIRINGS.c.commune.in_(communes), _near(asked, now))
    moved: list[dict[str, Any]] = []
    barred: list[dict[str, Any]] = []
    removed: list[str] = []
    known: set[AiringKey] = set()
    for row in session.execute(query):
        key = AiringKey(row.schedule, row.commune, row.local_date, row.place_in_day)
        known.add(key)
        if row.phase is not Phase.PLANNED or row.due_at <= now or row.postponed_from is not None:
            continue  # begun, ended, or about to be settled as it stands; or waiting in a later slot
        if key in wanted:
            # Laid in the past by a slot that was moved meanwhile: better where it is than never.
            if row[-len(_COMPARED) :] != wanted[key] and wanted[key][_DUE] >= now:
                moved.append({"airing": row.id, **dict(zip(_COMPARED, wanted[key], strict=True))})
        elif (bar := _bar(asked, key)) is None:
            removed.append(row.id)
        elif row.blocked is not bar:
            # Kept, and ended with this reason when due: the log shows what residents were not told.
            barred.append({"airing": row.id, "blocked": bar})
    missing = [(key, values) for key, values in wanted.items() if key not in known and values[_DUE] >= now]
    new = [(airing, *key, Phase.PLANNED, *values) for airing, (key, values) in zip(_ids(), missing, strict=False)]
    return _Differences(new, moved, barred, removed)


def _ids() -> Iterator[str]:
    """A million ULIDs (github.com/ulid/spec) of this moment, in order: counting is far faster than drawing."""
    first = str(ULID())[:22]
    return (first + "".join(count) for count in product(_BASE32, repeat=4))


def _bar(asked: Asking, key: AiringKey) -> Reason | None:
    """Why a schedule that still asks for this commune may not air at all."""
    if key.schedule not in asked.of_commune.get(key.commune, ()):
        return None
    return asked.schedules[key.schedule].bar


def _apply(session: Session, differences: _Differences) -> PlanChange:
    connection = session.connection()
    insert_rows(connection, _AIRINGS, _NEW, differences.new)
    # Only what is still planned: a worker may have begun to hand it over meanwhile.
    still_planned = (_AIRINGS.c.id == bindparam("airing")) & (_AIRINGS.c.phase == Phase.PLANNED)
    for changes in (differences.moved, differences.barred):
        if changes:
            values: dict[str, Any] = {name: bindparam(name) for name in changes[0] if name != "airing"}
            connection.execute(update(_AIRINGS).where(still_planned).values(values), changes)
    if differences.removed:
        rows = [{"airing": airing} for airing in differences.removed]
        connection.execute(delete(_AIRINGS).where(still_planned), rows)
    return PlanChange(len(differences.new), len(differences.moved) + len(differences.barred), len(differences.removed))


def _kept_prints(session: Session, communes: Collection[str] | None) -> dict[str, str]:
    query = select(PlanRow.commune, PlanRow.fingerprint)
    if communes is not None:
        query = query.where(PlanRow.commune.in_(list(communes)))
    return dict(session.execute(query).all())


def _keep_prints(session: Session, prints: Mapping[str, str]) -> None:
    session.execute(delete(PlanRow).where(PlanRow.commune.in_(list(prints))))
    session.execute(insert(PlanRow), [{"commune": code, "fingerprint": found} for code, found in prints.items()])


def _tell(session: Session, change: PlanChange, actor: Actor, now: datetime) -> None:
    if change != PlanChange():
        data = {"new": change.new, "moved": change.moved, "removed": change.removed}
        journal.append(
            session, chain=journal.SYSTEM, action=Action.PLANNED, now=now, actor=actor, subject="plan", data=data
        )
