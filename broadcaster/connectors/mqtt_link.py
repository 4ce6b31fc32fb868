"""The server's own connection to its MQTT broker: one for the whole process, shared by every station of kind `mqtt`.

What is published is either confirmed by the broker (QoS 1) or an error; nothing waits here for a broker to come back,
because an order that nobody waits for any more must not go out hours later. The broker keeps what loudspeakers say
while this connection is down, if it can; where it cannot, they say it again until it is acknowledged.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from paho.mqtt.client import MQTT_ERR_SUCCESS, MQTTMessage, MQTTMessageInfo

from broadcaster.errors import BroadcasterError, DeliveryError
from broadcaster.mqtt import Connection, Login
from broadcaster.orders.health import LIMIT_BYTES
from broadcaster.orders.topics import Device, Part, everyone, parse

MOST_WAITING = 20_000
"""Messages that may wait to be taken in; what comes beyond is dropped, and its loudspeaker says it again."""
WINDOW = 5_000
"""Messages under way at once; their numbers are 16 bits."""
PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Between attempts to connect: a broker that is back is used within 10 s."""
LASTED_S = 10.0
"""A connection that lasted so long makes the next attempt a first one; else two that push each other out would race."""
KEEPALIVE_S = 15
_LOOK_S = 0.05
_FAREWELL_S = 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is, and who the server is to it. `tls_ca`: certificates that its own must be signed by (PEM);
    None is no TLS."""

    host: str
    port: int
    tls_ca: Path | None
    user: str
    password: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a loudspeaker has said, unverified. `retained`: the broker has kept it since an unknown time."""

    device: Device
    part: Part
    payload: bytes
    retained: bool


