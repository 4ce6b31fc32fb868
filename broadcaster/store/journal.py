"""The journal: append-only events in one hash chain per commune and one for the system.

An entry's payload is JSON that names its chain, its place in it and the hash of the entry before; its hash is the
SHA-256 of exactly these bytes. Entries are written in the transaction of the change they tell of.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcaster.domain.bulletin import canonical
from broadcaster.domain.roles import Actor
from broadcaster.store.engine import is_added
from broadcaster.store.record_tables import ChainHeadRow, JournalRow

SYSTEM = "system"
NO_HASH = "0" * 64


class Action(StrEnum):
    """Everything that is journalled; the list is fixed so that a reader can rely on it."""

    IMPORTED = "imported"
    COMMUNE_REMOVED = "commune_removed"
    PRONUNCIATION_SET = "pronunciation_set"
    PRONUNCIATION_REMOVED = "pronunciation_removed"
    BULLETIN_REVISED = "bulletin_revised"
    BULLETIN_SUBMITTED = "bulletin_submitted"
    BULLETIN_APPROVED = "bulletin_approved"
    BULLETIN_REJECTED = "bulletin_rejected"
    BULLETIN_WITHDRAWN = "bulletin_withdrawn"
    BULLETIN_EXPIRED = "bulletin_expired"
    CLIP_RENDERED = "clip_rendered"
    SCHEDULE_REMOVED = "schedule_removed"
    OVERFLOW_CHOSEN = "overflow_chosen"
    PLANNED = "planned"
    AIRING_SENDING = "airing_sending"
    AIRING_HANDED_OVER = "airing_handed_over"
    AIRING_RETURNED = "airing_returned"
    AIRING_TAKEN_BACK = "airing_taken_back"
    AIRING_POSTPONED = "airing_postponed"
    AIRING_STARTED = "airing_started"
    AIRING_ENDED = "airing_ended"
    STOP_ORDERED = "stop_ordered"
    STOP_RELEASED = "stop_released"
    EMERGENCY_ASKED = "emergency_asked"
    EMERGENCY_CONFIRMED = "emergency_confirmed"
    EMERGENCY_WITHDRAWN = "emergency_withdrawn"
    EMERGENCY_CORRECTED = "emergency_corrected"
    CAMPAIGN_SENT = "campaign_sent"
    CAMPAIGN_ANSWERED = "campaign_answered"
    CAMPAIGN_ENDED = "campaign_ended"
    COLLISION_DECIDED = "collision_decided"
    REPORT_IGNORED = "report_ignored"
    PLAY_REPORTED_LATE = "play_reported_late"
    WORKER_STARTED = "worker_started"
    WORKER_STOPPED = "worker_stopped"
    TICK_MISSED = "tick_missed"
    JOB_FAILED = "job_failed"
    KEYS_MADE = "keys_made"
    KEYS_ROTATED = "keys_rotated"
    LOUDSPEAKER_ADDED = "loudspeaker_added"
    LOUDSPEAKER_CODE_MADE = "loudspeaker_code_made"
    LOUDSPEAKER_ENROLLED = "loudspeaker_enrolled"
    LOUDSPEAKER_REMOVED = "loudspeaker_removed"
    LOUDSPEAKER_TESTED = "loudspeaker_tested"
    LOUDSPEAKER_VOLUME_SET = "loudspeaker_volume_set"
    LOUDSPEAKER_FAULTY = "loudspeaker_faulty"
    LOUDSPEAKER_MENDED = "loudspeaker_mended"
    PACK_SIGNED = "pack_signed"
    PACK_WRITTEN = "pack_written"
    SOURCE_RECEIVED = "source_received"
    SOURCE_REFUSED = "source_refused"
    SOURCE_REPORT_GIVEN_UP = "source_report_given_up"
    ALERT_SENT = "alert_sent"
    ALERT_GIVEN_UP = "alert_given_up"
    DATABASE_UPGRADED = "database_upgraded"


def append(
    session: Session,
    *,
    chain: str,
    action: Action,
    now: datetime,
    actor: Actor,
    subject: str,
    data: Mapping[str, object] | None = None,
) -> JournalRow:
    """Add one entry to a chain (a commune's code or SYSTEM) about `subject`, the id of what it is about."""
    head = session.get(ChainHeadRow, chain, with_for_update=True)
    if head is None:
        # Unless another writer just has begun this chain.
        is_added(session, ChainHeadRow, {"chain": chain, "seq": 0, "hash": NO_HASH})
        head = session.get_one(ChainHeadRow, chain, with_for_update=True)
    payload = canonical(
        {
            "chain": chain,
            "seq": head.seq + 1,
            "previous": head.hash,
            "at": now.astimezone(UTC).isoformat(),
            "action": action,
            "subject": subject,
            "by": actor.person,
            "os_user": actor.os_user,
            "data": data or {},
        }
    )
    head.seq += 1
    head.hash = hashlib.sha256(payload).hexdigest()
    row = JournalRow(chain=chain, seq=head.seq, at=now, action=action, subject=subject, payload=payload, hash=head.hash)
    session.add(row)
    session.flush()
    return row


@dataclass(frozen=True, slots=True)
class Fault:
    """The first entry of a chain that is not as it was written, and what is wrong with it (an English template)."""

    chain: str
    seq: int
    message: str


def chains(session: Session) -> list[str]:
    """All chains, by name: those with entries and those with a head."""
    names = set(session.scalars(select(JournalRow.chain).distinct())) | set(session.scalars(select(ChainHeadRow.chain)))
    return sorted(names)


def length(session: Session, chain: str) -> int:
    """How many entries a chain has."""
    return session.scalar(select(func.count()).where(JournalRow.chain == chain)) or 0


def verify(session: Session, chain: str, on_entry: Callable[[], None] = lambda: None) -> Fault | None:
    """Walk one chain from its first entry to its head; the first fault, or None. `on_entry` is told of each step."""
    previous, seq = NO_HASH, 0
    entries = select(JournalRow).where(JournalRow.chain == chain).order_by(JournalRow.seq)
    # Closed also at a fault: a server keeps a cursor open for what was not read.
    with session.scalars(entries.execution_options(yield_per=1000)) as found:
        for row in found:
            on_entry()
            seq += 1
            if row.seq != seq:
                return Fault(chain, seq, "entry {seq} of chain {chain} is missing")
            if hashlib.sha256(row.payload).hexdigest() != row.hash:
                return Fault(chain, seq, "entry {seq} of chain {chain} was changed after it was written")
            if not _is_described(row, previous):
                return Fault(chain, seq, "entry {seq} of chain {chain} does not follow from the entry before it")
            previous = row.hash
            session.expunge(row)
    head = session.get(ChainHeadRow, chain)
    if head is None or head.seq > seq:
        return Fault(chain, seq + 1, "chain {chain} has lost its entries from {seq} on")
    if head.seq < seq:
        return Fault(chain, head.seq + 1, "entry {seq} of chain {chain} was put in behind its end")
    if head.hash != previous:
        return Fault(chain, seq, "entry {seq} of chain {chain} was changed after it was written")
    return None


def _is_described(row: JournalRow, previous: str) -> bool:
    """Whether the columns beside the payload say what the payload says."""
    try:
        payload = json.loads(row.payload)
    except ValueError:
        return False
    columns = {"chain": row.chain, "seq": row.seq, "action": row.action, "subject": row.subject, "previous": previous}
    columns["at"] = row.at.isoformat()
    return isinstance(payload, dict) and all(payload.get(name) == value for name, value in columns.items())


def entries_about(session: Session, subject: str) -> Iterator[JournalRow]:
    """The entries about one subject, oldest first."""
    yield from session.scalars(select(JournalRow).where(JournalRow.subject == subject).order_by(JournalRow.id))
