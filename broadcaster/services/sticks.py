"""Sticks that come and go between the server and loudspeakers without a network: reports back, keys and answers out."""

import logging
from dataclasses import dataclass
from datetime import datetime

from broadcaster.connectors.stick import StickConnector
from broadcaster.domain.place import Station
from broadcaster.errors import BroadcasterError, StoreError
from broadcaster.orders import keyfolder
from broadcaster.orders.device import MAX_ACKNOWLEDGED
from broadcaster.orders.topics import Device
from broadcaster.services import inbox
from broadcaster.services.ordering import OFFLINE_KIND, Signer
from broadcaster.services.sealing import loudspeakers
from broadcaster.services.stations import Stations
from broadcaster.store import communes as places
from broadcaster.store.engine import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sticks:
    store: Store
    stations: Stations
    signer: Signer

    def run(self, now: datetime) -> None:
        """See to every stick that is there. Raises StoreError."""
        with self.store.reading() as session:
            stations = [one for found in places.stations(session).values() for one in found]
        for station in stations:
            if station.connector == OFFLINE_KIND:
                self._see_to(station, now)

    def _see_to(self, station: Station, now: datetime) -> None:
        try:
            connector = self.stations.connector(station)
            if isinstance(connector, StickConnector) and connector.is_there:
                self._put_keys(station, connector)
                self._read_back(station, connector, now)
        except StoreError:
            raise
        except (BroadcasterError, OSError) as error:  # it was pulled out, or there are no keys: the next time
            extra = {"action": "stick_failed", "station": station.code, "error": str(error)}
            log.warning("A stick was not seen to.", extra=extra)

    def _put_keys(self, station: Station, connector: StickConnector) -> None:
        keys = self.signer.keys
        for version in range(1, keyfolder.newest_version(keys, station.commune) + 1):
            connector.put(f"keys/keys-{version:06d}.json", keyfolder.document(keys, station.commune, version))

    def _read_back(self, station: Station, connector: StickConnector, now: datetime) -> None:
        """Keep each report as if it had come over a network; what nobody believes is moved away like the rest."""
        devices = [Device(station.commune, name) for name in loudspeakers(station)]
        kept: dict[Device, list[int]] = {}
        for path, envelope in connector.receipts():
            for device in devices:
                with self.store.writing() as session:
                    received = inbox.receive(session, device, [envelope], now)
                if received.ack_seqs:
                    kept.setdefault(device, []).extend(received.ack_seqs)
                    break
            connector.taken(path)
        for device, seqs in kept.items():
            envelope = self.signer.acknowledge(device, seqs[-MAX_ACKNOWLEDGED:], now)
            connector.put(f"acks/{device.user}.json", envelope)
