"""MQTT 3.1.1 packets as they come from whoever connects: whole, short and well-formed, or not at all.

Everything is checked before the broker behind sees a byte of it. Source: MQTT 3.1.1 (OASIS), chapters 2 and 3.
"""

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 8, 10, 12, 14

_EMPTY = {PINGREQ, DISCONNECT}
_FLAGS = {SUBSCRIBE: 2, UNSUBSCRIBE: 2}
_MOST_TOPICS = 8
_USER, _PASSWORD, _WILL_RETAIN, _WILL_QOS, _WILL, _CLEAN, _RESERVED = 0x80, 0x40, 0x20, 0x18, 0x04, 0x02, 0x01


class PacketError(Exception):
    """What came is no packet that is taken here."""


@dataclass(frozen=True, slots=True)
class Packet:
    kind: int
    flags: int
    body: bytes

    def as_bytes(self) -> bytes:
        length, head = len(self.body), bytearray([self.kind << 4 | self.flags])
        while True:
            length, rest = divmod(length, 128)
            head.append(rest | (0x80 if length else 0))
            if not length:
                return bytes(head) + self.body


@dataclass(frozen=True, slots=True)
class Will:
    topic: str
    message: bytes
    qos: int
    is_retained: bool


@dataclass(frozen=True, slots=True)
class Connect:
    """`level` is 4 for MQTT 3.1.1; of any other nothing else is read. The password is never shown."""

    level: int
    keepalive_s: int = 0
    user: str = ""
    password: str = ""
    will: Will | None = None

    def __repr__(self) -> str:
        return f"Connect({self.user!r})"


async def read(stream: asyncio.StreamReader, most_bytes: int) -> Packet:
    """The next packet. Raises PacketError for one that is too long, IncompleteReadError at the end."""
    (first,) = await stream.readexactly(1)
    length, shift = 0, 0
    while True:
        (found,) = await stream.readexactly(1)
        length |= (found & 0x7F) << shift
        if not found & 0x80:
            break
        shift += 7
        if shift > 21:
            raise PacketError("the length has no end")
    if length > most_bytes:
        raise PacketError(f"it has {length} bytes")
    return Packet(first >> 4, first & 0x0F, await stream.readexactly(length))


def connect(packet: Packet) -> Connect:
    """Who wants to come in. Raises PacketError."""
    if (packet.kind, packet.flags) != (CONNECT, 0):
        raise PacketError("it does not begin with CONNECT")
    fields = _Fields(packet.body)
    name, level = fields.text(), fields.number(1)
    if name != "MQTT" or level != 4:
        return Connect(level if name == "MQTT" else 0)
    flags, keepalive_s = fields.number(1), fields.number(2)
    qos = (flags & _WILL_QOS) >> 3
    if flags & _RESERVED or qos > 2 or (not flags & _WILL and flags & (_WILL_RETAIN | _WILL_QOS)):
        raise PacketError("its flags contradict each other")
    fields.text()  # the client's own name does not count
    will = Will(fields.text(), fields.data(), qos, bool(flags & _WILL_RETAIN)) if flags & _WILL else None
    user = fields.text() if flags & _USER else ""
    password = fields.text() if flags & _PASSWORD else ""
    fields.end()
    return Connect(level, keepalive_s, user, password, will)


def welcome(found: Connect) -> Packet:
    """The CONNECT of somebody who was let in, as the broker behind is told: no password, the name for the client id.

    The session is always a clean one, and the time without a word is watched in front of the broker. QoS 2 becomes 1,
    which is all that is spoken here: the broker would send a will with it to listeners who never asked for that.
    """
    will, flags = found.will, _USER | _CLEAN
    body = _data(found.user.encode())
    if will is not None:
        flags |= _WILL | min(will.qos, 1) << 3 | (_WILL_RETAIN if will.is_retained else 0)
        body += _data(will.topic.encode()) + _data(will.message)
    body += _data(found.user.encode())
    return Packet(CONNECT, 0, _data(b"MQTT") + bytes([4, flags, 0, 0]) + body)


