"""A server as one loudspeaker sees it, small and on real sockets: a broker that speaks just enough MQTT, and a door."""

import base64
import contextlib
import json
import socket
import struct
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broadcaster import files
from broadcaster.domain.place import Mode
from broadcaster.orders import device as devices
from broadcaster.orders import strict_json
from broadcaster.orders.device import Ack, DeviceKey, Hello, PlayReport, sign_ack
from broadcaster.orders.keydocument import KeyDocument
from broadcaster.orders.keys import Purpose, new_key
from broadcaster.orders.payload import Audio, Payload
from broadcaster.orders.topics import Device, Part
from broadcaster.player import identity as identities
from broadcaster.player.identity import Identity, MqttAddress
from tests.fakes.listening import HttpListening, SocketListening
from tests.orders.cast import ZONE, play, signed

DEVICE = Device("kep", "kep-01")
_CONNECT, _PUBLISH, _SUBSCRIBE, _PING = 1, 3, 8, 12


class Vice(StrEnum):
    NONE = "none"
    DROPS = "drops"
    """Lets everybody in and hangs up at once."""
    DEAF = "deaf"
    """Takes every message, and acknowledges none."""
    AWAY = "away"
    """Hangs up before anything was said."""


class Broker(SocketListening):
    """`came_s`: when each connection was made, monotonic."""

    def __init__(self, head_end: "HeadEnd") -> None:
        self._head_end = head_end
        self._guard = threading.Lock()
        self._open: list[socket.socket] = []
        self.came_s: list[float] = []
        super().__init__()

    def serve(self, connection: Any) -> None:
        self.came_s.append(time.monotonic())
        self._open.append(connection)
        with contextlib.suppress(OSError, EOFError):
            while self._head_end.vice is not Vice.AWAY and self._answer(connection, *_packet(connection)):
                pass
        self._open.remove(connection)

    def publish(self, topic: str, payload: bytes) -> None:
        """To whoever is connected."""
        body = _text(topic.encode()) + struct.pack("!H", 1) + payload
        self.send_raw(bytes([0x32]) + _length(len(body)) + body)

    def send_raw(self, data: bytes) -> None:
        with self._guard:
            for connection in self._open:
                connection.sendall(data)

    def hang_up(self) -> None:
        """On whoever is connected."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.hang_up()
        super().close()

    def _answer(self, connection: socket.socket, kind: int, body: bytes) -> bool:
        if kind == _CONNECT:
            self._send(connection, b"\x20\x02\x00\x00")
        elif kind == _SUBSCRIBE:
            self._send(connection, b"\x90\x03" + body[:2] + b"\x01")
            return self._head_end.vice is not Vice.DROPS
        elif kind == _PING:
            self._send(connection, b"\xd0\x00")
        elif kind == _PUBLISH:
            size = struct.unpack("!H", body[:2])[0]
            topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
            self._send(connection, b"\x40\x02" + rest[:2])
            if topic == DEVICE.topic(Part.REPORT):
                self._head_end.heard_over_mqtt(rest[2:])
        return True

    def _send(self, connection: socket.socket, data: bytes) -> None:
        with self._guard:
            connection.sendall(data)


class Door(HttpListening):
    def __init__(self, head_end: "HeadEnd") -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                clip = head_end.clips.get(self.path.rsplit("/", 1)[-1])
                self._give(404 if clip is None else 200, clip or b"")

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = head_end.heard_at_the_door([base64.b64decode(text) for text in body["messages"]])
                self._give(200, json.dumps(answer).encode())

            def _give(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Silent."""

        super().__init__(Handler)


