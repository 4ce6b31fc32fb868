"""Loudspeakers that verify signed orders, over MQTT: ours, and any vendor's that follow `docs/loudspeakers.md`.

An order goes to each loudspeaker of the station. What the loudspeakers report comes in by the inbox, signed.
"""

from typing import Annotated

from pydantic import Field, StringConstraints

from broadcaster.connectors import mqtt_link
from broadcaster.connectors.base import Capabilities
from broadcaster.connectors.mqtt_link import Message
from broadcaster.domain.airing import Evidence
from broadcaster.domain.order import Order, Report
from broadcaster.domain.place import Grade, Station
from broadcaster.errors import BroadcasterError, DeliveryError
from broadcaster.orders.payload import MAX_TARGETS
from broadcaster.orders.strict_json import ID
from broadcaster.orders.topics import Device, Part
from broadcaster.strict_yaml import Strict

_Id = Annotated[str, StringConstraints(pattern=f"^{ID.pattern}$")]
_PATIENCE_S = 10.0


class MqttConnector:
    class Config(Strict):
        loudspeakers: list[_Id] = Field(min_length=1, max_length=MAX_TARGETS)
        lead_s: float = Field(1800.0, ge=0, le=43_200)

    def __init__(self, station: Station, config: Config) -> None:
        self._station = station
        devices = [Device(station.commune, loudspeaker) for loudspeaker in config.loudspeakers]
        self._topics = [device.topic(Part.ORDER) for device in devices]
        self.capabilities = Capabilities(
            holds_orders=True, confirms_start=True, confirms_finish=True, can_stop=True, plays_here=False,
            lead_s=config.lead_s, grade=Grade.A, evidence=Evidence.FINISHED,
        )  # fmt: skip

    def deliver(self, order: Order) -> None:
        if not order.envelope:
            raise DeliveryError(
                "The order for {station} is not signed; its loudspeakers would refuse it.",
                is_permanent=True,
                station=self._station.code,
            )
        self.send(order.envelope)

    def send(self, envelope: bytes) -> None:
        """Hand something signed to all loudspeakers: to the broker, that is. Raises DeliveryError."""
        try:
            link = mqtt_link.link()
        except BroadcasterError as error:
            raise DeliveryError(error.message, is_permanent=False, **error.values) from error
        link.publish_all([Message(topic, envelope) for topic in self._topics], _PATIENCE_S)

    def reports(self) -> list[Report]:
        return []

    def stop(self, airing: str) -> None:
        raise BroadcasterError(
            "{station} obeys signed orders alone; airing {airing} cannot be stopped without one.",
            station=self._station.code,
            airing=airing,
        )

    def check(self) -> None:
        """Only the worker is connected to the broker; whether it is shows in the loudspeakers' own states."""

    def close(self) -> None:
        """The connection belongs to all stations."""