def publish(packet: Packet) -> tuple[str, int, int]:
    """The topic, the QoS and the packet's number of a PUBLISH. Raises PacketError."""
    fields = _Fields(packet.body)
    topic, qos = fields.text(), (packet.flags >> 1) & 3
    if qos > 1:
        raise PacketError("QoS 2 is not spoken here")
    return topic, qos, fields.number(2) if qos else 0


def not_retained(packet: Packet) -> Packet:
    return Packet(packet.kind, packet.flags & ~1, packet.body)


def topic_of(data: bytes) -> str:
    """The topic of a PUBLISH as it is sent; empty where it cannot be told."""
    start = 1
    while data[start] & 0x80:
        start += 1
    fields = _Fields(data[start + 1 :])
    try:
        return fields.text()
    except PacketError:
        return ""


def topics(packet: Packet) -> tuple[int, Sequence[tuple[str, int]]]:
    """The packet's number and the filters of a SUBSCRIBE or UNSUBSCRIBE with the QoS of each. Raises PacketError."""
    fields = _Fields(packet.body)
    number, found = fields.number(2), []
    while not fields.is_at_end:
        wanted = fields.text()
        qos = fields.number(1) if packet.kind == SUBSCRIBE else 0
        if qos > 2:
            raise PacketError("there is no such QoS")
        found.append((wanted, qos))
    if not 0 < len(found) <= _MOST_TOPICS or not number:
        raise PacketError(f"it names {len(found)} topics")
    return number, found


def subscribe(number: int, wanted: Sequence[tuple[str, int]]) -> Packet:
    """A SUBSCRIBE for these filters. Who asks for QoS 2 gets 1, as the protocol permits."""
    body = b"".join(_data(topic.encode()) + bytes([min(qos, 1)]) for topic, qos in wanted)
    return Packet(SUBSCRIBE, _FLAGS[SUBSCRIBE], struct.pack("!H", number) + body)


def check(packet: Packet) -> None:
    """Raise PacketError for a kind that nobody needs to send here, or one that is not as long as it must be."""
    if packet.kind == PUBLISH:
        return  # `publish` looks at it
    if packet.flags != _FLAGS.get(packet.kind, 0):
        raise PacketError("its flags are not those of its kind")
    if packet.kind in {SUBSCRIBE, UNSUBSCRIBE}:
        return
    if packet.kind in _EMPTY and not packet.body:
        return
    if packet.kind == PUBACK and len(packet.body) == 2:
        return
    raise PacketError(f"a packet of the kind {packet.kind} is not taken")


def connack(code: int) -> bytes:
    return Packet(2, 0, bytes([0, code])).as_bytes()


def puback(number: int) -> bytes:
    return Packet(PUBACK, 0, struct.pack("!H", number)).as_bytes()


def suback_refused(number: int, count: int) -> bytes:
    return Packet(9, 0, struct.pack("!H", number) + b"\x80" * count).as_bytes()


def _data(content: bytes) -> bytes:
    return struct.pack("!H", len(content)) + content


class _Fields:
    """The body of a packet, from left to right."""

    def __init__(self, body: bytes) -> None:
        self._rest = body

    @property
    def is_at_end(self) -> bool:
        return not self._rest

    def number(self, size: int) -> int:
        return int.from_bytes(self._take(size), "big")

    def data(self) -> bytes:
        return self._take(self.number(2))

    def text(self) -> str:
        try:
            found = self.data().decode()
        except UnicodeDecodeError as error:
            raise PacketError("a text is no UTF-8") from error
        if "\0" in found:
            raise PacketError("a text has a zero in it")
        return found

    def end(self) -> None:
        if self._rest:
            raise PacketError("something is left at its end")

    def _take(self, size: int) -> bytes:
        found, self._rest = self._rest[:size], self._rest[size:]
        if len(found) < size:
            raise PacketError("it ends too early")
        return found
