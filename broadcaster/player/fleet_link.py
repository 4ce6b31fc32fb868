"""The MQTT connections of many virtual loudspeakers, all in one thread: a thousand threads would wait for each other.

The client library is driven by hand: its `loop_read` and `loop_write` when a socket is ready, `loop_misc` every few
seconds. Nothing of a client is touched in any other thread.
"""

import contextlib
import heapq
import itertools
import logging
import random
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from broadcaster.mqtt import client_of
from broadcaster.orders.envelope import ORDER_LIMIT_BYTES
from broadcaster.orders.topics import KEEPALIVE_S, Part
from broadcaster.player.identity import Identity
from broadcaster.player.link import LASTED_S, login_of

Act = Callable[[], None]

PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Between attempts to connect, each taken between half and one and a half times."""
_CONNECT_S = 2.0
_MISC_EVERY_S = 5.0
_AT_ONCE = 20
_LONGEST_WAIT_S = 1.0
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

log = logging.getLogger(__name__)


class Loop:
    """One thread that serves connections and does what others ask it to. `soon` and `later` are safe from any."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._connections: list[Connection] = []
        self._soon: deque[Act] = deque()
        self._later: list[tuple[float, int, Act]] = []
        self._numbers = itertools.count()
        self._ear, self._mouth = socket.socketpair()
        self._ear.setblocking(False)
        self._mouth.setblocking(False)
        self._selector.register(self._ear, _READ)
        self._patient_until_s = 0.0
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="fleet-link", daemon=True)
        self._thread.start()

    def soon(self, act: Act) -> None:
        self._soon.append(act)
        if threading.current_thread() is not self._thread:
            with contextlib.suppress(BlockingIOError):  # it has been woken often enough
                self._mouth.send(b"\0")

    def later(self, delay_s: float, act: Act) -> None:
        if delay_s <= 0:
            self.soon(act)
        else:
            self.soon(partial(self._put_off, time.monotonic() + delay_s, act))

    def close(self) -> None:
        """Hang up everything, without a farewell."""
        self._is_closed = True
        self.soon(lambda: None)
        self._thread.join()
        for connection in self._connections:
            connection.drop()
        self._selector.close()
        self._ear.close()
        self._mouth.close()

    def add(self, connection: "Connection") -> None:
        self._connections.append(connection)

    def watch(self, wire: socket.socket, connection: "Connection") -> None:
        self._selector.register(wire, _READ, connection)

    def expect(self, wire: socket.socket, connection: "Connection", *, can_write: bool) -> None:
        self._selector.modify(wire, _READ | _WRITE if can_write else _READ, connection)

    def forget(self, wire: socket.socket) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(wire)

    def _put_off(self, due_s: float, act: Act) -> None:
        heapq.heappush(self._later, (due_s, next(self._numbers), act))

    def _run(self) -> None:
        self._put_off(time.monotonic() + _MISC_EVERY_S, self._look_after_all)
        while not self._is_closed:
            is_news = False
            for key, _ in self._selector.select(self._patience_s()):
                if key.data is None:
                    self._ear.recv(4096)
                else:
                    is_news = True
                    _try(key.data.serve)
            self._do_what_waits(is_news)

    def _do_what_waits(self, is_news: bool) -> None:
        """What comes in goes before what goes out: no stop waits for the reports of a thousand others."""
        now_s = time.monotonic()
        if is_news and now_s < self._patient_until_s:
            return
        self._patient_until_s = now_s + _LONGEST_WAIT_S
        for _ in range(min(_AT_ONCE, len(self._soon))):
            _try(self._soon.popleft())
        while self._later and self._later[0][0] <= time.monotonic():
            _try(heapq.heappop(self._later)[2])

    def _patience_s(self) -> float | None:
        if self._soon:
            return 0.0
        return max(0.0, self._later[0][0] - time.monotonic()) if self._later else None

    def _look_after_all(self) -> None:
        for connection in self._connections:
            _try(connection.look_after)
        self._put_off(time.monotonic() + _MISC_EVERY_S, self._look_after_all)


