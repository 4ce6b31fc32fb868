"""What is spoken with an Axis loudspeaker: VAPIX with HTTP Digest, and its events over a WebSocket.

Sources: developer.axis.com/vapix, "Media clip API" (clips: list, upload, play, stop, remove), "Event and action
services" (the event MediaClip/Playing) and "Event streaming over WebSocket" (AXIS OS 10.11 and later).
"""

import json
import logging
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from broadcaster import reach
from broadcaster.connectors.remote import odd_answer
from broadcaster.net import NetError

log = logging.getLogger(__name__)

ANSWER_BYTES = 200_000
# Of a device that says nothing about its limits ("Max number of media clips").
CLIPS = 10
CLIP_BYTES = 1_500_000
MEGABYTE = 1_000_000
RECONNECT_S = 1.0
_CONFIGURE = {
    "apiVersion": "1.0",
    "method": "events:configure",
    "params": {"eventFilterList": [{"topicFilter": "tnsaxis:MediaClip//."}]},
}


@dataclass(frozen=True, slots=True)
class Shelf:
    """The clips on a device by their numbers, and how many and how large they may be."""

    names: Mapping[int, str]
    clips: int
    clip_bytes: int

    def number(self, name: str) -> int | None:
        return next((number for number, found in self.names.items() if found == name), None)


class Device:
    """Each call raises NetError where the device did not do it."""

    def __init__(self, address: str, username: str, password: str, timeout_s: float) -> None:
        self._address = address
        self._host = urlsplit(address).hostname or address
        self._timeout_s = timeout_s
        self._digest = reach.Digest(username, password)

    def shelf(self) -> Shelf:
        text = self._ask("GET", "param.cgi", {"action": "list", "group": "MediaClip"})
        found = dict(re.findall(r"^(?:root\.)?MediaClip\.([\w.]+)=(.*?)\r?$", text, re.MULTILINE))
        if text.strip() and "MediaClip" not in text:
            raise odd_answer(self._host)
        names = {int(key[1:-5]): name for key, name in found.items() if re.fullmatch(r"M\d+\.Name", key)}
        size = found.get("MaxUploadSize", "")
        return Shelf(
            names=names,
            clips=int(found["MaxGroups"]) if found.get("MaxGroups", "").isdecimal() else CLIPS,
            clip_bytes=int(size) * MEGABYTE if size.isdecimal() else CLIP_BYTES,
        )

    def upload(self, name: str, content: bytes) -> int:
        """The number that the device gives the clip."""
        query = {"action": "upload", "media": "audio", "name": name}
        files = {"file": (f"{name}.mp3", content, "audio/mpeg")}
        return self._done("uploaded", self._ask("POST", "mediaclip.cgi", query, files=files))

    def remove(self, number: int) -> None:
        self._done("removed", self._ask("GET", "mediaclip.cgi", {"action": "remove", "clip": number}))

    def play(self, number: int, volume_percent: int) -> None:
        """Begin to play; the device says that it does. The volume is named only where it is not the usual one, because
        not every device takes it."""
        volume = {"volume": volume_percent} if volume_percent != 100 else {}
        self._done("playing", self._ask("GET", "playclip.cgi", {"clip": number, **volume}))

    def stop(self) -> None:
        """Silence whatever clip plays."""
        if not self._ask("GET", "stopclip.cgi", {}).startswith("OK"):
            raise odd_answer(self._host)

    def states(self, stop: threading.Event, every_s: float) -> Iterator[bool | None]:
        """Whether a clip plays, by the device's own events; at least so often, and None while it cannot be known."""
        while True:
            state: bool | None = None
            try:
                with self._events() as events:
                    while True:
                        state = _state_after(events, every_s, state)
                        yield state
            except (WebSocketException, OSError, NetError, ValueError) as error:
                extra = {"action": "watch_lost", "station": self._host, "error": str(error)}
                log.warning("A loudspeaker does not say whether it plays.", extra=extra)
                yield None
                stop.wait(RECONNECT_S)

    @contextmanager
    def _events(self) -> Iterator[Connection]:
        """The device's events about clips. The token, asked for with Digest, is good for one connection."""
        token = self._ask("GET", "wssession.cgi", {}).strip()
        if not re.fullmatch(r"[\w-]{1,100}", token):
            raise odd_answer(self._host)
        parts = urlsplit(self._address)
        is_secure = parts.scheme == "https"
        socket = reach.dial(self._host, parts.port or (443 if is_secure else 80), self._timeout_s)
        socket.settimeout(None)  # a clip may be long, and nothing is said meanwhile; the limits are those given below
        uri = f"{'wss' if is_secure else 'ws'}://{parts.netloc}{parts.path}/vapix/ws-data-stream"
        with connect(
            f"{uri}?wssession={token}&sources=events", sock=socket, open_timeout=self._timeout_s,
            close_timeout=self._timeout_s, compression=None, max_size=ANSWER_BYTES, proxy=None,
            ssl=reach.trust() if is_secure else None, server_hostname=self._host if is_secure else None,
        ) as connection:  # fmt: skip
            connection.send(json.dumps(_CONFIGURE))
            yield connection

    def _ask(self, method: str, cgi: str, query: Mapping[str, str | int], **more: Any) -> str:
        with reach.session(timeout_s=self._timeout_s, limit_bytes=ANSWER_BYTES) as session:
            url = f"{self._address}/axis-cgi/{cgi}"
            return session.request(method, url, params=dict(query), auth=self._digest, **more).text

    def _done(self, what: str, text: str) -> int:
        """The number of the clip in an answer like `OK`, `playing=3`."""
        found = re.match(rf"OK\s+{what}=(?:MediaClip\.M)?(\d+)\s*$", text)
        if found is None:
            raise odd_answer(self._host)
        return int(found[1])


def _state_after(events: Connection, wait_s: float, state: bool | None) -> bool | None:
    """The state after the next message, or the same if none comes in time. Raises ValueError for an odd message."""
    try:
        message = json.loads(events.recv(timeout=wait_s))
    except TimeoutError:
        return state
    if "error" in message:
        raise ValueError(f"the device refuses to tell: {message['error']}")
    if message.get("method") != "events:notify":
        return state
    notification = message["params"]["notification"]
    if not re.search(r"MediaClip/(?:\w+:)?Playing$", str(notification["topic"])):
        return state
    values = {name.lower(): str(value).lower() for name, value in notification["message"]["data"].items()}
    return values.get("playing", values.get("state", "")) in {"1", "true"}
