"""What would air if a schedule were as somebody wishes it: the planner's own arithmetic, and nothing is written."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from broadcaster.config import Config
from broadcaster.domain.airing import AiringKey, Reason
from broadcaster.domain.laying import lay
from broadcaster.domain.plan import Held, Overflow, PlannedAiring, Wanted
from broadcaster.domain.timetable import CommuneTimetable
from broadcaster.services.communes import timetable_of
from broadcaster.services.exchange import ScheduleEntry
from broadcaster.services.holidays import kept_book
from broadcaster.services.plan_rows import held
from broadcaster.services.single_dates import settled_keys
from broadcaster.services.wishes import Asked, Asking, Calendar, Clips, add_wanted, asked_from, asking, clips
from broadcaster.store.tables import ScheduleRow

MOST_COMMUNES = 50
"""Where more communes have the same schedule, looking at these says enough, and takes no minute."""
FITTING = frozenset({Reason.SLOT_FULL, Reason.CAP_MINUTES})
"""What another slot, another day or fewer repeats can mend."""


class Choice(StrEnum):
    """What a person can do with what does not fit."""

    NEXT_SLOT = "next_slot"
    NEXT_DAY = "next_day"
    SHORTEN = "shorten"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Offer:
    """A choice as the schedule that it makes, and how many of its airings would still not fit."""

    choice: Choice
    entry: ScheduleEntry
    blocked: int


@dataclass(frozen=True, slots=True)
class Foresight:
    """What a schedule would have on air in the days ahead, and what it would do to others.

    `airings` are its own, `lost` those of others that would air without it and would not with it.
    """

    airings: Sequence[PlannedAiring]
    lost: Sequence[PlannedAiring]

    @property
    def blocked(self) -> list[PlannedAiring]:
        return [airing for airing in self.airings if airing.blocked is not None]

    @property
    def not_fitting(self) -> list[PlannedAiring]:
        return [airing for airing in self.airings if airing.blocked in FITTING]


@dataclass(frozen=True, slots=True)
class Outlook:
    """All that the days ahead of some communes follow from; read once, then asked as often as one likes."""

    asked: Asking
    heard: Clips
    held: Mapping[str, Held]
    timetables: Mapping[str, CommuneTimetable]
    settled: frozenset[AiringKey]  # of the schedule that is looked at: they never come again
    created_at: datetime  # of that schedule
    now: datetime
    days: int
    calendar: Calendar

    def plan(self, entry: ScheduleEntry | None = None) -> list[PlannedAiring]:
        """The airings ahead by due time, with a schedule as this entry has it (None: as it is)."""
        found = [airing for code in self.asked.communes for airing in self._of_commune(code, entry)]
        return sorted(found, key=lambda airing: (airing.due_at, airing.key))

    def foresight(self, entry: ScheduleEntry) -> Foresight:
        """What this schedule would have on air, and whom it would put out."""
        after = self.plan(entry)
        mine = [airing for airing in after if airing.key.schedule == entry.id]
        airs_now = {airing.key for airing in self.plan() if airing.blocked is None}
        lost = [
            airing
            for airing in after
            if airing.key.schedule != entry.id and airing.blocked is not None and airing.key in airs_now
        ]
        return Foresight(mine, lost)

    def offers(self, entry: ScheduleEntry) -> list[Offer]:
        """What can be done with what does not fit, the best first; keeping it and skipping what does not fit last."""
        wished = [
            (Choice.NEXT_SLOT, entry.model_copy(update={"overflow": Overflow.NEXT_SLOT})),
            (Choice.NEXT_DAY, entry.model_copy(update={"overflow": Overflow.NEXT_DAY})),
        ]
        if entry.repeats > 1:
            wished.append((Choice.SHORTEN, self._shortened(entry)))
        offers = [Offer(choice, made, len(self.not_fitting(made))) for choice, made in wished]
        stays = len(self.not_fitting(entry))
        better = sorted((offer for offer in offers if offer.blocked < stays), key=lambda offer: offer.blocked)
        return [*better, Offer(Choice.SKIP, entry.model_copy(update={"overflow": Overflow.SKIP}), stays)]

    def _shortened(self, entry: ScheduleEntry) -> ScheduleEntry:
        """With as many repeats as fit everywhere; once where even that does not."""
        shorter = (entry.model_copy(update={"repeats": repeats}) for repeats in range(entry.repeats - 1, 0, -1))
        return next((made for made in shorter if not self.not_fitting(made) or made.repeats == 1), entry)

    def not_fitting(self, entry: ScheduleEntry) -> list[PlannedAiring]:
        """Those of a schedule's airings that another slot, another day or fewer repeats could mend."""
        return [a for a in self.plan(entry) if a.key.schedule == entry.id and a.blocked in FITTING]

    def _of_commune(self, commune: str, entry: ScheduleEntry | None) -> Iterator[PlannedAiring]:
        timetable = self.timetables[commune]
        today = self.now.astimezone(timetable.zone).date()
        by_day: defaultdict[date, list[Wanted]] = defaultdict(list)
        for item in self._items(commune, entry):
            clip = self.heard.get((item.submission, commune)) if item.submission is not None else None
            if clip is not None:
                add_wanted(by_day, item, clip[1], self.calendar, today)
        laid = lay(timetable, self._unsettled(commune, by_day), self.held.get(commune, {}))
        until = self.now + timedelta(days=self.days)
        return (airing for airing in laid if self.now < airing.due_at < until)

    def _unsettled(self, commune: str, by_day: Mapping[date, Sequence[Wanted]]) -> Mapping[date, Sequence[Wanted]]:
        if not self.settled:
            return by_day
        return {
            day: [
                item for item in wanted
                if AiringKey(item.wish.schedule, commune, item.date, item.wish.place_in_day) not in self.settled
            ]
            for day, wanted in by_day.items()
        }  # fmt: skip

    def _items(self, commune: str, entry: ScheduleEntry | None) -> Iterator[Asked]:
        for schedule in self.asked.of_commune.get(commune, ()):
            if entry is None or schedule != entry.id:
                yield self.asked.schedules[schedule]
        if entry is not None and commune in entry.communes:
            yield asked_from(entry, self.created_at, self.asked.bulletins[entry.bulletin])


def outlook(
    session: Session, config: Config, communes: Collection[str], now: datetime, days: int, schedule: str | None = None
) -> Outlook:
    """What is known of some communes, of many only the first; `schedule` is the one that is to be looked at."""
    codes = sorted(communes)[:MOST_COMMUNES]
    asked = asking(session, codes)
    kept = session.get(ScheduleRow, schedule) if schedule is not None else None
    book = kept_book(config)
    timetables = {code: timetable_of(row, config, book, now.date()) for code, row in asked.communes.items()}
    return Outlook(
        asked=asked,
        heard=clips(session, codes),
        held=held(session, asked, codes, now),
        timetables=timetables,
        settled=settled_keys(session, schedule, now) if schedule is not None else frozenset(),
        created_at=kept.created_at if kept is not None else now,
        now=now,
        days=days,
        calendar=Calendar(days),
    )
