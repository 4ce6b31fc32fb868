"""One virtual loudspeaker of a fleet: a real agent with a real connection, whose box can have faults.

It plays nothing, but takes as long for it as the clip is long.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from broadcaster.net import Fault, NetError
from broadcaster.orders.health import Amplifier, Heard
from broadcaster.orders.payload import Audio
from broadcaster.orders.topics import Part
from broadcaster.player import identity as identities
from broadcaster.player.agent import Agent, Wires
from broadcaster.player.book import Senses
from broadcaster.player.clips import Clips
from broadcaster.player.door import Door
from broadcaster.player.fleet_faults import BoxClock, Faults, PacedSink, PowerCutError
from broadcaster.player.fleet_link import Connection, Loop
from broadcaster.player.link import HEALTH_EVERY_S
from broadcaster.player.playing import Play
from broadcaster.player.sensors import Sensors
from broadcaster.player.underway import AGAIN_S

log = logging.getLogger(__name__)

Tell = Callable[[dict[str, Any]], None]
"""Takes what happened to a loudspeaker: `event`, `loudspeaker`, `at` in unix milliseconds, and more."""

T = TypeVar("T")

_STATE_AFTER_S = 1.0
_NO_SENSORS = Sensors(Path("/nonexistent"), Path("/nonexistent"))


@dataclass
class Box:
    """`folder` is that of an enrolled loudspeaker; `clips` are shared with others. Safe from any thread.

    Whoever calls the agent from another thread than the playing one holds `turn`, so that the power is never cut in
    the middle of that.
    """

    folder: Path
    loop: Loop
    clips: Clips
    tell: Tell
    on_news: Callable[["Box"], None]
    """There may be something to fetch."""
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        self.identity = identities.load(self.folder)
        self.turn = threading.RLock()
        self._has_state_to_tell = False
        self._connection = Connection(self.loop, self.identity, self._ordered, self._came_up, self._went_down)
        self._switch_on()

    @property
    def name(self) -> str:
        return self.identity.device.user

    def begin(self) -> None:
        """Play, and connect unless that is a fault."""
        self._thread.start()
        if not self.faults.is_offline:
            self._connection.connect()
        self.loop.later(random.uniform(0, HEALTH_EVERY_S), self._tell_state_again)  # noqa: S311 - not all at once
        self.loop.later(AGAIN_S, partial(self._say_again, frozenset()))

    def go_offline(self) -> None:
        self.faults.is_offline = True
        self._connection.hang_up()

    def go_online(self) -> None:
        self.faults.is_offline = False
        self._connection.connect()

    def cut_power(self) -> None:
        """Without a word to anybody; and switched on again at once, from what lies in its folder."""
        with self.turn:
            self._clock.cut()
            self._connection.hang_up()
            if self._thread.ident is not None:
                self._thread.join()
            self._happened("power_cut")
            self._switch_on()
            self._thread.start()
            if not self.faults.is_offline:
                self._connection.connect()

    def work(self) -> bool:
        with self.turn:
            return self.agent.work()

    def look(self) -> None:
        with self.turn:
            self.agent.look()

    def close(self) -> None:
        """Silence; what it has to tell waits in its folder."""
        with self.turn:
            self.agent.close()
        if self._thread.ident is not None:
            self._thread.join()

    def send(self, _number: int, envelope: bytes) -> None:
        """A report of the agent's, under its lock."""
        self._connection.publish(Part.REPORT, envelope, delay_s=self.faults.delay_s)
        if not self._has_state_to_tell:
            self._has_state_to_tell = True
            self.loop.later(_STATE_AFTER_S, self._tell_state)

    def _switch_on(self) -> None:
        self._clock = BoxClock(self.faults)
        wires = Wires(
            link=self, sink=PacedSink(self._sounds), fetch=self._fetch, fetch_keys=self._fetch_keys, clock=self._clock,
            senses=Senses(self._heard, lambda: Amplifier.ON), sensors=_NO_SENSORS, on_play=self._played,
        )  # fmt: skip
        keys = identities.load_keys(self.folder)
        self.agent = Agent(self.folder, self.identity, keys, wires, clips=self.clips)
        self._thread = threading.Thread(
            target=_play, args=(self.agent, self._clock), name=f"play {self.name}", daemon=True
        )

    def _ordered(self, envelope: bytes) -> None:
        """In the loop's thread, as all below it whose name tells of the connection."""
        for _ in range(2 if self.faults.is_doubled else 1):
            delay_s = self.faults.delay_s + random.uniform(0, self.faults.reorder_s)  # noqa: S311
            if delay_s:
                self.loop.later(delay_s, partial(self._receive, envelope))
            else:
                self._receive(envelope)

    def _receive(self, envelope: bytes) -> None:
        with self.turn:
            if not self.faults.is_offline:
                self.agent.receive(envelope)
                self.on_news(self)

    def _came_up(self) -> None:
        self._happened("online")
        delay_s = self.faults.delay_s
        try:
            with self.turn:
                self._connection.publish(Part.STATE, self.agent.health().as_bytes(), delay_s=delay_s)
                self._connection.publish(Part.REPORT, self.agent.hello(), delay_s=delay_s)
                self._report_again(number for number, _ in self.agent.unacknowledged())
        except OSError as error:
            log.error("A loudspeaker cannot say hello.", exc_info=error, extra={"action": "fleet_no_hello"})

    def _went_down(self) -> None:
        self._happened("offline")

    def _tell_state(self) -> None:
        self._has_state_to_tell = False
        if self._connection.is_up:
            with self.turn:
                self._connection.publish(Part.STATE, self.agent.health().as_bytes(), delay_s=self.faults.delay_s)

    def _tell_state_again(self) -> None:
        self._tell_state()
        self.loop.later(HEALTH_EVERY_S, self._tell_state_again)

    def _say_again(self, waited: frozenset[int]) -> None:
        """Reports that waited for an acknowledgement since the last time already."""
        with self.turn:
            waiting = frozenset(number for number, _ in self.agent.unacknowledged())
            if self._connection.is_up:
                self._report_again(waiting & waited)
        self.loop.later(AGAIN_S, partial(self._say_again, waiting))

    def _report_again(self, numbers: Any) -> None:
        wanted = set(numbers)
        for number, envelope in self.agent.unacknowledged():
            if number in wanted:
                self._connection.publish(Part.REPORT, envelope, delay_s=self.faults.delay_s)

    def _fetch(self, audio: Audio, offset: int) -> bytes:
        return self._at_door(lambda door: door.clip(audio, offset))

    def _fetch_keys(self, version: int) -> bytes | None:
        return self._at_door(lambda door: door.keys(version))

    def _at_door(self, ask: Callable[[Door], T]) -> T:
        """Raises NetError."""
        if self.faults.is_offline:
            raise NetError("This virtual loudspeaker is offline.", fault=Fault.OFFLINE)
        door = Door(self.identity.door, self.identity.device.user, self.identity.password)
        try:
            return ask(door)
        finally:
            door.close()

    def _heard(self) -> Heard:
        return Heard.SILENT if self.faults.is_silent else Heard.HEARD

    def _sounds(self, is_sound: bool) -> None:
        self._happened("sound" if is_sound else "silence")

    def _played(self, play: Play) -> None:
        offset = None if play.began_at is None else (play.began_at - play.start) / timedelta(milliseconds=1)
        self._happened(
            "played", airing=play.airing, state=play.state, code=play.code, offset_ms=offset,
            position_s=round(play.position_s, 3), volume=play.volume,
        )  # fmt: skip

    def _happened(self, event: str, **more: Any) -> None:
        self.tell({"event": event, "loudspeaker": self.name, "at": round(time.time() * 1000, 1)} | more)


def _play(agent: Agent, clock: BoxClock) -> None:
    try:
        while not agent.is_closed:
            agent.wait(agent.step())
            if clock.is_cut:
                return
    except PowerCutError:
        return
