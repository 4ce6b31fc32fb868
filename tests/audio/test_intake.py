"""Sound files of others, good and malicious, through the real ffmpeg."""

import io
import math
import socket
import struct
import subprocess
import sys
import wave
import zipfile
from pathlib import Path

import pytest

from broadcaster.audio import intake
from broadcaster.audio.intake import RATE_HZ, take_in
from broadcaster.audio.segments import level_dbfs
from broadcaster.domain.sound import Pcm
from broadcaster.errors import AudioError, InputError

ENCODERS = {
    "wav": ["-c:a", "pcm_s16le", "-f", "wav"],
    "wav-24": ["-c:a", "pcm_s24le", "-f", "wav"],
    "mp3": ["-c:a", "libmp3lame", "-f", "mp3"],
    "ogg": ["-c:a", "libvorbis", "-f", "ogg"],
    "opus": ["-c:a", "libopus", "-f", "ogg"],
    "flac": ["-c:a", "flac", "-f", "flac"],
    "m4a": ["-c:a", "aac", "-f", "ipod"],
}
TONE = "aevalsrc=0.5*sin(440*2*PI*t)|0.5*sin(440*2*PI*t):s=44100"


def made(*arguments: str, folder: Path, name: str = "sound") -> bytes:
    """A file of ffmpeg's making."""
    file = folder / name
    command = [str(intake._ffmpeg()), "-nostdin", "-v", "error", "-y", *arguments, str(file)]
    subprocess.run(command, check=True, timeout=120)
    return file.read_bytes()


def tone(kind: str, folder: Path, seconds: float = 2, source: str = TONE, channels: int = 2) -> bytes:
    return made("-f", "lavfi", "-t", str(seconds), "-i", source, "-ac", str(channels), *ENCODERS[kind], folder=folder)


def wav(samples: bytes, rate_hz: int = 44_100, channels: int = 1) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples)
    return out.getvalue()


def refusal(data: bytes) -> str:
    with pytest.raises(InputError) as refused:
        take_in(data)
    return str(refused.value)


@pytest.mark.parametrize("kind", ENCODERS)
def test_a_good_file_of_each_kind_comes_in_whole_and_as_loud_as_it_was(tmp_path: Path, kind: str) -> None:
    sound = take_in(tone(kind, tmp_path))
    assert sound.rate_hz == RATE_HZ
    assert sound.duration_ms == pytest.approx(2000, abs=100)
    assert level_dbfs(sound) == pytest.approx(20 * math.log10(0.5 / math.sqrt(2)), abs=0.5)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000, 96_000])
def test_any_usual_rate_comes_in(rate_hz: int) -> None:
    samples = b"".join(struct.pack("<h", int(9000 * math.sin(n / 9))) for n in range(rate_hz))
    assert take_in(wav(samples, rate_hz)).duration_ms == pytest.approx(1000, abs=20)


def test_a_picture_on_the_cover_is_left_out(tmp_path: Path) -> None:
    picture = tmp_path / "cover.png"
    picture.write_bytes(
        made("-f", "lavfi", "-i", "color=red:s=8x8", "-frames:v", "1", "-f", "image2", "-c:v", "png", folder=tmp_path)
    )
    data = made(
        "-f", "lavfi", "-t", "2", "-i", TONE, "-i", str(picture), "-map", "0", "-map", "1", "-c:v", "copy",
        "-f", "mp3", folder=tmp_path,
    )  # fmt: skip
    assert take_in(data).duration_ms == pytest.approx(2000, abs=100)


PLAYLISTS = [
    b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    b"\xef\xbb\xbf#EXTM3U\r\n#EXT-X-TARGETDURATION:1\r\nhttp://127.0.0.1/x.ts\r\n",
    b"[playlist]\nFile1=/etc/passwd\n",
    b"ffconcat version 1.0\nfile /etc/passwd\n",
]


@pytest.mark.parametrize("data", PLAYLISTS)
def test_a_playlist_is_no_sound(data: bytes) -> None:
    assert "playlist" in refusal(data)


@pytest.mark.parametrize(
    "head", [b"ID3\x04\x00\x00\x00\x00\x00\x00", b"\xff\xfb\x90\x00", b"OggS", b"fLaC", b"RIFF\0\0\0\0WAVE"]
)
@pytest.mark.parametrize("data", PLAYLISTS)
def test_a_playlist_dressed_as_a_sound_is_refused(head: bytes, data: bytes) -> None:
    assert refusal(head + data)


@pytest.mark.parametrize("head", [b"ID3\x04\x00\x00\x00\x00\x00\x00", b"\xff\xfb\x90\x00"])
@pytest.mark.parametrize("first", [b"#EXTM3U\n#EXTINF:1,\n", b"ffconcat version 1.0\nfile ", b"[playlist]\nFile1="])
def test_what_a_dressed_playlist_names_is_neither_opened_nor_asked_for(
    tmp_path: Path, head: bytes, first: bytes
) -> None:
    good = tmp_path / "good.wav"
    good.write_bytes(wav(b"\1\x20" * 50_000))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x.wav"
        for named in (str(good), address):
            assert refusal(head + first + named.encode() + b"\n" + bytes(2_000))
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_word_in_a_comment_is_not_taken_for_the_sound(tmp_path: Path) -> None:
    told = made(
        "-f", "lavfi", "-t", "1", "-i", TONE, "-metadata", "comment=my data is here", "-write_bext", "1", "-f", "wav",
        folder=tmp_path,
    )  # fmt: skip
    assert b"my data" in told[:4096]
    assert take_in(told).duration_ms == pytest.approx(1000, abs=50)


