"""A mix shaped for horn loudspeakers on poles: the band they carry, a little presence, a gentle compression.

A horn gives back nothing of the deep sounds, which only wear out its driver, and little of the highest; what makes
words understood over a distance lies between 2 and 4 kHz. Wind and engines drown what is spoken softly, so loud and
soft are brought nearer to one another. The filter lies evenly around each sample: it delays no pitch.
"""

import functools
import io
from collections.abc import Iterator

import numpy as np
from scipy.signal import firwin2, lfilter, oaconvolve

from broadcaster.audio.loudness import FULL_SCALE, Doubles, Floats, Int16, floats, ms_starts
from broadcaster.domain.sound import Pcm

LOW_HZ, HIGH_HZ = 250, 6_000
PRESENCE_HZ = (2_000, 4_000)
PRESENCE_DB = 3.0
# pitch in Hz and gain in dB, straight lines in octaves between them
CURVE: tuple[tuple[float, float], ...] = (
    (1, -70), (140, -70), (LOW_HZ, -1), (300, 0), (1_100, 0), (PRESENCE_HZ[0], PRESENCE_DB),
    (PRESENCE_HZ[1], PRESENCE_DB), (5_500, 0), (HIGH_HZ, -1), (8_000, -70), (100_000, -70),
)  # fmt: skip
FILTER_MS = 50  # long enough to tell 250 Hz from 125; it rings for half of that before a sound, inside the lead silence

RATIO = 2.0
BELOW_MEAN_DB = 8.0  # where the compression begins: below the mean of what is heard, whatever the voice's level
KNEE_DB = 6.0
ATTACK_MS = 10.0
RELEASE_MS = 150.0
HEARD_DB = -50.0  # what lies further below the loudest millisecond is a pause
HIGHEST = 0.98  # of full scale
STRETCH_S = 20


def shaped(mixed: Pcm) -> Pcm:
    """`mixed` as a horn should get it: as long as before, no sample clipped; silence stays silence.

    It is gone through twice in stretches, so that memory hardly grows with its length.
    """
    samples = np.frombuffer(mixed.samples, np.int16)
    powers, peaks = _by_ms(samples, mixed.rate_hz)
    if not peaks.any():
        return mixed
    factors = _factors(powers)
    # a gain between two milliseconds is at most the larger of both
    highest = float((peaks * np.maximum(factors, np.maximum(_moved(factors, 1), _moved(factors, -1)))).max())
    factors *= FULL_SCALE * min(1.0, HIGHEST / highest)
    middles = ms_starts(len(samples), mixed.rate_hz) + mixed.rate_hz / 2000
    result = io.BytesIO()  # hands out what it holds without a copy
    position = 0
    for stretch in _filtered(samples, mixed.rate_hz):
        stretch *= np.interp(np.arange(position, position + len(stretch)), middles, factors)  # noqa: PLW2901 - in place
        result.write(np.rint(stretch, out=stretch).astype(np.int16).data)
        position += len(stretch)
    return Pcm(result.getvalue(), mixed.rate_hz)


def _by_ms(samples: Int16, rate_hz: int) -> tuple[Doubles, Doubles]:
    """The mean square and the highest absolute value of the filtered sound in every millisecond, full scale 1.0."""
    powers, peaks = [np.zeros(0)], [np.zeros(0)]
    for part in _filtered(samples, rate_hz):
        starts = ms_starts(len(part), rate_hz)
        powers.append(np.add.reduceat(np.square(part, dtype=np.float64), starts) / np.diff(starts, append=len(part)))
        peaks.append(np.maximum.reduceat(np.abs(part), starts).astype(np.float64))
    return np.concatenate(powers), np.concatenate(peaks)


def _factors(powers: Doubles) -> Doubles:
    """What every millisecond is multiplied by, 1 at most.

    The level rises at once and falls as an exponential does, which is a straight line in dB; what is taken away
    from it follows within the attack.
    """
    levels_db = 10.0 * np.log10(np.maximum(powers, 1e-12))
    heard = powers[levels_db > levels_db.max() + HEARD_DB]
    threshold_db = 10.0 * float(np.log10(heard.mean())) - BELOW_MEAN_DB
    fall_db = np.arange(len(levels_db)) * (20.0 * float(np.log10(np.e)) / RELEASE_MS)
    held_db = np.maximum.accumulate(levels_db + fall_db) - fall_db
    kept = float(np.exp(-1.0 / ATTACK_MS))
    taken_db = lfilter([1.0 - kept], [1.0, -kept], _taken_db(held_db - threshold_db))
    return np.asarray(10.0 ** (-taken_db / 20.0), np.float64)


def _taken_db(over_db: Doubles) -> Doubles:
    """What the compression takes from a level `over_db` above its threshold; a parabola leads into the slope."""
    into_knee_db = np.clip(over_db + KNEE_DB / 2, 0.0, KNEE_DB)
    above_knee_db = np.maximum(over_db - KNEE_DB / 2, 0.0)
    return (1.0 - 1.0 / RATIO) * (into_knee_db**2 / (2 * KNEE_DB) + above_knee_db)


def _moved(factors: Doubles, by: int) -> Doubles:
    """Each millisecond's neighbour; the ends are their own."""
    return np.concatenate([factors[:1], factors[:-1]] if by > 0 else [factors[1:], factors[-1:]])


def _filtered(samples: Int16, rate_hz: int) -> Iterator[Floats]:
    """The filtered sound in stretches of whole seconds, full scale 1.0."""
    taps = _taps(rate_hz)
    side = len(taps) // 2
    step = STRETCH_S * rate_hz
    for start in range(0, len(samples), step):
        count = min(step, len(samples) - start)
        before = min(start, side)
        known = floats(samples[start - before : start + count + side])
        padded = np.zeros(count + 2 * side, np.float32)
        padded[side - before : side - before + len(known)] = known
        yield np.asarray(oaconvolve(padded, taps, mode="valid"), np.float32)


@functools.cache
def _taps(rate_hz: int) -> Floats:
    """The band and the presence as one symmetric filter of odd length."""
    taps = FILTER_MS * rate_hz // 1000 // 2 * 2 + 1
    pitches_hz = np.linspace(0, rate_hz / 2, 4_096)
    given_hz, given_db = np.array(CURVE).T
    gains_db = np.interp(np.log2(np.maximum(pitches_hz, given_hz[0])), np.log2(given_hz), given_db)
    return np.asarray(firwin2(taps, pitches_hz, 10.0 ** (gains_db / 20.0), fs=rate_hz), np.float32)
