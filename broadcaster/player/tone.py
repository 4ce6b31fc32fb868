"""The tone of a test order: two seconds that nobody takes for a siren."""

import math
import sys
import wave
from array import array
from pathlib import Path

_RATE_HZ = 16_000
_LENGTH_S = 2.0
_PITCH_HZ = 440.0
_LOUDEST = 16_000


def tone_in(folder: Path) -> Path:
    """The tone as a WAV file in this folder. Raises OSError."""
    path = folder / "tone.wav"
    if not path.exists():
        part = path.with_suffix(".part")
        with wave.open(str(part), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(_RATE_HZ)
            file.writeframes(_samples())
        part.replace(path)
    return path


def _samples() -> bytes:
    """A struck bell: loud at first, then fading."""
    count = int(_RATE_HZ * _LENGTH_S)
    samples = array(
        "h",
        (
            int(_LOUDEST * math.exp(-3 * number / count) * math.sin(2 * math.pi * _PITCH_HZ * number / _RATE_HZ))
            for number in range(count)
        ),
    )
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
