"""Sound as values: raw samples, the voice that speaks them, and the finished clip."""

from dataclasses import dataclass

BYTES_PER_SAMPLE = 2


@dataclass(frozen=True, slots=True)
class Pcm:
    """Mono sound as 16-bit signed little-endian samples at `rate_hz`."""

    samples: bytes
    rate_hz: int

    @property
    def duration_ms(self) -> int:
        return len(self.samples) // BYTES_PER_SAMPLE * 1000 // self.rate_hz

    @classmethod
    def silence(cls, duration_ms: int, rate_hz: int) -> "Pcm":
        return cls(b"\0" * (rate_hz * duration_ms // 1000 * BYTES_PER_SAMPLE), rate_hz)


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice of one engine. `name` is unique, `engine/voice`, e.g. `espeak/vi`; `language` is ISO 639-1.

    A recording is a person's: it says only the text it was made for, whole, and as that was written.
    """

    name: str
    engine: str
    language: str
    is_recording: bool = False


@dataclass(frozen=True, slots=True)
class Sound:
    """A finished clip as it leaves the studio: the encoded file and what was measured on it after encoding.

    `peaks` is its waveform, see `audio.waveform`.
    """

    data: bytes
    duration_ms: int
    loudness_lufs: float
    true_peak_dbtp: float
    peaks: bytes
