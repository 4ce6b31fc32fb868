"""Anyone who speaks MQTT with a broker on loopback, whoever they say they are."""

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Heard:
    topic: str
    payload: bytes
    retained: bool = False


@dataclass(frozen=True)
class Will:
    topic: str
    payload: bytes = b'{"online": false}'
    retained: bool = True


class MqttClient:
    """Connected when made, if the broker lets it: `is_in`. Everything it asks for waits for the broker's answer."""

    def __init__(
        self,
        port: int,
        user: str | None,
        password: str | None,
        *,
        will: Will | None = None,
        client_id: str = "",
        keepalive_s: int = 60,
        clean: bool = True,
    ) -> None:
        self.heard: list[Heard] = []
        self.is_in = False
        self._news = threading.Condition()
        self._is_settled = self._is_out = False
        self._granted: dict[int, bool] = {}
        client = self._client = Client(
            CallbackAPIVersion.VERSION2, client_id, clean, protocol=MQTTv311, reconnect_on_failure=False
        )
        if user is not None:
            client.username_pw_set(user, password)
        if will is not None:
            client.will_set(will.topic, will.payload, 1, will.retained)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._subscribed
        client.on_message = self._message
        client.connect("127.0.0.1", port, keepalive_s)
        client.loop_start()
        self._until(lambda: self._is_settled)

    @property
    def is_out(self) -> bool:
        return self._is_out

    def subscribe(self, topic: str) -> bool:
        """Whether the broker says that it granted it; Mosquitto always does, and sends nothing then."""
        mid = self._client.subscribe(topic, 1)[1]
        if mid is None:
            return False
        self._until(lambda: mid in self._granted or self._is_out)
        return self._granted.get(mid, False)

    def publish(self, topic: str, payload: bytes, *, retained: bool = False) -> bool:
        """Whether the broker has confirmed it; that does not tell whether it was passed on."""
        info = self._client.publish(topic, payload, 1, retained)
        self._until(lambda: info.is_published() or self._is_out)
        return info.is_published()

    def wait_for(self, payload: bytes) -> list[Heard]:
        """All that was heard until this came."""
        self._until(lambda: any(found.payload == payload for found in self.heard))
        return list(self.heard)

    def wait_until_out(self) -> None:
        self._until(lambda: self._is_out)

    def hang_up(self) -> None:
        """Be gone without a farewell, as after a power cut that the network notices."""
        wire = self._client.socket()
        if isinstance(wire, socket.socket):
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        self.close()

    def close(self) -> None:
        self._client.disconnect()
        self._until(lambda: self._is_out)
        self._client.loop_stop()
        self._client = Client(CallbackAPIVersion.VERSION2)  # nobody holds the other, and it lets go of its sockets

    def _until(self, is_so: Callable[[], bool]) -> None:
        with self._news:
            for _ in range(int(_PATIENCE_S / 0.01)):
                if is_so():
                    return
                self._news.wait(0.01)
        raise AssertionError("It never was so.")

    def _tell(self) -> None:
        with self._news:
            self._news.notify_all()

    def _connected(self, _client: Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        self.is_in, self._is_settled = not code.is_failure, True
        self._tell()

    def _disconnected(self, *_: Any) -> None:
        self._is_settled = self._is_out = True
        self._tell()

    def _subscribed(self, _client: Client, _data: Any, mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        self._granted[mid] = not any(code.is_failure for code in codes)
        self._tell()

    def _message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.heard.append(Heard(message.topic, bytes(message.payload), bool(message.retain)))
        self._tell()
