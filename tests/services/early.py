"""What lies at a station long before its time, and what became of it in the end."""

from datetime import datetime, timedelta
from typing import Any

from broadcaster.domain.airing import Phase
from broadcaster.services.plan_rows import PlanChange
from tests.fakes.loudspeakers import Loudspeaker
from tests.fixtures import NOW
from tests.services.world import World, here

DUE, EARLY = here("17:00"), here("10:00")


def handed_over_early(world: World) -> Loudspeaker:
    """The loudspeaker in Kép, which takes orders a day ahead; today's one for 17:00 lies there since 9 o'clock."""
    found = world.station("kep-loa", lead_s=86_400)
    world.approved()
    world.schedule()
    world.plan()
    world.tick(NOW)
    assert (world.today().phase, found.handed) == (Phase.HANDED_OVER, [world.today().id])
    return found


def edit(world: World, now: datetime = EARLY, **schedule: Any) -> PlanChange:
    """Change the schedule and plan at once, as the commands do."""
    world.schedule(now=now, **schedule)
    return world.plan(now)


def played(loa: Loudspeaker) -> list[str]:
    """The local days and times at which something began to sound."""
    return [f"{start + timedelta(hours=7):%d %H:%M:%S}" for _, start, _ in sorted(loa.heard, key=lambda it: it[1])]


def assert_each_ended_once(world: World) -> None:
    """What has ended was told once, and nothing was played twice."""
    rows = world.airings(phase=Phase.ENDED)
    assert sorted(world.ended) == sorted(row.id for row in rows)
    assert all(world.journalled(row.id).count("airing_ended") == 1 for row in rows)
    for speaker in world.site.all():
        assert len(set(speaker.played)) == len(speaker.played)
    world.assert_chains_hold()
