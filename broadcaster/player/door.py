"""The server's door as a loudspeaker uses it: to enrol, for keys and clips, and for reports where MQTT cannot be held.

Every request goes out through `net`: certificates verified, no redirects, limits of time and size.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from broadcaster import net
from broadcaster.domain.bulletin import canonical
from broadcaster.errors import InputError
from broadcaster.net import NetError
from broadcaster.orders import strict_json
from broadcaster.orders.payload import Audio
from broadcaster.orders.strict_json import MalformedError

PREFIX = "/device/v1"
BLOCK_BYTES = 262_144
"""So much of a clip is asked for at once: a small box holds no more of it in memory."""
MAX_MESSAGES = 64

_ANSWER_BYTES = 2_000_000
_CONNECT_S = 10.0
_READ_S = 20.0
_NOT_MODIFIED = 304
_PARTIAL = 206
_MAX_ORDERS = 1024
_BASE64 = re.compile(r"[A-Za-z0-9+/=]{1,12000}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says to reports: an acknowledgement, where it has one ready, and orders."""

    ack: bytes | None
    orders: tuple[bytes, ...]


class Door:
    """`address` is that of the server, e.g. `https://loa.example`. Used by one thread at a time."""

    def __init__(self, address: str, user: str = "", password: str = "") -> None:
        self.address = address.rstrip("/")
        self._auth = (user, password) if user else None
        self._session = net.session(connect_s=_CONNECT_S, read_s=_READ_S, limit_bytes=_ANSWER_BYTES)

    def enrol(self, code: str, public: str) -> bytes:
        """The answer to a one-time code and a public key. Raises InputError where it is refused, NetError."""
        body = canonical({"v": 1, "code": code, "public": public})
        try:
            return self._request("POST", "/enroll", body=body).content
        except NetError as error:
            reason = _reason(error.body)
            if reason is None:
                raise
            raise InputError("The server refuses it: {reason}", reason=reason) from error

    def keys(self, version: int) -> bytes | None:
        """The `keys.json` to follow from a version, or None where that is the newest. Raises NetError."""
        try:
            return self._request("GET", f"/keys.json?version={version}").content
        except NetError as error:
            if error.code == _NOT_MODIFIED:
                return None
            raise

    def clip(self, audio: Audio, offset: int) -> bytes:
        """Up to 256 KiB of a clip from this byte on. Raises NetError.

        The device's password goes to its own server only, wherever an order says that its clip is.
        """
        last = min(offset + BLOCK_BYTES, audio.bytes) - 1
        is_ours = urlsplit(audio.url)[:2] == urlsplit(self.address)[:2]
        headers = {"Range": f"bytes={offset}-{last}"} if offset or last + 1 < audio.bytes else {}
        found = self._session.get(audio.url, headers=headers, auth=self._auth if is_ours else None)
        if headers and found.status_code != _PARTIAL and offset:
            return found.content[offset:]  # a server without ranges
        return found.content

    def report(self, messages: list[bytes]) -> Answer:
        """Hand over at most 64 messages. Raises NetError, MalformedError."""
        texts = [base64.b64encode(message).decode() for message in messages[:MAX_MESSAGES]]
        found = self._request("POST", "/reports", body=canonical({"v": 1, "messages": texts}))
        fields = strict_json.read(found.content)
        fields.integer("v", 1, 1)
        ack = None if fields.is_null("ack") else _decoded(fields.any_text("ack"))
        return Answer(ack, tuple(_decoded(text) for text in fields.texts("orders", _BASE64, 0, _MAX_ORDERS)))

    def close(self) -> None:
        self._session.close()

    def _request(self, method: str, path: str, body: bytes | None = None) -> requests.Response:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        options: dict[str, Any] = {"data": body, "headers": headers, "auth": self._auth}
        return self._session.request(method, f"{self.address}{PREFIX}{path}", **options)


def _reason(body: bytes) -> str | None:
    """What the server says is wrong; None where it says nothing of that kind."""
    try:
        return strict_json.read(body).any_text("error")
    except MalformedError:
        return None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("The server's answer is no base64: {error}", error=error) from error
