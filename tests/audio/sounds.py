"""Test sounds, and templates written for one test."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from broadcaster.audio import encode
from broadcaster.audio.template import Template, load
from broadcaster.domain.sound import Pcm

RATE_HZ = 22_050


def sine(pitch_hz: float, duration_ms: int, *, level: float = 0.5, rate_hz: int = RATE_HZ, phase: float = 0.0) -> Pcm:
    time_s = np.arange(rate_hz * duration_ms // 1000) / rate_hz
    return from_floats(level * np.sin(2 * np.pi * pitch_hz * time_s + phase), rate_hz)


def noise(duration_ms: int, *, level: float = 0.1, rate_hz: int = RATE_HZ) -> Pcm:
    return from_floats(level * np.random.default_rng(7).standard_normal(rate_hz * duration_ms // 1000), rate_hz)


def from_floats(samples: npt.NDArray[np.float64], rate_hz: int = RATE_HZ) -> Pcm:
    return Pcm(np.clip(np.rint(samples * 32_767), -32_768, 32_767).astype(np.int16).tobytes(), rate_hz)


def eased(sound: Pcm) -> Pcm:
    """`sound` swelling and fading over 20 ms: a sine cut off rings in every meter, in each in its own way."""
    samples = samples_of(sound) / 32_768
    ramp = np.linspace(0, 1, sound.rate_hz // 50)
    samples[: len(ramp)] *= ramp
    samples[-len(ramp) :] *= ramp[::-1]
    return from_floats(samples, sound.rate_hz)


def samples_of(sound: Pcm) -> npt.NDArray[np.float64]:
    return np.frombuffer(sound.samples, np.int16).astype(np.float64)


def template_in(folder: Path, chime: Pcm | None = None, **settings: object) -> Template:
    """A template of the test's own; without settings it is only what is required."""
    folder.mkdir(parents=True, exist_ok=True)
    if chime is not None:
        (folder / "chime.wav").write_bytes(encode.wav(chime))
    values = {"title": "Thử", "chime": None if chime is None else "chime.wav", **settings}
    (folder / "template.yaml").write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    return load(folder)
