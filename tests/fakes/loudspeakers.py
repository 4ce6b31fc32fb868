"""Loudspeakers that live as long as the test does, with named vices; the connector to them comes and goes.

They have no clock of their own: `go_on(now)` lets them live until that moment.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum

import pytest

from broadcaster.connectors import base
from broadcaster.connectors.base import Capabilities
from broadcaster.domain.airing import Evidence
from broadcaster.domain.order import Order, Report, ReportState
from broadcaster.domain.place import Grade, Station
from broadcaster.errors import DeliveryError
from broadcaster.strict_yaml import Strict

KIND = "loudspeaker"


class Vice(StrEnum):
    NONE = "none"
    UNREACHABLE = "unreachable"
    REFUSES = "refuses"
    DEAF = "deaf"
    """Takes orders and cannot be told to stop."""
    SILENT = "silent"
    """Takes orders, plays nothing and says nothing."""
    NEVER_FINISHES = "never_finishes"
    """Says that it started and nothing more."""
    FAST = "fast"
    """Has started and finished by the time it has taken the order."""
    BREAKS = "breaks"
    """Its connector fails to deliver in a way that nobody thought of."""
    BREAKS_IN_REPORTS = "breaks_in_reports"
    """And so it does when it is asked for reports."""
    WORKER_DIES_BEFORE = "worker_dies_before"
    """The worker is killed before the order reaches it."""
    WORKER_DIES_AFTER = "worker_dies_after"
    """The worker is killed once it has the order."""


class WorkerKilledError(BaseException):
    """Not an Exception: nobody may catch it and go on."""


class Loudspeaker:
    """What stands at one station: its orders, what it has played, and the reports that nobody has fetched yet."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.vice = Vice.NONE
        self.now: datetime | None = None
        self.orders: dict[str, Order] = {}
        self.handed: list[str] = []
        self.played: list[str] = []
        self.stopped: list[str] = []
        self.playing: dict[str, datetime] = {}
        self.unread: list[Report] = []
        self.heard: list[tuple[str, datetime, datetime]] = []
        """What sounded, from when until when."""
        self._since: dict[str, datetime] = {}
        self.on_take: Callable[[], None] = lambda: None

    def take(self, order: Order) -> None:
        self.handed.append(order.airing)
        if order.airing in self.orders:
            return
        if self.vice is Vice.REFUSES:
            self.tell(order.airing, ReportState.REFUSED, order.start, code="not_today")
        else:
            self.orders[order.airing] = order
        if self.vice is Vice.FAST:
            self.played.append(order.airing)
            self.tell(order.airing, ReportState.STARTED, order.start)
            self.tell(order.airing, ReportState.FINISHED, order.start + order.length)
        self.on_take()

    def go_on(self, now: datetime) -> None:
        """Start and finish what is due by `now`; what came after its due time starts when it is noticed."""
        before, self.now = self.now, now
        if self.vice in {Vice.REFUSES, Vice.SILENT, Vice.FAST}:
            return
        for order in sorted(self.orders.values(), key=lambda order: order.start):
            if order.airing not in self.played and order.start <= now:
                self._start(order, max(order.start, before or order.start))
        for airing, ends_at in list(self.playing.items()):
            if ends_at <= now and self.vice is not Vice.NEVER_FINISHES:
                del self.playing[airing]
                self.heard.append((airing, self._since.pop(airing, ends_at), ends_at))
                self.tell(airing, ReportState.FINISHED, ends_at)

    def silence(self, airing: str) -> None:
        self.stopped.append(airing)
        if airing not in self.played:
            self.orders.pop(airing, None)  # it may be ordered again, for another time
        if self.playing.pop(airing, None) is not None:
            until = self.now or self.orders[airing].start
            self.heard.append((airing, self._since.pop(airing, until), until))
            self.tell(airing, ReportState.STOPPED, self.now or self.orders[airing].start, code="stopped")

    def tell(self, airing: str, state: ReportState, at: datetime, *, code: str = "") -> None:
        self.unread.append(Report(airing, self.code, state, at, 0.0, code))

    def _start(self, order: Order, at: datetime) -> None:
        if at > order.expires:
            del self.orders[order.airing]
            self.tell(order.airing, ReportState.REFUSED, at, code="too_late")
            return
        self.played.append(order.airing)
        self.playing[order.airing] = at + order.length
        self._since[order.airing] = at
        self.tell(order.airing, ReportState.STARTED, at)


class LoudspeakerConnector:
    """`plays_here` means that the loudspeaker is a part of the worker and dies with it."""

    class Config(Strict):
        plays_here: bool = False
        confirms: bool = True
        lead_s: float = 60.0
        confirms_start: bool | None = None
        evidence: Evidence = Evidence.FINISHED

    site: "Site"

    def __init__(self, station: Station, config: Config) -> None:
        self.capabilities = Capabilities(
            holds_orders=True, confirms_start=config.confirms or config.confirms_start is True,
            confirms_finish=config.confirms, can_stop=True,
            plays_here=config.plays_here, lead_s=config.lead_s, grade=Grade.B, evidence=config.evidence,
        )  # fmt: skip
        self._speaker = self.site.speaker(station.code)
        self._is_closed = False

    def deliver(self, order: Order) -> None:
        if self._speaker.vice is Vice.WORKER_DIES_BEFORE:
            raise WorkerKilledError
        if self._is_closed or self._speaker.vice is Vice.UNREACHABLE:
            raise DeliveryError("Station {station} does not answer.", is_permanent=False, station=order.station)
        if self._speaker.vice is Vice.BREAKS:
            raise RuntimeError("nobody thought of this")
        self._speaker.take(order)
        if self._speaker.vice is Vice.WORKER_DIES_AFTER:
            raise WorkerKilledError

    def reports(self) -> list[Report]:
        if self._speaker.vice is Vice.BREAKS_IN_REPORTS:
            raise RuntimeError("nobody thought of this")
        told = {
            ReportState.STARTED: self.capabilities.confirms_start,
            ReportState.FINISHED: self.capabilities.confirms_finish,
        }
        found = [report for report in self._speaker.unread if told.get(report.state, self.capabilities.confirms_start)]
        self._speaker.unread.clear()
        return found

    def stop(self, airing: str) -> None:
        if self._speaker.vice in {Vice.UNREACHABLE, Vice.DEAF}:
            raise DeliveryError("Station {station} does not answer.", is_permanent=False, station=self._speaker.code)
        self._speaker.silence(airing)

    def check(self) -> None:
        """Always usable."""

    def close(self) -> None:
        self._is_closed = True
        if self.capabilities.plays_here:
            for airing in list(self._speaker.playing):
                self._speaker.silence(airing)
            self._speaker.orders.clear()


class Site:
    """All loudspeakers of a test, by station."""

    def __init__(self) -> None:
        self._speakers: dict[str, Loudspeaker] = {}

    def speaker(self, code: str) -> Loudspeaker:
        return self._speakers.setdefault(code, Loudspeaker(code))

    def all(self) -> list[Loudspeaker]:
        return list(self._speakers.values())

    def forget(self, code: str) -> None:
        """A part of the worker is gone with the worker, its reports too."""
        lost = self.speaker(code)
        self._speakers[code] = Loudspeaker(code)
        self._speakers[code].played = lost.played  # what was heard stays heard

    @contextmanager
    def in_use(self) -> Iterator["Site"]:
        """The connector kind `loudspeaker` reaches this site."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(base.KINDS, KIND, f"{__name__}:{LoudspeakerConnector.__name__}")
            patch.setattr(LoudspeakerConnector, "site", self, raising=False)
            yield self
