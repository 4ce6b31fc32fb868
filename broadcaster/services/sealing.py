"""Making orders into signed ones for the stations whose loudspeakers obey nothing else, and expecting their plays."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.orm import Session

from broadcaster.connectors.base import Carried, Signed
from broadcaster.domain.order import Order
from broadcaster.domain.place import Station
from broadcaster.errors import BroadcasterError
from broadcaster.orders.payload import HELD, PACK
from broadcaster.services.ordering import Signer
from broadcaster.services.stations import Stations
from broadcaster.store import plays
from broadcaster.store.tables import AiringRow

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sealing:
    """`_complained` holds the airings of which it was said already that they cannot be signed."""

    stations: Stations
    signer: Signer
    _complained: set[str] = field(default_factory=set)

    def seal(
        self,
        session: Session,
        row: AiringRow,
        stations: Sequence[Station],
        orders: Mapping[str, Order],
        now: datetime,
    ) -> tuple[dict[str, Order], dict[str, str]]:
        """The orders by station, signed where need be; and, by station, why one could not be signed."""
        sealed, unsigned = dict(orders), dict[str, str]()
        for station in stations:
            if not self.is_signed(station):
                continue
            order = orders[station.code]
            try:
                name = self._clip_name(station, order)
                number, envelope = self.signer.play(session, row, station, order, now, clip_name=name)
            except (BroadcasterError, OSError) as error:
                del sealed[station.code]
                unsigned[station.code] = str(error)
                self._complain(row, station, error)
            else:
                sealed[station.code] = replace(order, envelope=envelope)
                plays.begin(session, row.id, station.code, loudspeakers(station), number)
        if not unsigned:
            self._complained.discard(row.id)
        return sealed, unsigned

    def is_signed(self, station: Station) -> bool:
        """Whether a station obeys signed orders alone; one that cannot be connected fails when it is sent to."""
        try:
            return isinstance(self.stations.connector(station), Signed)
        except BroadcasterError:
            return False

    def cancel(self, session: Session, station: Station, airing: str, until: datetime, now: datetime) -> bytes:
        """The envelope that takes an order back from a signed station. Raises BroadcasterError, OSError."""
        held = PACK if isinstance(self.stations.connector(station), Carried) else HELD
        return self.signer.cancel(session, station, airing, until, now, held=held)

    def send(self, station: Station, envelope: bytes, only: str | None = None) -> None:
        """Hand something signed, other than an order to play, to a station that obeys it, or to one loudspeaker.

        Raises BroadcasterError.
        """
        connector = self.stations.connector(station)
        if isinstance(connector, Signed):  # else it was given another connector meanwhile
            connector.send(envelope, only)

    def _clip_name(self, station: Station, order: Order) -> str | None:
        """How the clip beside an order is named; None where loudspeakers fetch it at the door."""
        connector = self.stations.connector(station)
        return connector.clip_name(order) if isinstance(connector, Carried) else None

    def _complain(self, row: AiringRow, station: Station, error: Exception) -> None:
        if row.id not in self._complained:
            self._complained.add(row.id)
            extra = {"action": "not_signed", "airing": row.id, "station": station.code, "error": str(error)}
            log.error("An order could not be signed.", extra=extra)


def loudspeakers(station: Station) -> list[str]:
    """The loudspeakers of a station, as its configuration names them."""
    named = station.config.get("loudspeakers")
    return [str(name) for name in named] if isinstance(named, list) else []
