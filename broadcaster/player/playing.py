"""What sounds, when, and until when: by the loudspeaker's own clock, and by the rules of `docs/orders.md`."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from broadcaster.audio.play import Played, Sink
from broadcaster.errors import AudioError
from broadcaster.orders.device import PlayState
from broadcaster.orders.health import Heard
from broadcaster.orders.memory import State
from broadcaster.orders.payload import Payload
from broadcaster.orders.verify import Refusal, may_start
from broadcaster.player.book import Book
from broadcaster.player.clips import Clips
from broadcaster.player.pace import Ending, Silence
from broadcaster.player.shelf import Held
from broadcaster.player.tone import tone_in

log = logging.getLogger(__name__)

PREPARED = timedelta(seconds=0.5)
"""So long before its time an order is marked as started and its clip opened: a slow disk makes nothing late."""
CLOCK = "clock"
STORAGE = "storage"
_LONGEST_WAIT_S = 0.5
_RETRY_S = 0.1


@dataclass(frozen=True, slots=True)
class Play:
    """What one order came to: for whoever keeps a list."""

    airing: str
    start: datetime
    began_at: datetime | None
    state: PlayState
    code: str
    position_s: float
    volume: int


@dataclass(slots=True)
class _Current:
    order: Payload
    silence: Silence
    began_at: datetime | None = None


class Stage:
    """`step` plays, in one thread; everything else may be called from any. `listen` starts the microphone."""

    def __init__(
        self, book: Book, clips: Clips, sink: Sink, folder: Path, *, on_play: Callable[[Play], None] = lambda _: None,
        listen: Callable[[bool], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._book = book
        self._clips = clips
        self._sink = sink
        self._folder = folder
        self._on_play = on_play
        self._listen = listen
        self._current: _Current | None = None
        self._was_switched_off = False
        self.is_closed = False

    @property
    def playing(self) -> str | None:
        """The airing that sounds."""
        current = self._current
        return None if current is None or current.began_at is None else current.order.airing

    def silence(self, reason: Ending, airing: str | None = None) -> None:
        """End what sounds: whatever it is, or only one airing. What waits is not touched."""
        with self._book.lock:
            if self._current is not None and airing in {None, self._current.order.airing}:
                self._current.silence.fall(reason)

    def close(self) -> None:
        """Nothing sounds from now on."""
        with self._book.lock:
            self.is_closed = True
            self.silence(Ending.SHUTDOWN)

    def look(self) -> None:
        """Many times a second: the switch, and whether something more urgent is due than what sounds."""
        if self._is_switched_off():
            self.silence(Ending.SWITCH)
        with self._book.lock:
            self._book.save_what_is_left()
            current = self._current
            if current is None or current.silence.is_set():
                return
            now = self._book.clock.now()
            for held in self._due(now):
                is_more_urgent = held.order.priority.rank < current.order.priority.rank
                if is_more_urgent and held.is_ready and self._refusal(held, now) is None:
                    current.silence.fall(Ending.PREEMPTED)

    def _is_switched_off(self) -> bool:
        """Where the switch stands; that somebody has moved it is told once."""
        is_off = self._book.senses.is_switched_off()
        if is_off is not self._was_switched_off:
            self._was_switched_off = is_off
            log.info("The switch was moved.", extra={"action": "switch", "is_off": is_off})
        return is_off

    def step(self) -> float:
        """Play what is due, or refuse it; how many seconds to wait at most until the next step."""
        with self._book.lock:
            if self.is_closed:
                return _LONGEST_WAIT_S
            now = self._book.clock.now()
            chosen = next((held for held in self._due(now) if self._is_playable(held, now)), None)
        if chosen is not None and (clip := self._clip(chosen)) is not None:
            self._play(chosen, clip)
            return 0.0
        with self._book.lock:
            return self._wait_s(now)

    def _due(self, now: datetime) -> list[Held]:
        return [held for held in self._book.shelf.waiting() if _is_due(held.order, now)]

    def _is_playable(self, held: Held, now: datetime) -> bool:
        """Whether a due order may sound now. One that never may is refused; one without its clip is waited for."""
        refusal = self._refusal(held, now)
        if refusal is not None:
            is_late = refusal in {Refusal.LATE, Refusal.EXPIRED}
            self._book.refuse(held, held.fault if is_late and not held.is_ready else refusal)
        return refusal is None and held.is_ready

    def _refusal(self, held: Held, now: datetime) -> str | None:
        """What keeps an order from sounding now, or at its time where that is just about to come."""
        order = held.order
        if self._book.senses.is_switched_off():
            return Ending.SWITCH
        if not order.is_immediate and self._book.server_time.is_wrong:
            return CLOCK
        return may_start(order, self._book.listener, self._book.memory, max(now, order.start))

    def _clip(self, held: Held) -> Path | None:
        """The sound of an order; None where it has to be fetched anew. Not under the lock: a stop must not wait."""
        if held.order.audio is None:
            return tone_in(self._folder)
        fault = self._clips.fault(held.order.audio)
        if fault is not None:
            held.is_ready, held.fault = False, fault
        return self._clips.path(held.order.audio) if fault is None else None

    def _play(self, held: Held, clip: Path) -> None:
        order, book = held.order, self._book
        with book.lock:
            is_same = book.shelf.waits(order.airing) is held
            if self.is_closed or not is_same or not self._is_playable(held, book.clock.now()):
                return
            try:
                book.remember(book.memory.noted(order.airing or "", State.STARTED))
            except OSError as error:
                log.error("A start cannot be stored.", exc_info=error, extra={"action": "play_refused"})
                book.refuse(held, STORAGE)
                return
            held.has_begun = True
            current = self._current = _Current(order, Silence(book.clock))
        played = Played(0.0, is_finished=False)
        self._listen(True)
        try:
            played = self._repeated(current, clip)
        except (AudioError, OSError) as error:
            log.error("A clip cannot be played.", exc_info=error, extra={"action": "play_failed"})
            current.silence.fall(Ending.SOUND_FAILED)
        self._ended(current, played)

    def _ended(self, current: _Current, played: Played) -> None:
        order, book = current.order, self._book
        sound = book.senses.heard() if current.began_at is not None else Heard.UNKNOWN
        self._listen(False)
        state = State.FINISHED if played.is_finished else State.STOPPED
        code = "" if played.is_finished else str(current.silence.reason or Ending.SOUND_FAILED)
        with book.lock:
            self._current = None
            book.end(order, state, PlayState(state), code, played.position_s, sound)
        self._on_play(
            Play(
                order.airing or "", order.start, current.began_at, PlayState(state), code, played.position_s,
                book.volume(order),
            )
        )  # fmt: skip

    def _repeated(self, current: _Current, clip: Path) -> Played:
        """Every repeat with the gaps between them."""
        order, silence = current.order, current.silence
        position_s = 0.0
        for number in range(order.repeats):
            if number:
                if silence.wait(order.gap_s):
                    return Played(position_s, is_finished=False)
                position_s += order.gap_s
            played = self._sink.play(
                clip,
                stop=silence,
                volume_percent=lambda: self._book.volume(order),
                on_start=(lambda: self._began(current)) if number == 0 else None,
                gate=(lambda: self._wait_until_due(current)) if number == 0 else None,
            )
            position_s += played.position_s
            if not played.is_finished:
                return Played(position_s, is_finished=False)
        return Played(position_s, is_finished=True)

    def _wait_until_due(self, current: _Current) -> None:
        """The last stretch, by a clock that nobody sets; its end is the start of `max_s`."""
        clock = self._book.clock
        left = timedelta() if current.order.is_immediate else current.order.start - clock.now()
        due_s = clock.monotonic_s() + left.total_seconds()
        while (left_s := due_s - clock.monotonic_s()) > 0 and not current.silence.wait(left_s):
            pass
        if self._book.senses.is_switched_off():
            current.silence.fall(Ending.SWITCH)
        current.silence.fall_after(current.order.max_s)

    def _began(self, current: _Current) -> None:
        current.began_at = self._book.clock.now()
        with self._book.lock:
            self._book.report(current.order, PlayState.STARTED)

    def _wait_s(self, now: datetime) -> float:
        """Until the next order has to be prepared; not for long, because the clock may be set meanwhile."""
        starts = [held.order.start - PREPARED - now for held in self._book.shelf.waiting()]
        next_s = min((start.total_seconds() for start in starts), default=_LONGEST_WAIT_S)
        return min(_LONGEST_WAIT_S, next_s if next_s > 0 else _RETRY_S)


def _is_due(order: Payload, now: datetime) -> bool:
    """What is meant at once is due now, however far behind our clock may be."""
    return order.is_immediate or order.start - PREPARED <= now
