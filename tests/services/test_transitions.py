"""Whatever people and workers do, the database never sees a change of state that no table of transitions has."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random

import pytest

from broadcaster.domain.airing import Phase
from broadcaster.errors import InputError
from broadcaster.services import approvals
from tests.fakes.loudspeakers import Vice, WorkerKilledError
from tests.fixtures import KINDS, NOW
from tests.services.watching import assert_only_the_ways_of_the_tables, seen, watch, ways
from tests.services.world import SECOND, World, here

pytestmark = pytest.mark.parametrize("kind", KINDS)

MINUTE = timedelta(minutes=1)


class Desk:
    """One bulletin on the desks of people who do whatever comes to their minds."""

    def __init__(self, world: World, chance: Random) -> None:
        self.world, self.chance = world, chance
        self.now = NOW
        self.texts = 0

    def steps(self) -> list[Callable[[], object]]:
        """What is withdrawn or has expired would else lie there for long."""
        begin = [self.write] * 3 + [self.submit] * 3
        return [*begin, self.approve, self.reject, self.reject, self.withdraw, self.wait]

    def write(self) -> None:
        self.texts += 1
        expires = (self.now + timedelta(hours=self.chance.randint(1, 6))).isoformat()
        self.world.write(text=f"Lần {self.texts}.", expires=expires)

    def submit(self) -> None:
        self.world.submit(now=self.now)

    def approve(self) -> None:
        self.world.approve(now=self.now)

    def reject(self) -> None:
        approvals.reject(self.world.store, "tin", "sai", self.world.actor("approver"), self.now)

    def withdraw(self) -> None:
        self.world.withdraw(now=self.now)

    def wait(self) -> None:
        self.now += timedelta(hours=2)
        self.world.plan(self.now)


def test_a_bulletin_goes_every_way_of_its_table_and_no_other(world: World) -> None:
    watch(world.store)
    desk = Desk(world, Random(2))
    desk.write()
    stays = {(state, state) for state, _ in ways("bulletins")}
    for number in range(4_000):
        with suppress(InputError):
            desk.chance.choice(desk.steps())()
        if number % 100 == 99 and seen(world.store, "bulletins") == ways("bulletins") - stays:
            return
    raise AssertionError(seen(world.store, "bulletins") ^ (ways("bulletins") - stays))


VICES = (Vice.UNREACHABLE, Vice.DEAF, Vice.REFUSES, Vice.SILENT, Vice.NEVER_FINISHES, Vice.FAST,
         Vice.WORKER_DIES_BEFORE, Vice.WORKER_DIES_AFTER)  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_airings_and_their_parts_go_only_the_ways_of_their_tables(world: World, seed: int) -> None:
    chance = Random(seed)
    watch(world.store)
    for code, confirms in (("kep-loa", True), ("kep-dong", False)):
        world.station(code, lead_s=chance.choice((60, 600)), plays_here=chance.random() < 0.3, confirms=confirms)
    world.approved()
    now = here("10:00")
    for number in range(60):
        act(world, chance, now)
        try:
            world.tick(now)
        except WorkerKilledError:
            world.die()
            for speaker in world.site.all():
                speaker.vice = Vice.NONE
            world.start(now + SECOND)
        now += chance.choice((5 * SECOND, 30 * SECOND, 5 * MINUTE)) if number % 3 else 10 * SECOND
    assert_only_the_ways_of_the_tables(world.store)
    assert {after for _, after in seen(world.store, "airings")} >= set(Phase) - {Phase.PLANNED}


def act(world: World, chance: Random, now: datetime) -> None:
    what = chance.random()
    if what < 0.4:
        soon = now + timedelta(hours=7) + MINUTE * chance.randint(0, 4)
        world.schedule(f"lich-{chance.randint(0, 2)}", times=[f"{soon:%H:%M}"], now=now)
        world.plan(now)
    elif what < 0.6:
        chance.choice(world.site.all()).vice = chance.choice((Vice.NONE, *VICES))
    elif what < 0.7:
        (world.stop if chance.random() < 0.5 else lambda _: world.die())(now)
        world.start(now)
