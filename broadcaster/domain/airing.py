"""One airing: the phases it goes through, and the one outcome it ends in, with the reason and the evidence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class Phase(StrEnum):
    """Where an airing is on its way. `sending` is written before the first station hears of it."""

    PLANNED = "planned"
    SENDING = "sending"
    HANDED_OVER = "handed_over"
    ON_AIR = "on_air"
    ENDED = "ended"


class Outcome(StrEnum):
    AIRED = "aired"
    PARTIAL = "partial"
    MISSED = "missed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PREEMPTED = "preempted"
    SKIPPED = "skipped"
    EXPIRED = "expired"


class Reason(StrEnum):
    """Why an airing did not simply air, as a code; `docs/glossary.md` says each in words."""

    EXPIRED = "expired"
    HOLIDAY = "holiday"
    QUIET_HOURS = "quiet_hours"
    RESERVED = "reserved"
    CAP_SESSIONS = "cap_sessions"
    CAP_MINUTES = "cap_minutes"
    SLOT_FULL = "slot_full"
    OVERLAP = "overlap"
    NOT_APPROVED = "not_approved"
    OUTSIDE_APPROVAL = "outside_approval"
    SAMPLE_FACT = "sample_fact"
    WITHDRAWN = "withdrawn"
    CLIP_MISSING = "clip_missing"
    CLIP_DAMAGED = "clip_damaged"
    NO_STATION = "no_station"
    NOT_SIGNED = "not_signed"
    STATION_REFUSED = "station_refused"
    STATION_UNREACHABLE = "station_unreachable"
    NOT_CONFIRMED = "not_confirmed"
    NO_SOUND = "no_sound"
    STOPPED = "stopped"
    PREEMPTED = "preempted"
    SERVER_DOWN = "server_down"
    WORKER_STOPPED = "worker_stopped"
    SOME_STATIONS = "some_stations"


class Scope(StrEnum):
    """How far a stop reaches."""

    AIRING = "airing"
    ZONE = "zone"
    COMMUNE = "commune"
    EVERYTHING = "everything"


class Evidence(StrEnum):
    """How an airing is known, strongest first."""

    FINISHED = "finished"
    STARTED = "started"
    PLAYING = "playing"
    """Seen playing when it was asked, by polling."""
    ACCEPTED = "accepted"
    SENT = "sent"
    NONE = "none"


TRANSITIONS: Mapping[Phase, frozenset[Phase]] = {
    Phase.PLANNED: frozenset({Phase.SENDING, Phase.ENDED}),
    # Back to planned: a worker died before any station could have started, so nothing was heard yet.
    Phase.SENDING: frozenset({Phase.PLANNED, Phase.HANDED_OVER, Phase.ON_AIR, Phase.ENDED}),
    # Back to planned: as above, or it was planned otherwise since and every station gave its order back.
    Phase.HANDED_OVER: frozenset({Phase.PLANNED, Phase.ON_AIR, Phase.ENDED}),
    Phase.ON_AIR: frozenset({Phase.ENDED}),
    Phase.ENDED: frozenset(),
}


class AiringKey(NamedTuple):
    """What makes an airing itself, whatever moves around it: no restart, edit or clock change can air it twice.

    `local_date` is the rule's date before any move; `place_in_day` the slot's name or the fixed local time "HH:MM".
    """

    schedule: str
    commune: str
    local_date: date
    place_in_day: str


class StationState(StrEnum):
    """What is known of the part of one station in an airing, or of one of its loudspeakers."""

    SENDING = "sending"
    ACCEPTED = "accepted"
    STARTED = "started"
    FINISHED = "finished"
    REFUSED = "refused"
    FAILED = "failed"
    STOPPED = "stopped"
    RECALLED = "recalled"
    UNCONFIRMED = "unconfirmed"
    SILENT = "silent"
    """It played to the end, and heard nothing of itself."""
    UNSIGNED = "unsigned"
    """Its loudspeakers obey signed orders alone, and nothing could be signed."""


OPEN_STATION_STATES = (StationState.SENDING, StationState.ACCEPTED, StationState.STARTED)

_AFTER_START = frozenset({StationState.FINISHED, StationState.SILENT, StationState.STOPPED, StationState.REFUSED})
_BEFORE_START = _AFTER_START | {StationState.STARTED, StationState.RECALLED}
STATION_TRANSITIONS: Mapping[StationState, frozenset[StationState]] = {
    # A report can overtake our own note that the order was accepted.
    StationState.SENDING: _BEFORE_START | {StationState.ACCEPTED, StationState.FAILED},
    StationState.ACCEPTED: _BEFORE_START | {StationState.UNCONFIRMED},
    StationState.STARTED: _AFTER_START | {StationState.UNCONFIRMED},
    **{state: frozenset() for state in StationState if state not in OPEN_STATION_STATES},
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an airing ended."""

    outcome: Outcome
    reason: Reason | None
    evidence: Evidence


