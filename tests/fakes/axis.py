"""An Axis loudspeaker as VAPIX describes it: clips on a shelf, HTTP Digest that is checked, events over a WebSocket."""

import base64
import hashlib
import io
import json
import re
import secrets
import select
import socket
import struct
import threading
import wave
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from tests.fakes.http_station import HttpStation, Reply, Request

REALM = "AXIS_ACCC8E000000"
_ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455
_TEXT, _CLOSE = 1, 8


class Axis(HttpStation):
    """Calls are named by their CGI and action: `upload`, `remove`, `list`, `play`, `stop`, `session`, `events`; those
    that are only there to be challenged are `challenge`.

    A clip plays as long as it is; while `is_held`, until `finish`.
    """

    def __init__(self, password: str = "mat-khau-loa") -> None:
        self.password = password
        self.shelf: dict[int, tuple[str, bytes]] = {}
        self.limits = {"MaxGroups": "10"}
        self.most_bytes = 1_500_000
        self.played: list[str] = []
        self.volumes: list[str | None] = []
        self.playing: str | None = None
        self.is_held = False
        self.is_mute = False
        """Says that it plays, and does not."""
        self.has_events = True
        self.nonce_uses = 1_000
        self.changed = threading.Condition()
        self._states = [False]
        self._nonces: dict[str, int] = {}
        self._tokens: set[str] = set()
        self._ending: threading.Timer | None = None
        self.told: list[bool] = []
        """What those who watch its events were told."""
        self._connections = 0
        self.on_upload: Callable[[], None] = lambda: None
        super().__init__()

    def name(self, request: Request) -> str:
        if "Authorization" not in request.headers and "wssession" not in request.query:
            return "challenge"
        cgi = request.path.rsplit("/", 1)[-1]
        names = {"param.cgi": "list", "playclip.cgi": "play", "stopclip.cgi": "stop", "wssession.cgi": "session"}
        return names.get(cgi, request.query.get("action", "events"))

    def close(self) -> None:
        self.finish()
        super().close()

    def finish(self) -> None:
        """What plays is at its end."""
        with self.changed:
            if self._ending is not None:
                self._ending.cancel()
            if self.playing is not None:
                self._turn(None)

    def hang_up(self) -> None:
        """Cut the connections of all who watch its events."""
        self._connections += 1

    def reply(self, request: Request) -> Reply:
        refusal = self._challenge(request)
        if refusal is not None:
            return refusal
        answers = {
            "list": self._list, "upload": self._upload, "remove": self._remove, "play": self._play, "stop": self._stop,
            "session": self._session,
        }  # fmt: skip
        answer = answers.get(self.name(request))
        return answer(request) if answer is not None else Reply(404, b"<html>404</html>", "text/html")

    def serve(self, request: Request, handler: BaseHTTPRequestHandler) -> bool:
        token = request.query.get("wssession", "")
        if self.name(request) != "events" or not self.has_events or token not in self._tokens:
            return False
        self._tokens.remove(token)
        key = request.headers["Sec-WebSocket-Key"] + _ACCEPT
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        handler.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept.encode() + b"\r\n\r\n"
        )
        self._tell(handler.connection)
        return True

    def _tell(self, caller: socket.socket) -> None:
        """Its state once asked for, then every change, until the caller goes."""
        told, is_configured, is_mine = 0, False, self._connections
        while not self.closing.is_set() and is_mine == self._connections:
            if select.select([caller], [], [], 0.01)[0]:
                kind, content = _read(caller)
                if kind != _TEXT:
                    caller.sendall(_frame(_CLOSE, content))
                    return
                asked = json.loads(content)
                assert asked["params"]["eventFilterList"] == [{"topicFilter": "tnsaxis:MediaClip//."}]
                caller.sendall(_frame(_TEXT, json.dumps({"method": asked["method"], "data": {}}).encode()))
                told, is_configured = len(self._states) - 1, True
            while is_configured and told < len(self._states):
                caller.sendall(_frame(_TEXT, _notification(self._states[told])))
                self.told.append(self._states[told])
                told += 1

    def _challenge(self, request: Request) -> Reply | None:
        """401 unless the request is signed by RFC 7616 (MD5, qop=auth) with a nonce of ours that is still good."""
        credential = request.headers.get("Authorization", "").removeprefix("Digest ")
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', credential))
        known = self._nonces.get(given.get("nonce", ""))
        if known is not None:
            inner = _md5(f"{given['username']}:{REALM}:{self.password}"), _md5(f"{request.method}:{given['uri']}")
            signed = ":".join([inner[0], given["nonce"], given["nc"], given["cnonce"], given["qop"], inner[1]])
            is_signed = given["username"] == "loa" and given["response"] == _md5(signed)
            is_new = int(given["nc"], 16) > known
            if is_signed and is_new and given["uri"] == request.target and int(given["nc"], 16) <= self.nonce_uses:
                self._nonces[given["nonce"]] = int(given["nc"], 16)
                return None
        nonce = secrets.token_hex(8)
        self._nonces[nonce] = 0
        challenge = f'Digest realm="{REALM}", nonce="{nonce}", algorithm=MD5, qop="auth"'
        return Reply(401, b"<html>401</html>", "text/html", {"WWW-Authenticate": challenge})

    def _list(self, _: Request) -> Reply:
        lines = [f"root.MediaClip.{name}={value}" for name, value in self.limits.items()]
        for number, (name, _content) in self.shelf.items():
            lines += [f"root.MediaClip.M{number}.Name={name}", f"root.MediaClip.M{number}.Type=audio"]
        return Reply(200, ("\n".join(lines) + "\n").encode())

    def _upload(self, request: Request) -> Reply:
        self.on_upload()
        (content,) = request.parts().values()
        free = [number for number in range(int(self.limits.get("MaxGroups", 10))) if number not in self.shelf]
        if not free or len(content) > self.most_bytes or request.query.get("media") != "audio":
            return _bad("Upload failed")
        self.shelf[free[0]] = (request.query["name"], content)
        return _ok(f"uploaded={free[0]}")

    def _remove(self, request: Request) -> Reply:
        number = int(request.query["clip"])
        return _ok(f"removed={number}") if self.shelf.pop(number, None) else _bad("No such clip")

    def _play(self, request: Request) -> Reply:
        number = int(request.query["clip"])
        with self.changed:
            if number not in self.shelf:
                return _bad("No such clip")
            if self.playing is not None:
                return _bad("Busy")
            name, content = self.shelf[number]
            self.volumes.append(request.query.get("volume"))
            if not self.is_mute:
                self.played.append(name)
                self._turn(name)
                if not self.is_held:
                    self._ending = threading.Timer(_length_s(content), self.finish)
                    self._ending.start()
        return _ok(f"playing={number}")

    def _stop(self, _: Request) -> Reply:
        self.finish()
        return _ok("stopping")

    def _session(self, _: Request) -> Reply:
        token = str(secrets.randbelow(10**18))
        self._tokens.add(token)
        return Reply(200, token.encode())

    def _turn(self, playing: str | None) -> None:
        self.playing = playing
        self._states.append(playing is not None)
        self.changed.notify_all()


