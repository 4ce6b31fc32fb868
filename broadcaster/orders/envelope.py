"""DSSE envelopes: signed are the exact bytes and their type, so nothing is parsed before it is verified.

https://github.com/secure-systems-lab/dsse, version 1.0.2. Members that the specification does not name are ignored, as
it demands; nothing of them is signed, and nothing of them is used. One valid signature by a known key is enough.
"""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from broadcaster.errors import BroadcasterError
from broadcaster.orders import strict_json
from broadcaster.orders.keys import PrivateKey, PublicKey


class Verifier(Protocol):
    """A public key."""

    def verifies(self, signature: bytes, message: bytes) -> bool: ...


Key = TypeVar("Key", bound=Verifier)

ORDER_LIMIT_BYTES = 8192
MAX_SIGNATURES = 8

_STANDARD = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_URL_SAFE = re.compile(r"[A-Za-z0-9_-]*={0,2}")


class TooLargeError(BroadcasterError):
    """The envelope has more bytes than one may have."""


class SignatureError(BroadcasterError):
    """No signature of the envelope was made by a known key."""


@dataclass(frozen=True, slots=True)
class Opened(Generic[Key]):
    """What was signed, and by whom; the only bytes that may be parsed."""

    type: str
    payload: bytes
    key: Key


@dataclass(frozen=True, slots=True)
class _Envelope:
    type: str
    payload: bytes
    signatures: tuple[bytes, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: what is signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, payload_type: str, *keys: PrivateKey) -> bytes:
    """An envelope with a signature by each of the keys, as one line of JSON."""
    message = pae(payload_type, payload)
    signatures = [{"keyid": key.public.id, "sig": base64.b64encode(key.sign(message)).decode()} for key in keys]
    envelope = {"payload": base64.b64encode(payload).decode(), "payloadType": payload_type, "signatures": signatures}
    return json.dumps(envelope, separators=(",", ":")).encode()


def opened(envelope: bytes, keys: Sequence[Key], *, limit_bytes: int = ORDER_LIMIT_BYTES) -> Opened[Key]:
    """What a known key has signed; of several that did, the first of `keys`. Whether the key may is not asked here.

    Raises TooLargeError, MalformedError where it is no envelope, SignatureError.
    """
    found = _parsed(envelope, limit_bytes)
    message = pae(found.type, found.payload)
    for key in keys:
        # `keyid` is not looked at: anyone can write it, and a device knows few keys.
        if any(key.verifies(signature, message) for signature in found.signatures):
            return Opened(found.type, found.payload, key)
    raise SignatureError("It is not signed by a known key.")


def verify(
    envelope: bytes, payload_type: str, keys: Sequence[PublicKey], *, limit_bytes: int = ORDER_LIMIT_BYTES
) -> tuple[bytes, str]:
    """The payload of this type that a known key has signed, and the id of the key. Raises as `opened` does."""
    found = opened(envelope, keys, limit_bytes=limit_bytes)
    if found.type != payload_type:
        raise SignatureError("It is signed as {found}, not as {expected}.", found=found.type, expected=payload_type)
    return found.payload, found.key.id


def unverified_payload(envelope: bytes, *, limit_bytes: int) -> bytes:
    """What lies in an envelope, believed by nobody yet: for a document that holds the very key that signed it."""
    return _parsed(envelope, limit_bytes).payload


def unverified_type(envelope: bytes, *, limit_bytes: int = ORDER_LIMIT_BYTES) -> str:
    """What an envelope says that it holds, believed by nobody yet: to choose who shall verify it."""
    return _parsed(envelope, limit_bytes).type


def _parsed(envelope: bytes, limit_bytes: int) -> _Envelope:
    if len(envelope) > limit_bytes:
        raise TooLargeError("It has more than {limit} bytes.", limit=limit_bytes)
    fields = strict_json.read(envelope)
    signatures = fields.objects("signatures", 1, MAX_SIGNATURES)
    return _Envelope(
        fields.text("payloadType", re.compile(r"[!-~]{1,200}")),
        _bytes(fields, "payload"),
        tuple(_bytes(signature, "sig") for signature in signatures),
    )


def _bytes(fields: strict_json.Fields, name: str) -> bytes:
    """Base64, standard or URL-safe, padded, and written in the one way in which these bytes can be."""
    text = fields.any_text(name)
    alphabet = b"+/" if _STANDARD.fullmatch(text) else b"-_"
    if alphabet == b"-_" and not _URL_SAFE.fullmatch(text):
        fields.refuse(name)
    try:
        data = base64.b64decode(text, alphabet, validate=True)
    except binascii.Error:
        fields.refuse(name)
    if base64.b64encode(data, alphabet).decode() != text:
        fields.refuse(name)
    return data
