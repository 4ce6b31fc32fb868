"""A station that is spoken with over HTTP, on a real socket of this computer, with named vices."""

import contextlib
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.listening import HttpListening


class Vice(StrEnum):
    NONE = "none"
    SLOW = "slow"
    """Takes the request and never answers."""
    DROPS = "drops"
    """Takes the request and hangs up, having done nothing."""
    LOST = "lost"
    """Does what it is asked and hangs up without an answer."""
    HALF = "half"
    """Does what it is asked and hangs up in the middle of its answer."""
    HTML = "html"
    """Something in between shows a page instead."""
    BUSY = "busy"
    ERROR = "error"
    FORBIDDEN = "forbidden"


_STATUSES = {Vice.BUSY: 503, Vice.ERROR: 500, Vice.FORBIDDEN: 403}
_PAGE = b"<!doctype html><html><body>Sign in to the network</body></html>"


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    def parts(self) -> dict[str, bytes]:
        """The parts of a multipart body by their names."""
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = BytesParser(policy=HTTP).parsebytes(head + self.body)
        return {
            str(part.get_param("name", header="content-disposition")): bytes(part.get_payload(decode=True) or b"")
            for part in message.iter_parts()
        }


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    kind: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpStation(HttpListening):
    """Behaves by `vice`, but at the next calls of a name by what `next` was told. `asked` keeps the names of calls."""

    def __init__(self) -> None:
        self.vice = Vice.NONE
        self.asked: list[str] = []
        self._coming: dict[str, deque[Vice]] = defaultdict(deque)
        super().__init__(_handler(self))

    def name(self, request: Request) -> str:
        """What a request is called in `asked` and `next`."""
        return request.path

    def reply(self, request: Request) -> Reply:
        raise NotImplementedError

    def serve(self, request: Request, handler: BaseHTTPRequestHandler) -> bool:
        """Whether a request was answered otherwise than by a reply."""
        return False

    def next(self, call: str, *vices: Vice) -> None:
        self._coming[call].extend(vices)

    def take(self, request: Request) -> Vice:
        call = self.name(request)
        self.asked.append(call)
        return self._coming[call].popleft() if self._coming[call] else self.vice

    def count(self, call: str) -> int:
        return self.asked.count(call)


S = TypeVar("S", bound=HttpStation)


@contextmanager
def running(station: S) -> Iterator[S]:
    try:
        yield station
    finally:
        station.close()


class Handler(BaseHTTPRequestHandler):
    """One connection to a station."""

    station: HttpStation

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # a caller that hangs up is none of our business
            super().handle()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path, dict(self.headers), body)
        vice = self.station.take(request)
        if vice is Vice.SLOW:
            self.station.closing.wait()
        elif vice is Vice.HTML:
            self.send(Reply(200, _PAGE, "text/html"))
        elif vice in _STATUSES:
            self.send(Reply(_STATUSES[vice], b"no"))
        elif vice is not Vice.DROPS and not self.station.serve(request, self):
            reply = self.station.reply(request)
            if vice is not Vice.LOST:
                self.send(reply, is_half=vice is Vice.HALF)

    def send(self, reply: Reply, *, is_half: bool = False) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if is_half else reply.body)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_: Any) -> None:
        """Nothing: the test knows what it asked."""


def _handler(station: HttpStation) -> type[Handler]:
    return type("HandlerOfStation", (Handler,), {"station": station})
