"""A loudspeaker without its wires: what it obeys, remembers, plays and tells. Many can live in one process.

Somebody calls `receive` with what comes in, and then, each in a thread of its own or in turns: `step` (plays), `work`
(fetches), `look` (many times a second). `run` does so for a real one.
"""

import logging
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from broadcaster import __version__
from broadcaster.audio.play import Sink
from broadcaster.errors import BroadcasterError
from broadcaster.orders import strict_json
from broadcaster.orders.device import Hello
from broadcaster.orders.health import Health
from broadcaster.orders.keydocument import KeyDocument
from broadcaster.player.book import Book, Link, Senses
from broadcaster.player.clips import Clips, Fetch
from broadcaster.player.fetching import Fetching, FetchKeys
from broadcaster.player.identity import Identity
from broadcaster.player.pace import Clock, SystemClock
from broadcaster.player.playing import Play, Stage
from broadcaster.player.receiving import Receiver
from broadcaster.player.sensors import Sensors

log = logging.getLogger(__name__)

_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Wires:
    """Everything of an agent that is not the agent: tests and fleets put in their own."""

    link: Link
    sink: Sink
    fetch: Fetch
    fetch_keys: FetchKeys
    clock: Clock = field(default_factory=SystemClock)
    senses: Senses = field(default_factory=Senses)
    sensors: Sensors = field(default_factory=Sensors)
    on_play: Callable[[Play], None] = lambda _: None
    listen: Callable[[bool], None] = lambda _: None
    """Begin and end to listen to the microphone."""


class Agent:
    """`folder` holds all that must survive a power cut. What it cut off is reported when the agent is made.

    `clips` are its own unless it is given others: those of a whole fleet are fetched once.
    """

    def __init__(
        self, folder: Path, identity: Identity, keys: KeyDocument, wires: Wires, *,
        volume_limit_percent: int = 100, quota_bytes: int = 500 * _MB, clips: Clips | None = None,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._wires = wires
        clips = clips or Clips(folder / "clips", quota_bytes)
        self._book = Book(
            folder, identity, keys, clock=wires.clock, link=wires.link, senses=wires.senses,
            volume_limit_percent=volume_limit_percent,
        )  # fmt: skip
        self._stage = Stage(self._book, clips, wires.sink, folder, on_play=wires.on_play, listen=wires.listen)
        self._receiver = Receiver(self._book, self._stage.silence)
        self._fetching = Fetching(self._book, clips, wires.fetch)
        self._following = threading.Lock()
        with self._book.lock:
            self._book.recover()

    @property
    def identity(self) -> Identity:
        return self._book.identity

    @property
    def is_closed(self) -> bool:
        return self._stage.is_closed

    def receive(self, envelope: bytes) -> None:
        """An order or acknowledgement, from wherever it comes. Raises nothing."""
        self._receiver.receive(envelope)

    def hello(self) -> bytes:
        """What is said on every connection, before `unacknowledged`. Raises OSError."""
        book = self._book
        with book.lock:
            now = book.clock.now()
            number = book.hello = book.reports.next_number(now)
            book.server_time.sent(number)
            return book.reports.hello(Hello(book.identity.device, number, strict_json.whole(now), book.keys.version))

    @property
    def is_greeted(self) -> bool:
        """Whether the server has answered the last hello: then it has sent what was missed."""
        return self._book.hello is None

    def unacknowledged(self) -> list[tuple[int, bytes]]:
        """The number and envelope of each report that the server does not have, in order."""
        return self._book.reports.waiting()

    def health(self) -> Health:
        book = self._book
        with book.lock:
            is_stopped = book.memory.is_stopped(None) or book.senses.is_switched_off()
            return Health(
                at=book.clock.now(),
                version=__version__,
                volume=book.volume_limit,
                amplifier=book.senses.amplifier(),
                sound=book.senses.heard(),
                storage_free_mb=shutil.disk_usage(self._folder).free // _MB,
                keys_version=book.keys.version,
                is_stopped=is_stopped,
                playing=self._stage.playing,
                clock_offset_ms=book.server_time.offset_ms,
                temperature_c=self._wires.sensors.temperature_c(),
                signal_dbm=self._wires.sensors.signal_dbm(),
            )

    def step(self) -> float:
        """Play what is due; how many seconds to wait at most until the next step, unless `wait` is told earlier."""
        return self._stage.step()

    def wait(self, longest_s: float) -> None:
        """Wait for something new to play."""
        with self._book.changed:
            self._book.changed.wait_for(lambda: self._book.has_news, longest_s)
            self._book.has_news = False

    def look(self) -> None:
        """The physical switch, and what is more urgent than what sounds."""
        self._stage.look()

    def work(self) -> bool:
        """Fetch keys or a piece of a clip; False where there is nothing to fetch just now."""
        if self._receiver.wants_keys:
            self.follow_keys()
        return self._fetching.work()

    def follow_keys(self) -> None:
        """Ask for newer keys, and look again at what no known key had signed. Raises nothing."""
        try:
            with self._following:  # two at once could pin the older keys last
                self._fetching.follow_keys(self._wires.fetch_keys)
        except (BroadcasterError, OSError) as error:  # the next acknowledgement tells of them again
            log.warning("Keys were not fetched.", exc_info=error, extra={"action": "keys_not_fetched"})
        finally:
            self._receiver.solve()

    def close(self) -> None:
        """Silence; `step` plays no more."""
        self._stage.close()
        with self._book.changed:
            self._book.tell()
