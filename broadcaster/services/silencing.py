"""Asking stations to fall silent: all at once, and again until each has answered."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from broadcaster.domain.place import Station
from broadcaster.errors import BroadcasterError
from broadcaster.services.dispatching import Dispatch, Errand, Job
from broadcaster.services.stations import Stations

log = logging.getLogger(__name__)

_PATIENCE_S = 1.0
"""So long a tick waits for stations; what answers later counts with the tick after."""


@dataclass(frozen=True, slots=True)
class Silencer:
    """`_complained` holds the orders of which it was said already that a station does not give them back."""

    stations: Stations
    dispatch: Dispatch
    _answers: dict[tuple[str, str], Exception | None] = field(default_factory=dict)
    _complained: set[tuple[str, str]] = field(default_factory=set)

    def ask(self, wanted: Iterable[tuple[str, Iterable[Station]]]) -> None:
        """Tell the stations of several airings at once, and wait a moment for their answers."""
        jobs = [
            Job(station.code, airing, Errand.STOP, partial(self._stop, station, airing))
            for airing, stations in wanted
            for station in stations
            if (airing, station.code) not in self._answers
        ]
        for job in jobs:
            self.dispatch.submit(job)
        self.dispatch.wait(jobs, _PATIENCE_S)
        for done in self.dispatch.done(Errand.STOP):
            self._answers[done.job.airing, done.job.station] = done.error

    def silence(self, airing: str, stations: Iterable[Station]) -> set[str]:
        """Silence an airing at stations, playing or waiting; the codes of those that were reached."""
        asked = list(stations)
        self.ask([(airing, asked)])
        return {station.code for station in asked if self._is_silent(airing, station)}

    def _is_silent(self, airing: str, station: Station) -> bool:
        about = (airing, station.code)
        if about not in self._answers:
            return False  # it has not answered yet
        error = self._answers.pop(about)
        if error is not None:
            if about not in self._complained:
                extra = {"action": "recall_failed", "airing": airing, "station": station.code, "error": str(error)}
                is_known = isinstance(error, BroadcasterError)
                log.error("An order was not taken back.", exc_info=None if is_known else error, extra=extra)
            self._complained.add(about)
            return False
        self._complained.discard(about)
        capabilities = self.stations.capabilities(station)
        return capabilities is not None and capabilities.can_stop

    def _stop(self, station: Station, airing: str) -> None:
        self.stations.connector(station).stop(airing)
