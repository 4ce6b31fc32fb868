"""What a loudspeaker and its server say to each other beside orders: reports, health, the hello, the acknowledgement.

Reports and hellos are DSSE envelopes signed by the device's own key, acknowledgements by the commune's order key. A
state is plain JSON, because the broker itself says `{"online": false}` for a device that died: it is protected by the
credential alone, and nothing is decided by it.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broadcaster.domain.bulletin import canonical
from broadcaster.orders import envelope as envelopes
from broadcaster.orders import strict_json
from broadcaster.orders.envelope import SignatureError
from broadcaster.orders.keys import SPKI_PREFIX, PrivateKey, verifies
from broadcaster.orders.strict_json import BIGGEST, ID, ULID, Fields
from broadcaster.orders.topics import Device

REPORT_TYPE = "application/vnd.broadcaster.report.v1+json"
HELLO_TYPE = "application/vnd.broadcaster.hello.v1+json"
ACK_TYPE = "application/vnd.broadcaster.ack.v1+json"
LIMIT_BYTES = 4096
MAX_ACKNOWLEDGED = 64
OFFLINE = b'{"online": false}'
"""The last will, retained on the device's own `state`."""

CODE = re.compile(r"[a-z0-9_:]{0,40}")
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,32}")
_RAW_BYTES = 32
_FARTHEST_MS = 10**12


class Heard(StrEnum):
    """What the loudspeaker heard of itself, by its microphone; unknown where it has none."""

    HEARD = "heard"
    SILENT = "silent"
    UNKNOWN = "unknown"


class Amplifier(StrEnum):
    ON = "on"
    OFF = "off"
    FAULT = "fault"
    UNKNOWN = "unknown"


class PlayState(StrEnum):
    """How far an order came at one loudspeaker. `cancelled` answers a cancel, and an order that came after it."""

    ACCEPTED = "accepted"
    READY = "ready"
    STARTED = "started"
    FINISHED = "finished"
    REFUSED = "refused"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class PlayReport:
    """One thing that happened to one order. `seq` numbers the device's messages; `order` is the order's own number.

    `airing` and `order` are None where what arrived was signed by nobody that is known. `clock_offset_ms`: how far the
    device's clock is ahead of the server's, as far as it knows.
    """

    device: Device
    seq: int
    airing: str | None
    order: int | None
    state: PlayState
    at: datetime
    position_s: float = 0
    code: str = ""
    clock_offset_ms: int | None = None
    sound: Heard = Heard.UNKNOWN
    amplifier: Amplifier = Amplifier.UNKNOWN
    volume: int = 100

    def as_bytes(self) -> bytes:
        return canonical(
            {
                "v": 1,
                "commune": self.device.commune,
                "loudspeaker": self.device.loudspeaker,
                "seq": self.seq,
                "airing": self.airing,
                "order": self.order,
                "state": self.state,
                "at": strict_json.moment(self.at),
                "position_s": strict_json.number(self.position_s),
                "code": self.code,
                "clock_offset_ms": self.clock_offset_ms,
                "sound": self.sound,
                "amplifier": self.amplifier,
                "volume": self.volume,
            }
        )


@dataclass(frozen=True, slots=True)
class Hello:
    """Said on every connection: "send me what I missed". `keys_version` is that of the pinned keys.json."""

    device: Device
    seq: int
    at: datetime
    keys_version: int

    def as_bytes(self) -> bytes:
        return canonical(
            {
                "v": 1,
                "commune": self.device.commune,
                "loudspeaker": self.device.loudspeaker,
                "seq": self.seq,
                "at": strict_json.moment(self.at),
                "keys_version": self.keys_version,
            }
        )


@dataclass(frozen=True, slots=True)
class Ack:
    """The server has these messages safely; the device may forget them. `at` is the server's clock."""

    device: Device
    seqs: tuple[int, ...]
    at: datetime
    keys_version: int

    def as_bytes(self) -> bytes:
        return canonical(
            {
                "v": 1,
                "commune": self.device.commune,
                "loudspeaker": self.device.loudspeaker,
                "seqs": self.seqs,
                "at": strict_json.moment(self.at),
                "keys_version": self.keys_version,
            }
        )


@dataclass(frozen=True, slots=True)
class Health:
    """How a connected loudspeaker is. None: it has no sensor for that."""

    at: datetime
    version: str
    volume: int
    amplifier: Amplifier
    sound: Heard
    storage_free_mb: int
    keys_version: int
    is_stopped: bool
    playing: str | None = None
    clock_offset_ms: int | None = None
    temperature_c: int | None = None
    signal_dbm: int | None = None

    def as_bytes(self) -> bytes:
        return canonical(
            {
                "online": True,
                "at": strict_json.moment(self.at),
                "version": self.version,
                "volume": self.volume,
                "amplifier": self.amplifier,
                "sound": self.sound,
                "storage_free_mb": self.storage_free_mb,
                "keys_version": self.keys_version,
                "is_stopped": self.is_stopped,
                "playing": self.playing,
                "clock_offset_ms": self.clock_offset_ms,
                "temperature_c": self.temperature_c,
                "signal_dbm": self.signal_dbm,
            }
        )


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """The key that a loudspeaker has made for itself, and that signs its reports."""

    secret: Ed25519PrivateKey

    @property
    def text(self) -> str:
        """Its public half as SubjectPublicKeyInfo in base64: what it enrols with."""
        return base64.b64encode(SPKI_PREFIX + self.secret.public_key().public_bytes_raw()).decode()

    def signed(self, message: PlayReport | Hello) -> bytes:
        """The envelope of a report or hello."""
        kind = REPORT_TYPE if isinstance(message, PlayReport) else HELLO_TYPE
        data = message.as_bytes()
        signature = self.secret.sign(envelopes.pae(kind, data))
        fields = {
            "payload": base64.b64encode(data).decode(),
            "payloadType": kind,
            "signatures": [{"sig": base64.b64encode(signature).decode()}],
        }
        return canonical(fields)


