"""Passwords of loudspeakers: random, and kept as Mosquitto 2 writes them into its password files.

`$7$<iterations>$<salt>$<hash>` is PBKDF2 (RFC 8018) with HMAC-SHA512, a salt of 12 bytes and a hash of 64, in base64
(mosquitto 2.0, `lib/pwhash` and `mosquitto_passwd`). So one hash serves the door, the embedded broker and Mosquitto.
"""

import base64
import binascii
import hashlib
import hmac
import secrets

ITERATIONS = 1000
"""Nobody guesses 192 random bits, so there is no need to make guessing slow; ten thousand may reconnect at once."""
LONGEST = 200

_SALT_BYTES, _HASH_BYTES = 12, 64
_MOST_ITERATIONS = 1_000_000


def new_password() -> str:
    """32 letters, figures, dashes and underscores: 192 bits."""
    return secrets.token_urlsafe(24)


def hashed(password: str, iterations: int = ITERATIONS) -> str:
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"$7${iterations}${_text(salt)}${_text(_derived(password, salt, iterations))}"


def is_right(password: str, kept: str) -> bool:
    """Whether this is the password; in the same time wherever the two differ. What is no such hash fits none."""
    parts = kept.split("$")
    if len(parts) != 5 or parts[:2] != ["", "7"] or not parts[2].isascii() or not parts[2].isdigit():
        return False
    iterations = int(parts[2])
    if not 0 < iterations <= _MOST_ITERATIONS or len(password) > LONGEST:
        return False
    try:
        salt, wanted = (base64.b64decode(part, validate=True) for part in parts[3:])
    except binascii.Error:
        return False
    return hmac.compare_digest(_derived(password, salt, iterations), wanted)


def _derived(password: str, salt: bytes, iterations: int) -> bytes:
    secret = password.encode(errors="surrogatepass")
    return hashlib.pbkdf2_hmac("sha512", secret, salt, iterations, _HASH_BYTES)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


NOBODY = hashed(new_password())
"""What the password of an unknown user is compared with, so that an answer takes as long as for a known one."""
