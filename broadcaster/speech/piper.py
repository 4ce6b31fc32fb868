"""Piper: neural voices without a network. An extra, `pip install broadcaster[piper]`; the voice files are the user's.

A voice is a model `NAME.onnx` with its own settings beside it, `NAME.onnx.json`. The package computes, takes memory and
holds espeak-ng's globals, so only children import it.
"""

import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import re
from typing import TYPE_CHECKING

from broadcaster.config import PiperSettings, PiperVoiceSettings
from broadcaster.domain.sound import Pcm, Voice
from broadcaster.errors import SpeechError
from broadcaster.process import ChildError, Children
from broadcaster.speech.base import checked
from broadcaster.speech.sentences import is_spoken

if TYPE_CHECKING:
    from piper import PiperVoice

ENGINE = "piper"
OWN_PACE_WPM = 155  # the settings' default, at which a voice keeps the pace it was trained with
MODELS_KEPT = 2  # in each child; one takes 60 to 120 MB
BRACKET_PAIR = re.compile(r"\[(?=\[)")


class Piper:
    """Speaks with the voices of `settings`, faster or slower than they were trained as `words_per_minute` says.

    Without `children` it speaks in the calling process, which must then itself be a child with one thread.
    """

    name = ENGINE

    def __init__(
        self,
        settings: PiperSettings,
        children: Children | None = None,
        *,
        words_per_minute: int = OWN_PACE_WPM,
        timeout_s: float = 60,
    ) -> None:
        self._settings = {f"{ENGINE}/{name}": voice for name, voice in settings.voices.items()}
        self._children = children
        self._words_per_minute = words_per_minute
        self._timeout_s = timeout_s

    @property
    def version(self) -> str:
        files = [f"{name}={_files_version(voice)}" for name, voice in self._settings.items()]
        return " ".join([_package_version() or "-", f"words_per_minute={self._words_per_minute}", *files])

    def voices(self) -> tuple[Voice, ...]:
        return tuple(Voice(name, ENGINE, voice.language) for name, voice in self._settings.items())

    def check(self, voice: Voice) -> None:
        self.speak("OK", voice)

    def speak(self, text: str, voice: Voice) -> Pcm:
        """The sound of `text`; SpeechError where package or files are missing or changed, and for a crash or a hang."""
        settings = self._settings.get(voice.name)
        if settings is None:
            raise SpeechError("There is no voice {name} among the settings speech.piper.voices.", name=voice.name)
        if importlib.util.find_spec("piper") is None:
            raise SpeechError(
                "The voice {name} needs Piper. In the program's folder: .venv/bin/python -m pip install -e '.[piper]'",
                name=voice.name,
            )
        if not is_spoken(text):
            return checked(Pcm(b"", 1), text, ENGINE)
        own = _own_settings(settings)
        if own is None:
            raise SpeechError(
                "{file} cannot be read. It comes with the voice; put it beside {model}.",
                file=f"{settings.file}.json",
                model=settings.file.name,
            )
        slowness = OWN_PACE_WPM / self._words_per_minute
        return checked(self._synthesised(_plain(text), settings, own, slowness), text, ENGINE)

    def _synthesised(self, text: str, settings: PiperVoiceSettings, own: bytes, slowness: float) -> Pcm:
        job = (text, str(settings.file.absolute()), settings.sha256, own, slowness)
        if self._children is None:
            return synthesise(*job)
        try:
            return self._children.run(synthesise, *job, timeout_s=self._timeout_s)
        except ChildError as error:
            raise SpeechError(
                "{engine} failed on “{text}”: {error}", engine=ENGINE, text=text[:80], error=error
            ) from error


def synthesise(text: str, file: str, sha256: str, own: bytes, slowness: float) -> Pcm:
    """`text` spoken inside this process by the model in `file`; runs in a child. `own` is what stands beside it."""
    try:
        from piper import SynthesisConfig  # noqa: PLC0415 - see above

        voice = _loaded(file, sha256, own)
        pace = SynthesisConfig(length_scale=voice.config.length_scale * slowness)
        samples = b"".join(chunk.audio_int16_bytes for chunk in voice.synthesize(text, pace))
        return Pcm(samples, voice.config.sample_rate)
    except (SpeechError, MemoryError):
        raise
    except Exception as error:  # its parts raise what they like, much of which no other process could read
        raise SpeechError(
            "{engine} failed on “{text}”: {error}", engine=ENGINE, text=text[:80], error=str(error)[:500]
        ) from error


@functools.lru_cache(MODELS_KEPT)
def _loaded(file: str, sha256: str, own: bytes) -> "PiperVoice":
    """A voice ready to speak. What is checked is what is loaded: the file is read once."""
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415
    from piper import PiperVoice  # noqa: PLC0415
    from piper.config import PhonemeType, PiperConfig  # noqa: PLC0415

    config = PiperConfig.from_dict(json.loads(own))
    if config.phoneme_type not in {PhonemeType.ESPEAK, PhonemeType.TEXT}:
        raise SpeechError(
            "{file} needs more than Piper itself brings ({kind}). Take another voice.",
            file=file,
            kind=config.phoneme_type.value,
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # there is a child for each core already
    model = _verified(file, sha256)
    return PiperVoice(onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]), config)


def _verified(file: str, sha256: str) -> bytes:
    try:
        with open(file, "rb") as opened:  # noqa: PTH123 - a text comes from the parent, not a Path
            model = opened.read()
    except OSError as error:
        raise SpeechError("The voice file {file} cannot be read: {error}", file=file, error=error.strerror) from error
    found = hashlib.sha256(model).hexdigest()
    if found != sha256:
        raise SpeechError(
            "{file} is not the file of the settings: its SHA-256 is {found}. Fetch it again, or write this number "
            "under speech.piper.voices if it is the voice you want.",
            file=file,
            found=found,
        )
    return model


def _plain(text: str) -> str:
    """Without Piper's own commands: `[[…]]` would be sounds instead of words."""
    text = re.sub(r"[\x00-\x1f\x7f]+", " ", text)
    return BRACKET_PAIR.sub("[ ", text).encode("utf-8", "replace").decode()


def _own_settings(voice: PiperVoiceSettings) -> bytes | None:
    try:
        return voice.file.with_name(f"{voice.file.name}.json").read_bytes()
    except OSError:
        return None


def _files_version(voice: PiperVoiceSettings) -> str:
    own = _own_settings(voice)
    return f"{voice.sha256}+{'-' if own is None else hashlib.sha256(own).hexdigest()}"


@functools.cache
def _package_version() -> str | None:
    """Reading it from the disk takes as long as speaking a word."""
    try:
        return importlib.metadata.version("piper-tts")
    except importlib.metadata.PackageNotFoundError:
        return None
