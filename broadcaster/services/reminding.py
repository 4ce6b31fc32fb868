"""Telling loudspeakers when the quiet hours of their commune have changed, before an order comes that counts on it.

Every acknowledgement carries the hours (`orders.hours`). Who has nothing to be acknowledged is sent one that names no
message: by MQTT at once, and at the door with the next visit. A pack brings one to those without a network.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.orders import hours
from broadcaster.orders.hours import Hours
from broadcaster.orders.topics import Device, Part
from broadcaster.services.acknowledging import Acknowledging
from broadcaster.services.conversing import Wire
from broadcaster.store import communes as places
from broadcaster.store.device_tables import DoorVisitRow, LoudspeakerRow
from broadcaster.store.engine import Store
from broadcaster.store.tables import CommuneRow

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=5)
_AT_ONCE = 20
"""Communes in one go: after a start all are told, and nothing may wait long for that."""
_PATIENCE_S = 5.0


@dataclass(slots=True)
class Reminding:
    """`default_quiet_hours` are those of communes that have none of their own."""

    store: Store
    acknowledging: Acknowledging
    wire: Wire
    default_quiet_hours: Sequence[str] | None
    _told: dict[str, Hours] = field(default_factory=dict)
    _looked_at: datetime | None = None

    def run(self, now: datetime) -> None:
        """Look every some seconds, and tell some of those that were not told what holds now. Raises StoreError."""
        if self._looked_at is not None and abs(now - self._looked_at) < EVERY:
            return
        self._looked_at = now
        with self.store.reading() as session:
            changed = dict(islice(self._changed(session), _AT_ONCE))
            items = [item for commune in changed for item in self._items(session, commune, now)]
        if not changed:
            return
        for error in self.wire.publish_all(items, _PATIENCE_S):
            if error is not None:  # all of them are told once more
                log.warning("The hours were not told.", extra={"action": "hours_untold", "error": str(error)})
                return
        with self.store.writing() as session:
            visits = select(DoorVisitRow).where(
                DoorVisitRow.commune.in_(list(changed)), DoorVisitRow.unacknowledged.is_(None)
            )
            for row in session.scalars(visits.with_for_update()):
                row.unacknowledged = []
        self._told |= changed
        log.info("The hours were told.", extra={"action": "hours_told", "communes": sorted(changed)})

    def _changed(self, session: Session) -> Iterator[tuple[str, Hours]]:
        enrolled = select(LoudspeakerRow.commune).where(LoudspeakerRow.enrolled_at.is_not(None))
        for row in session.scalars(select(CommuneRow).where(CommuneRow.code.in_(enrolled)).order_by(CommuneRow.code)):
            now_in_force = hours.of_commune(places.timetable(row, self.default_quiet_hours))
            if self._told.get(row.code) != now_in_force:
                yield row.code, now_in_force

    def _items(self, session: Session, commune: str, now: datetime) -> Iterator[tuple[str, bytes]]:
        query = select(LoudspeakerRow.id).where(
            LoudspeakerRow.commune == commune, LoudspeakerRow.enrolled_at.is_not(None)
        )
        for name in session.scalars(query.order_by(LoudspeakerRow.id)):
            device = Device(commune, name)
            for envelope in self.acknowledging.signed(session, device, (), now):
                yield device.topic(Part.ORDER), envelope
