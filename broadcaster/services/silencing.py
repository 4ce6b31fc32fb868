"""Asking stations to fall silent: all at once, and again until each has answered."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from broadcaster.domain.place import Station
from broadcaster.errors import BroadcasterError, StoreError
from broadcaster.services import outbox
from broadcaster.services.dispatching import Dispatch, Errand, Job
from broadcaster.services.sealing import Sealing
from broadcaster.store.engine import Store

log = logging.getLogger(__name__)

_PATIENCE_S = 1.0
"""So long a tick waits for stations; what answers later counts with the tick after."""

_Order = tuple[str, Station]
"""An airing's id, and a station that may have an order for it."""


@dataclass(frozen=True, slots=True)
class Silencer:
    """`_complained` holds the orders of which it was said already that a station does not give them back."""

    store: Store
    sealing: Sealing
    dispatch: Dispatch
    _answers: dict[tuple[str, str], Exception | None] = field(default_factory=dict)
    _complained: set[tuple[str, str]] = field(default_factory=set)

    def ask(self, wanted: Iterable[tuple[str, Iterable[Station]]], now: datetime) -> None:
        """Tell the stations of several airings at once, and wait a moment for their answers."""
        orders = [
            (airing, station)
            for airing, stations in wanted
            for station in stations
            if (airing, station.code) not in self._answers
        ]
        cancels = self._cancels([order for order in orders if self.sealing.is_signed(order[1])], now)
        jobs = [
            Job(
                station.code,
                airing,
                Errand.STOP,
                partial(self._stop, station, airing, cancels.get((airing, station.code))),
            )
            for airing, station in orders
            if (airing, station.code) not in self._answers
        ]
        for job in jobs:
            self.dispatch.submit(job)
        self.dispatch.wait(jobs, _PATIENCE_S)
        for done in self.dispatch.done(Errand.STOP):
            self._answers[done.job.airing, done.job.station] = done.error

    def silence(self, airing: str, stations: Iterable[Station], now: datetime) -> set[str]:
        """Silence an airing at stations, playing or waiting; the codes of those that were reached."""
        asked = list(stations)
        self.ask([(airing, asked)], now)
        return {station.code for station in asked if self._is_silent(airing, station)}

    def _cancels(self, orders: Sequence[_Order], now: datetime) -> dict[tuple[str, str], bytes]:
        """The envelopes that take orders back from signed stations, kept before they are sent.

        A station that was ordered nothing needs none; where none can be signed, that is its answer.
        """
        if not orders:
            return {}
        made = {}
        with self.store.writing() as session:
            for airing, station in orders:
                until = outbox.ordered_until(session, station.code, airing)
                if until is None:
                    self._answers[airing, station.code] = None
                    continue
                try:
                    made[airing, station.code] = self.sealing.cancel(session, station, airing, until, now)
                except StoreError:
                    raise
                except (BroadcasterError, OSError) as error:
                    self._answers[airing, station.code] = error
        return made

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
        capabilities = self.sealing.stations.capabilities(station)
        return capabilities is not None and capabilities.can_stop

    def _stop(self, station: Station, airing: str, cancel: bytes | None) -> None:
        if cancel is not None:
            self.sealing.send(station, cancel)
        else:
            self.sealing.stations.connector(station).stop(airing)
