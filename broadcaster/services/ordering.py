"""Making signed orders out of what is planned and stopped, after a last look at what was approved.

Only the worker comes here, and who makes a pack for a stick; nothing else may read the keys.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcaster.config import Config
from broadcaster.domain.bulletin import Late, Priority
from broadcaster.domain.order import Order
from broadcaster.domain.place import Station
from broadcaster.domain.timetable import CommuneTimetable
from broadcaster.orders import hours, keyfolder
from broadcaster.orders.device import MAX_ACKNOWLEDGED, Ack, sign_ack
from broadcaster.orders.keyfolder import KeyRing
from broadcaster.orders.keys import Purpose
from broadcaster.orders.payload import HELD, IMMEDIATE, PACK, Approval, Audio, Command, Lateness, LatePolicy, Payload
from broadcaster.orders.strict_json import whole
from broadcaster.orders.topics import Device
from broadcaster.services import emergencies, outbox
from broadcaster.services.approvals import approvable_of
from broadcaster.services.signing import SigningError, obeyed, sign_order, signing_key
from broadcaster.store import communes as places
from broadcaster.store.device_tables import AdjustmentRow, OutboxRow
from broadcaster.store.tables import AiringRow, CommuneRow, RevisionRow, ScheduleRow, SubmissionRow

MOST_AN_HOUR = 240
"""Orders to play, to one station: more than any day of a commune has, so that something has gone wrong."""
MOST_ON_A_STICK = 480
"""The same where a week is signed at once: a loudspeaker remembers 1024 airings."""

_TYPES = {".mp3": "audio/mpeg", ".wav": "audio/wav"}
_TONE_S = 3
_ROOM = timedelta(seconds=1)  # for a decoder that gives some samples more than were counted
_REF = re.compile(r"[A-Za-z0-9-]{0,64}")


@dataclass(frozen=True, slots=True)
class Signer:
    """`door_url` is where loudspeakers fetch clips. Everything that is signed is kept in the outbox first."""

    keys: Path
    door_url: str
    config: Config
    _rings: dict[str, tuple[int, KeyRing]] = field(default_factory=dict)

    def play(
        self, session: Session, row: AiringRow, station: Station, order: Order, now: datetime, *,
        clip_name: str | None = None,
    ) -> tuple[int, bytes]:  # fmt: skip
        """The number and the envelope of an order to play. Raises SigningError, KeyFolderError, OSError.

        `clip_name` is that of the file beside an order that is carried by hand. One that was signed before and says
        the same is given again: it may be on its way already, and what a loudspeaker reports of it must count.
        """
        held = HELD if clip_name is None else PACK
        found = self._play(session, row, station, order, now, clip_name=clip_name, held=held)
        kept = None if clip_name is None else outbox.play_of(session, station.code, row.id, now)
        if kept is not None and self._says_the_same(session, station, kept.envelope, found, now):
            return kept.seq, kept.envelope
        self._check_rate(session, station, now, MOST_AN_HOUR if clip_name is None else MOST_ON_A_STICK)
        return found.seq, self._kept(session, station, found, now, held=held)

    def _play(
        self, session: Session, row: AiringRow, station: Station, order: Order, now: datetime, *,
        clip_name: str | None, held: timedelta,
    ) -> Payload:  # fmt: skip
        commune = self._timetable(session, station.commune)
        start, end = order.start, order.start + order.length
        is_held = order.start > now
        expires = min(order.expires, now + (held if is_held else IMMEDIATE))
        is_urgent = order.priority is Priority.EMERGENCY
        overrides = row.overrides_quiet and is_urgent
        # What ends right before the quiet hours has no room; what is in them anyway, as a rehearsal may be, has it.
        ends_at_quiet = commune.is_quiet((start, end + _ROOM)) and not commune.is_quiet((start, end))
        room = timedelta() if ends_at_quiet and not overrides else _ROOM
        late = session.get_one(RevisionRow, (row.bulletin, row.revision)).late
        return Payload(
            cmd=Command.PLAY,
            mode=order.mode,
            airing=row.id,
            ref=row.bulletin if _REF.fullmatch(row.bulletin) else "",
            targets=(station.code,),
            seq=outbox.next_number(session, station.commune, now),
            nbf=now,
            start=start,
            exp=expires,
            max_s=(order.length + room).total_seconds(),
            volume_max=100,
            priority=order.priority,
            quiet_override=overrides,
            repeats=order.repeats,
            gap_s=order.gap_s,
            late=Lateness(
                LatePolicy.START if late is Late.START else LatePolicy.SKIP,
                max(0.0, min(3600.0, (expires - start).total_seconds())),
            ),
            audio=Audio(
                order.clip_sha256,
                order.clip.stat().st_size,
                _TYPES[order.clip.suffix],
                clip_name or f"{self.door_url}/device/v1/clips/{order.clip_sha256}",
            ),
            approvals=_approvals(session, row),
        )

    def cancel(
        self, session: Session, station: Station, airing: str, until: datetime, now: datetime, *,
        held: timedelta = HELD,
    ) -> bytes:  # fmt: skip
        """The envelope that takes back what was ordered of an airing, good as long as that is.

        `held` is PACK where orders are carried by hand.
        """
        found = self._plain(session, station, Command.CANCEL, airing, now, min(until, now + held))
        return self._kept(session, station, found, now, held=held)

    def latch(self, session: Session, station: Station, command: Command, now: datetime) -> bytes:
        """The envelope that silences a whole station (STOP), until the one that lets it sound again (RELEASE)."""
        found = self._plain(session, station, command, None, now, now + IMMEDIATE)
        return self._kept(session, station, found, now)

    def adjust(self, session: Session, station: Station, row: AdjustmentRow, now: datetime) -> bytes:
        """The envelope of a test tone or a volume for one loudspeaker."""
        found = replace(
            self._plain(session, station, row.cmd, row.id, now, now + IMMEDIATE),
            targets=(row.loudspeaker,), volume_max=row.volume, max_s=_TONE_S if row.cmd is Command.TEST else 0,
        )  # fmt: skip
        return self._kept(session, station, found, now)

    def acknowledge(self, session: Session, device: Device, seqs: Sequence[int], now: datetime) -> Iterator[bytes]:
        """The envelopes that let a loudspeaker forget what the server has; without any message, one with the hours.

        Raises SigningError, KeyFolderError.
        """
        quiet = hours.of_commune(self._timetable(session, device.commune))
        for first in range(0, max(1, len(seqs)), MAX_ACKNOWLEDGED):
            ring = self.ring(device.commune)
            key = signing_key(ring, Purpose.ORDER, now)
            some = tuple(seqs[first : first + MAX_ACKNOWLEDGED])
            yield sign_ack(Ack(device, some, whole(now), ring.document.version, quiet), key)

    def ring(self, commune: str) -> KeyRing:
        """A commune's keys, read again only once they were changed. Raises KeyFolderError."""
        folder = self.keys / commune
        changed_at = folder.stat().st_mtime_ns if folder.is_dir() else 0
        kept = self._rings.get(commune)
        if kept is None or kept[0] != changed_at:
            kept = changed_at, keyfolder.load(self.keys, commune)
            self._rings[commune] = kept
        return kept[1]

    def _plain(
        self, session: Session, station: Station, cmd: Command, airing: str | None, now: datetime, until: datetime
    ) -> Payload:
        seq = outbox.next_number(session, station.commune, now)
        until = max(until, now + timedelta(seconds=1))
        return Payload(cmd, station.mode, airing, "", (station.code,), seq, now, now, until)

    def _kept(
        self, session: Session, station: Station, found: Payload, now: datetime, *, held: timedelta = HELD
    ) -> bytes:
        ring, timetable = self.ring(station.commune), self._timetable(session, station.commune)
        envelope = sign_order(found, ring, timetable, held=held)
        outbox.keep(session, envelope, found, station, now)
        return envelope

    def _says_the_same(
        self, session: Session, station: Station, envelope: bytes, wanted: Payload, now: datetime
    ) -> bool:
        """Whether an order that was signed for a stick before is good, and differs in nothing but its number."""
        ring, timetable = self.ring(station.commune), self._timetable(session, station.commune)
        known = obeyed(envelope, wanted, ring, timetable, now, held=PACK)
        return known is not None and replace(wanted, seq=known.seq, nbf=known.nbf).as_bytes() == known.as_bytes()

    def _timetable(self, session: Session, commune: str) -> CommuneTimetable:
        return places.timetable(session.get_one(CommuneRow, commune), self.config.timetable.quiet_hours)

    def _check_rate(self, session: Session, station: Station, now: datetime, most: int) -> None:
        recent = select(func.count()).where(
            OutboxRow.station == station.code,
            OutboxRow.cmd == Command.PLAY,
            OutboxRow.kept_at > now - timedelta(hours=1),
        )
        if (session.scalar(recent) or 0) >= most:
            raise SigningError(
                "{station} was sent {count} orders within an hour; something is wrong with its plan.",
                station=station.code,
                count=most,
            )


