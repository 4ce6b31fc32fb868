"""What raises alerts by itself: airings that did not air, keys that end, components that fail."""

from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster.domain.airing import Evidence, Outcome, Reason, Verdict
from broadcaster.domain.alert import AlertKind
from broadcaster.domain.roles import Actor, Grant, Role
from broadcaster.errors import BroadcasterError, SpeechError
from broadcaster.services import alert_watch, alerts, keyring
from broadcaster.store.alert_tables import AlertRow
from broadcaster.words import Words
from tests.fakes.loudspeakers import Vice
from tests.fixtures import NOW
from tests.services.world import SECOND, World, here

DAY = timedelta(days=1)
ADMINISTRATOR = Actor("quan-tri", "root", (Grant(Role.ADMINISTRATOR, commune="*"),))


def told(world: World, language: str = "en", *, kind: AlertKind | None = None) -> list[str]:
    """What is open, in words."""
    with world.store.reading() as session:
        found = reversed(alerts.open_alerts(session))
        return [text(row, language) for row in found if kind in {None, row.kind}]


def text(row: AlertRow, language: str, *, is_cleared: bool = False) -> str:
    return Words(language).error(alerts.text_of(row, is_cleared=is_cleared, commune=row.commune))


def end(world: World, outcome: Outcome, reason: Reason | None, now: int = 0) -> None:
    """Give today's airing an outcome."""
    row = world.airings()[now]
    with world.store.writing() as session:
        world.outcomes.end(session, session.merge(row), Verdict(outcome, reason, Evidence.NONE), NOW)


@pytest.fixture
def aired(world: World) -> World:
    world.approved()
    world.schedule()
    world.plan()
    return world


@pytest.mark.parametrize(
    ("outcome", "reason", "said"),
    [
        (Outcome.MISSED, Reason.SERVER_DOWN, "bị lỡ ở Kép lúc 17:00 23/11/2026: máy chủ không chạy."),
        (Outcome.FAILED, Reason.STATION_REFUSED, "không phát được ở Kép lúc 17:00 23/11/2026: hệ thống loa từ chối."),
        (Outcome.PARTIAL, Reason.SOME_STATIONS, "chỉ phát được một phần ở Kép lúc 17:00 23/11/2026: "),
    ],
)
def test_an_airing_that_did_not_air_is_told_of_in_words(
    aired: World, outcome: Outcome, reason: Reason, said: str
) -> None:
    end(aired, outcome, reason)
    (found,) = told(aired, "vi")
    assert said.rstrip(".") in found
    assert found.startswith("(Thử nghiệm) “Bản tin tin”")


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.AIRED, None),
        (Outcome.CANCELLED, Reason.STOPPED),
        (Outcome.PARTIAL, Reason.STOPPED),
        (Outcome.PREEMPTED, Reason.PREEMPTED),
        (Outcome.SKIPPED, Reason.HOLIDAY),
        (Outcome.EXPIRED, Reason.EXPIRED),
    ],
)
def test_what_aired_or_what_somebody_decided_is_no_alarm(aired: World, outcome: Outcome, reason: Reason | None) -> None:
    end(aired, outcome, reason)
    assert told(aired) == []


def test_a_schedule_that_airs_again_clears_its_alert(aired: World) -> None:
    end(aired, Outcome.MISSED, Reason.NOT_CONFIRMED, 0)
    end(aired, Outcome.FAILED, Reason.STATION_UNREACHABLE, 1)
    assert len(told(aired)) == 1
    end(aired, Outcome.AIRED, None, 2)
    assert told(aired) == []


def test_an_airing_and_its_alert_are_written_together(world: World) -> None:
    """From the plan to the end, with a station that never takes its order."""
    world.approved()
    world.schedule()
    world.station("kep-loa").vice = Vice.REFUSES
    world.plan()
    world.run(here("16:59:50"), here("17:05:00"), 10 * SECOND)
    assert world.outcome()[0] is Outcome.FAILED
    assert len(told(world)) == 1


def test_each_threshold_of_a_key_is_an_alert_of_its_own(world: World, tmp_path: Path) -> None:
    keyring.make(world.store, tmp_path, "kep", ADMINISTRATOR, NOW)
    seen = {}
    for days in (1, 29, 31, 40, 59, 61, 82, 84, 91):
        alert_watch.watch_keys(world.store, tmp_path, NOW + days * DAY)
        with world.store.reading() as session:
            seen[days] = sorted(row.subject for row in alerts.open_alerts(session))
    two = {days: [f"order {days}", f"stop {days}"] for days in (60, 30, 7, 0)}
    assert seen == {
        1: [], 29: [], 31: two[60], 40: two[60], 59: two[60], 61: two[30], 82: two[30], 84: two[7], 91: two[0]
    }  # fmt: skip
    assert told(world)[0].startswith("The order keys of kep have ended")


def test_new_keys_are_told_of_and_thresholds_passed_are_not(world: World, tmp_path: Path) -> None:
    keyring.make(world.store, tmp_path, "kep", ADMINISTRATOR, NOW)
    for days in (40, 70):
        alert_watch.watch_keys(world.store, tmp_path, NOW + days * DAY)
    with world.store.reading() as session:
        passed = alerts.recent_alerts(session, NOW)
    assert [row.is_clearing_told for row in passed] == [True, True]
    keyring.rotate(world.store, tmp_path, "kep", ADMINISTRATOR, NOW + 71 * DAY)
    alert_watch.watch_keys(world.store, tmp_path, NOW + 71 * DAY)
    with world.store.reading() as session:
        over = [row for row in alerts.recent_alerts(session, NOW) if not row.is_clearing_told]
    assert {text(row, "en", is_cleared=True) for row in over} == {"kep has new keys."}
    assert told(world) == []


def test_keys_that_cannot_be_used_are_told_of(world: World, tmp_path: Path) -> None:
    keyring.make(world.store, tmp_path, "kep", ADMINISTRATOR, NOW)
    (document,) = (tmp_path / "kep").glob("keys-*.json")
    document.write_text("{}", encoding="utf-8")
    alert_watch.watch_keys(world.store, tmp_path, NOW)
    (found,) = told(world)
    assert "are damaged" in found


def test_a_component_that_fails_is_told_of_until_it_works_or_is_gone(world: World) -> None:
    full = BroadcasterError("The disk is full.")
    alert_watch.watch_components(world.store, [("disk", full), ("template x", full), ("database", None)], NOW)
    alert_watch.watch_components(world.store, [("disk", full), ("template x", full), ("database", None)], NOW)
    assert sorted(told(world)) == [
        "disk does not work on the server: The disk is full.",
        "template x does not work on the server: The disk is full.",
    ]
    alert_watch.watch_components(world.store, [("disk", None)], NOW)
    assert told(world) == []


def test_a_bulletin_that_no_voice_can_speak_is_told_of_until_one_can(world: World) -> None:
    world.write()
    world.engine.is_broken = True
    with pytest.raises(SpeechError):
        world.submit()
    alert_watch.watch_components(world.store, [("disk", None)], NOW)
    (found,) = told(world, kind=AlertKind.COMPONENT)
    assert found.startswith("speech vi does not work on the server: ")
    world.engine.is_broken = False
    world.approved("khac", "Tin khác.")
    assert told(world) == []
