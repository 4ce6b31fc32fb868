"""A village whose loudspeakers obey signed orders alone, and report signed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import yaml

from broadcaster.domain.roles import Actor, Grant, Role
from broadcaster.orders import keyfolder
from broadcaster.orders.device import PlayState
from broadcaster.orders.payload import Command, Payload
from broadcaster.orders.topics import Device
from broadcaster.services import enrolment, inbox
from broadcaster.services.plays import Plays
from broadcaster.store import plays
from broadcaster.store.play_tables import PlayRow
from tests.fakes.signed import KIND, Loudspeaker, Wire
from tests.fixtures import NOW
from tests.services.world import World, here

DUE = here("17:00")
MINUTE = timedelta(minutes=1)
LEAD = 10 * MINUTE
ACCEPTED, READY, STARTED, FINISHED, REFUSED, STOPPED, CANCELLED = PlayState
ADMINISTRATOR = Actor("administrator", "root", (Grant(Role.ADMINISTRATOR, "*", None),))


@dataclass
class Village:
    """Kép with one signed station of two enrolled loudspeakers, and a bulletin planned for 17:00."""

    world: World
    wire: Wire
    loudspeakers: tuple[Loudspeaker, Loudspeaker]

    @property
    def order(self) -> Payload:
        """The last order to play that was sent."""
        return [order for order in self.wire.orders() if order.cmd is Command.PLAY][-1]

    def says(self, number: int, state: PlayState, at: datetime, now: datetime | None = None, **more: Any) -> None:
        """One loudspeaker reports on the order, and the worker takes that in."""
        loudspeaker = self.loudspeakers[number]
        self.receive(loudspeaker, loudspeaker.says(state, self.order, at, **more), now or at)

    def receive(self, loudspeaker: Loudspeaker, envelope: bytes, now: datetime) -> inbox.Received:
        with self.world.store.writing() as session:
            received = inbox.receive(session, loudspeaker.device, [envelope], now)
        Plays(self.world.store, self.world.outcomes).collect(now)
        return received

    def play(self, number: int, **more: Any) -> None:
        """One loudspeaker plays to the end."""
        self.says(number, ACCEPTED, DUE - LEAD)
        self.says(number, STARTED, DUE)
        self.says(number, FINISHED, self.ends_at, position_s=5, **more)

    @property
    def ends_at(self) -> datetime:
        return self.world.today().ends_at

    def plays(self) -> dict[str, PlayRow]:
        with self.world.store.reading() as session:
            return {row.loudspeaker: row for row in plays.of_airing(session, self.world.today().id)}


@contextmanager
def village_in(world: World) -> Iterator[Village]:
    """It stands as long as this lasts."""
    with Wire().in_use() as wire:
        entry = {"code": "kep-loa", "commune": "kep", "connector": KIND, "mode": "test"}
        world.bring(yaml.safe_dump({"stations": [entry | {"config": {"loudspeakers": ["kep-01", "kep-02"]}}]}))
        keyfolder.make(world.keys, "kep", NOW)
        loudspeakers = Loudspeaker(Device("kep", "kep-01")), Loudspeaker(Device("kep", "kep-02"))
        with world.store.writing() as session:
            for each in loudspeakers:
                name = each.device.loudspeaker
                code = enrolment.add(session, "kep", "kep-loa", name, NOW, actor=ADMINISTRATOR)
                enrolment.enroll(session, code, each.key.text, NOW)
        world.approved()
        world.schedule()
        world.plan()
        yield Village(world, wire, loudspeakers)
