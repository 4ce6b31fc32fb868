"""A loudspeaker's way to its server: MQTT as long as that can be held, and else the door, again and again.

One thread does all of it. What the loudspeaker has to say is taken at any time and goes out when it can; whatever the
server has not acknowledged is on the disk (`reports`), and is said again.
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from paho.mqtt.client import MQTTMessage, MQTTMessageInfo
from paho.mqtt.enums import MQTTErrorCode

from broadcaster.errors import BroadcasterError
from broadcaster.mqtt import Connection, Login
from broadcaster.orders.envelope import ORDER_LIMIT_BYTES
from broadcaster.orders.health import OFFLINE, Health
from broadcaster.orders.topics import KEEPALIVE_S, Part
from broadcaster.player.door import MAX_MESSAGES, Door
from broadcaster.player.identity import Identity

log = logging.getLogger(__name__)

HEALTH_EVERY_S = 60.0
"""Who has said nothing for 100 s is taken for dead."""
LOOK_S = 1.0
"""Between two looks at how the box is."""
AGAIN_S = 30.0
"""After so long a report that nobody has acknowledged goes out once more."""
HELLO_AGAIN_S = (10.0, 20.0, 40.0, 60.0)
BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
DOOR_AFTER_S = 60.0
"""So long MQTT must have been away before the door is tried."""
STEADY_S = 20.0
"""A connection that ends sooner was none: what drops everybody at once is not to be hammered."""
_AT_ONCE = 50
_FAREWELL_S = 1.0


class Way(StrEnum):
    AUTO = "auto"
    MQTT = "mqtt"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class _Sent:
    """A report under way. One that the broker does not have yet is not sent once more: it would only wait longer."""

    at_s: float
    info: MQTTMessageInfo

    def is_due(self, now_s: float) -> bool:
        is_lost = self.info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS
        return now_s - self.at_s >= AGAIN_S and (is_lost or self.info.is_published())


class Owner(Protocol):
    """The loudspeaker, as `agent.Agent` is one."""

    @property
    def is_greeted(self) -> bool: ...

    def receive(self, envelope: bytes) -> None: ...

    def hello(self) -> bytes: ...

    def unacknowledged(self) -> list[tuple[int, bytes]]: ...

    def health(self) -> Health: ...


class Link:
    """`start` connects for ever again, until `close`. `on_state` is told in words how it goes."""

    def __init__(
        self, identity: Identity, way: Way, *, poll_s: float, tls_ca: Path | None = None,
        on_state: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        device = identity.device
        self._orders, self._reports = device.topic(Part.ORDER), device.topic(Part.REPORT)
        self._state = device.topic(Part.STATE)
        self._login = login(identity, tls_ca)
        self._door = Door(identity.door, device.user, identity.password)
        self._way, self._poll_s = way, poll_s
        self._new: deque[tuple[int, bytes]] = deque()
        self._news = threading.Condition()
        self._is_over = threading.Event()
        self._sent: dict[int, _Sent] = {}
        self._greeted_door_s: float | None = None
        self._thread: threading.Thread | None = None
        self._on_state, self._told = on_state, ""

    def start(self, owner: Owner) -> None:
        self._thread = threading.Thread(target=self._run, args=(owner,), name="link", daemon=True)
        self._thread.start()

    def send(self, number: int, envelope: bytes) -> None:
        """Take a report; it goes out as soon as there is a way."""
        with self._news:
            self._new.append((number, envelope))
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
            begun_s = time.monotonic()
            if self._way is not Way.HTTP and self._is_held(owner) and time.monotonic() - begun_s >= STEADY_S:
                attempt, away_since_s = 0, time.monotonic()
            wait_s = BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)] * random.uniform(0.5, 1.0)  # noqa: S311
            attempt += 1
            is_long_away = time.monotonic() - away_since_s >= DOOR_AFTER_S
            if self._way is Way.HTTP or (self._way is Way.AUTO and is_long_away):
                self._visit(owner)
                wait_s = self._poll_s
            self._is_over.wait(wait_s)

    def _is_held(self, owner: Owner) -> bool:
        """Talk over MQTT as long as the connection lasts; False where there was none."""
        connection = Connection(self._login, lambda message: self._take_in(owner, message))
        try:
            if not connection.open():
                self._tell(f"offline: {connection.fault}")
                return False
            self._tell("online, by MQTT")
            self._greeted_door_s = None  # what is missed from now on, the door has to be asked for
            self._talk(owner, connection)
            return True
        except Exception:  # such as a disk that takes no number for the hello: without this thread nobody could stop it
            log.exception("The link failed.", extra={"action": "link_failed"})
            return False
        finally:
            connection.close(_FAREWELL_S)

    def _talk(self, owner: Owner, connection: Connection) -> None:
        last, said_s, hellos, hello_s = owner.health(), time.monotonic(), 0, time.monotonic()
        connection.publish(self._state, last.as_bytes(), is_retained=True)
        connection.publish(self._reports, owner.hello())
        self._sent.clear()
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
        if self._is_over.is_set():
            self._say_reports(owner, connection)  # also what was silenced by the end itself
            connection.publish(self._state, OFFLINE, is_retained=True).wait_for_publish(_FAREWELL_S)

    def _say_reports(self, owner: Owner, connection: Connection) -> None:
        """What is new at once; what nobody has acknowledged yet, oldest first, some at a time."""
        with self._news:
            new = list(self._new)
            self._new.clear()
        now_s = time.monotonic()
        waiting = dict(owner.unacknowledged())
        self._sent = {number: sent for number, sent in self._sent.items() if number in waiting}
        due = [number for number in waiting if number not in self._sent or self._sent[number].is_due(now_s)]
        unsaid = [number for number, _ in new if number in waiting and number not in self._sent]
        for number in dict.fromkeys([*due[:_AT_ONCE], *unsaid]):
            self._sent[number] = _Sent(now_s, connection.publish(self._reports, waiting[number]))

    def _visit(self, owner: Owner) -> None:
        """Leave at the door what there is to say, and take what lies there."""
        with self._news:
            self._new.clear()  # it is among what nobody has acknowledged
        now_s = time.monotonic()
        left_s, self._greeted_door_s = self._greeted_door_s, None
        says_hello = left_s is None or (not owner.is_greeted and now_s - left_s >= HELLO_AGAIN_S[-1])
        try:
            messages = [owner.hello()] if says_hello else []
            messages += [envelope for _, envelope in owner.unacknowledged()[: MAX_MESSAGES - 1]]
            answer = self._door.report(messages)
        except (BroadcasterError, OSError) as error:
            self._tell(f"offline: {error}")
            return
        except Exception:  # whatever it is, there is a next visit
            log.exception("A visit at the door failed.", extra={"action": "link_failed"})
            return
        self._greeted_door_s = now_s if says_hello else left_s
        self._tell("online, by the door")
        for envelope in (*([] if answer.ack is None else [answer.ack]), *answer.orders):
            owner.receive(envelope)

    def _take_in(self, owner: Owner, message: MQTTMessage) -> None:
        if message.topic == self._orders and not message.retain and len(message.payload) <= ORDER_LIMIT_BYTES:
            owner.receive(bytes(message.payload))

    def _tell(self, state: str) -> None:
        if state != self._told:
            self._told = state
            self._on_state(state)
            log.info("The link has changed.", extra={"action": "link", "state": state})


def login(identity: Identity, tls_ca: Path | None = None) -> Login:
    """How a loudspeaker signs in: it hears its orders alone, and its last will says that it is gone."""
    device, mqtt = identity.device, identity.mqtt
    return Login(
        mqtt.host, mqtt.port, device.user, identity.password, [device.topic(Part.ORDER)], mqtt.tls, tls_ca,
        KEEPALIVE_S, will=(device.topic(Part.STATE), OFFLINE),
    )  # fmt: skip


def _is_news(now: Health, before: Health) -> bool:
    """Whether more has changed than what is never quite the same."""
    as_before = replace(
        now, at=before.at, temperature_c=before.temperature_c, signal_dbm=before.signal_dbm,
        storage_free_mb=before.storage_free_mb, clock_offset_ms=before.clock_offset_ms,
    )  # fmt: skip
    return as_before != before
