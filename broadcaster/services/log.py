"""The airing log that operators review: one row per airing, with the names in which it is exported."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from broadcaster.domain.airing import Outcome, Phase
from broadcaster.errors import InputError
from broadcaster.files import safe_cell
from broadcaster.store import airings, journal, plays
from broadcaster.store.tables import AiringRow, ClipRow, RevisionRow, SubmissionRow

COLUMNS = (
    "airing", "commune", "bulletin", "revision", "title", "mode", "planned_at", "handed_over_at", "started_at",
    "finished_at", "lateness_ms", "outcome", "reason", "evidence", "clip_sha256", "engine", "voice", "template",
    "approved_by",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which airings; without `with_planned` only those that have their outcome."""

    commune: str | None = None
    bulletin: str | None = None
    outcome: Outcome | None = None
    with_planned: bool = False


def rows(session: Session, wanted: LogFilter, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """Log rows, oldest first, streamed; with a limit the newest ones only. Times are aware datetimes in UTC."""
    query = _filtered(wanted)
    if limit is not None:
        newest = query.order_by(AiringRow.due_at.desc(), AiringRow.id.desc()).limit(limit)
        yield from reversed([_row(found) for found in session.execute(newest)])
        return
    for found in session.execute(query.order_by(AiringRow.due_at, AiringRow.id).execution_options(yield_per=1000)):
        yield _row(found)


def details(session: Session, airing: str) -> dict[str, Any]:
    """One airing with everything known of it: its row, the words, its stations, its journal entries."""
    row = session.get(AiringRow, airing)
    if row is None:
        raise InputError("There is no airing {airing}. See: broadcaster log list", airing=airing)
    one = session.execute(_filtered(LogFilter(with_planned=True)).where(AiringRow.id == airing)).one()
    clip = session.get_one(ClipRow, row.clip)
    return {
        **_row(one),
        "schedule": row.schedule,
        "written": clip.written,
        "spoken": clip.spoken,
        "stations": [
            {
                "station": part.station,
                "state": part.state,
                "sent_at": part.sent_at,
                "started_at": part.started_at,
                "ended_at": part.ended_at,
                "position_s": part.position_s,
                "detail": part.detail,
            }
            for part in airings.deliveries(session, airing)
        ],
        "loudspeakers": [
            {
                "station": play.station,
                "loudspeaker": play.loudspeaker,
                "state": play.state,
                "code": play.code,
                "accepted_at": play.accepted_at,
                "ready_at": play.ready_at,
                "started_at": play.started_at,
                "ended_at": play.ended_at,
                "position_s": play.position_s,
                "clock_offset_ms": play.clock_offset_ms,
                "sound": play.sound,
                "amplifier": play.amplifier,
                "volume": play.volume,
            }
            for play in plays.of_airing(session, airing)
        ],
        "journal": [json.loads(entry.payload) for entry in journal.entries_about(session, airing)],
    }


def write_csv(found: Iterator[dict[str, Any]], out: IO[str]) -> None:
    """CSV with a header line; times in ISO 8601; no cell that a spreadsheet takes for a formula."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in found:
        writer.writerow([_cell(row[column]) for column in COLUMNS])


def write_json(found: Iterator[dict[str, Any]], out: IO[str]) -> None:
    """A JSON list, one row a line."""
    separator = "[\n"
    for row in found:
        out.write(separator + json.dumps(row, ensure_ascii=False, default=_plain))
        separator = ",\n"
    out.write("[]\n" if separator == "[\n" else "\n]\n")


def _filtered(wanted: LogFilter) -> Select[AiringRow, ClipRow, RevisionRow, SubmissionRow]:
    query = (
        select(AiringRow, ClipRow, RevisionRow, SubmissionRow)
        .join(ClipRow, ClipRow.key == AiringRow.clip)
        .join(RevisionRow, (RevisionRow.bulletin == AiringRow.bulletin) & (RevisionRow.number == AiringRow.revision))
        .join(SubmissionRow, SubmissionRow.id == AiringRow.submission)
    )
    if wanted.commune is not None:
        query = query.where(AiringRow.commune == wanted.commune)
    if wanted.bulletin is not None:
        query = query.where(AiringRow.bulletin == wanted.bulletin)
    if wanted.outcome is not None:
        query = query.where(AiringRow.outcome == wanted.outcome)
    return query if wanted.with_planned else query.where(AiringRow.phase == Phase.ENDED)


def _row(found: Row[AiringRow, ClipRow, RevisionRow, SubmissionRow]) -> dict[str, Any]:
    airing, clip, revision, submission = found
    return {
        "airing": airing.id,
        "commune": airing.commune,
        "bulletin": airing.bulletin,
        "revision": airing.revision,
        "title": revision.title,
        "mode": airing.mode,
        "planned_at": airing.due_at,
        "handed_over_at": airing.handed_over_at,
        "started_at": airing.started_at,
        "finished_at": airing.finished_at,
        "lateness_ms": airing.lateness_ms,
        "outcome": airing.outcome,
        "reason": airing.reason,
        "evidence": airing.evidence,
        "clip_sha256": clip.sha256,
        "engine": clip.engine,
        "voice": clip.voice,
        "template": clip.template,
        "approved_by": submission.decided_by,
    }


def _plain(value: object) -> str:
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else str(value)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return safe_cell(value) if isinstance(value, str) else _plain(value)