class HeadEnd:
    """`heard` is what the loudspeaker has said, `visits` the same at the door, by visit; `missed` waits for a hello."""

    def __init__(self, vice: Vice = Vice.NONE) -> None:
        now = datetime.now(UTC) - timedelta(minutes=1)
        self.vice = vice
        self.heard: list[Hello | PlayReport] = []
        self.visits: list[list[Hello | PlayReport]] = []
        self.missed: list[bytes] = []
        self.clips: dict[str, bytes] = {}
        self._order_key, stop_key = new_key(Purpose.ORDER, "kep", now), new_key(Purpose.STOP, "kep", now)
        document = KeyDocument("kep", 1, strict_json.whole(now), (self._order_key.public, stop_key.public))
        self._keys = document.signed(self._order_key)
        self._device_key = DeviceKey(Ed25519PrivateKey.generate())
        self._unacknowledged: list[int] = []
        self.broker, self.door = Broker(self), Door(self)

    def enrol(self, folder: Path, settings: str = "") -> None:
        """Make the folder of its loudspeaker."""
        address = MqttAddress("127.0.0.1", self.broker.port, tls=False)
        identity = Identity(
            door=self.door.address, device=DEVICE, station="kep-loa", mode=Mode.TEST, zone=ZONE, quiet_hours=(),
            held=timedelta(hours=24), password="secret", mqtt=address, key=self._device_key,
        )  # fmt: skip
        identities.save(folder, identity, self._keys)
        files.write(folder / "player.yaml", f"sink: none\n{settings}".encode())

    def play_now(self, clip: Path, seq: int = 1) -> bytes:
        """The envelope of an order to play this at once; the door has the clip."""
        now, name = strict_json.whole(datetime.now(UTC)), files.sha256(clip)
        self.clips[name] = clip.read_bytes()
        audio = Audio(name, clip.stat().st_size, "audio/wav", f"{self.door.address}/clips/{name}")
        order = play(seq=seq, nbf=now, start=now, exp=now + timedelta(minutes=10), max_s=600, mode=Mode.TEST)
        return self.signed(replace(order, audio=audio))

    def signed(self, order: Payload) -> bytes:
        return signed(order, self._order_key)

    def order(self, envelope: bytes) -> None:
        self.broker.publish(DEVICE.topic(Part.ORDER), envelope)

    def states(self) -> list[str]:
        """What was reported, in order, each time that it came."""
        return [f"{said.state}:{said.code}".rstrip(":") for said in self.heard if isinstance(said, PlayReport)]

    def heard_over_mqtt(self, envelope: bytes) -> None:
        said = self._read(envelope)
        self.heard.append(said)
        if self.vice is not Vice.DEAF:
            self.order(self._ack([said.seq]))
            for each in self.missed if isinstance(said, Hello) else []:
                self.order(each)

    def heard_at_the_door(self, envelopes: list[bytes]) -> dict[str, Any]:
        """An acknowledgement comes with the next visit, as the worker needs its time."""
        said = [self._read(envelope) for envelope in envelopes]
        before, self._unacknowledged = self._unacknowledged, [each.seq for each in said]
        self.visits.append(said)
        self.heard += said
        orders = self.missed if any(isinstance(each, Hello) for each in said) else []
        ack = base64.b64encode(self._ack(before)).decode() if before else None
        return {"v": 1, "ack": ack, "orders": [base64.b64encode(each).decode() for each in orders]}

    def close(self) -> None:
        self.broker.close()
        self.door.close()

    def _ack(self, seqs: list[int]) -> bytes:
        ack = Ack(DEVICE, tuple(seqs), strict_json.whole(datetime.now(UTC)), 1)
        return sign_ack(ack, self._order_key)

    def _read(self, envelope: bytes) -> Hello | PlayReport:
        return devices.read_message(envelope, DEVICE, devices.public_key(self._device_key.text))


def _packet(connection: socket.socket) -> tuple[int, bytes]:
    """The kind and the body of the next one. Raises EOFError at the end."""
    kind, size, shift = _exactly(connection, 1)[0] >> 4, 0, 0
    while True:
        byte = _exactly(connection, 1)[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return kind, _exactly(connection, size)


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = connection.recv(count - len(found))
        if not more:
            raise EOFError
        found += more
    return found


def _text(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data


def _length(count: int) -> bytes:
    found = b""
    while True:
        count, low = divmod(count, 128)
        found += bytes([low | (0x80 if count else 0)])
        if not count:
            return found
