"""For stations that hold no orders: one thread plays them one after the other, each at its due time by this computer's
clock. What waits here is lost with the process."""

import contextlib
import heapq
import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from broadcaster import clock
from broadcaster.domain.order import Order, Report, ReportState
from broadcaster.errors import DeliveryError

log = logging.getLogger(__name__)

# The wait for a due time is cut into pieces, so that a clock that is set meanwhile is noticed.
_LONGEST_WAIT_S = 0.5

Play = Callable[[Order, threading.Event], None]
"""Plays an order until its end, or until the event is set, and reports what became of it."""


class Met(StrEnum):
    """In which state a stop meets an airing."""

    UNKNOWN = "unknown"
    WAITING = "waiting"
    PLAYING = "playing"


class Timer:
    """Safe to call from any thread."""

    def __init__(self, station: str, play: Play) -> None:
        self._station = station
        self._play = play
        self._waiting: list[tuple[datetime, str, Order]] = []
        self._stops: dict[str, threading.Event] = {}
        self._begun: deque[str] = deque(maxlen=1_000)
        self._reports: deque[Report] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def add(self, order: Order) -> None:
        """Play this when it is due, unless it waits, plays or has been played already. Raises DeliveryError."""
        with self._changed:
            if self._is_closed:
                raise DeliveryError("Station {station} is shutting down.", is_permanent=False, station=self._station)
            if order.airing in self._stops or order.airing in self._begun:
                return
            self._stops[order.airing] = threading.Event()
            heapq.heappush(self._waiting, (order.start, order.airing, order))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"timer-{self._station}", daemon=True)
                self._thread.start()
            self._changed.notify()

    def knows(self, airing: str) -> bool:
        """Whether it waits or plays."""
        with self._changed:
            return airing in self._stops

    def has_begun(self, airing: str) -> bool:
        """Whether it plays or has been played."""
        with self._changed:
            return airing in self._begun

    def is_playing(self) -> bool:
        with self._changed:
            return len(self._stops) > len(self._waiting)

    def stop(self, airing: str) -> Met:
        """Take back what waits, and tell what plays to end; how it was met. What waited may be added again."""
        with self._changed:
            self._changed.notify()
            waiting = next((item for item in self._waiting if item[1] == airing), None)
            if waiting is not None:
                self._waiting.remove(waiting)
                heapq.heapify(self._waiting)
                del self._stops[airing]
                self.report(waiting[2], ReportState.STOPPED, code="stopped_before_start")
                return Met.WAITING
            if airing not in self._stops:
                return Met.UNKNOWN
            self._stops[airing].set()
            return Met.PLAYING

    def close(self) -> None:
        """Tell what plays to end, drop what waits, and wait for the thread."""
        with self._changed:
            self._is_closed = True
            for stop in self._stops.values():
                stop.set()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def report(
        self, order: Order, state: ReportState, position_s: float = 0.0, code: str = "", at: datetime | None = None
    ) -> None:
        """Report this of an order, as of now unless another moment is given."""
        self._reports.append(Report(order.airing, order.station, state, at or clock.now(), position_s, code))

    def reports(self) -> list[Report]:
        found: list[Report] = []
        with contextlib.suppress(IndexError):
            while True:
                found.append(self._reports.popleft())
        return found

    def _run(self) -> None:
        while (order := self._next()) is not None:
            try:
                if clock.now() > order.expires:
                    self.report(order, ReportState.REFUSED, code="too_late")
                else:
                    self._begun.append(order.airing)
                    self._play(order, self._stops[order.airing])
            except Exception as error:  # the next one must be played
                ids = {"airing": order.airing, "station": self._station}
                log.exception("A clip could not be played.", extra={"action": "play_failed", **ids})
                self.report(order, ReportState.REFUSED, code=str(error))
            with self._changed:
                self._stops.pop(order.airing)

    def _next(self) -> Order | None:
        """The next order whose time has come; None when the station closes."""
        with self._changed:
            while not self._is_closed:
                if self._waiting:
                    start, _, order = self._waiting[0]
                    wait_s = (start - clock.now()) / timedelta(seconds=1)
                    if wait_s <= 0:
                        heapq.heappop(self._waiting)
                        return order
                    self._changed.wait(min(wait_s, _LONGEST_WAIT_S))
                else:
                    self._changed.wait()
            return None
