"""Playing a clip at the loudspeaker, in real time: to a sound card, to a file, or to nowhere.

A small box imports this module: no numpy, scipy or pydub.
"""

import threading
import time
import wave
from array import array
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import miniaudio

from broadcaster.domain.sound import BYTES_PER_SAMPLE
from broadcaster.errors import AudioError, ConfigError

CHUNK_MS = 50
DEVICE_BUFFER_MS = 60
DEVICE_BUFFERS = 3
DEVICE_SILENT_S = 3.0  # a sound card that asks for nothing so long is gone

Started = Callable[[], None]
Gate = Callable[[], None]
Volume = int | Callable[[], int]
"""In percent; one that is asked for goes on being asked while the clip plays."""


@dataclass(frozen=True, slots=True)
class Played:
    """How far a clip was played, in seconds from its start, and whether to its end.

    A sound card that is stopped has heard up to 0.2 s less: what its buffers held.
    """

    position_s: float
    is_finished: bool


class Sink(Protocol):
    """Where sound goes. One clip at a time."""

    def play(
        self, clip: Path, *, stop: threading.Event, volume_percent: Volume = 100,
        on_start: Started | None = None, gate: Gate | None = None,
    ) -> Played:  # fmt: skip
        """Plays `clip` (MP3 or WAV) in real time and returns when it ended or `stop` was set.

        `on_start` is called once, when the clip has proved playable and its first sound is on its way. AudioError
        for a file that cannot be played, or a sound card that is absent or vanishes. `gate` is called before that,
        when clip and sound card are open; it returns when the sound is due.
        """
        ...


def sink_for(name: str) -> Sink:
    """The sink called `device`, `none`, or `file:<path of a .wav file or of a folder>`; ConfigError otherwise."""
    if name == "device":
        return DeviceSink()
    if name == "none":
        return NoneSink()
    if name.startswith("file:") and len(name) > len("file:"):
        return FileSink(Path(name.removeprefix("file:")))
    raise ConfigError("There is no sound output {name}. Outputs: device, none, file:<path>.", name=name)


class NoneSink:
    """Decodes and consumes a clip in real time without any sound: for trials and for boxes without a sound card."""

    def play(
        self, clip: Path, *, stop: threading.Event, volume_percent: Volume = 100,
        on_start: Started | None = None, gate: Gate | None = None,
    ) -> Played:  # fmt: skip
        _checked_volume(volume_percent)
        rate_hz, chunks = _opened(clip)
        return _paced(chunks, rate_hz, stop, _Cue(on_start, gate), lambda _: None)


class FileSink:
    """Writes what would be heard as WAV, in real time, up to where it was stopped.

    `target` is a `.wav` file, written anew by every play, or a folder, in which every play adds a file of its own.
    """

    def __init__(self, target: Path) -> None:
        self._target = target

    def play(
        self, clip: Path, *, stop: threading.Event, volume_percent: Volume = 100,
        on_start: Started | None = None, gate: Gate | None = None,
    ) -> Played:  # fmt: skip
        volume = _checked_volume(volume_percent)
        rate_hz, chunks = _opened(clip)
        try:
            # Without a buffer: what was heard up to a power cut is in the file.
            with self._free_path(clip).open("wb", buffering=0) as raw, wave.open(raw) as file:
                file.setnchannels(1)
                file.setsampwidth(BYTES_PER_SAMPLE)
                file.setframerate(rate_hz)
                return _paced(
                    chunks, rate_hz, stop, _Cue(on_start, gate), lambda chunk: file.writeframes(_scaled(chunk, volume))
                )
        except OSError as error:
            raise AudioError(
                "What is played cannot be written to {path}: {error}", path=self._target, error=error.strerror
            ) from error

    def _free_path(self, clip: Path) -> Path:
        """Where this play goes; the file exists afterwards."""
        if self._target.suffix == ".wav":
            self._target.parent.mkdir(parents=True, exist_ok=True)
            return self._target
        self._target.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            path = self._target / (f"{clip.stem}.wav" if number == 1 else f"{clip.stem}-{number}.wav")
            try:
                path.touch(exist_ok=False)
            except FileExistsError:
                number += 1
            else:
                return path


class DeviceSink:
    """A sound card of this machine, by default the one it prefers.

    `backends` are those of miniaudio. Its null backend is not among the default ones: it takes sound on a machine
    without a sound card, and nobody would notice the silence.
    """

    def __init__(self, backends: Sequence[miniaudio.Backend] | None = None) -> None:
        silent = (miniaudio.Backend.NULL, miniaudio.Backend.CUSTOM)
        usable = sorted(miniaudio.get_enabled_backends(), key=lambda backend: int(backend.value))
        self._backends = list(backends or (backend for backend in usable if backend not in silent))

    def play(
        self, clip: Path, *, stop: threading.Event, volume_percent: Volume = 100,
        on_start: Started | None = None, gate: Gate | None = None,
    ) -> Played:  # fmt: skip
        volume = _checked_volume(volume_percent)
        rate_hz, chunks = _opened(clip)
        feed = _Feed(chunks, volume)
        cue = _Cue(on_start, gate)
        try:
            with miniaudio.PlaybackDevice(
                miniaudio.SampleFormat.SIGNED16, 1, rate_hz, DEVICE_BUFFER_MS, None, DEVICE_BUFFERS, self._backends
            ) as device:
                cue.wait()
                if not stop.is_set():
                    device.start(feed.source())
                    cue.start()
                    feed.watch(stop)
        except miniaudio.DecodeError as error:
            raise AudioError("The clip {clip} is damaged: {error}", clip=clip, error=str(error)) from error
        except miniaudio.MiniaudioError as error:
            raise AudioError(
                "No sound card can be used ({error}). Check that one is connected and not taken by another program.",
                error=str(error),
            ) from error
        return Played(feed.frames / rate_hz, is_finished=feed.is_drained)


