"""What can be wrong with a loudspeaker, apart from any airing."""

from enum import StrEnum


class Trouble(StrEnum):
    OFFLINE = "offline"
    AMPLIFIER = "amplifier"
    SILENT = "silent"
    """It played, and heard nothing of itself."""
    CLOCK = "clock"
    STORAGE = "storage"
    CLIP = "clip"
    """It could not fetch a clip, or got another one than was signed."""
