"""Five communes with edits, outages, broken stations, zones, stops and emergencies: what must hold, holds at the end.

Two weeks with every test run, a year in the fault campaign.
"""

import os
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from broadcaster.domain.airing import Outcome, Phase, Scope
from broadcaster.errors import InputError
from broadcaster.services import emergencies, stops
from broadcaster.store.tables import AiringRow, CommuneRow, DeliveryRow
from tests.fakes.loudspeakers import Vice, WorkerKilledError
from tests.services.watching import assert_only_the_ways_of_the_tables, watch
from tests.services.world import COMMUNES, World, here

DAYS = 365 if os.environ.get("BROADCASTER_FAULTS") == "full" else 10
FIRST = here("00:30")
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)
BULLETINS = ("tin-1", "tin-2", "tin-3", "tin-4")
SLOTS = ("Buổi sáng", "Buổi trưa", "Buổi chiều")
ZONES = {"kep": ("Thôn Đông", "Thôn Tây"), "my-thai": ("Thôn Cò", "Thôn Hạ")}
"""Where a second station is heard in the first of these zones alone."""
KILLING = (Vice.WORKER_DIES_BEFORE, Vice.WORKER_DIES_AFTER)
LONG, SHORT = "Bà con chú ý. " * 110, "Bà con chú ý giữ gìn đường dây điện. "


