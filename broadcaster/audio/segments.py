"""The one place that uses pydub, on raw samples only: its file reading calls other programs and is never used."""

import warnings
from collections.abc import Iterator, Sequence

from broadcaster.domain.sound import BYTES_PER_SAMPLE, Pcm

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    warnings.filterwarnings("ignore", "Couldn't find ffmpeg or avconv", RuntimeWarning)
    warnings.filterwarnings("ignore", "invalid escape sequence", SyntaxWarning)
    warnings.filterwarnings("ignore", "invalid escape sequence", DeprecationWarning)
    from pydub import AudioSegment

NEAR_SILENCE = 330  # of 32,767: -40 dBFS, far below any speech and above the noise of a bad engine


def segment(sound: Pcm) -> AudioSegment:
    """`sound` as pydub holds it."""
    return AudioSegment(data=sound.samples, sample_width=BYTES_PER_SAMPLE, frame_rate=sound.rate_hz, channels=1)


def join(pieces: Sequence[Pcm], rate_hz: int, *, fade_ms: int) -> Pcm:
    """`pieces` one after the other at `rate_hz`, each faded in and out over `fade_ms` so that no join clicks."""
    return Pcm(b"".join(part for piece in pieces for part in _faded(piece, rate_hz, fade_ms)), rate_hz)


def level_dbfs(sound: Pcm) -> float:
    """The root mean square of `sound` in dB below full scale; minus infinity for silence."""
    return float(segment(sound).dBFS)


def peak(sound: Pcm) -> int:
    """The largest absolute sample, 0 to 32,768."""
    return int(segment(sound).max) if sound.samples else 0


def amplified(sound: Pcm, gain_db: float) -> Pcm:
    """`sound` louder by `gain_db`, held at full scale."""
    return Pcm(bytes(segment(sound).apply_gain(gain_db).raw_data), sound.rate_hz)


def _faded(piece: Pcm, rate_hz: int, fade_ms: int) -> Iterator[bytes | memoryview]:
    """Beginning, middle and end; only the ends are computed: a quarter of an hour is not copied over and over."""
    if piece.rate_hz != rate_hz:
        piece = Pcm(bytes(segment(piece).set_frame_rate(rate_hz).raw_data), rate_hz)
    fade_ms = min(fade_ms, len(segment(piece)) // 2)
    if fade_ms <= 0 or peak(piece) == 0:
        yield piece.samples
        return
    edge = fade_ms * rate_hz // 1000 * BYTES_PER_SAMPLE
    yield bytes(segment(Pcm(piece.samples[:edge], rate_hz)).fade_in(fade_ms).raw_data)
    yield memoryview(piece.samples)[edge:-edge]
    yield bytes(segment(Pcm(piece.samples[-edge:], rate_hz)).fade_out(fade_ms).raw_data)
