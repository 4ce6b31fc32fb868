"""The planner: approved bulletins and schedules become airings for the days ahead.

A commune whose inputs have the fingerprint they had last time is left alone, so that planning again costs little;
the others are planned in parts, each written in a transaction of its own, so that nothing else waits for long.
"""

import gc
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from broadcaster.config import Config
from broadcaster.domain.airing import AiringKey
from broadcaster.domain.laying import lay
from broadcaster.domain.place import heard_within, zones_to_air_in
from broadcaster.domain.plan import Held, Wanted
from broadcaster.domain.roles import Actor
from broadcaster.services import plan_rows, stops
from broadcaster.services.holidays import kept_book
from broadcaster.services.plan_rows import DUE, MODE, AtStation, Laid, PlanChange, Standing, Values
from broadcaster.services.wishes import Asking, Calendar, Clips, add_wanted, asking, clips
from broadcaster.store import airings, journal
from broadcaster.store import communes as places
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.record_tables import StopRow

__all__ = ["PlanChange", "plan"]

_COMMUNES_AT_ONCE = 250

_Wish = Callable[[Held], dict[AiringKey, Values]]
"""What a commune's schedules ask for, laid around what is held: every airing that is not held itself."""


def plan(
    store: Store, config: Config, actor: Actor, now: datetime, communes: Collection[str] | None = None
) -> PlanChange:
    """Bring the airings of the days ahead in line with the schedules; what was begun or has ended stays as it is.

    `communes` names those whose inputs were just changed; None looks at all.
    """
    planner = _planner(store, config, actor, now, communes)
    change, overtaken = planner.plan()
    while overtaken:  # somebody else has planned them meanwhile, or taken back what was held here
        planner = _planner(store, config, actor, now, overtaken)
        more, overtaken = planner.plan()
        change += more
    return change


def _planner(store: Store, config: Config, actor: Actor, now: datetime, communes: Collection[str] | None) -> "_Planner":
    with store.reading() as session:
        asked = asking(session, communes)
        settings = [config.timetable.days_ahead, config.timetable.quiet_hours]
        book = kept_book(config)
        days_off = {
            code: book.dates(row.timetable.get("holidays"), _today(row, now)) for code, row in asked.communes.items()
        }
        prints = {
            code: asked.fingerprint(code, _today(row, now), [*settings, _print(days_off[code])])
            for code, row in asked.communes.items()
        }
        kept = plan_rows.kept_prints(session, communes)
    return _Planner(store, config, actor, now, asked, prints, kept, days_off, Calendar(config.timetable.days_ahead))


@dataclass(frozen=True, slots=True)
class _Planner:
    """What one planning works with, for all its parts."""

    store: Store
    config: Config
    actor: Actor
    now: datetime
    asked: Asking
    prints: Mapping[str, str]
    kept: Mapping[str, str]
    days_off: Mapping[str, frozenset[date]]
    calendar: Calendar

    def plan(self) -> tuple[PlanChange, list[str]]:
        """Plan what has changed; the communes that somebody else has planned meanwhile are left as they are."""
        changed = sorted(code for code, found in self.prints.items() if self.kept.get(code) != found)
        change, overtaken = PlanChange(), []
        with _without_collecting():
            for start in range(0, len(changed), _COMMUNES_AT_ONCE):
                done, missed = self._plan_part(changed[start : start + _COMMUNES_AT_ONCE])
                change += done
                overtaken += missed
        return change, overtaken

    def _plan_part(self, communes: Sequence[str]) -> tuple[PlanChange, list[str]]:
        """Plan some communes and keep their fingerprints, in one transaction."""
        with self.store.reading() as session:
            heard = clips(session, communes)
            standing = plan_rows.standing(session, self.asked, communes, self.now)
            stopped = stops.in_force(session)
        laid = {code: self._laid(heard, standing.get(code, Standing()), stopped, code) for code in communes}
        with self.store.writing() as session:
            airings.hold_plans(session)
            kept = plan_rows.kept_prints(session, communes)
            overtaken = [code for code in communes if kept.get(code) != self.kept.get(code)]
            for code in overtaken:
                del laid[code]
            change = plan_rows.apply(session, plan_rows.differences(session, self.asked, laid, self.now))
            plan_rows.keep_prints(session, {code: self.prints[code] for code in laid})
            _tell(session, change, self.actor, self.now)
        return change, overtaken

    def _laid(self, heard: Clips, standing: Standing, stopped: Sequence[StopRow], commune: str) -> Laid:
        """The plan of a commune.

        What lies at stations is laid as if it did not, to see whether it is still wanted so. Where something is not,
        everything else is laid around all that lies there: until it is taken back it would be heard where it is.
        """
        wish = self._wish(heard, commune)
        firm, loose = dict(standing.firm), dict(standing.loose)
        wanted = wish(firm)
        while late := [key for key in loose if key in wanted and wanted[key][DUE] < self.now]:
            firm |= {key: loose.pop(key).place for key in late}  # better where it is than never
            wanted = wish(firm)
        outdated = {
            key for key, item in loose.items()
            if wanted.get(key) != item.values or not self._is_where_meant(key, item, stopped)
        }  # fmt: skip
        if outdated:
            wanted = wish(firm | {key: item.place for key, item in loose.items()})
        return Laid({key: values for key, values in wanted.items() if key not in loose}, outdated, standing)

    def _wish(self, heard: Clips, commune: str) -> _Wish:
        row = self.asked.communes[commune]
        timetable = places.timetable(row, self.config.timetable.quiet_hours, self.days_off[commune])
        today = _today(row, self.now)
        by_day: defaultdict[date, list[Wanted]] = defaultdict(list)
        fixed: dict[str, Values] = {}
        for schedule in self.asked.of_commune.get(commune, ()):
            item = self.asked.schedules[schedule]
            clip = heard.get((item.submission, commune)) if item.submission is not None else None
            if clip is not None:  # a schedule only narrows what was approved
                mode = self.asked.modes[commune][item.is_rehearsal]
                fixed[schedule] = (
                    item.bulletin, item.revision, item.submission, clip[0], mode, item.repeats, item.gap_s,
                )  # fmt: skip
                add_wanted(by_day, item, clip[1], self.calendar, today)

        def wish(held: Held) -> dict[AiringKey, Values]:
            laid = lay(timetable, by_day, held)
            return {key: (*fixed[key.schedule], due_at, ends_at, blocked) for key, due_at, ends_at, blocked in laid}

        return wish

    def _is_where_meant(self, key: AiringKey, item: AtStation, stopped: Sequence[StopRow]) -> bool:
        """Whether an order lies at exactly the stations to which it would be handed now."""
        asked = self.asked.schedules.get(key.schedule)
        zones = None if asked is None else zones_to_air_in(asked.zones, asked.permitted_zones)
        if item.stations is None or zones is None:
            return True  # it is handed over anew; it will be refused
        found = [s for s in self.asked.stations.get(key.commune, ()) if s.mode is item.values[MODE]]
        meant = heard_within(found, zones, self.asked.communes[key.commune].zones)
        open_to = {station.code for station in stops.unstopped(stopped, meant)}
        return open_to <= item.stations <= {station.code for station in meant}


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


def _tell(session: Session, change: PlanChange, actor: Actor, now: datetime) -> None:
    if change != PlanChange():
        data = {"new": change.new, "moved": change.moved, "removed": change.removed, "outdated": change.outdated}
        journal.append(
            session, chain=journal.SYSTEM, action=Action.PLANNED, now=now, actor=actor, subject="plan", data=data
        )