def _approvals(session: Session, row: AiringRow) -> tuple[Approval, ...]:
    """Who said yes to exactly what will be heard: not its author, and in an emergency two. Raises SigningError."""
    submission = session.get_one(SubmissionRow, row.submission)
    revision = session.get_one(RevisionRow, (row.bulletin, row.revision))
    approved = submission.approved_sha256
    if submission.decided_by is None or submission.decided_at is None or approved is None:
        raise SigningError("Nobody is known who approved {bulletin}.", bulletin=row.bulletin)
    if submission.decided_by in {revision.author, submission.submitted_by}:
        raise SigningError("{bulletin} was approved by its own author.", bulletin=row.bulletin)
    if approvable_of(session, submission, revision).sha256 != approved:
        raise SigningError("{bulletin} is not what was approved.", bulletin=row.bulletin)
    found = [Approval(submission.decided_by, whole(submission.decided_at), approved)]
    if session.get_one(ScheduleRow, row.schedule).is_emergency:
        found += _two_people(session, row, approved)
    return tuple(found)


def _two_people(session: Session, row: AiringRow, approved: str) -> list[Approval]:
    """Who asked for an emergency, and the other who confirmed it."""
    asked = emergencies.behind(session, row.schedule)
    people = (asked.asked_by, asked.asked_at), (asked.confirmed_by, asked.confirmed_at)
    found = [Approval(person, whole(at), approved) for person, at in people if person is not None and at is not None]
    if len({approval.user for approval in found}) != len(people):
        raise SigningError("{emergency} was not confirmed by a second person.", emergency=asked.id)
    return found
