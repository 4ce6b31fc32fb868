"""A stop reaches loudspeakers as a signed one that holds, is renewed while it is in force, and is released after it."""

from datetime import datetime, timedelta

from broadcaster.domain.airing import Outcome, Phase, Scope
from broadcaster.orders.health import Amplifier, Health, Heard
from broadcaster.orders.payload import Command
from broadcaster.services import attending, stops
from tests.services.village import DUE, LEAD, Village
from tests.services.world import SECOND

MINUTE = timedelta(minutes=1)
BEFORE = DUE - 5 * MINUTE


def stop(village: Village, now: datetime, scope: Scope = Scope.COMMUNE, target: str = "kep") -> str:
    return stops.stop(village.world.store, scope, target, "thử", village.world.actor("operator"), now)


def commands(village: Village) -> list[Command]:
    return [order.cmd for order in village.wire.orders()]


def test_a_stop_goes_out_before_what_it_cancels_and_the_airing_is_cancelled(handed_over: Village) -> None:
    stop(handed_over, BEFORE)
    handed_over.world.tick(BEFORE)
    assert commands(handed_over) == [Command.PLAY, Command.STOP, Command.CANCEL]
    assert handed_over.wire.orders()[1].airing is None
    assert handed_over.world.today().outcome is Outcome.CANCELLED


def test_it_is_renewed_every_five_minutes_and_not_more_often(village: Village) -> None:
    stop(village, DUE - 60 * MINUTE)
    village.world.run(DUE - 60 * MINUTE, DUE - 49 * MINUTE, 10 * SECOND)
    assert commands(village) == [Command.STOP] * 3


def test_a_release_is_sent_once(village: Village) -> None:
    key = stop(village, DUE - 60 * MINUTE)
    village.world.tick(DUE - 60 * MINUTE)
    stops.release(village.world.store, key, village.world.actor("operator"), DUE - 58 * MINUTE)
    village.world.run(DUE - 58 * MINUTE, DUE - 40 * MINUTE, 10 * SECOND)
    assert commands(village) == [Command.STOP, Command.RELEASE]
    assert village.wire.orders()[1].seq > village.wire.orders()[0].seq


def test_one_that_was_away_as_it_was_released_is_released_when_it_says_that_it_is_stopped(village: Village) -> None:
    health = Health(
        at=DUE - 40 * MINUTE, version="1", volume=80, amplifier=Amplifier.ON, sound=Heard.UNKNOWN, storage_free_mb=900,
        keys_version=1, is_stopped=True,
    )  # fmt: skip
    with village.world.store.writing() as session:
        attending.seen(session, village.loudspeakers[0].device, health, DUE - 40 * MINUTE)
    village.world.run(DUE - 40 * MINUTE, DUE - 38 * MINUTE, 10 * SECOND)
    assert commands(village) == [Command.RELEASE]


def test_the_stop_of_one_airing_cancels_it_and_stops_nothing_else(handed_over: Village) -> None:
    stop(handed_over, BEFORE, Scope.AIRING, handed_over.world.today().id)
    handed_over.world.tick(BEFORE)
    assert commands(handed_over) == [Command.PLAY, Command.CANCEL]


def test_a_stop_that_cannot_be_sent_is_kept_for_when_they_come_back(village: Village) -> None:
    village.wire.is_cut = True
    stop(village, DUE - LEAD)
    village.world.run(DUE - LEAD, DUE - LEAD + 2 * SECOND, SECOND)
    assert village.wire.sent == []
    assert village.world.today().phase is Phase.PLANNED
    village.wire.is_cut = False
    village.world.run(DUE - LEAD + 5 * MINUTE, DUE - LEAD + 5 * MINUTE + SECOND, SECOND)
    assert commands(village) == [Command.STOP]
