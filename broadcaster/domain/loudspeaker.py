"""What a loudspeaker of our own, or of a vendor who follows its protocol, can suffer from, and when that is so."""

from datetime import timedelta
from enum import StrEnum

MAX_PER_STATION = 64
"""An order names at most so many targets."""
UNSEEN_AFTER = timedelta(seconds=100)
"""A loudspeaker that should be there and has said nothing for so long is offline, whatever its broker believes."""
FARTHEST_CLOCK_MS = 120_000
"""A clock that is farther off refuses timed orders."""
LOW_STORAGE_MB = 200
ENOUGH_STORAGE_MB = 250
"""What lies in between neither opens a fault nor clears one, so that it does not come and go with each clip."""


class Trouble(StrEnum):
    """What is wrong with a loudspeaker."""

    OFFLINE = "offline"
    AMPLIFIER = "amplifier"
    SILENT = "silent"
    """It plays, and its microphone hears nothing."""
    CLOCK = "clock"
    STORAGE = "storage"
    CLIP = "clip"
    """It could not fetch a clip, or the clip was another one."""


class MessageKind(StrEnum):
    REPORT = "report"
    HELLO = "hello"


class Presence(StrEnum):
    """How a loudspeaker stands to its server."""

    ADDED = "added"
    """Its one-time code waits to be used."""
    LAPSED = "lapsed"
    """Its code was not used in time; it needs a new one."""
    UNKNOWN = "unknown"
    """It is enrolled, and has not been seen since the broker started."""
    ONLINE = "online"
    OFFLINE = "offline"
