"""Every sample bulletin in every template that comes along, in every offline voice of its language, as it is heard.

Some of them with every test run, each voice and each template at least once; all with `BROADCASTER_FULL_SOUND=1`.
"""

import itertools
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from broadcaster import strict_yaml
from broadcaster.audio.studio import make_sound
from broadcaster.audio.template import find
from broadcaster.domain.bulletin import Placeholder, resolve
from broadcaster.services import samples
from broadcaster.services.exchange import BulletinEntry, Exchange
from broadcaster.services.script import readable
from broadcaster.speech.espeak import Espeak
from broadcaster.speech.speaker import Speaker
from tests.audio.conftest import NAMES, TEMPLATES, ebur128

FULL = os.environ.get("BROADCASTER_FULL_SOUND") == "1"
VALUES = {Placeholder.COMMUNE: "Lạng Giang", Placeholder.HOTLINE: "1900 6769"}
SILENT = 4 / 32_768  # what MP3 leaves of digital silence: -78 dBFS
RATE_HZ = 48_000


@dataclass(frozen=True, slots=True)
class Case:
    bulletin: BulletinEntry
    template: str
    voice: str

    def __str__(self) -> str:
        return f"{self.bulletin.id}-{self.template}-{self.voice.removeprefix('espeak/')}"


@dataclass(frozen=True, slots=True)
class Clip:
    """What a listener's instruments show of a decoded file, and what was announced of it."""

    off_lu: float
    over_db: float
    first_100_ms: float
    highest: float
    longer_ms: float


def bulletins() -> list[BulletinEntry]:
    documents = [strict_yaml.load(path).validate(Exchange) for path in samples.files()]
    return [entry for document in documents for entry in document.bulletins]


def every_case() -> list[Case]:
    return [
        Case(bulletin, template, voice.name)
        for bulletin in bulletins()
        for template in NAMES
        for voice in Espeak().voices()
        if voice.language == bulletin.language
    ]


def some_cases() -> list[Case]:
    """Each voice once, the templates by turns, and of each language its bulletins by turns."""
    texts: dict[str, itertools.cycle[BulletinEntry]] = {}
    for language in ("vi", "en", "bn"):
        texts[language] = itertools.cycle([entry for entry in bulletins() if entry.language == language])
    return [
        Case(next(texts[voice.language]), template, voice.name)
        for voice, template in zip(Espeak().voices(), itertools.cycle(NAMES), strict=False)
    ]


def heard(case: Case, speaker: Speaker, path: Path) -> Clip:
    """The clip of a case, written to `path` and looked at by ffmpeg alone."""
    template = find(case.template, [TEMPLATES])
    language = case.bulletin.language
    written = (template.opening(language), case.bulletin.text, template.closing(language))
    parts = [readable(resolve(part or "", VALUES), language).spoken for part in written]
    opening, reading, closing = (speaker.speak(part, case.voice) for part in parts)
    sound = make_sound(template, opening, reading, closing)
    path.write_bytes(sound.data)
    meter = ebur128(path)
    samples = decoded(path)
    return Clip(
        off_lu=meter.loudness_lufs - template.settings.loudness_lufs,
        over_db=meter.true_peak_dbtp - template.settings.true_peak_dbtp,
        first_100_ms=float(np.abs(samples[: RATE_HZ // 10]).max()),
        highest=float(np.abs(samples).max()),
        longer_ms=len(samples) * 1000 / RATE_HZ - sound.duration_ms,
    )


def decoded(path: Path) -> "np.typing.NDArray[np.float32]":
    """What ffmpeg makes of a file, full scale 1.0 and not clipped."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-ar", str(RATE_HZ), "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)


@pytest.mark.parametrize("case", every_case() if FULL else some_cases(), ids=str)
def test_a_clip_keeps_every_promise_once_it_is_decoded(case: Case, speaker: Speaker, tmp_path: Path) -> None:
    clip = heard(case, speaker, tmp_path / "clip.mp3")
    assert abs(clip.off_lu) <= 0.5
    assert clip.over_db <= 0
    assert clip.first_100_ms <= SILENT
    assert clip.highest < 1
    assert abs(clip.longer_ms) <= 50


def test_some_are_each_voice_and_each_template_and_all_are_every_one_of_them() -> None:
    assert {case.voice for case in some_cases()} == {voice.name for voice in Espeak().voices()}
    assert {case.template for case in some_cases()} == set(NAMES)
    assert {case.bulletin.language for case in some_cases()} == {"vi", "en", "bn"}
    assert len(every_case()) == len(NAMES) * sum(
        voice.language == bulletin.language for bulletin in bulletins() for voice in Espeak().voices()
    )
