"""One MQTT connection from its beginning to its end.

The client library would send what was unconfirmed again on its next connection; an order must not come so late. So
each connection has a client of its own, and what was under way goes with it.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTMessageInfo, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from broadcaster.errors import BroadcasterError
from broadcaster.orders.topics import Part, everyone

CONNECT_S = 5.0
KEEPALIVE_S = 15
"""A broker that is gone without a farewell is noticed within one and a half of this."""
_SUBSCRIPTIONS = [(everyone(Part.REPORT), 1), (everyone(Part.STATE), 1)]
_MOST_UNDER_WAY = 60_000


class Connection:
    """`open` once, then `publish` while it `is_up`; `ended` is set when it is over, and `fault` says why."""

    def __init__(
        self,
        host: str,
        port: int,
        tls_ca: Path | None,
        user: str,
        password: str,
        on_message: Callable[[MQTTMessage], None],
    ) -> None:
        self._host, self._port, self._tls_ca = host, port, tls_ca
        self._user, self._password = user, password
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
        """Whether it could be made: signed in, and listening to all loudspeakers."""
        try:
            client = self._client = self._made()
            client.connect(self._host, self._port, KEEPALIVE_S)
            client.loop_start()
        except (OSError, ValueError) as error:  # ValueError: an address that cannot be one
            self._end(BroadcasterError("it cannot be reached: {error}", error=error))
            return False
        if not self._settled.wait(CONNECT_S):
            self._end(BroadcasterError("it does not answer"))
        return self.is_up

    def publish(self, topic: str, payload: bytes) -> MQTTMessageInfo:
        client = self._client
        if client is not None:
            return client.publish(topic, payload, qos=1)
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
        # Not a clean session: a broker that can keeps what loudspeakers say while nobody listens.
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=self._user, clean_session=False, protocol=MQTTv311,
            reconnect_on_failure=False,
        )  # fmt: skip
        client.username_pw_set(self._user, self._password)
        if self._tls_ca is not None:
            client.tls_set_context(ssl.create_default_context(cafile=str(self._tls_ca)))
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(_MOST_UNDER_WAY)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        client.on_message = lambda _client, _data, message: self._on_message(message)
        return client

    def _connected(self, client: Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if code.is_failure:
            self._end(BroadcasterError("it refuses the user {user}: {reason}", user=self._user, reason=code))
        elif client.subscribe(_SUBSCRIPTIONS)[0] != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._end(self.fault)

    def _subscribed(self, _client: Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        if any(code.is_failure for code in codes):
            self._end(BroadcasterError("it does not let {user} listen to loudspeakers", user=self._user))
            return
        self.was_up = True
        self._settled.set()

    def _disconnected(self, _client: Client, _data: Any, _flags: Any, _code: ReasonCode, _properties: Any) -> None:
        self._end(self.fault)

    def _end(self, fault: BroadcasterError) -> None:
        if not self.ended.is_set():
            self.fault = fault
            self.ended.set()
            self._settled.set()