class Connection:
    """A loudspeaker's connection, made again for as long as it is wanted.

    `on_up` is called in the loop's thread when it is signed in and hears its orders, `on_down` when that is over.
    """

    def __init__(
        self, loop: Loop, identity: Identity, on_order: Callable[[bytes], None], on_up: Act, on_down: Act
    ) -> None:
        self._loop = loop
        self._identity = identity
        self._on_order = on_order
        self._on_up = on_up
        self._on_down = on_down
        self._client: Client | None = None
        self._is_wanted = False
        self._wants_write = False
        self._attempt = 0
        self._up_since_s = 0.0
        self.is_up = False
        loop.add(self)

    def connect(self) -> None:
        self._loop.soon(self._want)

    def hang_up(self) -> None:
        """Be gone without a farewell, so that the broker says it."""
        self._loop.soon(self.drop)

    def publish(self, part: Part, payload: bytes, *, delay_s: float = 0.0) -> None:
        """Dropped where there is no connection then: a loudspeaker says again what nobody acknowledges."""
        self._loop.later(delay_s, partial(self._publish, part, payload))

    def drop(self) -> None:
        self._is_wanted = False
        wire = None if self._client is None else self._client.socket()
        if isinstance(wire, socket.socket) and self._client is not None:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
            self._client.loop_read()  # notices it, and lets go of the socket

    def serve(self) -> None:
        """Its socket is ready."""
        client = self._client
        if client is None:
            return
        try:
            self._read(client)
        except Exception:  # the library would read the same packet again and again
            log.exception("A connection of the fleet failed.", extra={"action": "fleet_failed"})
            self._break(client)

    def _read(self, client: Client) -> None:
        client.loop_read()
        while isinstance(wire := client.socket(), ssl.SSLSocket) and wire.pending():
            client.loop_read()
        self._flush(client)

    def look_after(self) -> None:
        """Keep it alive, and notice that it is not."""
        if self._client is not None:
            self._client.loop_misc()
        if self._client is not None:
            self._flush(self._client)

    def _want(self) -> None:
        self._is_wanted = True
        self._attempt = 0
        self._open()

    def _open(self) -> None:
        if not self._is_wanted or self._client is not None:
            return
        address = self._identity.mqtt
        client = self._client = self._made()
        try:
            client.connect(address.host, address.port, KEEPALIVE_S)
            self._flush(client)
        except (OSError, ValueError) as error:
            log.info("The broker cannot be reached.", extra={"action": "fleet_unconnected", "reason": str(error)})
            self._ended()
        except Exception:  # whatever it is, it is tried again
            log.exception("A connection of the fleet failed.", extra={"action": "fleet_failed"})
            self._ended()

    def _made(self) -> Client:
        client = client_of(login_of(self._identity))
        client.connect_timeout = _CONNECT_S
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_message = self._message
        client.on_disconnect = lambda *_: self._ended()
        client.on_socket_open = self._opened
        client.on_socket_close = self._closed
        return client

    def _opened(self, _client: Client, _data: Any, wire: Any) -> None:
        self._loop.watch(wire, self)

    def _closed(self, _client: Client, _data: Any, wire: Any) -> None:
        self._loop.forget(wire)

    def _connected(self, client: Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if code.is_failure:
            extra = {"action": "fleet_refused", "loudspeaker": self._identity.device.user, "reason": str(code)}
            log.warning("The broker refuses a loudspeaker.", extra=extra)
        else:
            client.subscribe(self._identity.device.topic(Part.ORDER), 1)

    def _subscribed(self, _client: Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        if not any(code.is_failure for code in codes):
            self.is_up, self._up_since_s = True, time.monotonic()
            self._on_up()

    def _message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        if len(message.payload) <= ORDER_LIMIT_BYTES + 1:  # one more byte than allowed is told, more is not even held
            try:
                self._on_order(bytes(message.payload))
            except Exception:  # it costs itself, and not the connection
                log.exception("A message was not taken in.", extra={"action": "fleet_failed"})

    def _publish(self, part: Part, payload: bytes) -> None:
        client = self._client
        if client is not None and self.is_up:
            client.publish(self._identity.device.topic(part), payload, qos=1, retain=part is Part.STATE)
            self._flush(client)

    def _flush(self, client: Client) -> None:
        """Write what can be written now, and be called again for the rest."""
        if client.want_write():
            client.loop_write()
        wire = client.socket()
        if isinstance(wire, socket.socket) and client.want_write() is not self._wants_write:
            self._wants_write = client.want_write()
            self._loop.expect(wire, self, can_write=self._wants_write)

    def _break(self, client: Client) -> None:
        """Hang up without the library, which would stumble once more."""
        wire = client.socket()
        if isinstance(wire, socket.socket):
            self._loop.forget(wire)
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        self._ended()

    def _ended(self) -> None:
        if self._client is None:
            return
        self._client = None
        was_up, self.is_up, self._wants_write = self.is_up, False, False
        if was_up:
            if time.monotonic() - self._up_since_s >= LASTED_S:  # else a broker that drops us would be hammered
                self._attempt = 0
            self._on_down()
        if self._is_wanted:
            pause_s = PAUSES_S[min(self._attempt, len(PAUSES_S) - 1)] * random.uniform(0.5, 1.5)  # noqa: S311
            self._attempt += 1
            self._loop.later(pause_s, self._open)


def _try(act: Act) -> None:
    """Whatever is wrong with one connection, the others go on."""
    try:
        act()
    except Exception:
        log.exception("A connection of the fleet failed.", extra={"action": "fleet_failed"})
