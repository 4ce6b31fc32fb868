"""The parts of a clip laid one after the other."""

from broadcaster.audio.segments import amplified, join, level_dbfs
from broadcaster.audio.template import Template
from broadcaster.domain.sound import Pcm
from broadcaster.errors import AudioError

FADE_MS = 5


def mix(template: Template, opening: Pcm | None, reading: Pcm, closing: Pcm | None) -> Pcm:
    """Silence, chime, opening, the reading as often as the template says, closing, silence; at the output's rate.

    The chime is set `chime_level_db` above or below the reading's level, so that a quiet voice is not drowned by it.
    AudioError when the reading is empty.
    """
    if not reading.samples:
        raise AudioError("The reading holds no sound.")
    settings = template.settings
    rate_hz = settings.output.sample_rate_hz
    words_gap = Pcm.silence(settings.words_gap_ms, rate_hz)
    pieces = [Pcm.silence(settings.lead_silence_ms, rate_hz)]
    if template.chime is not None:
        pieces += [_levelled(template.chime, reading, settings.chime_level_db)]
        pieces += [Pcm.silence(settings.chime_gap_ms, rate_hz)]
    if opening is not None:
        pieces += [opening, words_gap]
    said = resampled(reading, rate_hz)
    for number in range(settings.readings):
        pieces += [Pcm.silence(settings.gap_ms, rate_hz), said] if number else [said]
    if closing is not None:
        pieces += [words_gap, closing]
    pieces += [Pcm.silence(settings.tail_silence_ms, rate_hz)]
    return join([resampled(piece, rate_hz) for piece in pieces], rate_hz, fade_ms=FADE_MS)


def resampled(sound: Pcm, rate_hz: int) -> Pcm:
    """`sound` at `rate_hz`, band-limited (a polyphase filter), so that nothing folds back as hiss."""
    if sound.rate_hz == rate_hz:
        return sound
    import numpy as np  # noqa: PLC0415 - the worker process stays small: only children compute
    from scipy.signal import resample_poly  # noqa: PLC0415

    samples = np.frombuffer(sound.samples, np.int16).astype(np.float32)
    common = int(np.gcd(rate_hz, sound.rate_hz))
    moved = resample_poly(samples, rate_hz // common, sound.rate_hz // common)
    return Pcm(np.clip(np.rint(moved), -32768, 32767).astype(np.int16).tobytes(), rate_hz)


def _levelled(chime: Pcm, reading: Pcm, level_db: float) -> Pcm:
    gain_db = level_dbfs(reading) - level_dbfs(chime) + level_db
    return amplified(chime, gain_db) if abs(gain_db) < 120 else chime
