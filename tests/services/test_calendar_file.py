"""The calendar file of a commune: the airings as they are, read back by another program's rules."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event

from broadcaster.domain.airing import Outcome, Reason
from broadcaster.errors import InputError
from broadcaster.services.calendar_file import calendar
from broadcaster.store.tables import RevisionRow
from tests.fixtures import KINDS, NOW
from tests.services.world import TODAY, World, here
from tests.test_plain_yaml import texts

LONG = "Kính thưa toàn thể bà con nhân dân; thời gian gần đây, các đối tượng lừa đảo gọi điện,\nnhắn tin. " * 5


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def content(world: World, commune: str = "kep", now: datetime = NOW, days: int = 8) -> bytes:
    with world.store.reading() as session:
        return calendar(session, commune, now, days)


def events(world: World, commune: str = "kep", now: datetime = NOW, days: int = 8) -> list[Event]:
    return list(Calendar.from_ical(content(world, commune, now, days)).events)


def spans(found: list[Event]) -> list[tuple[datetime, datetime]]:
    return [(event.start, event.end) for event in found]  # type: ignore[misc]


def test_every_airing_is_an_event_at_its_time_with_what_is_said(world: World) -> None:
    world.approved("tin", LONG, title="Bản tin; số 1, tên rất dài " * 4, priority="priority")
    world.schedule(times=["17:00", "05:30"])
    world.plan()
    found = events(world)
    rows = world.airings(commune="kep")
    assert spans(found) == [(row.due_at, row.ends_at.replace(microsecond=0)) for row in rows]
    first = found[0]
    assert first["SUMMARY"] == ("Bản tin; số 1, tên rất dài " * 4).strip()
    assert first["LOCATION"] == "Kép"
    assert first.categories == ["priority"]
    assert (first["STATUS"], first["TRANSP"]) == ("CONFIRMED", "TRANSPARENT")
    assert first.DTSTAMP == NOW
    assert "các đối tượng lừa đảo gọi điện" in str(first["DESCRIPTION"])
    assert str(first["DESCRIPTION"]).endswith("\n\nschedule: lich\nmode: test")


def test_lines_are_folded_at_75_octets_and_end_as_the_standard_wants(world: World) -> None:
    world.approved("tin", LONG, title="Ộ" * 199)
    world.schedule()
    world.plan()
    written = content(world)
    assert max(map(len, written.split(b"\r\n"))) <= 75
    assert b"\n" not in written.replace(b"\r\n", b"")
    assert [str(event["SUMMARY"]) for event in events(world)] == ["Ộ" * 199] * len(events(world))


def test_a_calendar_says_its_name_its_zone_and_how_often_to_ask(world: World) -> None:
    lines = content(world).decode().split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    assert {
        "VERSION:2.0", "METHOD:PUBLISH", "X-WR-CALNAME:Broadcaster: Kép", "X-WR-TIMEZONE:Asia/Ho_Chi_Minh",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H",
    } <= set(lines)  # fmt: skip
    assert content(world) == content(world)


def test_an_event_is_known_again_when_its_airing_moves(world: World) -> None:
    world.approved()
    world.schedule(slots=["Buổi chiều"])
    world.plan()
    before = {event["UID"]: event.start for event in events(world)}
    world.approved("truoc", priority="priority")
    world.schedule("lich-truoc", "truoc", slots=["Buổi chiều"])
    world.plan()
    after = {event["UID"]: event.start for event in events(world)}
    assert len(after) == 2 * len(before)
    assert all(after[uid] > start for uid, start in before.items())


def test_what_is_blocked_is_cancelled_with_its_reason(world: World) -> None:
    world.approved()
    world.schedule(times=["17:00", "22:00"])
    world.plan()
    found = {event.start: event for event in events(world)}
    late = found[here("22:00")]
    assert late["STATUS"] == "CANCELLED"
    assert str(late["DESCRIPTION"]).endswith(f"\nblocked: {Reason.QUIET_HOURS}")
    assert found[here("17:00")]["STATUS"] == "CONFIRMED"


def test_today_s_stay_as_they_went_and_yesterday_s_are_gone(world: World) -> None:
    world.approved()
    world.schedule(times=["10:00", "17:00"], rrule="FREQ=DAILY;COUNT=1")
    world.plan()
    world.run(here("09:59"), here("10:02"))
    world.start(here("20:00"))
    world.run(here("20:00"), here("20:01"))
    assert [row.outcome for row in world.airings()] == [Outcome.AIRED, Outcome.MISSED]
    found = events(world, now=here("23:59"))
    assert [(event["STATUS"], str(event["DESCRIPTION"]).splitlines()[-1]) for event in found] == [
        ("CONFIRMED", "outcome: aired"),
        ("CANCELLED", "reason: server_down"),
    ]
    assert events(world, now=here("00:00", TODAY + timedelta(days=1))) == []


def test_the_days_are_the_commune_s_own(world: World) -> None:
    world.approved()
    world.schedule(times=["06:00", "20:59"])
    world.plan()
    assert [start for start, _ in spans(events(world, days=1))] == [here("20:59")]
    next_day = TODAY + timedelta(days=1)
    assert len(events(world, now=here("00:00", next_day), days=2)) == 4


def test_an_unknown_commune_is_refused(world: World) -> None:
    with pytest.raises(InputError, match="no commune nowhere"):
        content(world, "nowhere")


def test_a_clock_change_moves_the_moment_and_not_the_local_time(world: World) -> None:
    world.bring("communes: [{code: be, name: Berlin, timezone: Europe/Berlin}]\n"
                "stations: [{code: be-loa, commune: be, connector: memory, mode: test}]")  # fmt: skip
    start = datetime(2027, 3, 26, 12, tzinfo=UTC)
    world.approved(now=start)
    world.schedule(communes=["be"], times=["02:30", "08:00"], now=start)
    world.plan(start)
    zone = ZoneInfo("Europe/Berlin")
    found = [moment.astimezone(zone) for moment, _ in spans(events(world, "be", start, 4))]
    assert [f"{moment:%d %H:%M %z}" for moment in found] == [
        "27 02:30 +0100", "27 08:00 +0100", "28 03:30 +0200", "28 08:00 +0200", "29 02:30 +0200", "29 08:00 +0200",
    ]  # fmt: skip
    assert found == [row.due_at for row in world.airings(commune="be") if row.local_date < date(2027, 3, 30)]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=texts, days=st.integers(1, 9))
def test_any_title_is_read_back_and_no_time_is_lost(world: World, title: str, days: int) -> None:
    if not world.airings():
        world.approved()
        world.schedule(times=["17:00"])
        world.plan()
    with world.store.writing() as session:
        session.get_one(RevisionRow, ("tin", 1)).title = title.replace("\x00", "")
    written = content(world, days=days)
    assert max(map(len, written.split(b"\r\n"))) <= 75
    found = events(world, days=days)
    limit = here("00:00", TODAY + timedelta(days=days))
    assert spans(found) == [
        (row.due_at, row.ends_at.replace(microsecond=0)) for row in world.airings() if row.due_at < limit
    ]
    letters = [letter for letter in title if letter.isalnum()]
    assert all([c for c in str(event["SUMMARY"]) if c.isalnum()] == letters for event in found)
