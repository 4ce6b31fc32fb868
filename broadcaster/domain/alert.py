"""What somebody is told of unasked: faults, keys that end, airings that did not air; once, and once it is over."""

from datetime import datetime, timedelta
from enum import StrEnum

from broadcaster.domain.airing import Outcome, Reason

DAMPING = timedelta(minutes=5)
"""What is over for less time than this and begins again was never over: nobody is told of either."""


class AlertKind(StrEnum):
    """What is wrong. Those of loudspeakers are `loudspeaker_` and a word of `Trouble`."""

    LOUDSPEAKER_OFFLINE = "loudspeaker_offline"
    LOUDSPEAKER_AMPLIFIER = "loudspeaker_amplifier"
    LOUDSPEAKER_SILENT = "loudspeaker_silent"
    LOUDSPEAKER_CLOCK = "loudspeaker_clock"
    LOUDSPEAKER_STORAGE = "loudspeaker_storage"
    LOUDSPEAKER_CLIP = "loudspeaker_clip"
    KEYS_ENDING = "keys_ending"
    AIRING = "airing"
    COMPONENT = "component"
    SOURCE_SYSTEM = "source_system"
    SOURCE_REFUSED = "source_refused"
    SOURCE_EMERGENCY = "source_emergency"


class Change(StrEnum):
    """What a message tells of an alert."""

    OPENED = "opened"
    CLEARED = "cleared"


class Channel(StrEnum):
    MAIL = "mail"
    WEBHOOK = "webhook"


_UNWANTED = (Outcome.PARTIAL, Outcome.MISSED, Outcome.FAILED)
_BY_A_PERSON = (Reason.STOPPED, Reason.PREEMPTED, Reason.WITHDRAWN)


def is_alarming(outcome: Outcome, reason: Reason | None) -> bool:
    """Whether an airing that ended so was meant to air, and nobody decided otherwise."""
    return outcome in _UNWANTED and reason not in _BY_A_PERSON


def due(at: datetime) -> datetime:
    """When a message about something that happened then leaves: with all others of its minute, at the minute's end."""
    return at.replace(second=0, microsecond=0) + timedelta(minutes=1)
