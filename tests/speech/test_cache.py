"""A spoken sentence is kept whole or not at all."""

from pathlib import Path

import pytest

from broadcaster.domain.sound import Pcm
from broadcaster.speech.cache import SpeechCache, key_of

SOUND = Pcm(bytes(range(200)) * 10, 22_050)
OTHER = Pcm(b"\1\2" * 50, 16_000)
KEY = key_of("espeak", "1", "espeak/vi", "Xin chào.")


def only_file(folder: Path) -> Path:
    (path,) = (path for path in folder.rglob("*") if path.is_file())
    return path


def test_a_kept_sentence_is_not_spoken_again(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path)
    assert cache.get_or_make(KEY, lambda: SOUND) == SOUND
    assert cache.get_or_make(KEY, lambda: OTHER) == SOUND


@pytest.mark.parametrize("change", [0, 1, 2, 3])
def test_engine_version_voice_and_text_are_each_part_of_the_key(change: int) -> None:
    parts = ["espeak", "1", "espeak/vi", "Xin chào."]
    parts[change] += "x"
    assert key_of(*parts) != KEY


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[:20],
        lambda content: b"",
        lambda content: content + b"\0",
        lambda content: content[:-5] + b"\xff" + content[-4:],
        lambda content: content.replace(b" 22050 ", b" 2205x "),
        lambda content: b"RIFF" + content,
        lambda content: b"\0" * len(content),
    ],
    ids=["last byte cut", "cut in the header", "empty", "longer", "one byte changed", "bad rate", "foreign", "zeros"],
)
def test_a_cut_or_damaged_file_is_never_used_and_is_made_again(tmp_path: Path, damage: object) -> None:
    cache = SpeechCache(tmp_path)
    cache.put(KEY, SOUND)
    path = only_file(tmp_path)
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    assert cache.get(KEY) is None
    assert cache.get_or_make(KEY, lambda: OTHER) == OTHER
    assert cache.get(KEY) == OTHER


def test_a_folder_that_cannot_be_written_does_not_stop_the_speech(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be", encoding="utf-8")
    assert SpeechCache(tmp_path / "cache").get_or_make(KEY, lambda: SOUND) == SOUND
    assert "could not be kept" in caplog.text


def test_a_disk_that_fills_up_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    cache = SpeechCache(tmp_path)
    assert cache.get_or_make(KEY, lambda: SOUND) == SOUND
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
