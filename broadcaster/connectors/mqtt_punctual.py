"""Orders for loudspeakers that hold none: signed ahead like all others, published in their due second, all at once.

What waits here is lost with the process; a loudspeaker that asks for what it missed is given it all the same.
"""

import heapq
import itertools
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from broadcaster import clock
from broadcaster.domain.order import Order
from broadcaster.errors import DeliveryError

log = logging.getLogger(__name__)

PublishAll = Callable[[Sequence[tuple[str, bytes]]], list[DeliveryError | None]]
"""Publishes (topic, payload) each; what went wrong with each."""

_LONGEST_WAIT_S = 0.5
"""The wait for a due time is cut into pieces, so that a clock that is set meanwhile is noticed."""
_AGAIN = timedelta(seconds=1)


@dataclass(order=True, slots=True)
class _Waiting:
    at: datetime
    number: int
    owner: object = field(compare=False)
    order: Order = field(compare=False)
    topics: Sequence[str] = field(compare=False)


class Punctual:
    """Safe to call from any thread."""

    def __init__(self, publish_all: PublishAll) -> None:
        self._publish_all = publish_all
        self._waiting: list[_Waiting] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, owner: object, order: Order, topics: Sequence[str]) -> None:
        """Publish this when it is due, in place of what `owner` has waiting for the same airing."""
        with self._changed:
            self._keep(lambda waiting: waiting.owner is not owner or waiting.order.airing != order.airing)
            heapq.heappush(self._waiting, _Waiting(order.start, next(self._numbers), owner, order, topics))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mqtt-punctual", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drop(self, owner: object) -> None:
        """Forget all that waits for one that is closed."""
        with self._changed:
            self._keep(lambda waiting: waiting.owner is not owner)

    def _keep(self, is_kept: Callable[[_Waiting], bool]) -> None:
        self._waiting = [waiting for waiting in self._waiting if is_kept(waiting)]
        heapq.heapify(self._waiting)

    def _run(self) -> None:
        while True:
            due = self._due()
            items = [(topic, waiting.order.envelope) for waiting in due for topic in waiting.topics]
            errors = iter(self._publish_all(items))
            for waiting in due:
                found = [error for _ in waiting.topics if (error := next(errors)) is not None]
                if found:
                    self._again(waiting, found[0])

    def _due(self) -> list[_Waiting]:
        """All whose time has come, as soon as there is one."""
        with self._changed:
            while True:
                now = clock.now()
                if self._waiting and self._waiting[0].at <= now:
                    break
                wait_s = (self._waiting[0].at - now).total_seconds() if self._waiting else None
                self._changed.wait(None if wait_s is None else min(wait_s, _LONGEST_WAIT_S))
            due = []
            while self._waiting and self._waiting[0].at <= now:
                due.append(heapq.heappop(self._waiting))
            return due

    def _again(self, waiting: _Waiting, error: DeliveryError) -> None:
        """Again until it may not begin any more; then its airing is missed, because nobody reports it."""
        extra = {"action": "delivery_failed", "airing": waiting.order.airing, "station": waiting.order.station}
        log.warning("An order was not published.", extra={**extra, "error": str(error)})
        if clock.now() + _AGAIN > waiting.order.expires:
            return
        waiting.at = clock.now() + _AGAIN
        with self._changed:
            heapq.heappush(self._waiting, waiting)
