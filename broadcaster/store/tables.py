"""The tables. Rows are SQLAlchemy objects; what they mean and decide lies in `domain`."""

import builtins
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from broadcaster.domain.airing import Evidence, Outcome, Phase, Reason, Scope, StationState
from broadcaster.domain.bulletin import BulletinState, Field, Late, Priority
from broadcaster.domain.campaign import Answer
from broadcaster.domain.place import Layer, Mode
from broadcaster.domain.plan import OnHolidays, Overflow
from broadcaster.store.columns import Utc, Word

_WORDS: tuple[type[StrEnum], ...] = (
    Phase,
    Outcome,
    Reason,
    Evidence,
    StationState,
    BulletinState,
    Late,
    Priority,
    Field,
    Mode,
    Layer,
    Scope,
    OnHolidays,
    Overflow,
    Answer,
)
_TYPES: dict[Any, Any] = {datetime: Utc, bytes: LargeBinary, dict[str, Any]: JSON, list[Any]: JSON}


class Row(DeclarativeBase):
    """Every table of the project."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = _TYPES | {words: Word(words) for words in _WORDS}


class CommuneRow(Row):
    __tablename__ = "communes"
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(32))
    province: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(64))
    zones: Mapped[list[Any]]
    timetable: Mapped[dict[str, Any]]  # slots, quiet_hours, caps, reserved, holidays, as in the YAML schema


class StationRow(Row):
    __tablename__ = "stations"
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    commune: Mapped[str] = mapped_column(ForeignKey("communes.code"), index=True)
    connector: Mapped[str] = mapped_column(String(64))
    mode: Mapped[Mode]
    config: Mapped[dict[str, Any]]
    zones: Mapped[list[Any]] = mapped_column(server_default="[]")  # where it is heard; none named: the whole commune


class PersonRow(Row):
    __tablename__ = "people"
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    roles: Mapped[list[Any]]


class FactRow(Row):
    __tablename__ = "facts"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(500), primary_key=True)
    owner: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(500))
    verified_on: Mapped[date | None]
    verified_by: Mapped[str | None] = mapped_column(String(200))
    sample: Mapped[bool]


class PronunciationRow(Row):
    """How a source or a commune wants something said; see `services.dictionary`."""

    __tablename__ = "pronunciations"
    layer: Mapped[Layer] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(200), primary_key=True)  # the source's name or the commune's code
    written: Mapped[str] = mapped_column(String(100), primary_key=True)
    spoken: Mapped[str] = mapped_column(String(300))
    example: Mapped[str] = mapped_column(Text)
    example_spoken: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    changed_by: Mapped[str | None] = mapped_column(String(64))
    changed_at: Mapped[datetime]


class BulletinRow(Row):
    __tablename__ = "bulletins"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[BulletinState]
    revision: Mapped[int]  # number of the newest
    author: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]


class RevisionRow(Row):
    """Immutable once written."""

    __tablename__ = "revisions"
    bulletin: Mapped[str] = mapped_column(ForeignKey("bulletins.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(8))
    field: Mapped[Field]
    priority: Mapped[Priority]
    source: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime | None]
    template: Mapped[str | None] = mapped_column(String(64))
    voice: Mapped[str | None] = mapped_column(String(64))
    late: Mapped[Late] = mapped_column(server_default=Late.START)
    grace_s: Mapped[float | None]  # None: as the settings say
    author: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
    sha256: Mapped[str] = mapped_column(String(64))


class SubmissionRow(Row):
    """One revision as put before an approver: where, when, in which voice, and the decision."""

    __tablename__ = "submissions"
    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    bulletin: Mapped[str] = mapped_column(ForeignKey("bulletins.id"), index=True)
    revision: Mapped[int]
    template: Mapped[str] = mapped_column(String(64))
    voices: Mapped[list[Any]]  # in the order in which they are tried
    zones: Mapped[list[Any]]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime]
    uses_sample_fact: Mapped[bool]
    submitted_by: Mapped[str | None] = mapped_column(String(64))
    submitted_at: Mapped[datetime]
    decision: Mapped[BulletinState | None]  # approved, rejected; None while open or replaced
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None] = mapped_column(Text)
    approved_sha256: Mapped[str | None] = mapped_column(String(64))


class SubmissionClipRow(Row):
    """What one permitted commune will hear: communes with the same resolved text share one clip."""

    __tablename__ = "submission_clips"
    submission: Mapped[str] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    commune: Mapped[str] = mapped_column(ForeignKey("communes.code"), primary_key=True)
    clip: Mapped[str] = mapped_column(ForeignKey("clips.key"), index=True)


class ClipRow(Row):
    """The sound of one resolved text with one template. `sha256` is None until it is rendered, and so is who spoke."""

    __tablename__ = "clips"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    language: Mapped[str] = mapped_column(String(8))
    written: Mapped[str] = mapped_column(Text)
    spoken: Mapped[str] = mapped_column(Text)
    opening: Mapped[str] = mapped_column(Text)
    closing: Mapped[str] = mapped_column(Text)
    template: Mapped[str] = mapped_column(String(64))
    template_sha256: Mapped[str] = mapped_column(String(64))
    voices: Mapped[list[Any]]  # those asked for, in order
    engine: Mapped[str | None] = mapped_column(String(64))  # the one that spoke
    voice: Mapped[str | None] = mapped_column(String(64))
    sha256: Mapped[str | None] = mapped_column(String(64))
    bytes: Mapped[int | None]
    duration_ms: Mapped[int | None]
    loudness_lufs: Mapped[float | None]
    true_peak_dbtp: Mapped[float | None]
    peaks: Mapped[builtins.bytes | None]  # the waveform, see `audio.waveform`
    created_at: Mapped[datetime]
    error: Mapped[str | None] = mapped_column(Text)


class ScheduleRow(Row):
    __tablename__ = "schedules"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    bulletin: Mapped[str] = mapped_column(ForeignKey("bulletins.id"), index=True)
    version: Mapped[int]  # grows with every change, so that the planner sees what to plan again
    slots: Mapped[list[Any]]
    times: Mapped[list[Any]]
    dtstart: Mapped[date]
    rrule: Mapped[str] = mapped_column(Text)
    exdates: Mapped[list[Any]]
    moved: Mapped[list[Any]] = mapped_column(
        server_default="[]"
    )  # {"from": date, "to": date}, single dates of the rule
    repeats: Mapped[int] = mapped_column(server_default="1")  # plays in all
    gap_s: Mapped[float] = mapped_column(server_default="0")  # between two of them
    on_holidays: Mapped[OnHolidays] = mapped_column(server_default=OnHolidays.KEEP)
    overflow: Mapped[Overflow] = mapped_column(server_default=Overflow.SKIP)
    order: Mapped[int]
    is_rehearsal: Mapped[bool]
    is_emergency: Mapped[bool] = mapped_column(server_default=false())  # aired at once by two people; never planned
    zones: Mapped[list[Any]] = mapped_column(server_default="[]")  # none named: wherever its bulletin may air
    campaign: Mapped[str | None] = mapped_column(String(64), index=True)  # the one for which it was made
    created_at: Mapped[datetime]
    changed_by: Mapped[str | None] = mapped_column(String(64))
    changed_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]  # kept for the log; airs nowhere any more


class ScheduleCommuneRow(Row):
    """A commune for which a schedule airs."""

    __tablename__ = "schedule_communes"
    schedule: Mapped[str] = mapped_column(ForeignKey("schedules.id"), primary_key=True)
    commune: Mapped[str] = mapped_column(ForeignKey("communes.code"), primary_key=True, index=True)


class PlanRow(Row):
    """What the airings of a commune were last planned from; as long as it stays the same, so does the plan."""

    __tablename__ = "plans"
    commune: Mapped[str] = mapped_column(ForeignKey("communes.code"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))


class AiringRow(Row):
    """One due time of one revision in one commune; ends in exactly one outcome."""

    __tablename__ = "airings"
    __table_args__ = (
        UniqueConstraint("commune", "local_date", "place_in_day", "schedule"),
        Index(None, "phase", "due_at"),
    )
    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    schedule: Mapped[str] = mapped_column(ForeignKey("schedules.id"))
    commune: Mapped[str] = mapped_column(ForeignKey("communes.code"))
    local_date: Mapped[date]
    place_in_day: Mapped[str] = mapped_column(String(64))
    bulletin: Mapped[str] = mapped_column(String(64))
    revision: Mapped[int]
    submission: Mapped[str] = mapped_column(ForeignKey("submissions.id"))
    clip: Mapped[str] = mapped_column(ForeignKey("clips.key"))
    mode: Mapped[Mode]
    phase: Mapped[Phase]
    due_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    repeats: Mapped[int] = mapped_column(server_default="1")
    gap_s: Mapped[float] = mapped_column(server_default="0")
    overrides_quiet: Mapped[bool] = mapped_column(server_default=false())  # both of two people said so
    postponed_from: Mapped[datetime | None]  # its due time before it was missed and put into a later slot
    blocked: Mapped[Reason | None]
    is_outdated: Mapped[bool] = mapped_column(server_default=false())  # handed over, and planned otherwise since
    starts_at: Mapped[datetime | None]  # set with the order: the due time, or as soon after it as there is room
    latest_start_at: Mapped[datetime | None]  # set with the order: what starts later is silence
    handed_over_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    lateness_ms: Mapped[int | None] = mapped_column(BigInteger)
    outcome: Mapped[Outcome | None]
    reason: Mapped[Reason | None]
    evidence: Mapped[Evidence | None]


class DeliveryRow(Row):
    """What one station was handed for one airing, and how far it came."""

    __tablename__ = "deliveries"
    airing: Mapped[str] = mapped_column(ForeignKey("airings.id"), primary_key=True)
    station: Mapped[str] = mapped_column(ForeignKey("stations.code"), primary_key=True)
    state: Mapped[StationState]
    sent_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    position_s: Mapped[float | None]
    detail: Mapped[str] = mapped_column(Text, default="")
