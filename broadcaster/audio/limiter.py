"""A clip brought to its loudness without its peaks passing a ceiling: one gain for all, and a look-ahead limiter.

The limiter's gain is found on a grid of milliseconds, where a whole bulletin is a few ten thousand values: trying a
gain there costs almost nothing, and the samples themselves are gone through once.
"""

import io

import numpy as np
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from broadcaster.audio.loudness import (
    FULL_SCALE,
    SAFE_RISE,
    Doubles,
    energies_by_ms,
    floats,
    gated_lufs,
    ms_starts,
    peaks_by_ms,
)
from broadcaster.domain.sound import Pcm
from broadcaster.errors import AudioError

LOOK_AHEAD_MS = 10  # longer than one cycle of the deepest voice, so that the gain does not follow the cycle
MOST_LIMITED_DB = 30.0
CLOSE_LU = 0.01
ROUNDS = 40
STRETCH_S = 20


class Master:
    """One mixed clip, measured once, that can be had at any loudness under any ceiling. AudioError for silence."""

    def __init__(self, mixed: Pcm) -> None:
        self._samples = np.frombuffer(mixed.samples, np.int16)
        self._rate_hz = mixed.rate_hz
        self._energies = energies_by_ms(self._samples, mixed.rate_hz) if mixed.samples else np.zeros(0)
        self._lufs = gated_lufs(self._energies, mixed.rate_hz)
        self._peaks: Doubles | None = None
        self._exact_above = float("inf")
        if not np.isfinite(self._lufs):
            raise AudioError("The clip is silent.")

    def at(self, loudness_lufs: float, ceiling_dbtp: float) -> Pcm:
        """The clip at `loudness_lufs`, or as near as limiting by 30 dB brings it, under `ceiling_dbtp`."""
        low_db = loudness_lufs - self._lufs
        gain_db, high_db = low_db, low_db + MOST_LIMITED_DB
        factors = self._factors(gain_db, ceiling_dbtp)
        for _ in range(ROUNDS):
            missing_lu = loudness_lufs - gated_lufs(self._energies * factors**2, self._rate_hz)
            if abs(missing_lu) <= CLOSE_LU or high_db - low_db < CLOSE_LU:
                break
            low_db, high_db = (gain_db, high_db) if missing_lu > 0 else (low_db, gain_db)
            # what is pressed against the ceiling answers with less than what is added: never past the bracket
            gain_db = gain_db + missing_lu * 1.5
            if not low_db < gain_db < high_db:
                gain_db = (low_db + high_db) / 2
            factors = self._factors(gain_db, ceiling_dbtp)
        return Pcm(self._applied(factors), self._rate_hz)

    def _factors(self, gain_db: float, ceiling_dbtp: float) -> Doubles:
        """What every millisecond is multiplied by: the gain, or less where its peaks would pass the ceiling.

        The least factor within the look-ahead is held, then averaged over less than that length: the average of
        values that are all small enough is small enough.
        """
        gain = 10.0 ** (gain_db / 20.0)
        ceiling = 10.0 ** (ceiling_dbtp / 20.0)
        allowed = np.minimum(gain, ceiling / np.maximum(self._peaks_above(ceiling / gain), 1e-9))
        held = minimum_filter1d(allowed, 2 * (LOOK_AHEAD_MS + 1) + 1, mode="nearest")
        for _ in range(2):  # two averages, each over half the length: a gain without corners
            held = uniform_filter1d(held, LOOK_AHEAD_MS + 1, mode="nearest")
        return np.asarray(held, np.float64)

    def _applied(self, factors: Doubles) -> bytes:
        """The samples times the factors, drawn as straight lines from the middle of one millisecond to the next."""
        result = io.BytesIO()  # hands out what it holds without a copy
        middles = ms_starts(len(self._samples), self._rate_hz) + self._rate_hz / 2000
        step = STRETCH_S * self._rate_hz
        for start in range(0, len(self._samples), step):
            part = floats(self._samples[start : start + step])
            part *= np.interp(np.arange(start, start + len(part)), middles, factors * FULL_SCALE)
            np.clip(np.rint(part, out=part), -FULL_SCALE, FULL_SCALE - 1, out=part)
            result.write(part.astype(np.int16).data)
        return result.getvalue()

    def _peaks_above(self, threshold: float) -> Doubles:
        """Peaks exact above `threshold`; computed again, with room to spare, when a higher gain asks for more."""
        if self._peaks is None or threshold < self._exact_above:
            self._exact_above = threshold * 0.7
            self._peaks = peaks_by_ms(self._samples, self._rate_hz, self._exact_above * SAFE_RISE).astype(np.float64)
        return self._peaks
