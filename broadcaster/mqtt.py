"""One MQTT connection from its beginning to its end.

The client library would send what was unconfirmed again on its next connection; an order must not come so late. So
each connection has a client of its own, and what was under way goes with it.
"""

import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTMessageInfo, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from broadcaster.errors import BroadcasterError

log = logging.getLogger(__name__)

CONNECT_S = 5.0
_MOST_UNDER_WAY = 60_000


@dataclass(frozen=True, slots=True)
class Login:
    """Who connects to which broker, and as what. The user name is the client id too.

    `tls_ca` names certificates that the broker's must be signed by, where those of the computer do not do. A broker
    that is gone without a farewell is noticed within one and a half of `keepalive_s`. `will` is the topic and the
    message that the broker keeps and says for whoever is gone so.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    subscriptions: Sequence[str]
    is_tls: bool = False
    tls_ca: Path | None = None
    keepalive_s: int = 60
    will: tuple[str, bytes] | None = None
    is_clean: bool = True
    """Else a broker that can keeps what comes while it is away."""


class _Client(Client):
    """Its thread ends with a line in the log and a word to its owner, whatever it stumbles over."""

    on_loop_end: Callable[[], None] = staticmethod(lambda: None)

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        try:
            return super().loop_forever(timeout, retry_first_connection)
        except (
            Exception
        ):  # such as a packet that the library cannot read: the socket would stay open, with nobody there
            log.exception("A connection to the broker failed.", extra={"action": "mqtt_failed"})
            return MQTTErrorCode.MQTT_ERR_UNKNOWN
        finally:
            self.on_loop_end()


def client_of(login: Login) -> _Client:
    """A client of the library that has this login and no callbacks yet; it never connects again by itself."""
    client = _Client(
        CallbackAPIVersion.VERSION2, client_id=login.user, clean_session=login.is_clean, protocol=MQTTv311,
        reconnect_on_failure=False,
    )  # fmt: skip
    client.username_pw_set(login.user, login.password)
    if login.is_tls:
        cafile = None if login.tls_ca is None else str(login.tls_ca)
        client.tls_set_context(ssl.create_default_context(cafile=cafile))
    if login.will is not None:
        client.will_set(*login.will, qos=1, retain=True)
    client.connect_timeout = CONNECT_S
    client.max_inflight_messages_set(_MOST_UNDER_WAY)
    return client


class Connection:
    """`open` once, then `publish` while it `is_up`; `ended` is set when it is over, and `fault` says why."""

    def __init__(self, login: Login, on_message: Callable[[MQTTMessage], None]) -> None:
        self._login = login
        self._on_message = on_message
        self._client: Client | None = None
        self._settled = threading.Event()
        self.ended = threading.Event()
        self.was_up = False
        self.fault = BroadcasterError("the connection was closed")

    @property
    def is_up(self) -> bool:
        return self.was_up and not self.ended.is_set()

    def open(self) -> bool:
        """Whether it could be made: signed in, and listening."""
        try:
            client = self._client = self._made()
            client.connect(self._login.host, self._login.port, self._login.keepalive_s)
            client.loop_start()
        except (OSError, ValueError) as error:  # ValueError: an address that cannot be one
            self._end(BroadcasterError("it cannot be reached: {error}", error=error))
            return False
        if not self._settled.wait(CONNECT_S):
            self._end(BroadcasterError("it does not answer"))
        return self.is_up

    def publish(self, topic: str, payload: bytes, *, is_retained: bool = False) -> MQTTMessageInfo:
        client = self._client
        if client is not None:
            return client.publish(topic, payload, qos=1, retain=is_retained)
        info = MQTTMessageInfo(0)
        info.rc = MQTTErrorCode.MQTT_ERR_NO_CONN
        return info

    def close(self, patience_s: float) -> None:
        """Say goodbye, or hang up where that takes longer than `patience_s`; both is harmless when it is over."""
        client, self._client = self._client, None  # nobody holds it then, and it lets go of its sockets
        if client is None:
            self._end(self.fault)
            return
        client.disconnect()
        wire = client.socket()
        if isinstance(wire, socket.socket) and not self.ended.wait(patience_s):
            with contextlib.suppress(OSError):  # it has just gone
                wire.shutdown(socket.SHUT_RDWR)
        client.loop_stop()
        self._end(self.fault)

    def _made(self) -> Client:
        client = client_of(self._login)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        client.on_loop_end = lambda: self._end(self.fault)
        return client

    def _connected(self, client: Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if code.is_failure:
            self._end(BroadcasterError("it refuses the user {user}: {reason}", user=self._login.user, reason=code))
        elif client.subscribe([(topic, 1) for topic in self._login.subscriptions])[0] != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._end(self.fault)

    def _subscribed(self, _client: Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        if any(code.is_failure for code in codes):
            self._end(BroadcasterError("it does not let {user} listen", user=self._login.user))
            return
        self.was_up = True
        self._settled.set()

    def _disconnected(self, _client: Client, _data: Any, _flags: Any, _code: ReasonCode, _properties: Any) -> None:
        self._end(self.fault)

    def _message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        """One that cannot be taken in costs itself, and not the connection."""
        try:
            self._on_message(message)
        except Exception:
            log.exception("A message was not taken in.", extra={"action": "mqtt_failed", "topic": message.topic})

    def _end(self, fault: BroadcasterError) -> None:
        if not self.ended.is_set():
            self.fault = fault
            self.ended.set()
            self._settled.set()