def test_padding_after_an_mp3_does_no_harm(tmp_path: Path) -> None:
    assert take_in(tone("mp3", tmp_path) + bytes(5_000)).duration_ms == pytest.approx(2000, abs=100)


@pytest.mark.parametrize(
    "data",
    [
        b"text that is no sound at all, whatever its name says",
        b"\x7fELF" + bytes(200),
        b"\x89PNG\r\n\x1a\n" + bytes(200),
        b"<html><script>alert(1)</script></html>",
        bytes(5000),
    ],
)
def test_other_files_are_refused_by_their_first_bytes(data: bytes) -> None:
    assert "no sound file that can be taken" in refusal(data)


def test_an_archive_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.mp3", "x")
    assert "no sound file" in refusal(out.getvalue())


def test_an_empty_file_is_refused() -> None:
    assert "empty" in refusal(b"")


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    assert "at most 20 MB" in refusal(b"RIFF" + bytes(intake.LARGEST_BYTES))


def test_a_small_file_of_ten_hours_is_stopped_at_the_limit(tmp_path: Path) -> None:
    bomb = tone("flac", tmp_path, seconds=36_000, source="anullsrc=r=8000", channels=1)
    assert len(bomb) < intake.LARGEST_BYTES
    assert "longer than 15 min" in refusal(bomb)


def test_a_file_with_an_absurd_rate_is_refused(tmp_path: Path) -> None:
    for rate_hz in (100, 400_000):
        data = bytearray(wav(b"\1\x20" * 500_000))
        data[24:28] = rate_hz.to_bytes(4, "little")
        assert f"{rate_hz} Hz" in refusal(bytes(data))


@pytest.mark.parametrize("size", [0xFFFF_FFF0, 0x8000_0000])
def test_a_file_that_claims_gigabytes_is_refused(size: int) -> None:
    data = bytearray(wav(b"\1\x20" * 50_000))
    data[40:44] = size.to_bytes(4, "little")
    assert "cut short" in refusal(bytes(data))


def test_a_file_with_absurdly_many_channels_is_refused() -> None:
    data = bytearray(wav(b"\1\2" * 500_000))
    data[22:24] = (65_535).to_bytes(2, "little")
    assert refusal(bytes(data))
    few = bytearray(wav(b"\1\2" * 500_000, channels=1))
    few[22:24] = (16).to_bytes(2, "little")
    few[32:34] = (32).to_bytes(2, "little")
    assert "16 channels" in refusal(bytes(few))


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_a_file_that_is_cut_short_is_refused_or_gives_what_is_there(tmp_path: Path, kind: str, part: float) -> None:
    whole = tone(kind, tmp_path)
    try:
        sound = take_in(whole[: int(len(whole) * part)])
    except InputError as error:
        assert str(error)
    else:
        assert 0 < sound.duration_ms < 2000
        assert kind in {"mp3", "flac"}  # a stream of frames, which does not tell how long it was to be


def test_a_film_without_sound_is_refused(tmp_path: Path) -> None:
    film = made("-f", "lavfi", "-t", "1", "-i", "color=red:s=64x64", "-f", "mp4", folder=tmp_path)
    assert "no sound in this file" in refusal(film)


def test_silence_is_refused() -> None:
    assert "only silence" in refusal(wav(bytes(88_200)))


def test_a_blink_is_refused() -> None:
    assert "half a second" in refusal(wav(b"\0\x20" * 2000))


def test_what_takes_too_long_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too long to read"):
        take_in(tone("wav", tmp_path), timeout_s=0.001)


@pytest.mark.skipif(sys.platform == "win32", reason="a script with #! is started")
def test_a_decoder_that_writes_without_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one might that a file has taken over."""
    endless = tmp_path / "ffmpeg"
    endless.write_text("#!/bin/sh\nexec cat /dev/zero\n")
    endless.chmod(0o755)
    monkeypatch.setattr(intake, "_ffmpeg", lambda: endless)
    assert "damaged" in refusal(wav(b"\1\x20" * 50_000))


def test_the_file_s_name_is_not_part_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is the folder one works in: a file called like an option does nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-version").write_bytes(tone("mp3", tmp_path))
    assert take_in((tmp_path / "-version").read_bytes()).duration_ms == pytest.approx(2000, abs=100)


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    take_in(wav(b"\0\x20\0\xe0" * 50_000))
    with pytest.raises(InputError):
        take_in(b"fLaC" + bytes(100))
    assert list(tmp_path.iterdir()) == []


def test_without_ffmpeg_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise RuntimeError

    monkeypatch.setattr("shutil.which", lambda _name: None)
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", none)
    with pytest.raises(AudioError, match="Install it"):
        take_in(wav(b"\0\x20" * 50_000))


def test_what_came_in_is_a_sound_like_any_other(tmp_path: Path) -> None:
    assert isinstance(take_in(tone("opus", tmp_path, channels=1)), Pcm)
