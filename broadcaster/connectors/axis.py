"""An Axis network loudspeaker. It holds no orders: the clip is put on the device ahead, and started from here on time.

That it plays is known from its answer and its own events (evidence `playing`); that residents hear it is not.
"""

import logging
import threading
import time
from datetime import timedelta
from typing import NamedTuple

from pydantic import Field

from broadcaster import clock
from broadcaster.connectors.base import Capabilities
from broadcaster.connectors.remote import RemoteConfig, is_airing, is_passing, is_unsure, read_clip, talking_to
from broadcaster.connectors.timer import Met, Timer
from broadcaster.connectors.vapix import Device, Shelf
from broadcaster.domain.airing import Evidence
from broadcaster.domain.order import Order, Report, ReportState
from broadcaster.domain.place import Station
from broadcaster.errors import DeliveryError
from broadcaster.net import NetError

log = logging.getLogger(__name__)

PREFIX = "bc-"
"""Begins the names of our clips on a device; others are left alone."""
STOPPED = "stopped"
LOOK_EVERY_S = 0.1
RETRY_S = 1.0
SETTLES_WITHIN_S = 3.0
"""How long a device may say that nothing plays after it said that it plays."""
EARLY_S = 1.0
"""How much earlier than its length a clip may end and count as whole: of its start we hear that late."""
OVERRUN_S = 5.0


class _End(NamedTuple):
    position_s: float
    is_finished: bool
    code: str = ""


class _UnknownError(Exception):
    """Nobody can say whether it sounds; so nothing is said."""


