"""A loudspeaker's way to its server: MQTT as long as that can be held, and else the door, again and again.

One thread does all of it. What the loudspeaker has to say is taken at any time and goes out when it can; whatever the
server has not acknowledged is on the disk (`reports`), and is said again.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from paho.mqtt.client import MQTTMessage

from broadcaster.errors import BroadcasterError
from broadcaster.mqtt import Connection, Login
from broadcaster.orders.envelope import ORDER_LIMIT_BYTES
from broadcaster.orders.health import OFFLINE, Health
from broadcaster.orders.topics import KEEPALIVE_S, Part
from broadcaster.player.door import MAX_MESSAGES, Door
from broadcaster.player.identity import Identity
from broadcaster.player.underway import UnderWay

log = logging.getLogger(__name__)

HEALTH_EVERY_S = 60.0
"""Who has said nothing for 100 s is taken for dead."""
LOOK_S = 1.0
"""Between two looks at how the box is."""
HELLO_AGAIN_S = (10.0, 20.0, 40.0, 60.0)
BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
LASTED_S = 10.0
"""A connection that lasted so long makes the next attempt a first one; a broker that drops us is not hammered."""
DOOR_AFTER_S = 60.0
"""So long MQTT must have been away before the door is tried."""
_AT_ONCE = 50
_FAREWELL_S = 1.0


class Way(StrEnum):
    AUTO = "auto"
    MQTT = "mqtt"
    HTTP = "http"


class Owner(Protocol):
    """The loudspeaker, as `agent.Agent` is one."""

    @property
    def is_greeted(self) -> bool: ...

    def receive(self, envelope: bytes) -> None: ...

    def hello(self) -> bytes: ...

    def unacknowledged(self) -> list[tuple[int, bytes]]: ...

    def health(self) -> Health: ...


def login_of(identity: Identity, tls_ca: Path | None = None) -> Login:
    """How a loudspeaker presents itself to the broker."""
    device, mqtt = identity.device, identity.mqtt
    return Login(
        mqtt.host, mqtt.port, device.user, identity.password, [device.topic(Part.ORDER)], mqtt.tls, tls_ca, KEEPALIVE_S,
        will=(device.topic(Part.STATE), OFFLINE),
    )  # fmt: skip


class Link:
    """`start` connects for ever again, until `close`. `on_state` is told in words how it goes."""

    def __init__(
        self, identity: Identity, way: Way, *, poll_s: float, tls_ca: Path | None = None,
        on_state: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        device = identity.device
        self._orders, self._reports = device.topic(Part.ORDER), device.topic(Part.REPORT)
        self._state = device.topic(Part.STATE)
        self._login = login_of(identity, tls_ca)
        self._door = Door(identity.door, device.user, identity.password)
        self._way, self._poll_s = way, poll_s
        self._new: list[int] = []
        self._news = threading.Condition()
        self._is_over = threading.Event()
        self._under_way = UnderWay()
        self._is_known_at_door = False
        self._thread: threading.Thread | None = None
        self._on_state, self._told = on_state, ""

    def start(self, owner: Owner) -> None:
        self._thread = threading.Thread(target=self._run, args=(owner,), name="link", daemon=True)
        self._thread.start()

    def send(self, number: int, _envelope: bytes) -> None:
        """There is a new report; it goes out as soon as there is a way."""
        with self._news:
            self._new.append(number)
            self._news.notify_all()

    def close(self) -> None:
        """Say goodbye where there is somebody to hear it."""
        self._is_over.set()
        with self._news:
            self._news.notify_all()
        if self._thread is not None:
            self._thread.join(_FAREWELL_S + 1.0)
        self._door.close()

    def _run(self, owner: Owner) -> None:
        attempt, away_since_s = 0, time.monotonic()
        while not self._is_over.is_set():
            if self._way is not Way.HTTP and self._lasted_s(owner) >= LASTED_S:
                attempt, away_since_s = 0, time.monotonic()
            wait_s = BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)] * random.uniform(0.5, 1.0)  # noqa: S311
            attempt += 1
            is_long_away = time.monotonic() - away_since_s >= DOOR_AFTER_S
            if self._way is Way.HTTP or (self._way is Way.AUTO and is_long_away):
                wait_s = self._poll_s if self._is_visited(owner) else max(self._poll_s, wait_s)
            self._is_over.wait(wait_s)

    def _lasted_s(self, owner: Owner) -> float:
        """Talk over MQTT as long as the connection lasts, and how long that was; 0 where there was none."""
        connection = Connection(self._login, lambda message: self._take_in(owner, message))
        began_s: float | None = None
        try:
            if connection.open():
                began_s = time.monotonic()
                self._is_known_at_door = False
                self._tell("online, by MQTT")
                self._talk(owner, connection)
            else:
                self._tell(f"offline: {connection.fault}")
        except Exception as error:  # such as a disk that takes no number for the hello: this thread must go on
            log.exception("The link failed.", extra={"action": "link_failed"})
            self._tell(f"offline: {error}")
        finally:
            connection.close(_FAREWELL_S)
        return 0.0 if began_s is None else time.monotonic() - began_s

    def _talk(self, owner: Owner, connection: Connection) -> None:
        last, said_s, hellos, hello_s = owner.health(), time.monotonic(), 0, time.monotonic()
        connection.publish(self._state, last.as_bytes(), is_retained=True)
        connection.publish(self._reports, owner.hello())
        self._under_way.begin()
        while not connection.ended.is_set() and not self._is_over.is_set():
            self._say_reports(owner, connection)
            with self._news:
                if not self._new:
                    self._news.wait(LOOK_S)
            now_s = time.monotonic()
            if not owner.is_greeted and now_s - hello_s >= HELLO_AGAIN_S[min(hellos, len(HELLO_AGAIN_S) - 1)]:
                hellos, hello_s = hellos + 1, now_s
                connection.publish(self._reports, owner.hello())
            health = owner.health()
            if _is_news(health, last) or now_s - said_s >= HEALTH_EVERY_S:
                last, said_s = health, now_s
                connection.publish(self._state, health.as_bytes(), is_retained=True)
        if self._is_over.is_set() and connection.is_up:
            self._say_reports(owner, connection)  # also what the end itself has silenced
            connection.publish(self._state, OFFLINE, is_retained=True).wait_for_publish(_FAREWELL_S)

    def _say_reports(self, owner: Owner, connection: Connection) -> None:
        """What is new at once; what nobody has acknowledged yet, oldest first, some at a time."""
        new = self._take_new()
        waiting, now_s = dict(owner.unacknowledged()), time.monotonic()
        for number in self._under_way.due(list(waiting), new, now_s, _AT_ONCE):
            self._under_way.said(number, now_s, connection.publish(self._reports, waiting[number]))

    def _take_new(self) -> set[int]:
        with self._news:
            new = set(self._new)
            self._new.clear()
        return new

    def _is_visited(self, owner: Owner) -> bool:
        """Leave at the door what there is to say, and take what lies there; False where nobody was reached.

        The first visit says hello, as each MQTT connection does: its answer is everything that is still good. Later
        ones bring what is new, and an answer that came has no need to be asked for again.
        """
        try:
            if not self._is_known_at_door:
                self._under_way.begin()
            messages = [] if self._is_known_at_door else [owner.hello()]
            self._take_new()  # it is among what nobody has acknowledged
            waiting, now_s = dict(owner.unacknowledged()), time.monotonic()
            numbers = self._under_way.due(list(waiting), (), now_s, MAX_MESSAGES - 1)
            answer = self._door.report([*messages, *(waiting[number] for number in numbers)])
            self._is_known_at_door = True
            for number in numbers:
                self._under_way.said(number, now_s)
            self._tell("online, by the door")
            for envelope in (*([] if answer.ack is None else [answer.ack]), *answer.orders):
                owner.receive(envelope)
        except (BroadcasterError, OSError) as error:
            self._tell(f"offline: {error}")
            return False
        except Exception as error:
            log.exception("The link failed.", extra={"action": "link_failed"})
            self._tell(f"offline: {error}")
            return False
        return True

    def _take_in(self, owner: Owner, message: MQTTMessage) -> None:
        if message.topic == self._orders and not message.retain and len(message.payload) <= ORDER_LIMIT_BYTES:
            owner.receive(bytes(message.payload))

    def _tell(self, state: str) -> None:
        if state != self._told:
            self._told = state
            self._on_state(state)
            log.info("The link has changed.", extra={"action": "link", "state": state})


def _is_news(now: Health, before: Health) -> bool:
    """Whether more has changed than what is never quite the same."""
    as_before = replace(
        now, at=before.at, temperature_c=before.temperature_c, signal_dbm=before.signal_dbm,
        storage_free_mb=before.storage_free_mb, clock_offset_ms=before.clock_offset_ms,
    )  # fmt: skip
    return as_before != before
