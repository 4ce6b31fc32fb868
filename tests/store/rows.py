"""Rows for tests of queries: one airing with everything it points to."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from broadcaster.domain.airing import Phase
from broadcaster.domain.bulletin import BulletinState, Field, Priority
from broadcaster.domain.place import Mode
from broadcaster.store.tables import (
    AiringRow,
    BulletinRow,
    ClipRow,
    CommuneRow,
    RevisionRow,
    ScheduleRow,
    StationRow,
    SubmissionRow,
)
from tests.fixtures import NOW


def commune(code: str = "kep", **timetable: Any) -> CommuneRow:
    return CommuneRow(
        code=code, name="Kép", kind="xã", province="Bắc Ninh", timezone="Asia/Ho_Chi_Minh", zones=[],
        timetable=timetable,
    )  # fmt: skip


def station(code: str, at: str = "kep") -> StationRow:
    return StationRow(code=code, commune=at, connector="memory", mode=Mode.TEST, config={})


def add_parents(session: Session) -> None:
    """A commune, a station, and one bulletin submitted and scheduled."""
    session.add(commune())
    session.add(BulletinRow(id="b", state=BulletinState.APPROVED, revision=1, author="an", created_at=NOW))
    session.flush()
    session.add(station("loa"))
    session.add(
        RevisionRow(
            bulletin="b", number=1, title="T", language="vi", field=Field.GENERAL, priority=Priority.NORMAL, source="",
            text="x", expires_at=None, template=None, voice=None, author="an", created_at=NOW, sha256="0" * 64,
        )
    )  # fmt: skip
    session.add(
        SubmissionRow(
            id="submission", bulletin="b", revision=1, template="t", voices=["v"], zones=[], valid_from=NOW,
            valid_until=NOW + timedelta(days=90), uses_sample_fact=False, submitted_by="an", submitted_at=NOW,
        )
    )  # fmt: skip
    session.add(
        ClipRow(
            key="clip", language="vi", written="x", spoken="x", opening="", closing="", template="t",
            template_sha256="0" * 64, voices=["v"], engine="tone", voice="v", created_at=NOW,
        )
    )  # fmt: skip
    session.add(
        ScheduleRow(
            id="s", bulletin="b", version=1, slots=[], times=["17:00"], dtstart=NOW.date(), rrule="FREQ=DAILY",
            exdates=[], order=0, is_rehearsal=False, created_at=NOW,
        )
    )  # fmt: skip
    session.flush()


def airing(key: str, due_at: datetime = NOW, phase: Phase = Phase.PLANNED, day: date | None = None) -> AiringRow:
    return AiringRow(
        id=key, schedule="s", commune="kep", local_date=day or NOW.date(), place_in_day=key, bulletin="b", revision=1,
        submission="submission", clip="clip", mode=Mode.TEST, phase=phase, due_at=due_at,
        ends_at=due_at + timedelta(minutes=1),
    )  # fmt: skip
