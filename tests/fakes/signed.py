"""A station whose loudspeakers obey signed orders alone, and the loudspeakers themselves: they verify, and report."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broadcaster.connectors import base
from broadcaster.connectors.base import Capabilities
from broadcaster.domain.airing import Evidence
from broadcaster.domain.order import Order, Report
from broadcaster.domain.place import Grade, Station
from broadcaster.errors import BroadcasterError, DeliveryError
from broadcaster.orders import payload
from broadcaster.orders.device import DeviceKey, PlayReport, PlayState
from broadcaster.orders.payload import Payload
from broadcaster.orders.topics import Device
from broadcaster.strict_yaml import Strict

KIND = "signed"


@dataclass
class Loudspeaker:
    """Signs what a test has it say; it counts its messages."""

    device: Device
    key: DeviceKey = field(default_factory=lambda: DeviceKey(Ed25519PrivateKey.generate()))
    seq: int = 0

    def says(self, state: PlayState, order: Payload, at: datetime, **more: Any) -> bytes:
        self.seq += 1
        return self.key.signed(PlayReport(self.device, self.seq, order.airing, order.seq, state, at, **more))


class Wire:
    """What was sent to each station, in order."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.is_cut = False

    def orders(self) -> list[Payload]:
        """What was signed, as it was sent."""
        return [_payload(envelope) for _, envelope in self.sent]

    @contextmanager
    def in_use(self) -> Iterator["Wire"]:
        """The connector kind `signed` sends over this wire."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(base.KINDS, KIND, f"{__name__}:{SignedConnector.__name__}")
            patch.setattr(SignedConnector, "wire", self, raising=False)
            yield self


class SignedConnector:
    class Config(Strict):
        loudspeakers: list[str]
        lead_s: float = 600.0

    wire: Wire

    def __init__(self, station: Station, config: Config) -> None:
        self._station = station
        self.capabilities = Capabilities(
            holds_orders=True, confirms_start=True, confirms_finish=True, can_stop=True, plays_here=False,
            lead_s=config.lead_s, grade=Grade.A, evidence=Evidence.FINISHED,
        )  # fmt: skip

    def deliver(self, order: Order) -> None:
        self.send(order.envelope)

    def send(self, envelope: bytes, only: str | None = None) -> None:
        if self.wire.is_cut:
            raise DeliveryError("Station {station} does not answer.", is_permanent=False, station=self._station.code)
        self.wire.sent.append((self._station.code, envelope))

    def reports(self) -> list[Report]:
        return []

    def stop(self, airing: str) -> None:
        raise BroadcasterError("Only what is signed stops {station}.", station=self._station.code)

    def check(self) -> None:
        """Always usable."""

    def close(self) -> None:
        """Nothing to let go of."""


def _payload(envelope: bytes) -> Payload:
    return payload.unverified(envelope)
