"""A test tone and the volume: asked by an operator, signed by the worker, answered by the loudspeaker."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from broadcaster.domain.roles import Actor
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.orders.device import PlayState
from broadcaster.orders.payload import Command
from broadcaster.orders.topics import Device
from broadcaster.services import adjustments
from broadcaster.store import journal
from broadcaster.store.device_tables import AdjustmentRow
from tests.services.village import ADMINISTRATOR, Village
from tests.services.world import here

KEP = Device("kep", "kep-01")
NOON, NIGHT = here("12:00"), here("23:00")


def ask(village: Village, command: Command, volume: int = 50) -> str:
    with village.world.store.writing() as session:
        return adjustments.ask(session, KEP, command, volume, NOON, actor=ADMINISTRATOR).id


def row(village: Village) -> AdjustmentRow:
    with village.world.store.reading() as session:
        return session.scalars(select(AdjustmentRow)).one()


@pytest.mark.parametrize("command", [Command.TEST, Command.VOLUME])
def test_what_is_asked_is_signed_sent_once_and_its_answer_is_noted(village: Village, command: Command) -> None:
    key = ask(village, command)
    for _ in range(2):
        village.world.tick(NOON)
    (order,) = village.wire.orders()
    assert (order.cmd, order.airing, order.targets, order.volume_max) == (command, key, ("kep-01",), 50)
    loudspeaker = village.loudspeakers[0]
    village.receive(loudspeaker, loudspeaker.says(PlayState.FINISHED, order, NOON), NOON)
    assert row(village).answer == "finished"
    village.receive(loudspeaker, loudspeaker.says(PlayState.REFUSED, order, NOON, code="quiet_hours"), NOON)
    assert row(village).answer == "refused: quiet_hours"
    with village.world.store.reading() as session:
        told = [entry.action for entry in journal.entries_about(session, KEP.loudspeaker)]
        assert journal.Action.REPORT_IGNORED not in told
    village.world.assert_chains_hold()


def test_another_loudspeaker_answers_for_nobody_else(village: Village) -> None:
    ask(village, Command.VOLUME)
    village.world.tick(NOON)
    (order,) = village.wire.orders()
    other = village.loudspeakers[1]
    village.receive(other, other.says(PlayState.REFUSED, order, NOON, code="target"), NOON)
    assert row(village).answer == ""


def test_a_station_that_is_away_is_told_and_what_was_asked_long_ago_is_not_wanted(village: Village) -> None:
    village.wire.is_cut = True
    ask(village, Command.TEST)
    village.world.tick(NOON)
    village.world.tick(NOON)
    assert "does not answer" in row(village).answer
    village.wire.is_cut = False
    ask(village, Command.TEST)
    village.world.tick(NOON + timedelta(minutes=11))
    assert [order.cmd for order in village.wire.orders()] == []


def test_without_keys_the_reason_is_told(village: Village) -> None:
    for path in (village.world.keys / "kep").glob("*.pem"):
        path.unlink()
    ask(village, Command.TEST)
    village.world.tick(NOON)
    assert "pem" in row(village).answer


def test_only_an_operator_of_the_commune_asks_and_only_of_one_that_is_there(village: Village) -> None:
    with village.world.store.writing() as session:
        with pytest.raises(NotAllowedError):
            adjustments.ask(session, KEP, Command.TEST, 50, NOON, actor=Actor("writer", "root"))
        with pytest.raises(InputError, match="has not enrolled"):
            adjustments.ask(session, Device("kep", "nobody"), Command.TEST, 50, NOON, actor=ADMINISTRATOR)