# The verdict on a single station's part, least bad first; several stations are combined by `verdict`.
_PART: Mapping[StationState, Verdict] = {
    StationState.FINISHED: Verdict(Outcome.AIRED, None, Evidence.FINISHED),
    StationState.UNCONFIRMED: Verdict(Outcome.AIRED, None, Evidence.ACCEPTED),
    StationState.STOPPED: Verdict(Outcome.PARTIAL, Reason.STOPPED, Evidence.STARTED),
    StationState.RECALLED: Verdict(Outcome.CANCELLED, Reason.STOPPED, Evidence.NONE),
    StationState.STARTED: Verdict(Outcome.PARTIAL, Reason.NOT_CONFIRMED, Evidence.STARTED),
    StationState.ACCEPTED: Verdict(Outcome.MISSED, Reason.NOT_CONFIRMED, Evidence.ACCEPTED),
    StationState.SENDING: Verdict(Outcome.MISSED, Reason.NOT_CONFIRMED, Evidence.NONE),
    StationState.SILENT: Verdict(Outcome.FAILED, Reason.NO_SOUND, Evidence.NONE),
    StationState.REFUSED: Verdict(Outcome.FAILED, Reason.STATION_REFUSED, Evidence.NONE),
    StationState.FAILED: Verdict(Outcome.FAILED, Reason.STATION_UNREACHABLE, Evidence.NONE),
    StationState.UNSIGNED: Verdict(Outcome.FAILED, Reason.NOT_SIGNED, Evidence.NONE),
}


def least_bad(states: Iterable[StationState]) -> StationState:
    """How far a station came whose loudspeakers came this far."""
    return min(states, key=list(_PART).index)


def evidence_of(state: StationState, strongest: Evidence, *, has_started: bool) -> Evidence:
    """How one station's part is known: by what it said, never better than `strongest`, all its connector can give."""
    is_known_to_start = has_started and state is StationState.UNCONFIRMED
    shown = Evidence.STARTED if is_known_to_start else _PART[state].evidence
    return max(shown, strongest, key=list(Evidence).index)


def verdict(
    stations: Mapping[str, StationState],
    lost: Reason | None = None,
    evidence: Mapping[str, Evidence] | None = None,
) -> Verdict:
    """The one outcome of an airing whose stations, or their loudspeakers, have come this far and will come no further.

    All aired: aired, with the weakest evidence among them. Some: partial. None: the least bad of theirs.
    `lost` says why it ended without its stations' doing (a worker that died or was stopped); `evidence` how each
    station's part is known, where that is not simply what its state says.
    """
    least_bad_first = sorted(stations.items(), key=lambda item: list(_PART).index(item[1]))
    known = evidence or {}
    parts = [
        replace(_PART[state], evidence=known.get(station, _PART[state].evidence)) for station, state in least_bad_first
    ]
    if not parts:
        return Verdict(Outcome.FAILED, Reason.NO_STATION, Evidence.NONE)
    strength = list(Evidence).index
    aired = [part for part in parts if part.outcome is Outcome.AIRED]
    if len(aired) == len(parts):
        return max(parts, key=lambda part: strength(part.evidence))
    if aired and len(aired) < len(parts):
        return Verdict(Outcome.PARTIAL, Reason.SOME_STATIONS, min((p.evidence for p in parts), key=strength))
    best = min(parts, key=lambda part: strength(part.evidence))
    reason = lost if lost and best.reason in {Reason.NOT_CONFIRMED, Reason.STOPPED} else best.reason
    return Verdict(best.outcome, reason, best.evidence)
