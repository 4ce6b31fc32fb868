"""The order a station obeys and the reports that come back from it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from broadcaster.domain.bulletin import Priority
from broadcaster.domain.place import Mode
from broadcaster.domain.plan import whole_length


@dataclass(frozen=True, slots=True)
class Order:
    """Play this clip at `start`, if the playing can begin before `expires`; late beyond that is silence.

    It is played `repeats` times in all, with `gap_s` of silence between two of them; `duration_ms` is that of one.
    """

    airing: str
    commune: str
    station: str
    mode: Mode
    title: str
    start: datetime
    expires: datetime
    duration_ms: int
    clip: Path
    clip_sha256: str
    repeats: int = 1
    gap_s: float = 0.0
    priority: Priority = Priority.NORMAL
    envelope: bytes = b""
    """The signed order as loudspeakers verify it; empty where none was signed."""

    @property
    def length(self) -> timedelta:
        return whole_length(timedelta(milliseconds=self.duration_ms), self.repeats, timedelta(seconds=self.gap_s))


class ReportState(StrEnum):
    STARTED = "started"
    FINISHED = "finished"
    REFUSED = "refused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Report:
    """What a station says of one order, by its own clock. `code` says why it refused or stopped."""

    airing: str
    station: str
    state: ReportState
    at: datetime
    position_s: float = 0.0
    code: str = ""
