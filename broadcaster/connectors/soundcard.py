"""This computer and its amplifier; or a virtual loudspeaker that plays into a file or into nothing, in real time."""

import logging
import threading
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field

from broadcaster.audio.play import sink_for
from broadcaster.connectors.base import Capabilities
from broadcaster.connectors.timer import Timer
from broadcaster.domain.order import Order, Report, ReportState
from broadcaster.domain.place import Grade, Station
from broadcaster.errors import ConfigError
from broadcaster.strict_yaml import Strict

log = logging.getLogger(__name__)


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
        self._volume_percent = config.volume_percent
        self._sink = sink_for(config.sink)
        self._timer = Timer(station.code, self._play)

    def deliver(self, order: Order) -> None:
        self._timer.add(order)

    def reports(self) -> list[Report]:
        return self._timer.reports()

    def stop(self, airing: str) -> None:
        self._timer.stop(airing)

    def check(self) -> None:
        """The sink was made when the station was; whether a device sounds is known when it plays."""

    def close(self) -> None:
        """Silence what plays, drop what waits, and wait for the thread."""
        self._timer.close()

    def _play(self, order: Order, stop: threading.Event) -> None:
        has_begun = threading.Event()

        def begin() -> None:
            has_begun.set()
            self._timer.report(order, ReportState.STARTED)

        try:
            is_finished, position_s = self._play_all(order, stop, begin)
        except Exception as error:
            state = ReportState.STOPPED if has_begun.is_set() else ReportState.REFUSED
            ids = {"airing": order.airing, "station": order.station}
            log.error("A clip could not be played.", exc_info=error, extra={"action": "play_failed", **ids})
            self._timer.report(order, state, code=str(error))
        else:
            self._timer.report(order, ReportState.FINISHED if is_finished else ReportState.STOPPED, position_s)

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
