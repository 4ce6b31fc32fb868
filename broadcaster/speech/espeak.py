"""espeak-ng, the offline default: the library and its voices come inside the `espeakng-loader` wheel.

The library is not thread-safe and keeps its state in globals, so it runs in children, one initialised copy in each.
C interface: espeak-ng's `speak_lib.h`, revision 12.
"""

import contextlib
import ctypes
import functools
import importlib.metadata
import re
from pathlib import Path

import espeakng_loader

from broadcaster.domain.sound import BYTES_PER_SAMPLE, Pcm, Voice
from broadcaster.errors import ConfigError, SpeechError
from broadcaster.process import ChildError, Children
from broadcaster.speech.base import checked, longest_ms

AUDIO_OUTPUT_SYNCHRONOUS = 2
DONT_EXIT = 0x8000  # without it the library ends the whole process when its data is missing
CHARS_UTF8 = 1  # and no SSML flag: `<script>` is text
POS_CHARACTER = 1
RATE, PITCH = 1, 3
EE_OK = 0

VOICES = (
    Voice("espeak/vi", "espeak", "vi"),  # northern
    Voice("espeak/vi-vn-x-central", "espeak", "vi"),
    Voice("espeak/vi-vn-x-south", "espeak", "vi"),
    Voice("espeak/en", "espeak", "en"),
    Voice("espeak/en-us", "espeak", "en"),
    Voice("espeak/bn", "espeak", "bn"),
)

Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """Speaks at `rate_wpm` words (in Vietnamese: syllables) a minute, 80 to 450, with `pitch` 0 to 99.

    155 words a minute is slower than the library's own 175: outdoors a word competes with its echo.
    Without `children` it speaks in the calling process, which must then itself be a child with one thread.
    """

    name = "espeak"

    def __init__(
        self, children: Children | None = None, *, rate_wpm: int = 155, pitch: int = 50, timeout_s: float = 30
    ) -> None:
        if not 80 <= rate_wpm <= 450 or not 0 <= pitch <= 99:
            raise ConfigError("espeak takes a rate_wpm of 80 to 450 and a pitch of 0 to 99.")
        self._children = children
        self._rate_wpm = rate_wpm
        self._pitch = pitch
        self._timeout_s = timeout_s

    @property
    def version(self) -> str:
        return f"{_package_version()} rate_wpm={self._rate_wpm} pitch={self._pitch}"

    def voices(self) -> tuple[Voice, ...]:
        return VOICES

    def check(self, voice: Voice) -> None:
        self.speak("OK", voice)

    def speak(self, text: str, voice: Voice) -> Pcm:
        """The sound of `text` at 22,050 Hz; SpeechError for a crash, a hang, silence or endless sound."""
        job = (text, voice.name.removeprefix("espeak/"), self._rate_wpm, self._pitch)
        try:
            sound = (
                self._children.run(synthesise, *job, timeout_s=self._timeout_s)
                if self._children is not None
                else synthesise(*job)
            )
        except ChildError as error:
            raise SpeechError("espeak failed on “{text}”: {error}", text=text[:80], error=str(error)) from error
        return checked(sound, text, self.name)


def synthesise(text: str, voice: str, rate_wpm: int, pitch: int) -> Pcm:
    """`text` spoken by the library inside this process; runs in a child."""
    # control characters are the library's embedded commands (and NUL its end of text)
    words = re.sub(r"[\x00-\x1f\x7f]+", " ", text).encode("utf-8", "replace")
    with _beside_data():
        return _library().speak(words, voice, rate_wpm, pitch, longest_ms(text))


def _beside_data() -> contextlib.AbstractContextManager[None]:
    """The library cuts paths at 160 bytes and opens voices as it needs them: it is always told `.`, and runs there."""
    return contextlib.chdir(Path(espeakng_loader.get_data_path()).parent)


@functools.cache
def _package_version() -> str:
    """Reading it from the disk takes as long as speaking a word."""
    return importlib.metadata.version("espeakng-loader")


@functools.cache
def _library() -> "_Library":
    return _Library()


class _Library:
    """The initialised library of this process."""

    def __init__(self) -> None:
        self._c = ctypes.CDLL(espeakng_loader.get_library_path())
        self._c.espeak_Synth.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
            ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        self._rate_hz = self._c.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, b".", DONT_EXIT)
        if self._rate_hz <= 0:
            raise SpeechError("espeak found no voice data. Install the package espeakng-loader again.")
        self._chunks: list[bytes] = []
        self._room_bytes = 0
        self._callback = Callback(self._take)  # kept: the library holds only a bare pointer to it
        self._c.espeak_SetSynthCallback(self._callback)

    def speak(self, words: bytes, voice: str, rate_wpm: int, pitch: int, limit_ms: int) -> Pcm:
        """Runs until the library is done or has given more than `limit_ms` of sound."""
        self._chunks = []
        self._room_bytes = self._rate_hz * (limit_ms + 1000) // 1000 * BYTES_PER_SAMPLE
        results = (
            self._c.espeak_SetVoiceByName(voice.encode()),
            self._c.espeak_SetParameter(RATE, rate_wpm, 0),
            self._c.espeak_SetParameter(PITCH, pitch, 0),
            self._c.espeak_Synth(words, len(words) + 1, 0, POS_CHARACTER, 0, CHARS_UTF8, None, None),
            self._c.espeak_Synchronize(),
        )
        if any(result != EE_OK for result in results):
            raise SpeechError("espeak refused the voice {voice} or the text.", voice=voice)
        return Pcm(b"".join(self._chunks), self._rate_hz)

    def _take(self, samples: int | None, count: int, _events: int | None) -> int:
        """Called by the library with each stretch of sound; 1 stops it."""
        if samples and count > 0:
            self._chunks.append(ctypes.string_at(samples, count * BYTES_PER_SAMPLE))
            self._room_bytes -= count * BYTES_PER_SAMPLE
        return 0 if self._room_bytes > 0 else 1
