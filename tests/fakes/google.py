"""Google Translate's speech service on a real socket of this computer, with named vices.

It answers as the real one does: a batchexecute envelope with an MP3 in it, here a tone that is as long as the text.
"""

import base64
import json
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

from broadcaster.audio import encode
from broadcaster.domain.sound import Pcm
from tests.audio.sounds import eased, sine
from tests.fakes.listening import HttpListening

RATE_HZ = 24_000
PER_LETTER_MS = 60
EDGE_MS = 300
"""Silence that the service leaves on both sides."""


class Vice(StrEnum):
    NONE = "none"
    TOO_MANY = "too_many"
    UNAVAILABLE = "unavailable"
    FORBIDDEN = "forbidden"
    REDIRECT = "redirect"
    SLOW = "slow"
    """Takes the request and never answers."""
    DISCONNECT = "disconnect"
    """Takes the request and hangs up."""
    TORN = "torn"
    """Hangs up in the middle of its answer."""
    HTML = "html"
    EMPTY = "empty"
    """The envelope, with no sound in it."""
    NOTHING = "nothing"
    """An answer of no bytes."""
    CUT_SHORT = "cut_short"
    """A whole MP3 of the first words only."""
    WRONG_AUDIO = "wrong_audio"
    """A sound file of another kind."""
    DAMAGED = "damaged"
    """What should be base64 is none."""
    SILENCE = "silence"
    ENDLESS = "endless"


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: str
    text: str
    language: str


class Google(HttpListening):
    """Answers by `vice`, but to the next requests by what `next` was told. `asked` keeps every request."""

    def __init__(self) -> None:
        self.vice = Vice.NONE
        self.retry_after: str | None = "120"
        self.asked: list[Asked] = []
        self._coming: deque[Vice] = deque()
        super().__init__(_handler(self))

    def next(self, *vices: Vice) -> None:
        self._coming.extend(vices)

    def take(self, asked: Asked) -> Vice:
        self.asked.append(asked)
        return self._coming.popleft() if self._coming else self.vice

    @property
    def texts(self) -> list[str]:
        return [asked.text for asked in self.asked]


@contextmanager
def google_here() -> Iterator[Google]:
    google = Google()
    try:
        yield google
    finally:
        google.close()


def tone(text: str, share: float = 1.0) -> Pcm:
    """What the service says for a text: a tone as long as its letters, between silences."""
    letters = sum(letter.isalnum() for letter in text)
    said = eased(sine(220, max(60, round(letters * PER_LETTER_MS * share)), rate_hz=RATE_HZ))
    edge = Pcm.silence(EDGE_MS, RATE_HZ).samples
    return Pcm(edge + said.samples + edge, RATE_HZ)


def envelope(content: str | None) -> bytes:
    """The answer around one base64 text, or around nothing."""
    inner = None if content is None else json.dumps([content])
    line = json.dumps([["wrb.fr", "jQ1olc", inner, None, None, None, "generic"]])
    tail = json.dumps([["di", 31], ["af.httprm", 30, "-1", 8]])
    return f")]}}'\n\n{len(line)}\n{line}\n{len(tail)}\n{tail}\n".encode()


def answer(vice: Vice, text: str) -> bytes:
    """The body of an answer with status 200."""
    sounds = {
        Vice.CUT_SHORT: lambda: encode.mp3(tone(text, 0.2), 32),
        Vice.WRONG_AUDIO: lambda: b"OggS\0\2" + bytes(range(256)) * 20,
        Vice.SILENCE: lambda: encode.mp3(Pcm.silence(3_000, RATE_HZ), 32),
        Vice.ENDLESS: lambda: encode.mp3(sine(220, 6_000 + 3_000 * len(text), rate_hz=RATE_HZ), 32),
    }
    bodies = {
        Vice.HTML: b"<!doctype html><html><body>Sign in to the network</body></html>",
        Vice.EMPTY: envelope(None),
        Vice.NOTHING: b"",
        Vice.DAMAGED: envelope("%%% this is no base64 %%%"),
    }
    if vice in bodies:
        return bodies[vice]
    sound = sounds[vice]() if vice in sounds else encode.mp3(tone(text), 32)
    return envelope(base64.b64encode(sound).decode())


def _handler(google: Google) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            [[[_, parameters, *_]]] = json.loads(parse_qs(body)["f.req"][0])
            text, language, *_ = json.loads(parameters)
            vice = google.take(Asked(self.path, dict(self.headers), body, text, language))
            if vice is Vice.SLOW:
                google.closing.wait()
            elif vice is not Vice.DISCONNECT:
                self._answer(vice, text)

        def _answer(self, vice: Vice, text: str) -> None:
            statuses = {Vice.TOO_MANY: 429, Vice.UNAVAILABLE: 503, Vice.FORBIDDEN: 403, Vice.REDIRECT: 302}
            content = answer(vice, text) if vice not in statuses else b"<html>no</html>"
            self.send_response(statuses.get(vice, 200))
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Set-Cookie", "NID=a-mark-to-know-us-by; Path=/")
            if vice is Vice.TOO_MANY and google.retry_after is not None:
                self.send_header("Retry-After", google.retry_after)
            if vice is Vice.REDIRECT:
                self.send_header("Location", google.address + "/sorry")
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if vice is Vice.TORN else content)

        def log_message(self, *_: Any) -> None:
            """Nothing: the test knows what it asked."""

    return Handler
