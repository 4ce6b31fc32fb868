"""Loudspeakers that hold signed orders and play by their own clock, reached through an MQTT broker.

The worker's one connection carries the orders of every station (`mqtt_link`); what the loudspeakers report comes to
the inbox (`services.conversing`), signed by each, and not through here. One that is away asks for what it missed.
"""

from collections.abc import Sequence

from pydantic import Field as Setting

from broadcaster.connectors import mqtt_link
from broadcaster.connectors.base import Capabilities
from broadcaster.connectors.loudspeakers import Loudspeakers, require_signed, unsigned_stop
from broadcaster.connectors.mqtt_punctual import Punctual
from broadcaster.domain.airing import Evidence
from broadcaster.domain.order import Order, Report
from broadcaster.domain.place import Grade, Station
from broadcaster.errors import DeliveryError
from broadcaster.orders.topics import Device, Part

_CONFIRMED_WITHIN_S = 10.0
_LONGEST_LEAD_S = 22 * 3600
"""An order is good for 24 hours, and is signed when it is handed over."""


def _publish_all(items: Sequence[tuple[str, bytes]]) -> list[DeliveryError | None]:
    link = mqtt_link.link()
    if link is None:
        error = DeliveryError("This process has no MQTT broker.", is_permanent=False)
        return [error for _ in items]
    return link.publish_all(items, _CONFIRMED_WITHIN_S)


_punctual = Punctual(_publish_all)


class MqttConnector:
    class Config(Loudspeakers):
        """Without `holds_orders` an order is published in its due second."""

        holds_orders: bool = True
        lead_s: float = Setting(1800.0, ge=0, le=_LONGEST_LEAD_S)

    def __init__(self, station: Station, config: Config) -> None:
        self._station = station
        self._holds_orders = config.holds_orders
        self._topics = [Device(station.commune, name).topic(Part.ORDER) for name in config.loudspeakers]
        self.capabilities = Capabilities(
            holds_orders=config.holds_orders, confirms_start=True, confirms_finish=True, can_stop=True,
            plays_here=False, lead_s=config.lead_s, grade=Grade.A, evidence=Evidence.FINISHED,
        )  # fmt: skip

    def deliver(self, order: Order) -> None:
        """Returns once the broker has the order for every loudspeaker; where they hold none, once it waits here."""
        require_signed(order, self._station)
        if self._holds_orders:
            self.send(order.envelope)
        else:
            self._require_loudspeakers()
            _punctual.add(self, order, self._topics)

    def send(self, envelope: bytes, only: str | None = None) -> None:
        self._require_loudspeakers()
        # All before an error is raised: one whose order was not confirmed keeps no other from its own.
        topics = self._topics if only is None else [Device(self._station.commune, only).topic(Part.ORDER)]
        errors = _publish_all([(topic, envelope) for topic in topics])
        error = next((error for error in errors if error is not None), None)
        if error is not None:
            raise DeliveryError("{station}: {error}", is_permanent=False, station=self._station.code, error=error)

    def reports(self) -> list[Report]:
        """None: what loudspeakers say, each says for itself."""
        return []

    def stop(self, airing: str) -> None:
        raise unsigned_stop(self._station, airing)

    def check(self) -> None:
        self._require_loudspeakers()
        link = mqtt_link.link()
        if link is not None and link.fault is not None:
            raise link.fault

    def close(self) -> None:
        """The connection is the worker's, and loudspeakers that hold their orders play on."""
        _punctual.drop(self)

    def _require_loudspeakers(self) -> None:
        if not self._topics:
            raise DeliveryError(
                "{station} has no loudspeakers. Add them: broadcaster loudspeaker add {commune} NAME",
                is_permanent=True, station=self._station.code, commune=self._station.commune,
            )  # fmt: skip
