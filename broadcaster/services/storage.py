"""Caches and folders with limits: what may go is removed, and a disk that fills up is told of before it is too late."""

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.orm import Session

from broadcaster.config import StorageSettings
from broadcaster.domain.bulletin import BulletinState
from broadcaster.errors import BroadcasterError
from broadcaster.services import adjustments, attending, inbox, outbox, source_reports
from broadcaster.services.rendering import Studio
from broadcaster.speech.cache import SpeechCache
from broadcaster.store.engine import Store
from broadcaster.store.tables import AiringRow, BulletinRow, ClipRow, SubmissionClipRow, SubmissionRow

log = logging.getLogger(__name__)

_MEGABYTE = 1_000_000
_STRAY_AFTER = timedelta(days=1)  # a file without a row may still be on its way to one

_REPORTS_KEPT = timedelta(days=90)  # the signed messages; what they said of airings stays in the plays
_ORDERS_KEPT = timedelta(days=8)
_HEALTH_KEPT = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Storage:
    """What lies in the data folder, and how much of it there may be."""

    folder: Path
    settings: StorageSettings
    speech: SpeechCache
    studio: Studio

    def ensure_room(self) -> None:
        """Raise BroadcasterError where the disk has too little left to begin anything new."""
        free_mb = shutil.disk_usage(self.folder).free // _MEGABYTE
        if free_mb < self.settings.min_free_mb:
            raise BroadcasterError(
                "The disk of {folder} has only {free} MB left; {limit} MB must stay free. Make room, then try again.",
                folder=self.folder,
                free=free_mb,
                limit=self.settings.min_free_mb,
            )

    def prune(self, store: Store, now: datetime) -> None:
        """Bring the folders back within their limits. What airs, aired or waits for approval is never touched."""
        self.speech.prune(self.settings.speech_cache_mb * _MEGABYTE)
        with store.writing() as session:
            unused = list(session.scalars(select(ClipRow.key).where(ClipRow.sha256.is_not(None), ~_is_needed())))
            session.execute(
                update(ClipRow).where(ClipRow.key.in_(unused)).values(sha256=None, bytes=None, duration_ms=None)
            )
            inbox.forget(session, now - _REPORTS_KEPT)
            outbox.forget(session, now - _ORDERS_KEPT)
            adjustments.forget(session, now - _ORDERS_KEPT)
            attending.forget(session, now - _HEALTH_KEPT)
            source_reports.forget(session, now - _REPORTS_KEPT)
        with store.reading() as session:
            strays = list(self._strays(session, now))
        for path in strays:
            path.unlink(missing_ok=True)
            log.info("A clip that nothing refers to was removed.", extra={"action": "clip_pruned", "clip": path.stem})

    def _strays(self, session: Session, now: datetime) -> Iterator[Path]:
        """Old files in the clips' folder that no finished clip's row names."""
        kept = set(session.scalars(select(ClipRow.key).where(ClipRow.sha256.is_not(None))))
        for path in self.studio.clips.glob("*/*"):
            age = now - datetime.fromtimestamp(path.stat().st_mtime, UTC)
            if path.stem not in kept and age > _STRAY_AFTER:
                yield path


def _is_needed() -> ColumnElement[bool]:
    """Whether a clip has been on air or is planned to be, or belongs to what is, or may still be, approved."""
    in_hand = or_(
        and_(BulletinRow.state == BulletinState.SUBMITTED, SubmissionRow.decision.is_(None)),
        and_(BulletinRow.state == BulletinState.APPROVED, SubmissionRow.decision == BulletinState.APPROVED),
    )
    submitted = (
        select(SubmissionRow.id)
        .join(SubmissionClipRow, SubmissionClipRow.submission == SubmissionRow.id)
        .join(BulletinRow, BulletinRow.id == SubmissionRow.bulletin)
        .where(SubmissionClipRow.clip == ClipRow.key, BulletinRow.revision == SubmissionRow.revision, in_hand)
    )
    return or_(exists(submitted), exists(select(AiringRow.id).where(AiringRow.clip == ClipRow.key)))
