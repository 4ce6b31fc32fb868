"""The server's one connection to its broker. It comes back by itself; what cannot be sent meanwhile is said at once."""

import logging
import ssl
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from broadcaster.errors import BroadcasterError, DeliveryError
from broadcaster.orders import topics
from broadcaster.orders.topics import KEEPALIVE_S, Device, Part

log = logging.getLogger(__name__)

SERVER = "server"
"""The name under which the server logs in."""
MOST_WAITING = 10_000
"""Messages of loudspeakers that nobody has fetched yet. What comes beyond is dropped: they send it again."""

_SLOWEST_RETURN_S = 30
_AT_ONCE = 1000
"""Messages on their way to the broker; it may drop what is more than it holds for one connection."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """`tls_ca` is a PEM file; None: no TLS."""

    host: str
    port: int
    password: str
    tls_ca: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """Something for one loudspeaker."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Incoming:
    """Something that a loudspeaker, or the broker in its place, has said."""

    device: Device
    part: Part
    payload: bytes


class Link:
    """Safe from any thread. `connections` counts how often it was connected: what was retained is told with each."""

    def __init__(self, address: BrokerAddress) -> None:
        self.address = address
        self.connections = 0
        self._incoming: deque[Incoming] = deque()
        self._is_connected = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=SERVER, protocol=paho.MQTTv311)
        self._client.username_pw_set(SERVER, address.password)
        if address.tls_ca is not None:
            self._client.tls_set(address.tls_ca, tls_version=ssl.PROTOCOL_TLS_CLIENT)
        self._client.reconnect_delay_set(1, _SLOWEST_RETURN_S)
        self._client.max_inflight_messages_set(_AT_ONCE)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._message
        self._client.connect_async(address.host, address.port, KEEPALIVE_S)
        self._client.loop_start()

    @property
    def is_connected(self) -> bool:
        return self._is_connected.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Whether it is connected, at the latest after this time."""
        return self._is_connected.wait(timeout_s)

    def publish_all(self, messages: Sequence[Message], timeout_s: float = 10.0) -> None:
        """Give messages to the broker and return once it has all of them. Raises DeliveryError."""
        if not self.is_connected:
            raise _absent(self.address)
        deadline = monotonic() + timeout_s
        sent = [self._client.publish(message.topic, message.payload, qos=1) for message in messages]
        for info in sent:
            if info.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise _absent(self.address)
            try:
                info.wait_for_publish(max(0.001, deadline - monotonic()))
            except RuntimeError as error:
                raise _absent(self.address) from error
            if not info.is_published():
                raise DeliveryError(
                    "The broker {broker} did not take an order in time.", is_permanent=False, broker=self.address.host
                )

    def say(self, message: Message) -> None:
        """Give a message to the broker and wait for nothing; whoever misses it asks again."""
        if self.is_connected:
            self._client.publish(message.topic, message.payload, qos=1)

    def incoming(self) -> list[Incoming]:
        """What has come in since this was last asked."""
        found = []
        while self._incoming:
            found.append(self._incoming.popleft())
        return found

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._is_connected.clear()

    def _connected(
        self, client: paho.Client, _: object, __: paho.ConnectFlags, reason: ReasonCode, ___: Properties | None
    ) -> None:
        if reason.is_failure:
            extra = {"action": "broker_refused", "broker": self.address.host, "reason": str(reason)}
            log.error("The broker refused the server.", extra=extra)
            return
        client.subscribe([(topics.everyone(Part.REPORT), 1), (topics.everyone(Part.STATE), 1)])
        self.connections += 1
        self._is_connected.set()

    def _disconnected(
        self, _: paho.Client, __: object, ___: paho.DisconnectFlags, reason: ReasonCode, ____: Properties | None
    ) -> None:
        if self._is_connected.is_set():
            log.warning("The broker is away: %s.", reason, extra={"action": "broker_lost", "reason": str(reason)})
        self._is_connected.clear()

    def _message(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        whose = topics.parse(message.topic)
        if whose is None:
            return
        if len(self._incoming) >= MOST_WAITING:
            log.error("Too many messages wait; one was dropped.", extra={"action": "incoming_full"})
            return
        device, part = whose
        self._incoming.append(Incoming(device, part, bytes(message.payload)))


def use(address: BrokerAddress | None) -> None:
    """Keep this process connected to a broker; None: to none any more."""
    global _link  # noqa: PLW0603 - one connection for all stations of a process
    with _guard:
        if _link is not None:
            _link.close()
        _link = None if address is None else Link(address)


def link() -> Link:
    """The connection of this process. Raises BroadcasterError where it was not made."""
    with _guard:
        if _link is None:
            raise BroadcasterError("This process is not connected to a broker; the worker is.")
        return _link


_link: Link | None = None
_guard = threading.Lock()


def _absent(address: BrokerAddress) -> DeliveryError:
    return DeliveryError("The broker {broker} cannot be reached.", is_permanent=False, broker=address.host)
