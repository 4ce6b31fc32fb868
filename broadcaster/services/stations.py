"""The worker's stations: one connector each, made when first needed and kept until the worker stops."""

import logging
import threading
from collections.abc import Sequence
from datetime import timedelta

from broadcaster.connectors.base import UPSTREAM, Capabilities, Connector, Upstream, connect
from broadcaster.domain.order import Report
from broadcaster.domain.place import Station
from broadcaster.errors import BroadcasterError

log = logging.getLogger(__name__)


class Stations:
    """Connectors by station code; a station whose configuration was changed is connected anew."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Station, Connector]] = {}
        self._left: list[Report] = []  # of connectors that were replaced
        self._guard = threading.Lock()

    def connector(self, station: Station) -> Connector:
        """Raises BroadcasterError where the station cannot be connected as configured. Safe from any thread."""
        with self._guard:
            return self._connector(station)

    def _connector(self, station: Station) -> Connector:
        kept, connector = self._known.get(station.code, (None, None))
        if kept == station and connector is not None:
            return connector
        if connector is not None:
            connector.close()
            self._left += connector.reports()
        try:
            made = connect(station)
        except OSError as error:
            raise BroadcasterError(
                "Station {station} cannot be used: {error}", station=station.code, error=error
            ) from error
        self._known[station.code] = (station, made)
        return made

    def capabilities(self, station: Station | None) -> Capabilities | None:
        """What a station can do; None where it cannot be connected or does not exist any more."""
        try:
            return self.connector(station).capabilities if station is not None else None
        except BroadcasterError:
            return None

    def upstream(self, station: Station) -> Upstream | None:
        """The connector of a station that gives bulletins and is told of airings; None where it is none, or cannot be
        used as configured."""
        try:
            found = self.connector(station) if station.connector in UPSTREAM else None
        except BroadcasterError as error:
            extra = {"action": "upstream_unusable", "station": station.code, "error": str(error)}
            log.warning("A source system cannot be used as configured.", extra=extra)
            return None
        return found if isinstance(found, Upstream) else None

    def lead(self, stations: Sequence[Station]) -> timedelta:
        """How long before its due time an airing is handed over: as early as every one of these stations allows."""
        leads = [found.lead_s for station in stations if (found := self.capabilities(station)) is not None]
        return timedelta(seconds=min(leads, default=0.0))

    def reports(self) -> list[Report]:
        """All reports that have come in, by the stations' clocks; a station that fails here keeps no other's back."""
        found, self._left = self._left, []
        for station, connector in list(self._known.values()):
            try:
                found += connector.reports()
            except Exception:
                log.exception("The reports of %s cannot be fetched.", station.code, extra={"action": "reports_failed"})
        return sorted(found, key=lambda report: report.at)

    def silence(self) -> None:
        """Stop whatever sounds from this process; the reports about it can still be fetched."""
        for _, connector in self._known.values():
            connector.close()
