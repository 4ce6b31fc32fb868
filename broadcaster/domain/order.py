"""The order a station obeys and the reports that come back from it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from broadcaster.domain.place import Mode


@dataclass(frozen=True, slots=True)
class Order:
    """Play this clip once, at `start`, if the playing can begin before `expires`; late beyond that is silence."""

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
