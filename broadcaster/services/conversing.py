"""Talking with the loudspeakers: what they say is taken in, acknowledged and answered; what they missed is sent again.

Everything is stored before it is acknowledged, and acted on afterwards (`plays`), so that a worker that dies in
between acts on it with its next start. An answer that gets lost is asked for again.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from broadcaster.connectors.mqtt_link import Incoming
from broadcaster.errors import DeliveryError
from broadcaster.orders.health import read_state
from broadcaster.orders.strict_json import MalformedError
from broadcaster.orders.topics import Device, Part
from broadcaster.services import attending, inbox, outbox
from broadcaster.services.acknowledging import Acknowledging
from broadcaster.services.inbox import Received
from broadcaster.services.precedence import Precedence
from broadcaster.store.engine import Store

log = logging.getLogger(__name__)

_PATIENCE_S = 5.0
_AT_ONCE = 50
"""Messages in one transaction: so long a stop may have to wait for the database."""
_GIVE_WAY_S = 2.0


class Wire(Protocol):
    """A connection to the broker, as `connectors.mqtt_link.Link` is one."""

    @property
    def generation(self) -> int: ...

    def incoming(self) -> list[Incoming]: ...

    def publish_all(self, items: Sequence[tuple[str, bytes]], timeout_s: float) -> list[DeliveryError | None]: ...


@dataclass(slots=True)
class Conversing:
    """`generation` is the connection whose retained states were taken in; nothing older is believed to be so now."""

    store: Store
    acknowledging: Acknowledging
    wire: Wire
    precedence: Precedence = field(default_factory=Precedence)
    generation: int = 0

    def run(self, now: datetime) -> None:
        """Take in all that has come, and answer it. Raises StoreError: then the loudspeakers say it again."""
        generation = self.wire.generation
        found = self.wire.incoming()
        for first in range(0, max(1, len(found)), _AT_ONCE):
            self.precedence.give_way(_GIVE_WAY_S)
            self._take(found[first : first + _AT_ONCE], generation, now)

    def _take(self, found: Sequence[Incoming], generation: int, now: datetime) -> None:
        """Some of what has come, in one transaction, and the answers to it."""
        said = _by_device(found)
        with self.store.writing() as session:
            if generation != self.generation:
                attending.all_unknown(session, now)
            for incoming in found:
                if incoming.part is Part.STATE:
                    _take_state(session, incoming, now)
            attending.unseen(session, now)
            received = {device: inbox.receive(session, device, envelopes, now) for device, envelopes in said.items()}
        self.generation = generation
        if received:
            self._answer(received, now)

    def _answer(self, received: Mapping[Device, Received], now: datetime) -> None:
        items: list[tuple[str, bytes]] = []
        with self.store.reading() as session:
            for device, found in received.items():
                topic = device.topic(Part.ORDER)
                if found.ack_seqs:
                    signed = self.acknowledging.signed(session, device, found.ack_seqs, now)
                    items += [(topic, envelope) for envelope in signed]
                if found.hellos:
                    items += [(topic, envelope) for envelope in outbox.valid_for(session, device, now)]
        for error in self.wire.publish_all(items, _PATIENCE_S):
            if error is not None:  # whoever it was for says hello again
                log.warning("An answer was not sent.", extra={"action": "answer_failed", "error": str(error)})
                return


def _by_device(found: Sequence[Incoming]) -> dict[Device, list[bytes]]:
    said: dict[Device, list[bytes]] = {}
    for incoming in found:
        if incoming.part is Part.REPORT:
            said.setdefault(incoming.device, []).append(incoming.payload)
    return said


def _take_state(session: Session, incoming: Incoming, now: datetime) -> None:
    try:
        attending.seen(session, incoming.device, read_state(incoming.payload), now)
    except MalformedError as error:
        extra = {"action": "state_refused", "loudspeaker": incoming.device.user, "error": str(error)}
        log.warning("What a loudspeaker says of itself cannot be read.", extra=extra)
