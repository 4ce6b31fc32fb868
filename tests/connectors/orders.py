"""Orders and clips for tests of connectors."""

from datetime import datetime, timedelta
from pathlib import Path

from broadcaster import files
from broadcaster.audio import encode
from broadcaster.domain.order import Order
from broadcaster.domain.place import Mode, Station
from tests.audio.sounds import sine

RATE_HZ = 8_000


def clip_in(folder: Path, duration_ms: int = 60) -> Path:
    """A tone of this length as a WAV file, which sinks play as they play MP3."""
    path = folder / f"tone-{duration_ms}.mp3"
    path.write_bytes(encode.wav(sine(440, duration_ms, rate_hz=RATE_HZ)))
    return path


def station(kind: str, **config: object) -> Station:
    return Station("kep-loa", "kep", kind, Mode.TEST, config)


def order(clip: Path, start: datetime, airing: str = "A1", *, grace_s: float = 300, title: str = "Bản tin") -> Order:
    """Play this clip at `start`, or up to `grace_s` later."""
    return Order(
        airing=airing,
        commune="kep",
        station="kep-loa",
        mode=Mode.TEST,
        title=title,
        start=start,
        expires=start + timedelta(seconds=grace_s),
        duration_ms=60,
        clip=clip,
        clip_sha256=files.sha256(clip) if clip.is_file() else "0" * 64,
    )
