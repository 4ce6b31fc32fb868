"""A recording is kept whole and says only what it was made for."""

import json
from array import array
from pathlib import Path

import pytest

from broadcaster.domain.sound import Pcm, Voice
from broadcaster.errors import InputError, SpeechError
from broadcaster.speech.cache import SpeechCache
from broadcaster.speech.recording import Recordings
from broadcaster.speech.speaker import Speaker
from tests.fakes.speech import HummingEngine
from tests.fixtures import NOW

TEXT = "Bà con chú ý.\nTừ 7h30 mai cắt điện."


def sound(seconds: float = 2, level: int = 8_000) -> Pcm:
    return Pcm(array("h", [level, -level] * int(8_000 * seconds)).tobytes(), 16_000)


def recorded(folder: Path, pcm: Pcm | None = None, text: str = TEXT) -> Voice:
    return Recordings(folder).add(pcm or sound(), text, "vi", title="Cắt điện", by="lan", now=NOW)


def test_it_says_the_text_it_was_made_for(tmp_path: Path) -> None:
    voice = recorded(tmp_path)
    assert Recordings(tmp_path).voices() == (voice,)
    assert Recordings(tmp_path).speak(TEXT, voice) == sound()


@pytest.mark.parametrize("text", ["Bà con chú ý. Từ 7h30 mai cắt điện.", f"\r\n {TEXT}\u00a0", TEXT.replace("ý", "ý")])
def test_spaces_lines_and_the_way_letters_are_composed_do_not_matter(tmp_path: Path, text: str) -> None:
    assert Recordings(tmp_path).speak(text, recorded(tmp_path)) == sound()


@pytest.mark.parametrize("text", ["", TEXT.replace("7h30", "8h30"), TEXT.lower(), f"{TEXT} Xin cảm ơn.", TEXT[:-1]])
def test_any_other_text_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SpeechError, match=r"^This recording says something else\. Record the changed text again\.$"):
        Recordings(tmp_path).speak(text, recorded(tmp_path))


def test_its_files_tell_what_it_is(tmp_path: Path) -> None:
    voice = recorded(tmp_path)
    (label,) = tmp_path.glob("*.json")
    told = json.loads(label.read_bytes())
    assert voice.name == f"recording/{label.stem[:16]}"
    assert label.with_suffix(".wav").exists()
    assert (told["title"], told["recorded_by"], told["language"]) == ("Cắt điện", "lan", "vi")
    assert told["duration_ms"] == 2_000
    assert told["recorded_at"].startswith("2026-11-23T02:00:00")


def test_the_same_sound_for_a_mended_text_says_both(tmp_path: Path) -> None:
    voice = recorded(tmp_path)
    mended = TEXT.replace("7h30", "7 giờ 30")
    assert recorded(tmp_path, text=mended) == voice
    for text in (TEXT, mended):
        assert Recordings(tmp_path).speak(text, voice) == sound()


def test_another_sound_is_another_voice_that_is_there_at_once(tmp_path: Path) -> None:
    speaker = Speaker([Recordings(tmp_path)])
    first = recorded(tmp_path)
    assert speaker.voices() == (first,)
    second = recorded(tmp_path, sound(3))
    assert {*speaker.voices()} == {first, second}
    assert speaker.speak(TEXT, second.name) == sound(3)


def test_a_sound_that_was_changed_is_not_passed_off_as_the_recording(tmp_path: Path) -> None:
    voice = recorded(tmp_path)
    (file,) = tmp_path.glob("*.wav")
    file.write_bytes(file.read_bytes()[:-2] + b"\1\1")
    with pytest.raises(SpeechError, match="was damaged"):
        Recordings(tmp_path).speak(TEXT, voice)
    with pytest.raises(SpeechError, match="was damaged"):
        Recordings(tmp_path).check(voice)


@pytest.mark.parametrize("suffix", [".wav", ".json"])
def test_a_recording_that_is_gone_is_an_error(tmp_path: Path, suffix: str) -> None:
    voice = recorded(tmp_path)
    (file,) = tmp_path.glob(f"*{suffix}")
    file.unlink()
    with pytest.raises(SpeechError, match=r"cannot be read|is gone"):
        Recordings(tmp_path).check(voice)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"language": 5}', b"\xff"])
def test_a_label_that_cannot_be_read_hides_only_its_own_recording(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = recorded(tmp_path), recorded(tmp_path, sound(3))
    (label,) = tmp_path.glob(f"{first.name.removeprefix('recording/')}*.json")
    label.write_bytes(content)
    assert Recordings(tmp_path).voices() == (second,)
    assert "cannot be read" in caplog.text
    with pytest.raises(SpeechError, match="says something else"):
        Recordings(tmp_path).speak(TEXT, first)


def test_strange_files_in_the_folder_do_not_matter(tmp_path: Path) -> None:
    voice = recorded(tmp_path)
    (tmp_path / "notes.json").write_text("{}", encoding="utf-8")
    (tmp_path / f"{'A' * 64}.json").write_text("{}", encoding="utf-8")
    assert Recordings(tmp_path).voices() == (voice,)


def test_a_folder_that_does_not_exist_holds_no_recordings(tmp_path: Path) -> None:
    assert Recordings(tmp_path / "none").voices() == ()


def test_what_cannot_be_heard_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Nothing can be heard"):
        recorded(tmp_path, sound(level=5))
    with pytest.raises(InputError, match="Is it the right file"):
        recorded(tmp_path, sound(60), "Một.")
    assert list(tmp_path.iterdir()) == []


def test_the_speaker_hands_it_the_whole_text_and_keeps_nothing(tmp_path: Path) -> None:
    speaker = Speaker([Recordings(tmp_path / "recordings")], SpeechCache(tmp_path / "cache"))
    voice = recorded(tmp_path / "recordings")
    assert speaker.speak(TEXT, voice.name) == sound()
    assert not (tmp_path / "cache").exists()


def test_a_recording_is_nobodys_default_voice(tmp_path: Path) -> None:
    recorded(tmp_path)
    speaker = Speaker([Recordings(tmp_path), HummingEngine()])
    assert speaker.default_voice("vi").name == "hum/vi"
    with pytest.raises(InputError, match="There is no voice for the language vi"):
        Speaker([Recordings(tmp_path)]).default_voice("vi")


def test_an_unknown_voice_is_not_answered_with_all_recordings(tmp_path: Path) -> None:
    recorded(tmp_path)
    with pytest.raises(InputError, match=r"Voices: hum/vi, hum/en, hum/bn\.$"):
        Speaker([Recordings(tmp_path), HummingEngine()]).voice("recording/0000000000000000")
