"""Sinks in real time: what is asserted is order and position, never how long it took."""

import subprocess
import sys
import threading
import wave
from pathlib import Path

import miniaudio
import pytest

import broadcaster
from broadcaster.audio import encode
from broadcaster.audio.decode import decode
from broadcaster.audio.play import DeviceSink, FileSink, NoneSink, Sink, sink_for
from broadcaster.errors import AudioError, ConfigError
from tests.audio.sounds import sine

RATE_HZ = 22_050
SOUND = sine(700, 300)


class StoppedAfter(threading.Event):
    """A stop that is set the moment a sink has waited `waits` times: it stops by position, not by the clock."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self._left = waits

    def wait(self, timeout: float | None = None) -> bool:
        if self._left == 0:
            self.set()
        self._left -= 1
        return super().wait(timeout)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp3"
    path.write_bytes(encode.mp3(SOUND, 64))
    return path


@pytest.fixture(params=["none", "file", "device"])
def sink(request: pytest.FixtureRequest, tmp_path: Path) -> Sink:
    """Each kind of sink; the sound card is the one miniaudio brings along, which takes sound in real time."""
    if request.param == "device":
        return DeviceSink([miniaudio.Backend.NULL])
    return NoneSink() if request.param == "none" else FileSink(tmp_path / "heard")


def wav_at(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        frames: bytes = file.readframes(file.getnframes())
    return frames


def test_a_clip_is_played_to_its_end(sink: Sink, clip: Path) -> None:
    played = sink.play(clip, stop=threading.Event())
    assert played.is_finished
    assert played.position_s == len(decode(clip.read_bytes()).samples) / 2 / RATE_HZ


def test_a_wav_clip_is_played_too(sink: Sink, tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    path.write_bytes(encode.wav(SOUND))
    assert sink.play(path, stop=threading.Event()).position_s == 0.3


def test_start_is_told_once_and_before_the_end(sink: Sink, clip: Path) -> None:
    order: list[str] = []
    sink.play(clip, stop=threading.Event(), on_start=lambda: order.append("started"))
    order.append("finished")
    assert order == ["started", "finished"]


def test_a_stop_set_before_the_start_plays_nothing_to_its_end(sink: Sink, clip: Path) -> None:
    stop = threading.Event()
    stop.set()
    played = sink.play(clip, stop=stop)
    assert not played.is_finished
    assert played.position_s <= 0.2


@pytest.mark.parametrize("waits", [0, 2])
def test_a_stop_between_two_chunks_ends_the_clip_there(clip: Path, tmp_path: Path, waits: int) -> None:
    for sink in (NoneSink(), FileSink(tmp_path / "heard.wav")):
        played = sink.play(clip, stop=StoppedAfter(waits))
        assert not played.is_finished
        assert played.position_s == pytest.approx((waits + 1) * 0.05, abs=0.001)
    heard = decode(clip.read_bytes()).samples
    assert heard.startswith(wav_at(tmp_path / "heard.wav"))
    assert len(wav_at(tmp_path / "heard.wav")) == round(played.position_s * RATE_HZ) * 2


def test_a_stop_from_another_thread_ends_the_clip(sink: Sink, tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    path.write_bytes(encode.wav(sine(700, 60_000)))
    stop, started = threading.Event(), threading.Event()

    def stop_once_started() -> None:
        started.wait()
        stop.set()

    other = threading.Thread(target=stop_once_started)
    other.start()
    played = sink.play(path, stop=stop, on_start=started.set)
    other.join()
    assert not played.is_finished
    assert played.position_s < 60


def test_a_file_holds_what_was_heard(tmp_path: Path, clip: Path) -> None:
    FileSink(tmp_path / "heard.wav").play(clip, stop=threading.Event())
    assert wav_at(tmp_path / "heard.wav") == decode(clip.read_bytes()).samples


def test_a_folder_keeps_every_play(tmp_path: Path, clip: Path) -> None:
    sink = FileSink(tmp_path / "heard")
    for _ in range(3):
        sink.play(clip, stop=threading.Event())
    assert sorted(path.name for path in (tmp_path / "heard").iterdir()) == ["clip-2.wav", "clip-3.wav", "clip.wav"]


def test_half_the_volume_is_half_the_level(tmp_path: Path, clip: Path) -> None:
    sink = FileSink(tmp_path / "heard.wav")
    sink.play(clip, stop=threading.Event(), volume_percent=50)
    full = memoryview(decode(clip.read_bytes()).samples).cast("h")
    half = memoryview(wav_at(tmp_path / "heard.wav")).cast("h")
    assert [int(sample / 2) for sample in full] == list(half)


@pytest.mark.parametrize("volume_percent", [-1, 101])
def test_a_volume_outside_its_range_is_refused(sink: Sink, clip: Path, volume_percent: int) -> None:
    with pytest.raises(AudioError, match="0 to 100"):
        sink.play(clip, stop=threading.Event(), volume_percent=volume_percent)


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"<html>not found</html>", bytes(5_000)], ids=["empty", "cut", "a web page", "zeros"]
)
def test_a_broken_clip_is_an_error_and_never_starts(sink: Sink, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.mp3"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"broken\.mp3"):
        sink.play(path, stop=threading.Event(), on_start=lambda: pytest.fail("it started"))


def test_a_missing_clip_is_an_error(sink: Sink, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="cannot be read"):
        sink.play(tmp_path / "none.mp3", stop=threading.Event())


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(AudioError, match="cannot be written"):
        FileSink(tmp_path / "taken" / "heard.wav").play(clip, stop=threading.Event())


def test_a_machine_without_a_sound_card_says_so(clip: Path) -> None:
    absent = DeviceSink([miniaudio.Backend.WASAPI if sys.platform != "win32" else miniaudio.Backend.COREAUDIO])
    with pytest.raises(AudioError, match="No sound card"):
        absent.play(clip, stop=threading.Event())


def test_sinks_are_found_by_name(tmp_path: Path) -> None:
    assert isinstance(sink_for("none"), NoneSink)
    assert isinstance(sink_for("device"), DeviceSink)
    assert isinstance(sink_for(f"file:{tmp_path}"), FileSink)


@pytest.mark.parametrize("name", ["", "file:", "speaker", "NONE"])
def test_an_unknown_sink_names_those_that_exist(name: str) -> None:
    with pytest.raises(ConfigError, match="device, none, file"):
        sink_for(name)


def test_playing_works_where_nothing_heavy_is_installed() -> None:
    heavy = ("numpy", "scipy", "pydub", "pyloudnorm", "lameenc", "pydantic", "yaml")
    program = f"import sys; sys.modules.update(dict.fromkeys({heavy})); import broadcaster.audio.play"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(broadcaster.__file__).parent.parent)