class Link:
    """Connects at once and for ever again, in a thread of its own. Safe to use from any thread."""

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address
        self._fault = BroadcasterError("the connection is only being made")
        self._connection: Connection | None = None
        self._generation = 0
        self._waiting: deque[Incoming] = deque()
        self._dropped = 0
        self._closing = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._keep_connected, name="mqtt-link", daemon=True)
        self._thread.start()

    @property
    def address(self) -> BrokerAddress:
        return self._address

    @property
    def generation(self) -> int:
        """How often this link has been connected: whoever sees it grow knows that messages may have been missed."""
        return self._generation

    @property
    def fault(self) -> BroadcasterError | None:
        """Why there is no connection; None while there is one."""
        if self.is_connected():
            return None
        return BroadcasterError(
            "There is no connection to the MQTT broker {broker}: {reason}", broker=self._address, reason=self._fault
        )

    def is_connected(self) -> bool:
        connection = self._connection
        return connection is not None and connection.is_up

    def wait(self, timeout_s: float, after: int = 0) -> bool:
        """Wait until it is connected, and has been more than `after` times; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._generation > after and self.is_connected(), timeout_s)

    def publish(self, topic: str, payload: bytes, timeout_s: float) -> None:
        """Returns once the broker has the message. Raises DeliveryError, which always may pass."""
        (error,) = self.publish_all([(topic, payload)], timeout_s)
        if error is not None:
            raise error

    def publish_all(self, items: Sequence[tuple[str, bytes]], timeout_s: float) -> list[DeliveryError | None]:
        """Publish (topic, payload) each, all under way before the first is waited for; what went wrong with each.

        A message whose confirmation is late, or lost with the connection, may still have reached its loudspeakers.
        """
        deadline_s = time.monotonic() + timeout_s
        connection = self._connection
        if connection is None or not connection.is_up:
            return [self._unconnected() for _ in items]
        errors: list[DeliveryError | None] = []
        for batch in _batches(items, WINDOW):
            sent = [connection.publish(topic, payload) for topic, payload in batch]
            errors += [self._confirmed(connection, info, deadline_s, timeout_s) for info in sent]
        return errors

    def wait_for_news(self, timeout_s: float, after: int) -> bool:
        """Wait until something has come in, or it has been connected more than `after` times; whether it was so."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._waiting) or self._generation > after, timeout_s)

    def incoming(self) -> list[Incoming]:
        """What has come in since the last call, in its order."""
        count = len(self._waiting)
        found = [self._waiting.popleft() for _ in range(count)]
        dropped, self._dropped = self._dropped, 0
        if dropped:
            log.warning("Messages of loudspeakers were dropped.", extra={"action": "mqtt_dropped", "count": dropped})
        return found

    def close(self) -> None:
        """Say goodbye to the broker; nothing can be published any more."""
        self._closing.set()
        connection = self._connection
        if connection is not None:
            connection.close(_FAREWELL_S)
        if threading.current_thread() is not self._thread:
            self._thread.join(_FAREWELL_S)  # it may be in the middle of looking a name up; then it ends by itself

    @property
    def _login(self) -> Login:
        address = self._address
        return Login(
            address.host, address.port, address.user, address.password, [everyone(Part.REPORT), everyone(Part.STATE)],
            is_tls=address.tls_ca is not None, tls_ca=address.tls_ca, keepalive_s=KEEPALIVE_S, is_clean=False,
        )  # fmt: skip

    def _keep_connected(self) -> None:
        attempt = 0
        while not self._closing.is_set():
            began_s = time.monotonic()
            connection = self._connection = Connection(self._login, self._take_in)
            if connection.open() and not self._closing.is_set():
                self._came_up()
                connection.ended.wait()
            self._went_down(connection)
            attempt = 0 if time.monotonic() - began_s >= LASTED_S else attempt + 1
            self._closing.wait(PAUSES_S[min(attempt, len(PAUSES_S) - 1)])

    def _came_up(self) -> None:
        with self._changed:
            self._generation += 1
            self._changed.notify_all()
        log.info("The MQTT broker is connected.", extra={"action": "mqtt_connected", "broker": str(self._address)})

    def _went_down(self, connection: Connection) -> None:
        connection.close(_FAREWELL_S)
        before, self._fault = self._fault, connection.fault
        if self._closing.is_set() or (str(before), connection.was_up) == (str(self._fault), False):
            return  # the same trouble at every attempt is told once
        extra = {"action": "mqtt_unconnected", "broker": str(self._address), "reason": str(self._fault)}
        log.warning("There is no connection to the MQTT broker.", extra=extra)

    def _take_in(self, message: MQTTMessage) -> None:
        found = parse(message.topic)
        if found is None or found[1] is Part.ORDER or len(message.payload) > LIMIT_BYTES:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._dropped += 1
            return
        self._waiting.append(Incoming(*found, bytes(message.payload), bool(message.retain)))
        with self._changed:
            self._changed.notify_all()

    def _confirmed(
        self, connection: Connection, info: MQTTMessageInfo, deadline_s: float, timeout_s: float
    ) -> DeliveryError | None:
        """Wait for the broker's confirmation, but no longer than the connection lasts."""
        if info.rc != MQTT_ERR_SUCCESS:
            return self._unconnected()
        while not info.is_published():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return DeliveryError(
                    "The MQTT broker {broker} has not confirmed a message within {seconds} s.",
                    is_permanent=False, broker=self._address, seconds=timeout_s,
                )  # fmt: skip
            if not connection.is_up:
                return self._unconnected()
            info.wait_for_publish(min(left_s, _LOOK_S))
        return None

    def _unconnected(self) -> DeliveryError:
        return DeliveryError(
            "There is no connection to the MQTT broker {broker}: {reason}",
            is_permanent=False, broker=self._address, reason=self._fault,
        )  # fmt: skip


_shared: Link | None = None
_sharing = threading.Lock()


def use(address: BrokerAddress) -> Link:
    """Connect this whole process to a broker, in place of the one before; connectors find it through `link`."""
    global _shared  # stations are made from their configuration alone, which holds no credentials
    with _sharing:
        if _shared is not None and _shared.address == address:
            return _shared
        before, _shared = _shared, Link(address)
        found = _shared
    if before is not None:
        before.close()
    return found


def link() -> Link | None:
    """The connection of this process; None where it was given no broker."""
    return _shared


def close() -> None:
    """Let go of the connection of this process."""
    global _shared
    with _sharing:
        before, _shared = _shared, None
    if before is not None:
        before.close()


def _batches(items: Sequence[tuple[str, bytes]], size: int) -> Iterator[list[tuple[str, bytes]]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
