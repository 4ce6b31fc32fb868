"""The caps of a commune hold for its timetable: what is aired at once, or tried out, takes nothing from it."""

import pytest

from broadcaster.domain.airing import Outcome, Reason
from broadcaster.services import emergencies
from tests.fixtures import KINDS
from tests.services.world import TODAY, World, here

pytestmark = pytest.mark.parametrize("kind", KINDS)

LONG = "Bà con chú ý. " * 60


@pytest.fixture
def capped(world: World) -> World:
    """Kép may have two sessions a day, of two minutes each."""
    world.bring("communes:\n  - {code: kep, name: Kép, caps: {sessions_per_day: 2, minutes_per_session: 2}}\n")
    world.approved("tin", LONG)
    world.schedule(times=["11:00", "17:00", "18:00"])
    return world


def blocked(world: World) -> list[Reason | None]:
    return [row.blocked for row in world.airings(schedule="lich", local_date=TODAY)]


def test_an_emergency_uses_up_no_session_and_no_minutes(capped: World) -> None:
    capped.plan()
    before = blocked(capped)
    capped.approved("lu", LONG, priority="emergency")
    for time in ("10:00", "17:00:05"):
        now = here(time)
        key = emergencies.ask(capped.store, "lu", ["kep"], ["Kép"], capped.actor("operator"), now)
        emergencies.confirm(capped.store, key, ["Kép"], capped.actor("approver"), now)
        capped.run(now, here(f"{time[:2]}:04"))
        capped.schedule(times=["11:00", "17:00", "18:00"], order=int(time[:2]), now=now)
        capped.plan(here(f"{time[:2]}:04"))
    assert [row.outcome for row in capped.airings(bulletin="lu")] == [Outcome.AIRED] * 2
    assert blocked(capped) == before == [None, None, Reason.CAP_SESSIONS]


def test_a_rehearsal_uses_up_no_session(capped: World) -> None:
    capped.schedule("thu", times=["09:30"], rehearsal=True)
    capped.plan()
    capped.run(here("09:29"), here("09:33"))
    assert capped.outcome(schedule="thu")[0] is Outcome.AIRED
    capped.schedule(times=["11:00", "17:00", "18:00"], order=1)
    capped.plan(here("09:34"))
    assert blocked(capped) == [None, None, Reason.CAP_SESSIONS]


def test_what_was_heard_at_a_time_that_was_given_up_uses_up_its_session(capped: World) -> None:
    capped.plan()
    capped.run(here("10:59"), here("11:02"))
    capped.schedule(times=["12:00", "17:00"])
    capped.plan(here("11:05"))
    assert {row.place_in_day: row.blocked for row in capped.airings(schedule="lich", local_date=TODAY)} == {
        "11:00": None, "12:00": None, "17:00": Reason.CAP_SESSIONS,
    }  # fmt: skip
