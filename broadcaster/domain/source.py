"""What goes between a commune and a province's source system besides orders: bulletins down, airings up."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from broadcaster.domain.airing import Evidence, Outcome
from broadcaster.domain.bulletin import Field, Priority, digest
from broadcaster.errors import BroadcasterError


class Medium(StrEnum):
    """In what form a bulletin came: words to be spoken, or a sound that says them."""

    TEXT = "text"
    AUDIO = "audio"


class ReceivedState(StrEnum):
    """How far a bulletin of a source system came here."""

    WAITING = "waiting"
    """It is to be taken in; its sound may have to be fetched."""
    SUBMITTED = "submitted"
    """It lies before the commune's approver; once approved it is offered as a campaign is."""
    OFFERED = "offered"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class SourceBulletin:
    """A bulletin as the source system wrote it, without its codes. `text` is what an approver reads beside a sound."""

    key: str
    medium: Medium
    title: str
    priority: Priority
    field: Field
    text: str
    audio_url: str = ""
    publisher: str = ""
    author: str = ""

    @property
    def sha256(self) -> str:
        """Changes with anything that is heard or read, and with nothing else."""
        return digest(asdict(self))


@dataclass(frozen=True, slots=True)
class Incoming:
    """One entry of a source system's list: `message` as it came, and what it means, or why it cannot be taken."""

    key: str
    message: Mapping[str, object]
    sha256: str
    bulletin: SourceBulletin | None = None
    refusal: BroadcasterError | None = None


@dataclass(frozen=True, slots=True)
class Receiving:
    """What becomes of a source system's bulletins: whose they are here, for how many days they are offered, how often
    they are asked for. `is_trusted`: its asking counts as one person's where two are needed."""

    source: str
    language: str
    days: int
    every: timedelta
    overrides_quiet: bool
    is_trusted: bool


@dataclass(frozen=True, slots=True)
class ClusterAiring:
    """That one cluster played one airing. `source_key`: the bulletin's id at the source system, if it is from there."""

    airing: str
    source_key: str
    title: str
    priority: Priority
    field: Field
    duration_ms: int
    source: str
    cluster: str
    started_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None
    evidence: Evidence | None
