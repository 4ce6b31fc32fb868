"""What a loudspeaker and its server say to each other beside orders: reports, the hello, the acknowledgement.

Reports and hellos are DSSE envelopes signed by the device's own key, acknowledgements by the commune's order key.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broadcaster.domain.bulletin import canonical
from broadcaster.errors import InputError
from broadcaster.orders import envelope as envelopes
from broadcaster.orders import hours, strict_json
from broadcaster.orders.envelope import SignatureError
from broadcaster.orders.health import FARTHEST_MS, LIMIT_BYTES, Amplifier, Heard
from broadcaster.orders.hours import Hours
from broadcaster.orders.keys import SPKI_PREFIX, PrivateKey, verifies
from broadcaster.orders.strict_json import BIGGEST, ID, ULID, Fields, MalformedError
from broadcaster.orders.topics import Device

REPORT_TYPE = "application/vnd.broadcaster.report.v1+json"
HELLO_TYPE = "application/vnd.broadcaster.hello.v1+json"
ACK_TYPE = "application/vnd.broadcaster.ack.v1+json"
MAX_ACKNOWLEDGED = 64

CODE = re.compile(r"[a-z0-9_:]{0,40}")
_RAW_BYTES = 32


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
    """The server has these messages safely; the device may forget them. `at` is the server's clock.

    `hours`: when the commune is quiet, from then on; None where that is not told.
    """

    device: Device
    seqs: tuple[int, ...]
    at: datetime
    keys_version: int
    hours: Hours | None = None

    def as_bytes(self) -> bytes:
        return canonical(
            {
                "v": 1,
                "commune": self.device.commune,
                "loudspeaker": self.device.loudspeaker,
                "seqs": self.seqs,
                "at": strict_json.moment(self.at),
                "keys_version": self.keys_version,
                "hours": None if self.hours is None else self.hours.as_fields(),
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


def sender(envelope: bytes) -> Device:
    """Who says that it has sent this: believed by nobody until `read_message` has verified it.

    Raises MalformedError, TooLargeError.
    """
    return _head(strict_json.read(envelopes.unverified_payload(envelope, limit_bytes=LIMIT_BYTES)))


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
        hours=None if fields.is_null("hours") else _hours(fields.inner("hours")),
    )
    fields.end()
    return found


def _hours(fields: Fields) -> Hours:
    try:
        found = hours.read(fields)
    except InputError as error:
        raise MalformedError("{error}", error=error) from error
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
        clock_offset_ms=fields.optional_integer("clock_offset_ms", FARTHEST_MS),
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
