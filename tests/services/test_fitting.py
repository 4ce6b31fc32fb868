"""What will not air in the days ahead is counted by schedule and reason, with the first of it in local time."""

from collections import Counter
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from broadcaster.cli.blocked_line import blocked_line
from broadcaster.domain.airing import Reason
from broadcaster.services.fitting import BlockedAhead, blocked_ahead
from broadcaster.words import Words
from tests.fixtures import KINDS, NOW
from tests.services.world import World, here

MINUTES_8 = "Bà con chú ý. " * 430


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def found(world: World, *schedules: str, days: int = 7) -> list[BlockedAhead]:
    with world.store.reading() as session:
        return blocked_ahead(session, schedules, NOW, days)


def test_each_schedule_and_reason_is_told_once_with_its_first_date(world: World) -> None:
    world.approved("dai", MINUTES_8 * 3)
    world.approved("ngan", MINUTES_8)
    world.schedule("lich-1", "ngan", slots=["Buổi trưa"], communes=["kep", "my-thai"])
    world.schedule("lich-2", "dai", slots=["Buổi chiều", "Buổi trưa"], communes=["my-thai", "kep"])
    world.schedule("lich-3", "ngan", times=["17:00", "22:00"])
    world.plan()
    told = found(world, "lich-1", "lich-2", "lich-3")
    assert [(item.schedule, item.reason, item.count, item.of) for item in told] == [
        ("lich-2", Reason.SLOT_FULL, 14, 28),
        ("lich-3", Reason.OVERLAP, 7, 14),
        ("lich-3", Reason.QUIET_HOURS, 7, 14),
    ]
    (first, *_) = found(world, "lich-2")
    assert (f"{first.first:%d %H:%M}", first.commune) == ("23 11:37", "kep")  # behind the other
    assert first.first.tzinfo == ZoneInfo("Asia/Ho_Chi_Minh")
    assert found(world, "lich-1") == []


def test_the_counts_are_those_of_the_plan(world: World) -> None:
    world.approved()
    world.schedule("a-1", times=["22:00", "05:10", "12:00"], communes=["kep", "my-thai"], on_holidays="skip")
    world.plan()
    until = NOW + timedelta(days=3)
    rows = [row for row in world.airings() if row.due_at < until]
    expected = Counter(row.blocked for row in rows if row.blocked is not None)
    told = found(world, "a-1", days=3)
    assert {item.reason: item.count for item in told} == expected
    assert {item.of for item in told} == {len(rows)}
    assert all(item.first == min(r.due_at for r in rows if r.blocked is item.reason) for item in told)


def test_many_schedules_are_asked_for_in_parts(world: World) -> None:
    world.approved()
    world.schedule("lich", times=["22:00"])
    world.plan()
    (item,) = found(world, "lich", *(f"khac-{number}" for number in range(1200)))
    assert item.count == 7
    assert found(world) == []


def test_a_line_says_what_where_and_where_to_look() -> None:
    item = BlockedAhead(
        "cat-dien", Reason.SLOT_FULL, 3, 14, here("17:00").astimezone(ZoneInfo("Asia/Ho_Chi_Minh")), "kep"
    )
    assert blocked_line(Words("en"), item) == (
        "cat-dien: 3 of 14 airings in the next 7 days will not air: the slot is full, first 23/11 17:00; "
        "see: broadcaster timetable show --commune kep"
    )
    assert "khung giờ đã kín" in blocked_line(Words("vi"), item)
