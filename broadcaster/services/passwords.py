"""Passwords of loudspeakers: made here, told once, and kept as hashes in the form of Mosquitto's password files.

`$7$<iterations>$<salt>$<hash>`: PBKDF2 with HMAC-SHA512, salt and hash in base64 (mosquitto_passwd(1)). They are random
and long, not a person's, so that few iterations do: a broker hashes one for each connection.
"""

import base64
import binascii
import hashlib
import hmac
import secrets

_ITERATIONS = 1000
_MOST_ITERATIONS = 1_000_000
_SALT_BYTES = 16
_HASH_BYTES = 64
_PASSWORD_BYTES = 24


def new_password() -> str:
    """192 random bits as 32 letters, figures, `-` and `_`."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def hashed(password: str) -> str:
    """What is kept of a password."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = _digest(password, salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def fits(password: str, kept: str) -> bool:
    """Whether a password is the one of which this is kept; False for what is no hash."""
    try:
        empty, kind, iterations, salt, digest = kept.split("$")
        count = int(iterations)
        wanted = base64.b64decode(digest, validate=True)
        found = _digest(password, base64.b64decode(salt, validate=True), count if 0 < count <= _MOST_ITERATIONS else 1)
    except (ValueError, binascii.Error):
        return False
    return (empty, kind) == ("", "7") and hmac.compare_digest(found, wanted)


def _digest(password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, _HASH_BYTES)


NOBODY = hashed(new_password())
"""Compared with where there is no such loudspeaker, so that it takes as long."""
