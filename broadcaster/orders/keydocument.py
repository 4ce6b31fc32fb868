"""`keys.json`: which keys a commune's loudspeakers trust. Signed, with a version that only grows.

It is signed by the newest order key of the version before it, which loudspeakers already know, and by the newest of its
own, so that the very first one, and whichever a loudspeaker is given when it is set up, is whole.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from broadcaster.domain.bulletin import canonical
from broadcaster.errors import BroadcasterError
from broadcaster.orders import envelope as envelopes
from broadcaster.orders import strict_json
from broadcaster.orders.keys import SPKI_PREFIX, PrivateKey, PublicKey, Purpose
from broadcaster.orders.strict_json import BIGGEST, ID, Fields, MalformedError

TYPE = "application/vnd.broadcaster.keys.v1+json"
LIMIT_BYTES = 65_536
MAX_KEYS = 64
MAX_COMMUNES = 64
MAX_LIFETIME = timedelta(days=400)

_ANY = re.compile(r"[A-Za-z0-9+/=]{1,100}")
_RAW_BYTES = 32


class KeysRefusedError(BroadcasterError):
    """A document of keys that a loudspeaker must not follow."""


@dataclass(frozen=True, slots=True)
class KeyDocument:
    """One version of a commune's keys."""

    commune: str
    version: int
    issued: datetime
    keys: tuple[PublicKey, ...]

    def as_bytes(self) -> bytes:
        return canonical(
            {
                "v": 1,
                "commune": self.commune,
                "version": self.version,
                "issued": strict_json.moment(self.issued),
                "keys": [
                    {
                        "id": key.id,
                        "purpose": key.purpose,
                        "communes": key.communes,
                        "not_before": strict_json.moment(key.not_before),
                        "not_after": strict_json.moment(key.not_after),
                        "public": key.text,
                    }
                    for key in self.keys
                ],
            }
        )

    def signed(self, *keys: PrivateKey) -> bytes:
        return envelopes.sign(self.as_bytes(), TYPE, *keys)


def parse(data: bytes) -> KeyDocument:
    """A document from the bytes that were signed. Raises MalformedError."""
    fields = strict_json.read(data)
    fields.integer("v", 1, 1)
    found = KeyDocument(
        commune=fields.text("commune", ID),
        version=fields.integer("version", 1, BIGGEST),
        issued=fields.moment("issued"),
        keys=tuple(map(_key, fields.objects("keys", 1, MAX_KEYS))),
    )
    fields.require(len({key.raw for key in found.keys}) == len(found.keys), "keys")
    fields.end()
    return found


def pin(envelope: bytes) -> KeyDocument:
    """The first document of a loudspeaker, as it is given by a way that is trusted; signed by an order key of its own.

    Raises MalformedError, TooLargeError, SignatureError.
    """
    found = parse(envelopes.unverified_payload(envelope, limit_bytes=LIMIT_BYTES))
    return _verified(envelope, found)


def newer(envelope: bytes, pinned: KeyDocument) -> KeyDocument | None:
    """What a loudspeaker follows: the same commune, a higher version, signed by an order key it has pinned.

    None where it is the pinned version or a lower one. Raises KeysRefusedError where it belongs to another commune, and
    what `pin` raises. A pinned key that has expired still leads on: a loudspeaker that was off for months follows the
    versions one after the other.
    """
    found = _verified(envelope, pinned)
    if found.commune != pinned.commune:
        raise KeysRefusedError(
            "These are the keys of {other}, not of {commune}.", other=found.commune, commune=pinned.commune
        )
    return found if found.version > pinned.version else None


def _verified(envelope: bytes, trusted: KeyDocument) -> KeyDocument:
    keys = [key for key in trusted.keys if key.purpose is Purpose.ORDER and trusted.commune in key.communes]
    return parse(envelopes.verify(envelope, TYPE, keys, limit_bytes=LIMIT_BYTES)[0])


def _key(fields: Fields) -> PublicKey:
    key_id = fields.text("id", ID)
    found = PublicKey(
        purpose=fields.member("purpose", Purpose),
        communes=fields.texts("communes", ID, 1, MAX_COMMUNES),
        not_before=fields.moment("not_before"),
        not_after=fields.moment("not_after"),
        raw=_raw(fields),
    )
    fields.require(found.id == key_id, "id")
    fields.require(timedelta(0) < found.not_after - found.not_before <= MAX_LIFETIME, "not_after")
    fields.end()
    return found


def _raw(fields: Fields) -> bytes:
    text = fields.text("public", _ANY)
    try:
        spki = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise MalformedError("The public key {key} is no base64.", key=text) from error
    fields.require(spki.startswith(SPKI_PREFIX) and len(spki) == len(SPKI_PREFIX) + _RAW_BYTES, "public")
    fields.require(base64.b64encode(spki).decode() == text, "public")
    return spki[len(SPKI_PREFIX) :]
