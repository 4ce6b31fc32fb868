"""Loudness and true peak as ITU-R BS.1770-5 defines them, per millisecond, so that a limiter can reuse the figures.

Both go through a clip in stretches, so that memory hardly grows with its length.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyloudnorm import IIRfilter
from scipy.signal import lfilter

from broadcaster.domain.sound import Pcm

Floats = npt.NDArray[np.float32]  # full scale is 1.0
Doubles = npt.NDArray[np.float64]
Int16 = npt.NDArray[np.int16]

FULL_SCALE = 32768
STRETCH_S = 20
BLOCK_MS = 400
HOP_MS = 100
OFFSET_LU = -0.691
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
OVERSAMPLING = 4
SIDE = 8  # samples on each side that decide a value between two
CELL = 64  # samples looked at together when searching for peaks
SAFE_RISE = 0.75  # over a whole cell of sound no peak rises more than this (2.5 dB) above the highest sample


@dataclass(frozen=True, slots=True)
class Measured:
    """What a listener's meter shows: integrated loudness, and the highest peak between samples."""

    loudness_lufs: float
    true_peak_dbtp: float


def measure(sound: Pcm) -> Measured:
    """Integrated loudness and true peak of `sound`; minus infinity for silence."""
    samples = np.frombuffer(sound.samples, np.int16)
    highest = max(int(samples.max(initial=0)), -int(samples.min(initial=0))) / FULL_SCALE
    if highest == 0:
        return Measured(float("-inf"), float("-inf"))
    peak = float(peaks_by_ms(samples, sound.rate_hz, highest * SAFE_RISE).max())
    return Measured(gated_lufs(energies_by_ms(samples, sound.rate_hz), sound.rate_hz), 20.0 * float(np.log10(peak)))


def gated_lufs(energies: Doubles, rate_hz: int) -> float:
    """Integrated loudness from K-weighted energies by millisecond, with both gates; minus infinity for silence.

    What is shorter than one 400 ms block is taken as if silence followed it.
    """
    energies = np.pad(energies, (1, max(0, BLOCK_MS - len(energies))))[: max(BLOCK_MS, len(energies)) + 1]
    sums = np.cumsum(energies)
    starts = np.arange(0, len(sums) - BLOCK_MS, HOP_MS)
    blocks = (sums[starts + BLOCK_MS] - sums[starts]) / (rate_hz * BLOCK_MS / 1000)
    heard = blocks[blocks > 10.0 ** ((ABSOLUTE_GATE_LUFS - OFFSET_LU) / 10.0)]
    if not heard.size:
        return float("-inf")
    gated = heard[heard > heard.mean() * 10.0 ** (RELATIVE_GATE_LU / 10.0)]
    return OFFSET_LU + 10.0 * float(np.log10(gated.mean()))


def energies_by_ms(samples: Int16, rate_hz: int) -> Doubles:
    """The sum of squares of the K-weighted samples in every millisecond."""
    b, a = _weighting(rate_hz)
    state = np.zeros(len(a) - 1)
    found = []
    for stretch, starts in _stretches(samples, rate_hz):
        weighted, state = lfilter(b, a, stretch.astype(np.float64), zi=state)
        found.append(np.add.reduceat(np.square(weighted, out=weighted), starts))
    return np.concatenate(found)


def peaks_by_ms(samples: Int16, rate_hz: int, threshold: float) -> Floats:
    """The highest absolute value in every millisecond, between samples too where the sound rises above `threshold`.

    Below it the samples themselves are taken: oversampling is costly, and only loud parts can matter.
    """
    found = []
    position = 0
    for stretch, starts in _stretches(samples, rate_hz):
        highest = np.zeros(-(-len(stretch) // CELL) * CELL, np.float32)
        np.abs(stretch, out=highest[: len(stretch)])
        cells = highest.reshape(-1, CELL)
        loud = np.flatnonzero(cells.max(axis=1) > threshold)
        cells[loud] = np.maximum(cells[loud], _between(_around(samples, position, len(stretch)), loud))
        found.append(np.maximum.reduceat(highest[: len(stretch)], starts))
        position += len(stretch)
    return np.concatenate(found)


def ms_starts(count: int, rate_hz: int) -> npt.NDArray[np.int64]:
    """The first sample of every millisecond in `count` samples."""
    return np.arange(-(-count * 1000 // rate_hz), dtype=np.int64) * rate_hz // 1000


def floats(samples: Int16) -> Floats:
    """16-bit samples as floats, full scale 1.0."""
    return samples.astype(np.float32) * np.float32(1 / FULL_SCALE)


def _stretches(samples: Int16, rate_hz: int) -> Iterator[tuple[Floats, npt.NDArray[np.int64]]]:
    """`samples` in stretches of whole seconds, with the first sample of every millisecond."""
    for start in range(0, len(samples), STRETCH_S * rate_hz):
        stretch = floats(samples[start : start + STRETCH_S * rate_hz])
        yield stretch, ms_starts(len(stretch), rate_hz)


def _around(samples: Int16, start: int, count: int) -> Floats:
    """`count` samples from `start`, with SIDE samples before and with cells filled up and SIDE samples after."""
    padded = np.zeros(-(-count // CELL) * CELL + 2 * SIDE, np.float32)
    before = min(start, SIDE)
    known = floats(samples[start - before : start + count + SIDE])
    padded[SIDE - before : SIDE - before + len(known)] = known
    return padded


def _between(padded: Floats, cells: npt.NDArray[np.intp]) -> Floats:
    """For each sample of `cells` the highest absolute value between it and the next; shape (cells, CELL)."""
    rows = np.lib.stride_tricks.sliding_window_view(padded, CELL + 2 * SIDE)[::CELL][cells]
    fine = rows @ _interpolation()
    return np.asarray(np.abs(fine, out=fine).reshape(-1, OVERSAMPLING - 1, CELL).max(axis=1), np.float32)


@functools.cache
def _interpolation() -> Floats:
    """A cell with SIDE samples before and after it, times this, gives the three values between each two samples.

    Shape (CELL + 2 SIDE, 3 CELL): first what lies a quarter after each sample, then a half, then three quarters. As
    one matrix it takes more sums than a filter would, and a fifth of its time.
    """
    given = np.arange(CELL + 2 * SIDE)[:, None] - SIDE
    quarters = np.arange(1, OVERSAMPLING)[:, None] / OVERSAMPLING
    away = (np.arange(CELL) + quarters).reshape(1, -1) - given
    inside = np.clip(1 - (away / SIDE) ** 2, 0, None)
    window = np.where(np.abs(away) <= SIDE, np.i0(6.0 * np.sqrt(inside)) / np.i0(6.0), 0.0)  # Kaiser's
    return (np.sinc(away) * window).astype(np.float32)


@functools.cache
def _weighting(rate_hz: int) -> tuple[Doubles, Doubles]:
    """K-weighting, both stages as one filter: of pyloudnorm's those that keep to BS.1770 at any rate."""
    shelf = IIRfilter(3.99984385397, 0.7071752369554193, 1681.9744509555319, rate_hz, "high_shelf_DeMan")
    high_pass = IIRfilter(0.0, 0.5003270373253953, 38.13547087613982, rate_hz, "high_pass_DeMan")
    return np.convolve(shelf.b, high_pass.b), np.convolve(shelf.a, high_pass.a)
