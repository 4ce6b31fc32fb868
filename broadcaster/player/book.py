"""What a loudspeaker remembers, holds and has to tell, under one lock, and in the order that a power cut demands."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from broadcaster.orders import memory as memories
from broadcaster.orders.device import PlayReport, PlayState
from broadcaster.orders.health import Amplifier, Heard
from broadcaster.orders.hours import Hours
from broadcaster.orders.keydocument import KeyDocument
from broadcaster.orders.memory import DamagedMemoryError, Memory, State
from broadcaster.orders.payload import Payload
from broadcaster.orders.verify import Listener
from broadcaster.player import identity as identities
from broadcaster.player.identity import Identity
from broadcaster.player.pace import Clock, Ending
from broadcaster.player.reports import Reports
from broadcaster.player.servertime import ServerTime
from broadcaster.player.shelf import Held, Shelf

log = logging.getLogger(__name__)

_WRITTEN_EVERY = timedelta(hours=1)
"""So often it is written down that the hours are as they were."""


class Link(Protocol):
    def send(self, number: int, envelope: bytes) -> None:
        """Take a report, to be sent as soon as there is a connection; returns at once and raises nothing."""


@dataclass(frozen=True, slots=True)
class Senses:
    """What the box knows of its sound: asked for at every report."""

    heard: Callable[[], Heard] = lambda: Heard.UNKNOWN
    amplifier: Callable[[], Amplifier] = lambda: Amplifier.UNKNOWN
    is_switched_off: Callable[[], bool] = lambda: False


class Book:
    """Its methods want `lock` to be held by the caller; `changed` tells the playing thread to look again."""

    def __init__(
        self, folder: Path, identity: Identity, keys: KeyDocument, *, clock: Clock, link: Link, senses: Senses,
        volume_limit_percent: int,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.identity = identity
        self.clock = clock
        self.link = link
        self.senses = senses
        self.server_time = ServerTime(clock)
        self.shelf = Shelf(folder / "orders")
        self.reports = Reports(folder / "reports", identity.key, identity.device)
        self._written_at = identity.told_at
        self.pin(keys)
        self._path = folder / "memory.json"
        self._limit_percent = volume_limit_percent
        self._is_unsaved = False
        self.has_news = False
        self.hello: int | None = None
        """The number of the last hello, until it was answered."""
        self.memory = self._loaded()

    def tell(self) -> None:
        """Have the playing thread look again, also one that was just about to wait."""
        self.has_news = True
        self.changed.notify_all()

    def pin(self, keys: KeyDocument) -> None:
        self.keys = keys
        self.listener: Listener = self.identity.listener(keys)

    def learn(self, hours: Hours, at: datetime) -> None:
        """When the commune is quiet, as the server said it at that time; what is older than the last word is nothing.

        A change is written down before it counts. That nothing has changed is written only now and then: enough that
        what was recorded long ago can never be told again, also after a start.
        """
        known = self.identity
        if at <= known.told_at:
            return
        is_same = (known.zone, tuple(known.quiet_hours)) == (hours.zone, hours.quiet)
        told = replace(known, zone=hours.zone, quiet_hours=hours.quiet, told_at=at)
        if not is_same or at - self._written_at >= _WRITTEN_EVERY:
            try:
                identities.keep(self.folder, told)
            except OSError as error:  # the next acknowledgement tells it again
                log.error("The quiet hours cannot be stored.", exc_info=error, extra={"action": "hours_unsaved"})
                return
            self._written_at = at
        self.identity = told
        self.pin(self.keys)
        if not is_same:
            log.info("The quiet hours have changed.", extra={"action": "hours", **hours.as_fields()})
            self.tell()

    @property
    def volume_limit(self) -> int:
        """Nothing is louder, in percent."""
        ordered = self.memory.volume
        return self._limit_percent if ordered is None else min(self._limit_percent, ordered.percent)

    def volume(self, order: Payload) -> int:
        return min(order.volume_max, self.volume_limit)

    def remember(self, memory: Memory) -> None:
        """Store, then believe. Raises OSError: then nothing has changed, and nothing may sound."""
        memories.save(self._path, memory)
        self.memory = memory
        self._is_unsaved = False

    def remember_silence(self, memory: Memory) -> None:
        """For what only takes sound away: believed even where it cannot be stored, and stored as soon as it can be."""
        self.memory = memory
        self._is_unsaved = True
        self.save_what_is_left()

    def save_what_is_left(self) -> None:
        if not self._is_unsaved:
            return
        try:
            self.remember(self.memory)
        except OSError as error:
            log.error("What happened cannot be stored.", exc_info=error, extra={"action": "memory_unsaved"})

    def report(
        self, order: Payload | None, state: PlayState, code: str = "", position_s: float = 0.0,
        sound: Heard = Heard.UNKNOWN, *, is_answer: bool = False,
    ) -> None:  # fmt: skip
        """Say what became of an order. A disk that takes no reports costs the report and nothing else.

        An answer is not given while the very same is on its way: an order may come a thousand times.
        """
        now = self.clock.now()
        told = PlayReport(
            self.identity.device, 0, None if order is None else order.airing, None if order is None else order.seq,
            state, now, position_s, code,
            self.server_time.offset_ms, sound, self.senses.amplifier(),
            self.volume_limit if order is None or not order.cmd.sounds else self.volume(order),
        )  # fmt: skip
        if is_answer and self.reports.is_waiting(told):
            return
        try:
            number, envelope = self.reports.add(told, now)
        except OSError as error:
            log.error("A report cannot be stored.", exc_info=error, extra={"action": "report_lost"})
            return
        self.server_time.sent(number)
        self.link.send(number, envelope)

    def refuse(self, held: Held, code: str) -> None:
        """An order that was accepted will not sound."""
        self.end(held.order, State.REFUSED, PlayState.REFUSED, code)

    def end(
        self, order: Payload, state: State, told: PlayState, code: str = "", position_s: float = 0.0,
        sound: Heard = Heard.UNKNOWN,
    ) -> None:  # fmt: skip
        """The end of an order: remembered, then told, then its file goes, so that none of the three can be missing."""
        self.remember_silence(self.memory.noted(order.airing or "", state))
        self.report(order, told, code, position_s, sound)
        self.shelf.remove(order)

    def recover(self) -> None:
        """After a start: tell of what a power cut has cut off, and hold again what is to come."""
        for order in self.shelf.stored(self.listener):
            known = self.memory.known.get(order.airing or "")
            if known is not None and known.state is State.STARTED:
                self.end(order, State.STOPPED, PlayState.STOPPED, Ending.POWER_CUT)
            elif known is None or known.seq < order.seq:
                self.shelf.remove(order)  # its number was never stored: it was not accepted
            elif known.seq == order.seq and known.state in {State.ACCEPTED, State.READY}:
                self.shelf.held[order.airing or ""] = Held(order)
            else:
                self.report(order, PlayState(known.state))
                self.shelf.remove(order)
        for airing, known in list(self.memory.known.items()):
            if known.state is State.STARTED:  # its order is gone, whatever it was
                self.remember_silence(self.memory.noted(airing, State.STOPPED))

    def _loaded(self) -> Memory:
        """What was remembered. Where that is damaged or gone, nothing that was signed before now is obeyed."""
        try:
            found = memories.load(self._path)
        except (DamagedMemoryError, OSError) as error:
            log.error("The memory is damaged and begins anew.", exc_info=error, extra={"action": "memory_lost"})
            lost = Memory.lost(self.clock.now())
            memories.save(self._path, lost)
            return lost
        if not self._path.exists():
            memories.save(self._path, found)
        return found