def _ok(what: str) -> Reply:
    return Reply(200, f"OK\n{what}\n".encode())


def _bad(why: str) -> Reply:
    return Reply(400, f"400 Bad Request\n{why}\n".encode())


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def _length_s(content: bytes) -> float:
    with wave.open(io.BytesIO(content)) as sound:
        return float(sound.getnframes() / sound.getframerate())


def _notification(is_playing: bool) -> bytes:
    message = {"source": {"AudioOutput": "0"}, "key": {}, "data": {"Playing": "1" if is_playing else "0"}}
    notification = {"timestamp": 1639385866198, "topic": "tnsaxis:MediaClip/Playing", "message": message}
    event = {"apiVersion": "1.0", "method": "events:notify", "params": {"notification": notification}}
    return json.dumps(event).encode()


def _frame(kind: int, content: bytes) -> bytes:
    size = bytes([len(content)]) if len(content) < 126 else b"\x7e" + struct.pack(">H", len(content))
    return bytes([0x80 | kind]) + size + content


def _read(caller: socket.socket) -> tuple[int, bytes]:
    """One masked frame of at most 65,535 bytes."""
    head = _exactly(caller, 2)
    if len(head) < 2:
        return _CLOSE, b""
    size = head[1] & 0x7F
    if size == 126:
        (size,) = struct.unpack(">H", _exactly(caller, 2))
    mask, content = _exactly(caller, 4), _exactly(caller, size)
    return head[0] & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(content))


def _exactly(caller: socket.socket, size: int) -> bytes:
    return caller.recv(size, socket.MSG_WAITALL) if size else b""
