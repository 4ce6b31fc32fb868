"""Clips and keys, fetched from the server's door before they are needed."""

import logging
from collections.abc import Callable

from broadcaster.errors import BroadcasterError
from broadcaster.net import NetError
from broadcaster.orders import keydocument
from broadcaster.orders.device import PlayState
from broadcaster.orders.memory import State
from broadcaster.orders.verify import Refusal
from broadcaster.player import identity
from broadcaster.player.book import Book
from broadcaster.player.clips import Clips, Fetch
from broadcaster.player.shelf import Held

log = logging.getLogger(__name__)

FetchKeys = Callable[[int], bytes | None]
"""The `keys.json` to follow from a version; None where that is the newest. Raises NetError."""

_MAX_VERSIONS = 64
_LONGEST_WAIT_S = 60.0
_WAIT_SOON_S = 2.0
_SOON_S = 300.0


class Fetching:
    """One thread calls `work`, piece by piece, so that what is more urgent never waits for a whole clip."""

    def __init__(self, book: Book, clips: Clips, fetch: Fetch) -> None:
        self._book = book
        self._clips = clips
        self._fetch = fetch

    def work(self) -> bool:
        """Fetch a piece of the most urgent clip that is missing; False where there is nothing to do just now."""
        now_s = self._book.clock.monotonic_s()
        with self._book.lock:
            waiting = [
                held for held in self._book.shelf.held.values() if not held.is_ready and held.next_try_s <= now_s
            ]
            chosen = min(waiting, key=lambda held: held.urgency, default=None)
            needed = {held.order.audio.sha256 for held in self._book.shelf.held.values() if held.order.audio}
        if chosen is None or chosen.order.audio is None:
            return False
        try:
            if not self._clips.has(chosen.order.audio):
                fault = self._clips.fetch_some(chosen.order.audio, self._fetch, needed)
                if fault is not None:
                    self._postpone(chosen, fault)
            if self._clips.has(chosen.order.audio):
                self._ready(chosen)
        except (NetError, OSError) as error:
            log.warning("A clip was not fetched.", exc_info=error, extra={"action": "clip_not_fetched"})
            self._postpone(chosen, Refusal.CLIP_MISSING)
        return True

    def _ready(self, held: Held) -> None:
        """Remember it, then say it. Raises OSError."""
        book = self._book
        with book.lock:
            if book.shelf.waits(held.order.airing) is not held:
                return  # taken back meanwhile
            book.remember(book.memory.noted(held.order.airing or "", State.READY))
            held.is_ready = True
            book.report(held.order, PlayState.READY, is_answer=True)
            book.tell()

    def _postpone(self, held: Held, fault: Refusal) -> None:
        """The next try comes later and later, but soon where the clip is needed soon."""
        held.fault = fault
        held.tries += 1
        left_s = (held.order.start - self._book.clock.now()).total_seconds()
        longest_s = _WAIT_SOON_S if left_s < _SOON_S else _LONGEST_WAIT_S
        held.next_try_s = self._book.clock.monotonic_s() + min(longest_s, 0.5 * 2 ** min(held.tries, 8))

    def follow_keys(self, fetch_keys: FetchKeys) -> None:
        """Follow the commune's keys from version to version, as far as they lead. Raises NetError, OSError."""
        for _ in range(_MAX_VERSIONS):
            pinned = self._book.keys
            envelope = fetch_keys(pinned.version)
            if envelope is None:
                return
            try:
                found = keydocument.newer(envelope, pinned)
            except BroadcasterError as error:
                log.error("Keys were refused.", exc_info=error, extra={"action": "keys_refused"})
                return
            if found is None:
                return
            identity.save_keys(self._book.folder, envelope)
            with self._book.lock:
                self._book.pin(found)
                self._refuse_what_is_not_trusted()

    def _refuse_what_is_not_trusted(self) -> None:
        """What a key has signed that was dropped at once is refused, held or not."""
        trusted = {(order.airing, order.seq) for order in self._book.shelf.stored(self._book.listener)}
        for held in self._book.shelf.waiting():
            if (held.order.airing, held.order.seq) not in trusted:
                self._book.refuse(held, Refusal.SIGNATURE)
