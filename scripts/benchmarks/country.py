"""A country to plan for: 3,321 communes, each with its own slots and schedules, 15 airings a day."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from broadcaster.domain.bulletin import BulletinState, Field, Priority
from broadcaster.domain.place import Mode
from broadcaster.store.engine import Store
from broadcaster.store.tables import (
    BulletinRow,
    ClipRow,
    CommuneRow,
    RevisionRow,
    Row,
    ScheduleCommuneRow,
    ScheduleRow,
    StationRow,
    SubmissionClipRow,
    SubmissionRow,
)

COMMUNES = 3_321
BULLETINS = 5
SLOTS = 3
DAYS = 7
NOW = datetime(2026, 11, 22, 16, 59, 30, tzinfo=UTC)  # half a minute before midnight in Viet Nam
TODAY = date(2026, 11, 22)
AIRINGS = COMMUNES * BULLETINS * SLOTS * DAYS


def populate(store: Store) -> None:
    """Fill a migrated, empty database. No two communes have the same slots; each has schedules of its own."""
    tables: list[tuple[type[Row], list[dict[str, Any]]]] = [
        (CommuneRow, [_commune(number) for number in range(COMMUNES)]),
        (StationRow, [_station(number) for number in range(COMMUNES)]),
        (BulletinRow, [_bulletin(number) for number in range(BULLETINS)]),
        (RevisionRow, [_revision(number) for number in range(BULLETINS)]),
        (ClipRow, [_clip(number) for number in range(BULLETINS)]),
        (SubmissionRow, [_submission(number) for number in range(BULLETINS)]),
        (SubmissionClipRow, [_heard(b, c) for b in range(BULLETINS) for c in range(COMMUNES)]),
        (ScheduleRow, [_schedule(b, c) for b in range(BULLETINS) for c in range(COMMUNES)]),
        (ScheduleCommuneRow, [_asked_in(b, c) for b in range(BULLETINS) for c in range(COMMUNES)]),
    ]
    with store.writing() as session:
        for table, rows in tables:
            session.execute(insert(table), rows)


def code(number: int) -> str:
    return f"xa-{number:04d}"


def _commune(number: int) -> dict[str, Any]:
    minute = number % 25
    slots = [
        {"name": name, "start": f"{hour:02d}:{minute:02d}", "end": f"{hour:02d}:{minute + 30:02d}"}
        for name, hour in (("Buổi sáng", 6), ("Buổi trưa", 11), ("Buổi chiều", 17))
    ]
    return {
        "code": code(number),
        "name": f"Xã {number}",
        "kind": "xã",
        "province": "",
        "timezone": "Asia/Ho_Chi_Minh",
        "zones": [],
        "timetable": {
            "slots": slots,
            "quiet_hours": {"start": "21:00", "end": "05:00"},
            "reserved": [{"start": "05:00", "end": "05:30", "reason": "Tiếp sóng"}],
        },
    }


def _station(number: int) -> dict[str, Any]:
    return {
        "code": f"loa-{number:04d}",
        "commune": code(number),
        "connector": "memory",
        "mode": Mode.LIVE,
        "config": {},
    }


def _bulletin(number: int) -> dict[str, Any]:
    return {"id": f"bt-{number}", "state": BulletinState.APPROVED, "revision": 1, "author": None, "created_at": NOW}


def _revision(number: int) -> dict[str, Any]:
    return {
        "bulletin": f"bt-{number}", "number": 1, "title": f"Bản tin {number}", "language": "vi",
        "field": Field.GENERAL, "priority": Priority.NORMAL, "source": "", "text": "Kính thưa bà con.",
        "expires_at": None, "template": None, "voice": None, "author": None, "created_at": NOW,
        "sha256": f"{number:064d}",
    }  # fmt: skip


def _clip(number: int) -> dict[str, Any]:
    columns = ClipRow.__table__.columns
    values: dict[str, Any] = {
        "key": f"{number:064d}", "language": "vi", "written": "", "spoken": "", "opening": "", "closing": "",
        "template": "thong-bao", "template_sha256": "", "engine": "espeak", "voice": "espeak/vi",
        "voices": ["espeak/vi"], "sha256": f"{number:064d}", "bytes": 1, "duration_ms": 60_000 + 7_000 * number,
        "loudness_lufs": -16.0, "true_peak_dbtp": -2.0, "created_at": NOW, "used_at": NOW,
    }  # fmt: skip
    return {name: value for name, value in values.items() if name in columns}


def _submission(number: int) -> dict[str, Any]:
    columns = SubmissionRow.__table__.columns
    values: dict[str, Any] = {
        "id": f"{number:026d}", "bulletin": f"bt-{number}", "revision": 1, "template": "thong-bao",
        "voice": "espeak/vi", "voices": ["espeak/vi"], "zones": [], "valid_from": NOW - timedelta(days=1),
        "valid_until": NOW + timedelta(days=90), "uses_sample_fact": False, "submitted_by": "writer",
        "submitted_at": NOW, "decision": BulletinState.APPROVED, "decided_by": "approver", "decided_at": NOW,
        "approved_sha256": f"{number:064d}",
    }  # fmt: skip
    return {name: value for name, value in values.items() if name in columns}


def _heard(bulletin: int, commune: int) -> dict[str, Any]:
    return {"submission": f"{bulletin:026d}", "commune": code(commune), "clip": f"{bulletin:064d}"}


def _schedule(bulletin: int, commune: int) -> dict[str, Any]:
    return {
        "id": f"lich-{bulletin}-{commune:04d}", "bulletin": f"bt-{bulletin}", "version": 1,
        "slots": ["Buổi sáng", "Buổi trưa", "Buổi chiều"], "times": [], "dtstart": TODAY, "rrule": "FREQ=DAILY",
        "exdates": [], "order": bulletin, "is_rehearsal": False, "created_at": NOW,
    }  # fmt: skip


def _asked_in(bulletin: int, commune: int) -> dict[str, Any]:
    return {"schedule": f"lich-{bulletin}-{commune:04d}", "commune": code(commune)}