@dataclass(frozen=True, slots=True)
class _Verifier:
    """A device's public key, as `envelopes.opened` asks for one."""

    raw: bytes

    def verifies(self, signature: bytes, message: bytes) -> bool:
        return verifies(self.raw, signature, message)


def public_key(text: str) -> bytes:
    """The 32 bytes of a public key as it is written in an enrolment. Raises MalformedError."""
    fields = Fields({"public": text})
    try:
        spki = base64.b64decode(fields.any_text("public"), validate=True)
    except (binascii.Error, ValueError):
        fields.refuse("public")
    fields.require(spki.startswith(SPKI_PREFIX) and len(spki) == len(SPKI_PREFIX) + _RAW_BYTES, "public")
    return spki[len(SPKI_PREFIX) :]


def read_message(envelope: bytes, sender: Device, key: bytes) -> PlayReport | Hello:
    """A message that this device has signed with this key (32 bytes).

    Raises MalformedError, TooLargeError, and SignatureError, also where it speaks in another device's name.
    """
    opened = envelopes.opened(envelope, [_Verifier(key)], limit_bytes=LIMIT_BYTES)
    if opened.type not in {REPORT_TYPE, HELLO_TYPE}:
        raise SignatureError("It is signed as {found}, not as a message of a loudspeaker.", found=opened.type)
    fields = strict_json.read(opened.payload)
    found = _report(fields) if opened.type == REPORT_TYPE else _hello(fields)
    if found.device != sender:
        raise SignatureError("{sender} speaks in the name of {other}.", sender=sender.user, other=found.device.user)
    return found


def sign_ack(ack: Ack, key: PrivateKey) -> bytes:
    return envelopes.sign(ack.as_bytes(), ACK_TYPE, key)


def read_ack(payload: bytes) -> Ack:
    """An acknowledgement from the bytes that were signed. Raises MalformedError."""
    fields = strict_json.read(payload)
    found = Ack(
        device=_head(fields),
        seqs=_seqs(fields),
        at=fields.moment("at"),
        keys_version=fields.integer("keys_version", 1, BIGGEST),
    )
    fields.end()
    return found


def read_state(data: bytes) -> Health | None:
    """What is retained on a device's `state`; None for offline. Raises MalformedError."""
    fields = strict_json.read(data[:LIMIT_BYTES])
    if not fields.flag("online"):
        fields.end()
        return None
    found = Health(
        at=fields.moment("at"),
        version=fields.text("version", _VERSION),
        volume=fields.integer("volume", 0, 100),
        amplifier=fields.member("amplifier", Amplifier),
        sound=fields.member("sound", Heard),
        storage_free_mb=fields.integer("storage_free_mb", 0, BIGGEST),
        keys_version=fields.integer("keys_version", 1, BIGGEST),
        is_stopped=fields.flag("is_stopped"),
        playing=None if fields.is_null("playing") else fields.text("playing", ULID),
        clock_offset_ms=_optional(fields, "clock_offset_ms", _FARTHEST_MS),
        temperature_c=_optional(fields, "temperature_c", 200),
        signal_dbm=_optional(fields, "signal_dbm", 200),
    )
    fields.end()
    return found


def _report(fields: Fields) -> PlayReport:
    found = PlayReport(
        device=_head(fields),
        seq=fields.integer("seq", 1, BIGGEST),
        airing=None if fields.is_null("airing") else fields.text("airing", ULID),
        order=None if fields.is_null("order") else fields.integer("order", 1, BIGGEST),
        state=fields.member("state", PlayState),
        at=fields.moment("at"),
        position_s=fields.number("position_s", 0, 10**6),
        code=fields.text("code", CODE),
        clock_offset_ms=_optional(fields, "clock_offset_ms", _FARTHEST_MS),
        sound=fields.member("sound", Heard),
        amplifier=fields.member("amplifier", Amplifier),
        volume=fields.integer("volume", 0, 100),
    )
    fields.end()
    return found


def _hello(fields: Fields) -> Hello:
    found = Hello(
        device=_head(fields),
        seq=fields.integer("seq", 1, BIGGEST),
        at=fields.moment("at"),
        keys_version=fields.integer("keys_version", 1, BIGGEST),
    )
    fields.end()
    return found


def _head(fields: Fields) -> Device:
    fields.integer("v", 1, 1)
    return Device(fields.text("commune", ID), fields.text("loudspeaker", ID))


def _seqs(fields: Fields) -> tuple[int, ...]:
    numbers = fields.integers("seqs", 1, BIGGEST)
    fields.require(len(numbers) <= MAX_ACKNOWLEDGED, "seqs")
    return numbers


def _optional(fields: Fields, name: str, farthest: int) -> int | None:
    return None if fields.is_null(name) else fields.integer(name, -farthest, farthest)
