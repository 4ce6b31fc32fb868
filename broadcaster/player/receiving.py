"""What comes from the server: orders, which the verifier of `orders` decides, and acknowledgements."""

import logging
from collections import deque
from collections.abc import Callable

from broadcaster.errors import BroadcasterError
from broadcaster.orders import device as devices
from broadcaster.orders import envelope as envelopes
from broadcaster.orders.device import ACK_TYPE, Ack, PlayState
from broadcaster.orders.keys import Purpose
from broadcaster.orders.payload import Command, Payload
from broadcaster.orders.verify import Accepted, Duplicate, Refusal, Refused, examine
from broadcaster.player.book import Book
from broadcaster.player.pace import Ending
from broadcaster.player.shelf import Held

log = logging.getLogger(__name__)

_MAX_PUZZLES = 32
_ASK_EVERY_S = 60.0
BEFORE_START = "stopped_before_start"
STORAGE = "storage"
"""Refused because the disk takes nothing."""


class Receiver:
    """`silence` ends what sounds: everything, or one airing. `puzzles` are envelopes that newer keys may explain."""

    def __init__(self, book: Book, silence: Callable[[Ending, str | None], None]) -> None:
        self._asked_s: float | None = None
        self._book = book
        self._silence = silence
        self.puzzles: deque[bytes] = deque(maxlen=_MAX_PUZZLES)
        self.wants_keys = False

    def receive(self, envelope: bytes, *, may_ask_for_keys: bool = True) -> None:
        """Obey, answer or refuse. Raises nothing, whatever the bytes are."""
        with self._book.lock:
            ack = self._acknowledgement(envelope)
            if ack is not None:
                self._acknowledged(ack)
                return
            verdict = examine(envelope, self._book.listener, self._book.memory, self._book.clock.now())
            if isinstance(verdict, Accepted):
                self._obey(verdict, envelope)
                self._book.tell()
            elif isinstance(verdict, Duplicate):
                self._book.report(verdict.order, PlayState(verdict.state), is_answer=True)
            elif verdict.code is not Refusal.SIGNATURE or not may_ask_for_keys or not self._ask_for_keys(envelope):
                self._refuse(verdict)

    def solve(self) -> None:
        """Look again at what no known key had signed, after the keys were asked for."""
        self.wants_keys = False
        while self.puzzles:
            self.receive(self.puzzles.popleft(), may_ask_for_keys=False)

    def _ask_for_keys(self, envelope: bytes) -> bool:
        """Whether newer keys may explain it; who sends rubbish does not make us ask more than once a minute."""
        now_s = self._book.clock.monotonic_s()
        if not self.puzzles and self._asked_s is not None and now_s - self._asked_s < _ASK_EVERY_S:
            return False
        self._asked_s = now_s
        self.puzzles.append(envelope)
        self.wants_keys = True
        return True

    def _refuse(self, verdict: Refused) -> None:
        log.warning("An order was refused.", extra={"action": "order_refused", "code": str(verdict.code)})
        self._book.report(verdict.order, PlayState.REFUSED, verdict.code, is_answer=True)

    def _obey(self, verdict: Accepted, envelope: bytes) -> None:
        order, memory = verdict.order, verdict.memory
        if order.cmd.sounds:
            self._hold(verdict, envelope)
            return
        if order.cmd is Command.STOP:
            self._silence(Ending.STOPPED, order.airing)
        elif order.cmd is Command.CANCEL:
            self._silence(Ending.CANCELLED, order.airing)
        self._book.remember_silence(memory)
        self._book.report(order, self._told(order))
        self._take_back(order)

    def _told(self, order: Payload) -> PlayState:
        if order.cmd is Command.STOP:
            return PlayState.STOPPED
        known = self._book.memory.known.get(order.airing or "")
        return PlayState(known.state) if order.cmd is Command.CANCEL and known is not None else PlayState.FINISHED

    def _take_back(self, order: Payload) -> None:
        """What waits for an airing that was stopped or cancelled does so no more."""
        held = self._book.shelf.waits(order.airing)
        if held is None or order.cmd not in {Command.STOP, Command.CANCEL}:
            return
        if order.cmd is Command.STOP:
            self._book.report(held.order, PlayState.STOPPED, BEFORE_START)
        else:
            self._book.report(held.order, PlayState.CANCELLED)
        self._book.shelf.remove(held.order)

    def _hold(self, verdict: Accepted, envelope: bytes) -> None:
        """The order first, then the memory with its number, then the report; without a disk nothing is accepted."""
        order, shelf = verdict.order, self._book.shelf
        try:
            shelf.put(order, envelope)
            self._book.remember(verdict.memory)
        except OSError as error:
            log.error("An order cannot be stored.", exc_info=error, extra={"action": "order_refused"})
            self._book.report(order, PlayState.REFUSED, STORAGE, is_answer=True)
            return
        before = shelf.waits(order.airing)
        if before is not None:
            self._book.report(before.order, PlayState.REFUSED, Refusal.SUPERSEDED)
            shelf.remove(before.order)
        shelf.held[order.airing or ""] = Held(order, is_ready=order.audio is None)
        self._book.report(order, PlayState.ACCEPTED)

    def _acknowledgement(self, envelope: bytes) -> Ack | None:
        """An acknowledgement for this very device by an order key of its commune; None for anything else."""
        book = self._book
        try:
            if envelopes.unverified_type(envelope) != ACK_TYPE:
                return None  # verifying is what takes a small box longest, and an order is verified anyway
            opened = envelopes.opened(envelope, book.listener.keys)
            ack = devices.read_ack(opened.payload)
        except BroadcasterError:
            return None  # the verifier says what is wrong with it
        is_signed = opened.key.purpose is Purpose.ORDER and book.identity.device.commune in opened.key.communes
        return ack if is_signed and ack.device == book.identity.device else None

    def _acknowledged(self, ack: Ack) -> None:
        self._book.server_time.heard(ack)
        if self._book.hello in ack.seqs:
            self._book.hello = None
        if ack.keys_version > self._book.keys.version:
            self.wants_keys = True
        if ack.hours is not None:
            self._book.learn(ack.hours, ack.at)
        try:
            self._book.reports.acknowledge(ack.seqs)
        except OSError as error:  # they are sent again, and acknowledged again
            log.error("A report cannot be removed.", exc_info=error, extra={"action": "report_kept"})
