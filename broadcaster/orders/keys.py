"""Keys: Ed25519, one for orders and one for stops in each commune, for 90 days; the next is known 14 days before."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from broadcaster.orders.strict_json import whole

LIFETIME = timedelta(days=90)
OVERLAP = timedelta(days=14)
ALARM_DAYS = (7, 30, 60)
SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")
"""What DER puts before the 32 bytes of an Ed25519 public key (RFC 8410)."""


class Purpose(StrEnum):
    """What a key may sign: everything but stops and releases, or only these."""

    ORDER = "order"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key as loudspeakers know it: what for, for which communes, and in which time it may sign. `raw`: 32 bytes."""

    purpose: Purpose
    communes: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    raw: bytes

    @property
    def spki(self) -> bytes:
        """SubjectPublicKeyInfo in DER, 44 bytes: what stands in a PEM file."""
        return SPKI_PREFIX + self.raw

    @property
    def id(self) -> str:
        """The first 16 hex figures of the SHA-256 of the SPKI, so that an id fits no other key."""
        return hashlib.sha256(self.spki).hexdigest()[:16]

    @property
    def text(self) -> str:
        """The SPKI in base64: the one line of a PEM file."""
        return base64.b64encode(self.spki).decode()

    def is_valid(self, at: datetime) -> bool:
        """Whether it may sign at a moment."""
        return self.not_before <= at <= self.not_after

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made the signature (RFC 8032, no pre-hash)."""
        return verifies(self.raw, signature, message)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that can sign, with what loudspeakers know of it."""

    public: PublicKey
    secret: Ed25519PrivateKey

    def sign(self, message: bytes) -> bytes:
        return self.secret.sign(message)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A commune's last key of a purpose ends soon: `threshold_days` is 60, 30, 7, or 0 where it has ended."""

    key: PublicKey
    days_left: int
    threshold_days: int


def verifies(raw: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the public key of these 32 bytes made the signature."""
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except (InvalidSignature, ValueError):  # ValueError: no point of the curve
        return False
    return True


def new_key(purpose: Purpose, commune: str, now: datetime) -> PrivateKey:
    """A key that may sign from now on."""
    secret = Ed25519PrivateKey.generate()
    since = whole(now)
    raw = secret.public_key().public_bytes_raw()
    return PrivateKey(PublicKey(purpose, (commune,), since, since + LIFETIME, raw), secret)


def signer(keys: Iterable[PrivateKey], purpose: Purpose, at: datetime) -> PrivateKey | None:
    """The key to sign with: of the valid ones the oldest, which most loudspeakers know; None where none is valid.

    So the overlap is the time in which loudspeakers can learn of the next key before it is needed.
    """
    valid = [key for key in keys if key.public.purpose is purpose and key.public.is_valid(at)]
    return min(valid, key=lambda key: (key.public.not_after, key.public.not_before), default=None)


def newest(keys: Iterable[PublicKey], purpose: Purpose) -> PublicKey | None:
    """The key of a purpose that begins last."""
    found = [key for key in keys if key.purpose is purpose]
    return max(found, key=lambda key: (key.not_before, key.not_after, key.raw), default=None)


def alarms(keys: Sequence[PublicKey], now: datetime) -> list[Alarm]:
    """An alarm for each commune and purpose whose last key ends within 60 days, the most urgent first."""
    last: dict[tuple[tuple[str, ...], Purpose], PublicKey] = {}
    for key in keys:
        known = last.get((key.communes, key.purpose))
        if known is None or key.not_after > known.not_after:
            last[key.communes, key.purpose] = key
    found = [alarm for key in last.values() if (alarm := _alarm(key, now)) is not None]
    return sorted(found, key=lambda alarm: (alarm.key.not_after, alarm.key.communes, alarm.key.purpose))


def _alarm(key: PublicKey, now: datetime) -> Alarm | None:
    left = key.not_after - now
    if left < timedelta(0):
        return Alarm(key, 0, 0)
    reached = [days for days in ALARM_DAYS if left <= timedelta(days=days)]
    return Alarm(key, left.days, reached[0]) if reached else None
