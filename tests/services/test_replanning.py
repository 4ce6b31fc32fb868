"""Planning while things air: nothing airs twice, nothing is lost, and nothing sounds over what is on air."""

from itertools import pairwise

import pytest

from broadcaster.domain.airing import Outcome
from tests.fixtures import KINDS
from tests.services.world import SECOND, TODAY, World, here

pytestmark = pytest.mark.parametrize("kind", KINDS)

MINUTES_8 = "Bà con chú ý. " * 430  # some eight minutes


def test_an_edit_and_back_airs_once(world: World) -> None:
    world.approved(text="Một.")
    world.schedule()
    world.plan()
    world.run(here("16:59"), here("17:01"))
    for text in ("Hai.", "Một."):
        world.approved(text=text)
        world.plan(here("17:02"))
        world.run(here("17:02"), here("17:03"))
    assert world.outcome()[0] is Outcome.AIRED
    assert len(world.site.speaker("kep-loa").played) == 1


def test_a_time_that_is_moved_away_and_back_airs_once(world: World) -> None:
    world.approved()
    world.schedule(times=["10:00"])
    world.plan()
    world.run(here("09:59"), here("10:01"))
    world.schedule(times=["11:00"])
    world.plan(here("10:02"))
    world.schedule(times=["10:00"])
    world.plan(here("10:03"))
    world.run(here("10:03"), here("10:10"))
    assert len(world.site.speaker("kep-loa").played) == 1


def test_what_was_begun_is_not_moved(world: World) -> None:
    world.approved("tin-1")
    world.schedule("lich-1", "tin-1", slots=["Buổi chiều"], order=1)
    world.plan()
    world.run(here("16:58"), here("16:59:30"))
    world.approved("tin-2", priority="emergency")
    world.schedule("lich-2", "tin-2", slots=["Buổi chiều"])
    world.plan(here("16:59:30"))
    assert world.today(schedule="lich-1").due_at == here("17:00")
    world.run(here("16:59:30"), here("17:05"))
    assert world.outcome(schedule="lich-1")[0] is Outcome.AIRED


def slot_of_three(world: World) -> None:
    """Three bulletins of some eight minutes each in the slot from 17:00."""
    for number in range(3):
        world.approved(f"tin-{number}", MINUTES_8 + f"Số {number}.")
        world.schedule(f"lich-{number}", f"tin-{number}", slots=["Buổi chiều"])
    world.plan()


@pytest.mark.parametrize("change", ["withdrawn", "edited", "shorter"])
def test_what_follows_in_a_slot_still_airs_after_what_is_on_air_was_changed(world: World, change: str) -> None:
    slot_of_three(world)
    world.run(here("16:59"), here("17:02"))
    if change == "withdrawn":
        world.withdraw("tin-0", here("17:02"))
    elif change == "edited":
        world.write("tin-0", "Khác.")
    else:
        world.approved("tin-0", "Khác.", now=here("17:02"))
    world.plan(here("17:02"))
    world.run(here("17:02"), here("17:25"), 10 * SECOND)
    assert [world.outcome(schedule=f"lich-{number}")[0] for number in range(3)] == [Outcome.AIRED] * 3
    rows = world.airings(local_date=TODAY)
    assert rows[0].finished_at is not None
    assert rows[1].started_at is not None
    assert rows[0].finished_at <= rows[1].started_at


def test_what_is_new_in_a_slot_does_not_sound_over_what_is_on_air(world: World) -> None:
    slot_of_three(world)
    world.run(here("16:59"), here("17:02"))
    world.approved("tin-9", "Tin mới.", priority="emergency")
    world.schedule("lich-9", "tin-9", slots=["Buổi chiều"])
    world.plan(here("17:02"))
    rows = [row for row in world.airings(local_date=TODAY) if row.blocked is None]
    assert all(before.ends_at <= after.due_at for before, after in pairwise(rows))


def test_a_clock_that_was_set_back_airs_nothing_again(world: World) -> None:
    world.approved()
    world.schedule()
    world.plan()
    world.run(here("16:59"), here("17:02"))
    world.plan(here("16:00"))
    world.run(here("16:58"), here("17:02"))
    assert len(world.site.speaker("kep-loa").played) == 1
    assert world.journalled(world.today().id).count("airing_ended") == 1


def test_what_was_due_already_still_ends_in_the_log_though_its_schedule_is_gone(world: World) -> None:
    world.approved()
    world.schedule()
    world.plan()
    world.schedule(communes=["my-thai"])
    world.plan(here("17:01"))
    world.run(here("17:01"), here("17:02"))
    assert world.outcome(commune="kep")[0] is Outcome.AIRED
