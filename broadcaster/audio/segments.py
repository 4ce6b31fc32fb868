"""The one place that uses pydub, on raw samples only: its file reading calls other programs and is never used."""

import warnings
from collections.abc import Sequence

from broadcaster.domain.sound import BYTES_PER_SAMPLE, Pcm

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    warnings.filterwarnings("ignore", "Couldn't find ffmpeg or avconv", RuntimeWarning)
    warnings.filterwarnings("ignore", "invalid escape sequence", SyntaxWarning)
    warnings.filterwarnings("ignore", "invalid escape sequence", DeprecationWarning)
    from pydub import AudioSegment


def segment(sound: Pcm) -> AudioSegment:
    """`sound` as pydub holds it."""
    return AudioSegment(data=sound.samples, sample_width=BYTES_PER_SAMPLE, frame_rate=sound.rate_hz, channels=1)


def join(pieces: Sequence[Pcm], rate_hz: int, *, fade_ms: int) -> Pcm:
    """`pieces` one after the other at `rate_hz`, each faded in and out over `fade_ms` so that no join clicks."""
    return Pcm(b"".join(_faded(piece, rate_hz, fade_ms) for piece in pieces), rate_hz)


def level_dbfs(sound: Pcm) -> float:
    """The root mean square of `sound` in dB below full scale; minus infinity for silence."""
    return float(segment(sound).dBFS)


def peak(sound: Pcm) -> int:
    """The largest absolute sample, 0 to 32,768."""
    return int(segment(sound).max) if sound.samples else 0


def amplified(sound: Pcm, gain_db: float) -> Pcm:
    """`sound` louder by `gain_db`, held at full scale."""
    return Pcm(bytes(segment(sound).apply_gain(gain_db).raw_data), sound.rate_hz)


def _faded(piece: Pcm, rate_hz: int, fade_ms: int) -> bytes:
    sound = segment(piece)
    if piece.rate_hz != rate_hz:
        sound = sound.set_frame_rate(rate_hz)
    fade_ms = min(fade_ms, len(sound) // 2)
    if fade_ms > 0 and peak(piece) > 0:
        sound = sound.fade_in(fade_ms).fade_out(fade_ms)
    return bytes(sound.raw_data)