class AxisConnector:
    """`volume_percent` 100 is the clip as it is. `watch: false` is for devices without events over a WebSocket (before
    AXIS OS 10.11): then only the start is known."""

    class Config(RemoteConfig):
        username: str = Field(min_length=1)
        password: str = Field(min_length=1, repr=False)
        volume_percent: int = Field(100, ge=0, le=1000)
        lead_s: float = Field(60.0, ge=0)
        watch: bool = True

    def __init__(self, station: Station, config: Config) -> None:
        self._station = station
        self._config = config
        self._device = Device(config.address, config.username, config.password, config.timeout_s)
        self._timer = Timer(station.code, self._play)
        self._uploading = threading.Lock()  # the number of a clip is that of a free place
        self._changing = threading.Lock()
        self._coming: Order | None = None
        self._is_recalled = False
        self._numbers: dict[str, int] = {}
        self.capabilities = Capabilities(
            holds_orders=False, confirms_start=True, confirms_finish=config.watch, can_stop=True, plays_here=True,
            lead_s=config.lead_s, grade=config.grade, evidence=Evidence.PLAYING,
        )  # fmt: skip

    def deliver(self, order: Order) -> None:
        with self._uploading:
            if self._timer.knows(order.airing) or self._timer.has_begun(order.airing):
                return
            with self._changing:
                self._coming, self._is_recalled = order, False
            try:
                with talking_to(self._station.code):
                    self._numbers[order.airing] = self._upload(order)
                with self._changing:
                    if not self._is_recalled:
                        self._timer.add(order)
                        return
                self._timer.report(order, ReportState.STOPPED, code="stopped_before_start")
                self._clear(order.airing)
            except BaseException:
                self._numbers.pop(order.airing, None)
                raise
            finally:
                with self._changing:
                    self._coming = None

    def reports(self) -> list[Report]:
        return self._timer.reports()

    def stop(self, airing: str) -> None:
        with self._changing:
            if self._coming is not None and self._coming.airing == airing:
                self._is_recalled = True
                return
            met = self._timer.stop(airing)
        if met is Met.WAITING:
            self._clear(airing)
        elif met is Met.PLAYING:
            with talking_to(self._station.code):
                self._device.stop()
        elif is_airing(airing):
            self._stop_what_a_former_process_left(airing)

    def check(self) -> None:
        with talking_to(self._station.code):
            self._device.shelf()

    def close(self) -> None:
        self._timer.close()

    def _stop_what_a_former_process_left(self, airing: str) -> None:
        """A clip lies on the device from before its airing until after it: while it is there, it may be heard."""
        with talking_to(self._station.code):
            number = self._device.shelf().number(PREFIX + airing)
            if number is None:
                return
            if not self._timer.is_playing():
                self._device.stop()
            self._device.remove(number)

    def _upload(self, order: Order) -> int:
        content = read_clip(order)
        shelf = self._device.shelf()
        if len(content) > shelf.clip_bytes:
            raise DeliveryError(
                "Station {station}: the clip has {size} bytes, and the loudspeaker takes {limit} at most. Shorten the "
                "bulletin, or choose a template with a lower bitrate.",
                is_permanent=True, station=self._station.code, size=len(content), limit=shelf.clip_bytes,
            )  # fmt: skip
        there = shelf.number(PREFIX + order.airing)
        if there is not None:  # of a former process, or half of one: its bytes are not known
            self._device.remove(there)
        self._make_room(shelf)
        return self._device.upload(PREFIX + order.airing, content)

    def _make_room(self, shelf: Shelf) -> None:
        """Remove our clips that no order needs any more. Raises DeliveryError where the device stays full."""
        ours = {number: name.removeprefix(PREFIX) for number, name in shelf.names.items() if name.startswith(PREFIX)}
        needless = [number for number, airing in ours.items() if not self._timer.knows(airing)]
        coming = self._coming.airing if self._coming is not None else ""
        for number in needless:
            if ours[number] != coming:
                self._device.remove(number)
        if len(shelf.names) - len(needless) >= shelf.clips:
            raise DeliveryError(
                "Station {station}: the loudspeaker is full ({count} clips). Remove one that is not needed.",
                is_permanent=len(ours) == len(needless), station=self._station.code, count=shelf.clips,
            )  # fmt: skip

    def _play(self, order: Order, stop: threading.Event) -> None:
        end = None
        try:
            end = self._play_all(order, stop)
        except _UnknownError as error:
            ids = {"airing": order.airing, "station": self._station.code, "error": str(error)}
            log.error("Nobody can say whether a clip is heard.", extra={"action": "play_unknown", **ids})
        at = clock.now()
        self._clear(order.airing)
        if end is not None and (self._config.watch or not end.is_finished):
            has_begun = end.position_s > 0 or end.code == STOPPED
            fallen = ReportState.STOPPED if has_begun else ReportState.REFUSED
            self._timer.report(order, ReportState.FINISHED if end.is_finished else fallen, end.position_s, end.code, at)

    def _play_all(self, order: Order, stop: threading.Event) -> _End:
        """Every repeat with the gaps between them."""
        position_s = 0.0
        for repeat in range(order.repeats):
            if stop.wait(order.gap_s if repeat else 0):
                return _End(position_s, False, STOPPED)
            position_s += order.gap_s if repeat else 0
            try:
                self._start(order, stop)
            except NetError as error:
                return _End(position_s, False, str(error))
            if not repeat:
                self._timer.report(order, ReportState.STARTED)
            end = self._end(order, stop)
            position_s += end.position_s
            if not end.is_finished:
                return end._replace(position_s=position_s)
        return _End(position_s, True)

    def _start(self, order: Order, stop: threading.Event) -> None:
        """Have the device begin; again and again while it surely has not, but never so that it is heard twice."""
        while True:
            try:
                return self._device.play(self._numbers[order.airing], self._config.volume_percent)
            except NetError as error:
                if is_unsure(error):
                    self._silence()
                    raise
                is_too_late = clock.now() + timedelta(seconds=RETRY_S) > order.expires
                if not is_passing(error) or is_too_late or stop.wait(RETRY_S):
                    raise

    def _end(self, order: Order, stop: threading.Event) -> _End:
        """How one playing of the clip ended. Raises _UnknownError."""
        begun, length_s = time.monotonic(), order.duration_ms / 1000
        if not self._config.watch:
            is_stopped = stop.wait(length_s)
            return self._stopped(begun) if is_stopped else _End(length_s, True)
        has_played = False
        for is_playing in self._device.states(stop, LOOK_EVERY_S):
            elapsed_s = time.monotonic() - begun
            has_played |= is_playing is True
            if stop.is_set():
                return self._stopped(begun)
            if is_playing is False and elapsed_s >= length_s - EARLY_S:
                return _End(length_s, True)
            if is_playing is False and has_played:
                return _End(elapsed_s, False, "ended_early")
            if is_playing is False and elapsed_s > SETTLES_WITHIN_S:
                return _End(0.0, False, "not_playing")
            if elapsed_s > length_s + OVERRUN_S:
                break
        self._silence()
        raise _UnknownError("its end was not seen")

    def _stopped(self, begun: float) -> _End:
        self._silence()  # a stop may have reached the device before its start did
        return _End(time.monotonic() - begun, False, STOPPED)

    def _silence(self) -> None:
        try:
            self._device.stop()
        except NetError as error:
            raise _UnknownError(str(error)) from error

    def _clear(self, airing: str) -> None:
        """Take an airing's clip off the device; what stays is removed when room is needed."""
        number = self._numbers.pop(airing, None)
        try:
            if number is not None:
                self._device.remove(number)
        except NetError as error:
            extra = {"action": "clip_left", "station": self._station.code, "airing": airing, "error": str(error)}
            log.warning("A clip was left on a loudspeaker.", extra=extra)
