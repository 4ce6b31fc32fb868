"""This computer and its amplifier; or a virtual loudspeaker that plays into a file or into nothing, in real time.

One thread plays the orders one after the other, each at its due time by this computer's clock.
"""

import contextlib
import heapq
import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from broadcaster import clock
from broadcaster.audio.play import sink_for
from broadcaster.connectors.base import Capabilities
from broadcaster.domain.order import Order, Report, ReportState
from broadcaster.domain.place import Grade, Station
from broadcaster.errors import ConfigError, DeliveryError
from broadcaster.strict_yaml import Strict

log = logging.getLogger(__name__)

# The wait for a due time is cut into pieces, so that a clock that is set meanwhile is noticed.
_LONGEST_WAIT_S = 0.5


def _nothing() -> None:
    """The start of a repeat is told to nobody."""


def _known_sink(name: str) -> str:
    try:
        sink_for(name)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return name


class SoundcardConnector:
    """`sink` is `device` (the sound card), `none`, or `file:PATH`."""

    class Config(Strict):
        sink: Annotated[str, AfterValidator(_known_sink)] = "device"
        volume_percent: int = Field(100, ge=0, le=100)

    capabilities = Capabilities(
        holds_orders=False, confirms_start=True, confirms_finish=True, can_stop=True, plays_here=True, lead_s=10.0,
        grade=Grade.B,
    )  # fmt: skip

    def __init__(self, station: Station, config: Config) -> None:
        self._station = station
        self._volume_percent = config.volume_percent
        self._sink = sink_for(config.sink)
        self._waiting: list[tuple[datetime, str, Order]] = []
        self._reports: deque[Report] = deque()
        self._changed = threading.Condition()
        self._stops: dict[str, threading.Event] = {}
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def deliver(self, order: Order) -> None:
        with self._changed:
            if self._is_closed:
                raise DeliveryError(
                    "Station {station} is shutting down.", is_permanent=False, station=self._station.code
                )
            if order.airing in self._stops:
                return
            self._stops[order.airing] = threading.Event()
            heapq.heappush(self._waiting, (order.start, order.airing, order))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"soundcard-{self._station.code}", daemon=True)
                self._thread.start()
            self._changed.notify()

    def reports(self) -> list[Report]:
        found: list[Report] = []
        with contextlib.suppress(IndexError):
            while True:
                found.append(self._reports.popleft())
        return found

    def stop(self, airing: str) -> None:
        with self._changed:
            waiting = next((item for item in self._waiting if item[1] == airing), None)
            if waiting is not None:
                self._waiting.remove(waiting)
                heapq.heapify(self._waiting)
                del self._stops[airing]  # it may be ordered again, for another time
                self._report(waiting[2], ReportState.STOPPED, code="stopped_before_start")
            elif airing in self._stops:
                self._stops[airing].set()
            self._changed.notify()

    def check(self) -> None:
        """The sink was made when the station was; whether a device sounds is known when it plays."""

    def close(self) -> None:
        """Silence what plays, drop what waits, and wait for the thread."""
        with self._changed:
            self._is_closed = True
            for stop in self._stops.values():
                stop.set()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while (order := self._next()) is not None:
            stop = self._stops[order.airing]
            if stop.is_set():
                self._report(order, ReportState.STOPPED, code="stopped_before_start")
            elif clock.now() > order.expires:
                self._report(order, ReportState.REFUSED, code="too_late")
            else:
                self._play(order, stop)
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

    def _play(self, order: Order, stop: threading.Event) -> None:
        has_begun = threading.Event()

        def begin() -> None:
            has_begun.set()
            self._report(order, ReportState.STARTED)

        try:
            is_finished, position_s = self._play_all(order, stop, begin)
        except Exception as error:
            state = ReportState.STOPPED if has_begun.is_set() else ReportState.REFUSED
            ids = {"airing": order.airing, "station": order.station}
            log.error("A clip could not be played.", exc_info=error, extra={"action": "play_failed", **ids})
            self._report(order, state, code=str(error))
        else:
            self._report(order, ReportState.FINISHED if is_finished else ReportState.STOPPED, position_s)

    def _play_all(self, order: Order, stop: threading.Event, begin: Callable[[], None]) -> tuple[bool, float]:
        """Every repeat with the gaps between them: whether it came to its end, and how far it came in seconds."""
        position_s = 0.0
        for number in range(order.repeats):
            if number:
                if stop.wait(order.gap_s):
                    return False, position_s
                position_s += order.gap_s
            on_start = begin if number == 0 else _nothing
            played = self._sink.play(order.clip, stop=stop, volume_percent=self._volume_percent, on_start=on_start)
            position_s += played.position_s
            if not played.is_finished:
                return False, position_s
        return True, position_s

    def _report(self, order: Order, state: ReportState, position_s: float = 0.0, code: str = "") -> None:
        self._reports.append(Report(order.airing, order.station, state, clock.now(), position_s, code))