class Year:
    """Lives through the days by chance, and remembers what was asked for."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = Random(seed)
        self.emergencies: set[str] = set()
        self.done: Counter[str] = Counter()
        self.zones: dict[str, list[tuple[datetime, tuple[str, ...]]]] = defaultdict(list)
        """Since when a schedule asks for which."""

    def begin(self) -> None:
        for commune, zones in ZONES.items():
            self.world.station(f"{commune}-hai", commune, zones=zones[:1])
        self.world.station("lang-giang-loa", "lang-giang", lead_s=86_400)  # takes its orders a day ahead, as a folder
        self.world.station("tien-luc-loa", "tien-luc", lead_s=3_600)
        watch(self.world.store)
        self.world.approved("lu", "Nước lũ lên nhanh. " * 9, priority="emergency", now=FIRST)
        for number, key in enumerate(BULLETINS):
            self.world.approved(key, f"Tin số {number}. " + (LONG if number == 0 else SHORT), now=FIRST)
            self.schedule(f"lich-{number}", key, FIRST)
        self.world.plan(FIRST)

    def schedule(self, key: str, bulletin: str, now: datetime) -> None:
        day, chance = now.astimezone(ZONE).date(), self.chance
        communes: list[str] = chance.sample(COMMUNES, chance.randint(1, 5))
        zones: tuple[str, ...] = ()
        if chance.random() < 0.25:
            communes = [chance.choice(list(ZONES))]
            zones = ZONES[communes[0]][:1]
        self.zones[key].append((now, zones))
        places = (
            {"slots": chance.sample(SLOTS, chance.randint(1, 3))}
            if chance.random() < 0.7
            else {"times": [f"{chance.randint(5, 21):02}:{chance.choice((0, 15, 31)):02}"]}
        )
        self.world.schedule(
            key, bulletin, now=now, communes=communes, zones=list(zones), dtstart=day,
            rrule=chance.choice(("FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,WE,SA", "FREQ=DAILY;INTERVAL=2")),
            exdates=[day + DAY * chance.randint(1, 5)], moved=[{"from": day + DAY * 2, "to": day + DAY * 3}],
            repeats=chance.randint(1, 2), gap_s=chance.choice((0, 15)), order=chance.randint(0, 2),
            on_holidays=chance.choice(("keep", "skip")), overflow=chance.choice(("skip", "next_slot", "next_day")),
            **places,
        )  # fmt: skip

    def live(self, midnight: datetime) -> None:
        """One day, from half past midnight on: every moment at which something is due or ends, and some by chance."""
        down_until = moment = midnight
        self.tidy(midnight)
        left = self.moments(midnight)
        while left:
            moment = left.pop(0)
            if self.chance.random() < 0.08:
                self.act(moment)
                left = [later for later in self.moments(midnight) if later > moment]
            if moment < down_until:
                continue
            if self.chance.random() < 0.01:
                self.done["outage"] += 1
                self.world.die()
                down_until = moment + MINUTE * self.chance.randint(1, 200)
                continue
            if down_until > midnight:
                self.world.start(moment)
                down_until = midnight
            self.tick(moment)
        if down_until > midnight:
            self.world.start(midnight + DAY - MINUTE)
        for speaker in self.world.site.all():
            speaker.vice = Vice.NONE
        for moment in (midnight + DAY - 50 * SECOND, midnight + DAY - 40 * SECOND):
            self.world.tick(moment)
        self.assert_what_lies_at_stations_is_what_is_planned(midnight + DAY)

    def tick(self, now: datetime) -> None:
        """A worker that is killed as it hands over is followed by another one at once."""
        try:
            self.world.tick(now)
        except WorkerKilledError:
            self.done["killed"] += 1
            self.world.die()
            for speaker in self.world.site.all():
                speaker.vice = Vice.NONE if speaker.vice in KILLING else speaker.vice
            self.world.start(now)

    def assert_what_lies_at_stations_is_what_is_planned(self, now: datetime) -> None:
        planned = {row.id: row.due_at for row in self.world.airings(phase=Phase.HANDED_OVER, is_outdated=False)}
        for speaker in self.world.site.all():
            lying = {order.airing: order.start for order in speaker.orders.values() if order.start > now}
            self.done["lying"] += len(lying)
            assert lying.items() <= planned.items(), speaker.code

    def tidy(self, now: datetime) -> None:
        """What the people do in the morning: release forgotten stops, write and approve anew what is gone."""
        with self.world.store.reading() as session:
            held = [row.id for row in stops.in_force(session)]
        for key in held:
            stops.release(self.world.store, key, self.world.actor("operator"), now)
        for key in BULLETINS:
            if self.world.state(key) in {"withdrawn", "expired"} or now.day == 1:
                self.rewrite(now, key)  # approvals end after 90 days
        self.world.plan(now)

    def moments(self, midnight: datetime) -> list[datetime]:
        query = select(AiringRow).where(AiringRow.due_at >= midnight, AiringRow.due_at < midnight + DAY)
        with self.world.store.reading() as session:
            rows = list(session.scalars(query))
        found = {midnight + timedelta(hours=hour, minutes=3) for hour in range(23)}
        for row in rows:
            found |= {
                row.due_at - MINUTE,
                row.due_at,
                row.due_at + SECOND,
                row.ends_at + SECOND,
                row.ends_at + 90 * SECOND,
            }
        return sorted(moment for moment in found if midnight <= moment < midnight + DAY)

    def act(self, now: datetime) -> None:
        action = self.chance.choice((self.edit, self.edit, self.rewrite, self.withdraw, self.stop, self.break_station,
                                     self.emergency))  # fmt: skip
        self.done[action.__name__] += 1
        action(now)
        self.world.plan(now)

    def edit(self, now: datetime) -> None:
        number = self.chance.randrange(len(BULLETINS))
        self.schedule(f"lich-{number}", BULLETINS[number], now)

    def rewrite(self, now: datetime, key: str = "") -> None:
        self.done["text"] += 1
        self.world.approved(key or self.chance.choice(BULLETINS), SHORT + f"Lần {self.done['text']}.", now=now)

    def withdraw(self, now: datetime) -> None:
        try:
            self.world.withdraw(self.chance.choice(BULLETINS), now)
        except InputError:  # it is withdrawn already
            return

    def stop(self, now: datetime) -> None:
        operator, commune = self.world.actor("operator"), self.chance.choice(COMMUNES)
        zone = self.chance.choice(ZONES[commune]) if commune in ZONES and self.chance.random() < 0.7 else None
        scope = Scope.COMMUNE if zone is None else Scope.ZONE
        self.done[scope] += 1
        key = stops.stop(self.world.store, scope, commune, "", operator, now, zone=zone)
        self.tick(now)
        if self.chance.random() < 0.7:
            stops.release(self.world.store, key, operator, now + SECOND)

    def break_station(self, _: datetime) -> None:
        self.chance.choice(self.world.site.all()).vice = self.chance.choice(
            (Vice.UNREACHABLE, Vice.SILENT, Vice.REFUSES, *KILLING)
        )

    def emergency(self, now: datetime) -> None:
        self.world.approved(
            "lu",
            "Nước lũ lên nhanh. " * 9 + f"Lần {len(self.emergencies)} {now:%d %m %H %M}.",
            priority="emergency",
            now=now,
        )
        commune = self.chance.choice(COMMUNES)
        with self.world.store.reading() as session:
            name = session.get_one(CommuneRow, commune).name
        actor = self.world.actor
        key = emergencies.ask(self.world.store, "lu", [commune], [name], actor("operator"), now)
        self.emergencies.update(emergencies.confirm(self.world.store, key, [name], actor("approver"), now))


@pytest.mark.parametrize("seed", range(4 if DAYS > 100 else 2))
def test_whatever_happens_each_airing_ends_once_and_no_rule_is_broken(world: World, seed: int) -> None:
    year = Year(world, seed)
    year.begin()
    for number in range(DAYS):
        year.live(FIRST + DAY * number)
    end = FIRST + DAY * DAYS
    rows = [row for row in world.airings() if row.due_at < end - MINUTE]
    assert len(rows) > 5 * DAYS
    assert all(row.phase is Phase.ENDED and row.outcome is not None for row in rows), [
        row.id for row in rows if row.phase is not Phase.ENDED
    ]
    assert Counter(row.outcome for row in rows)[Outcome.AIRED] > 2 * DAYS
    ended = Counter(key for key in world.ended)
    assert set(ended.values()) == {1}
    assert {row.id for row in rows} <= set(ended)
    by_id = {row.id: row for row in world.airings()}
    for speaker in world.site.all():
        assert all(count == 1 for count in Counter(airing for airing, _, _ in speaker.heard).values())
        spans = sorted((start, until) for _, start, until in speaker.heard)
        assert all(before[1] <= after[0] for before, after in pairwise(spans)), speaker.code
        for airing, start, until in speaker.heard:
            local = [moment.astimezone(ZONE).time().hour for moment in (start, until - SECOND)]
            assert all(5 <= hour < 21 for hour in local), (airing, start, until)
    assert_zones(world, year)
    assert_caps(rows, year.emergencies, by_id)
    world.assert_chains_hold()
    assert_only_the_ways_of_the_tables(world.store)
    assert all(year.done[name] for name in ("edit", "rewrite", "emergency", "stop", "zone", "lying")), year.done


def assert_zones(world: World, year: Year) -> None:
    """What went to a station was meant for its zones as the schedule stood at that moment."""
    query = select(DeliveryRow.station, DeliveryRow.sent_at, AiringRow.schedule).join(
        AiringRow, AiringRow.id == DeliveryRow.airing
    )
    with world.store.reading() as session:
        for station, sent_at, schedule in session.execute(query):
            asked = [zones for since, zones in year.zones[schedule] if since <= sent_at]
            if asked and asked[-1]:
                assert station.endswith("-hai"), (station, schedule, sent_at)


def assert_caps(rows: list[AiringRow], emergencies_: set[str], by_id: dict[str, AiringRow]) -> None:
    """The sample communes: three sessions a day of 45 minutes each, of what really sounded."""
    sessions: dict[tuple[str, object], dict[object, timedelta]] = defaultdict(lambda: defaultdict(timedelta))
    slots = {"Buổi sáng": (5.5, 6.0), "Buổi trưa": (11.5, 11.75), "Buổi chiều": (17.0, 17.5)}
    for row in rows:
        if row.outcome in {Outcome.AIRED, Outcome.PARTIAL} and row.id not in emergencies_:
            at = row.due_at.astimezone(ZONE)
            hour = at.hour + at.minute / 60
            place = next((name for name, (start, end) in slots.items() if start <= hour < end), at.time())
            sessions[row.commune, at.date()][place] += row.ends_at - row.due_at
    assert by_id
    for key, found in sessions.items():
        assert len(found) <= 3, key
        assert max(found.values()) <= 45 * MINUTE, key


def test_the_clock_of_the_year_is_that_of_the_communes() -> None:
    assert FIRST.tzinfo is UTC
    assert FIRST.astimezone(ZONE).hour == 0