@dataclass(frozen=True, slots=True)
class _Cue:
    """What happens right before the first sound, and with it."""

    on_start: Started | None
    gate: Gate | None

    def wait(self) -> None:
        if self.gate is not None:
            self.gate()

    def start(self) -> None:
        if self.on_start is not None:
            self.on_start()


class _Feed:
    """What a sound card's thread takes, and what the playing thread sees of it."""

    def __init__(self, chunks: "Generator[array[int], int, None]", volume: Callable[[], float]) -> None:
        self.frames = 0
        self.is_drained = False
        self._chunks = chunks
        self._volume = volume
        self._damage: miniaudio.MiniaudioError | None = None
        self._asked_at_s = time.monotonic()

    def source(self) -> Generator[bytes, int, None]:
        """Primed, as the sound card wants it: takes a number of frames, gives at most so many."""
        self._asked_at_s = time.monotonic()
        source = self._give()
        next(source)
        return source

    def _give(self) -> Generator[bytes, int, None]:
        wanted = yield b""
        while True:
            self._asked_at_s = time.monotonic()
            try:
                chunk = self._chunks.send(wanted)
            except StopIteration:
                break
            except miniaudio.MiniaudioError as error:
                self._damage = error
                return
            self.frames += len(chunk)
            wanted = yield _scaled(chunk, self._volume)
        for _ in range(DEVICE_BUFFERS):  # they still hold the end of the clip
            self._asked_at_s = time.monotonic()
            yield b""
        self.is_drained = True

    def watch(self, stop: threading.Event) -> None:
        """Returns when everything was heard or `stop` was set; AudioError when the card asks for nothing any more."""
        while not self.is_drained and not stop.wait(CHUNK_MS / 1000):
            if self._damage is not None:
                raise self._damage
            if time.monotonic() - self._asked_at_s > DEVICE_SILENT_S:
                raise AudioError("The sound card stopped taking sound. Check that it is still connected.")


def _opened(clip: Path) -> "tuple[int, Generator[array[int], int, None]]":
    """The clip's sample rate and its mono samples in chunks; AudioError when it cannot be played."""
    try:
        with clip.open("rb") as file:
            is_wav = file.read(4) == b"RIFF"
        info: Any = (miniaudio.wav_get_file_info if is_wav else miniaudio.mp3_get_file_info)(str(clip))
        rate_hz = int(info.sample_rate)
        chunks: Generator[array[int], int, None] = miniaudio.stream_file(
            str(clip), miniaudio.SampleFormat.SIGNED16, 1, rate_hz, frames_to_read=rate_hz * CHUNK_MS // 1000
        )
    except OSError as error:
        raise AudioError("The clip {clip} cannot be read: {error}", clip=clip, error=error.strerror) from error
    except miniaudio.MiniaudioError as error:
        raise AudioError("The clip {clip} cannot be played: {error}", clip=clip, error=str(error)) from error
    if not info.num_frames:
        raise AudioError("The clip {clip} holds no sound.", clip=clip)
    return rate_hz, chunks


def _paced(
    chunks: "Generator[array[int], int, None]",
    rate_hz: int,
    stop: threading.Event,
    cue: _Cue,
    take: "Callable[[array[int]], None]",
) -> Played:
    """Each chunk is taken when a sound card would play it; due times are counted from the start and never drift."""
    frames = 0
    try:
        cue.wait()
        start_s = time.monotonic()
        for chunk in chunks:
            if stop.is_set():
                return Played(frames / rate_hz, is_finished=False)
            take(chunk)
            if frames == 0:
                cue.start()
            frames += len(chunk)
            if stop.wait(max(0.0, start_s + frames / rate_hz - time.monotonic())):
                return Played(frames / rate_hz, is_finished=False)
    except miniaudio.MiniaudioError as error:
        raise AudioError("The clip is damaged after {seconds} s.", seconds=round(frames / rate_hz, 1)) from error
    finally:
        chunks.close()
    return Played(frames / rate_hz, is_finished=True)


def _checked_volume(volume_percent: Volume) -> Callable[[], float]:
    """The volume as a share of one, whenever it is asked for."""

    def share() -> float:
        percent = volume_percent() if callable(volume_percent) else volume_percent
        if not 0 <= percent <= 100:
            raise AudioError("The volume is 0 to 100 percent, not {volume}.", volume=percent)
        return percent / 100

    share()
    return share


def _scaled(chunk: "array[int]", volume: Callable[[], float]) -> bytes:
    share = volume()
    return (chunk if share == 1 else array("h", [int(sample * share) for sample in chunk])).tobytes()
