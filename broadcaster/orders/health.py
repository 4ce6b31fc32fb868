"""How a loudspeaker is, as it says itself on its `state`.

A state is plain JSON, because the broker itself says `{"online": false}` for a device that died: it is protected by the
credential alone, and nothing is decided by it.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from broadcaster.domain.bulletin import canonical
from broadcaster.orders import strict_json
from broadcaster.orders.strict_json import BIGGEST, ULID

LIMIT_BYTES = 4096
"""Of anything that a loudspeaker says."""
FARTHEST_MS = 10**12
OFFLINE = b'{"online": false}'
"""The last will, retained on the device's own `state`."""

_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,32}")


class Heard(StrEnum):
    """What the loudspeaker heard of itself, by its microphone; unknown where it has none."""

    HEARD = "heard"
    SILENT = "silent"
    UNKNOWN = "unknown"


class Amplifier(StrEnum):
    ON = "on"
    OFF = "off"
    FAULT = "fault"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Health:
    """How a connected loudspeaker is. None: it has no sensor for that."""

    at: datetime
    version: str
    volume: int
    amplifier: Amplifier
    sound: Heard
    storage_free_mb: int
    keys_version: int
    is_stopped: bool
    playing: str | None = None
    clock_offset_ms: int | None = None
    temperature_c: int | None = None
    signal_dbm: int | None = None

    def as_bytes(self) -> bytes:
        return canonical(
            {
                "online": True,
                "at": strict_json.moment(self.at),
                "version": self.version,
                "volume": self.volume,
                "amplifier": self.amplifier,
                "sound": self.sound,
                "storage_free_mb": self.storage_free_mb,
                "keys_version": self.keys_version,
                "is_stopped": self.is_stopped,
                "playing": self.playing,
                "clock_offset_ms": self.clock_offset_ms,
                "temperature_c": self.temperature_c,
                "signal_dbm": self.signal_dbm,
            }
        )


def read_state(data: bytes) -> Health | None:
    """What is retained on a device's `state`; None for offline. Raises MalformedError."""
    fields = strict_json.read(data[:LIMIT_BYTES])
    if not fields.flag("online"):
        fields.end()
        return None
    found = Health(
        at=fields.moment("at"),
        version=fields.text("version", _VERSION),
        volume=fields.integer("volume", 0, 100),
        amplifier=fields.member("amplifier", Amplifier),
        sound=fields.member("sound", Heard),
        storage_free_mb=fields.integer("storage_free_mb", 0, BIGGEST),
        keys_version=fields.integer("keys_version", 1, BIGGEST),
        is_stopped=fields.flag("is_stopped"),
        playing=None if fields.is_null("playing") else fields.text("playing", ULID),
        clock_offset_ms=fields.optional_integer("clock_offset_ms", FARTHEST_MS),
        temperature_c=fields.optional_integer("temperature_c", 200),
        signal_dbm=fields.optional_integer("signal_dbm", 200),
    )
    fields.end()
    return found
