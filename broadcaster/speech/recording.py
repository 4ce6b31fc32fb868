"""Recordings: a person's voice, kept as a file, that says the one text it was made for.

The folder holds for each recording its sound, `SHA256.wav` (16 bit, mono, named after its own bytes), and beside it
`SHA256.json` with what it says and whose it is. The sound is written first: what has no second file is not there yet.
"""

import hashlib
import io
import logging
import re
import unicodedata
import wave
from datetime import datetime
from pathlib import Path

from filelock import FileLock
from pydantic import ValidationError

from broadcaster import files
from broadcaster.audio import encode
from broadcaster.audio.segments import NEAR_SILENCE, peak
from broadcaster.domain.sound import BYTES_PER_SAMPLE, Pcm, Voice
from broadcaster.errors import InputError, SpeechError
from broadcaster.speech.base import longest_ms
from broadcaster.strict_yaml import Strict

log = logging.getLogger(__name__)

ENGINE = "recording"
NAME_LENGTH = 16  # hexadecimal figures of a voice's name; the file's own name has all 64
_FILE_NAME = re.compile(r"[0-9a-f]{64}\.json")


class Label(Strict):
    """What stands beside a recording. The same sound may have been recorded for several texts, by their digests."""

    language: str
    transcripts_sha256: tuple[str, ...]
    title: str
    recorded_by: str | None
    recorded_at: datetime
    duration_ms: int


class Recordings:
    """All recordings in a folder, each a voice of its own; what another process adds is there at once."""

    name = ENGINE
    version = "recording-1"  # the sound itself is part of a voice's name

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Voice] = {}

    def add(self, sound: Pcm, transcript: str, language: str, *, title: str, by: str | None, now: datetime) -> Voice:
        """Keep `sound` as a recording of `transcript`, the text as written. The same sound twice is one recording.

        Raises InputError for a sound that cannot be heard, is far too long for its text, or is that of a text in
        another language; OSError for the disk.
        """
        _check(sound, transcript)
        data = encode.wav(sound)
        sha256 = hashlib.sha256(data).hexdigest()
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / ".lock"):  # of two at once neither forgets the other's transcript
            before = self._label(sha256)
            if before is not None and before.language != language:
                raise InputError(
                    "This very sound was recorded for a text in {language}. Record the other text by itself.",
                    language=before.language,
                )
            files.write(self._folder / f"{sha256}.wav", data)
            label = Label(
                language=language,
                transcripts_sha256=tuple(sorted({digest(transcript), *(before.transcripts_sha256 if before else ())})),
                title=title,
                recorded_by=by,
                recorded_at=now,
                duration_ms=sound.duration_ms,
            )
            files.write(self._folder / f"{sha256}.json", label.model_dump_json(indent=2).encode())
            self._known.pop(sha256, None)
        return _voice(sha256, language)

    def voices(self) -> tuple[Voice, ...]:
        try:
            found = sorted(path.stem for path in self._folder.iterdir() if _FILE_NAME.fullmatch(path.name))
        except FileNotFoundError:
            return ()
        return tuple(voice for sha256 in found if (voice := self._known.get(sha256) or self._read(sha256)))

    def check(self, voice: Voice) -> None:
        """Whether its file is still what was recorded."""
        self._sound(self._sha256(voice))

    def speak(self, text: str, voice: Voice) -> Pcm:
        """The recording, if `text` is what it was made for; spaces and line ends do not matter."""
        sha256 = self._sha256(voice)
        label = self._label(sha256)
        if label is None or digest(text) not in label.transcripts_sha256:
            raise SpeechError("This recording says something else. Record the changed text again.")
        return self._sound(sha256)

    def _sha256(self, voice: Voice) -> str:
        """The file behind a voice."""
        for path in self._folder.glob("*.json"):
            if _FILE_NAME.fullmatch(path.name) and _voice(path.stem, voice.language).name == voice.name:
                return path.stem
        raise SpeechError("The recording {voice} is gone. Record the text again.", voice=voice.name)

    def _sound(self, sha256: str) -> Pcm:
        try:
            data = (self._folder / f"{sha256}.wav").read_bytes()
        except OSError as error:
            raise SpeechError("The recording {voice} cannot be read: {error}", voice=sha256, error=error) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise SpeechError("The recording {voice} was damaged. Record the text again.", voice=sha256)
        with wave.open(io.BytesIO(data)) as file:
            assert file.getsampwidth() == BYTES_PER_SAMPLE
            return Pcm(file.readframes(file.getnframes()), file.getframerate())

    def _read(self, sha256: str) -> Voice | None:
        label = self._label(sha256)
        if label is None:
            return None
        self._known[sha256] = _voice(sha256, label.language)
        return self._known[sha256]

    def _label(self, sha256: str) -> Label | None:
        try:
            return Label.model_validate_json((self._folder / f"{sha256}.json").read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            extra = {"action": "recording_unreadable", "recording": sha256, "error": repr(error)}
            log.warning("What stands beside a recording cannot be read.", extra=extra)
            return None


def digest(transcript: str) -> str:
    """The SHA-256 of a text's words, in hex: NFC, and one space wherever there is any."""
    words = " ".join(unicodedata.normalize("NFC", transcript).split())
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()


def _check(sound: Pcm, transcript: str) -> None:
    if peak(sound) < NEAR_SILENCE:
        raise InputError("Nothing can be heard in this recording. Record it again, nearer to the microphone.")
    if sound.duration_ms > longest_ms(transcript):
        raise InputError(
            "This recording takes {seconds} s, far longer than its text. Is it the right file?",
            seconds=sound.duration_ms // 1000,
        )


def _voice(sha256: str, language: str) -> Voice:
    return Voice(f"{ENGINE}/{sha256[:NAME_LENGTH]}", ENGINE, language, is_recording=True)
