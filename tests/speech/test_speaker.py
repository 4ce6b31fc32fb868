"""Texts spoken whole, by the real engine and by engines with named vices."""

from array import array
from pathlib import Path

import pytest

from broadcaster.domain.sound import Pcm, Voice
from broadcaster.errors import InputError, SpeechError
from broadcaster.speech.cache import SpeechCache
from broadcaster.speech.espeak import Espeak
from broadcaster.speech.sentences import LINE_MS, SENTENCE_MS
from broadcaster.speech.speaker import Speaker, trimmed

RATE_HZ = 8_000


def tone(duration_ms: int, *, silence_ms: int = 0) -> Pcm:
    """A square wave with `silence_ms` on both sides."""
    wave = array("h", [8_000, -8_000] * (duration_ms * RATE_HZ // 2000)).tobytes()
    silence = Pcm.silence(silence_ms, RATE_HZ).samples
    return Pcm(silence + wave + silence, RATE_HZ)


class Whistle:
    """An engine that whistles for 200 ms between two silences, or whatever else it is given."""

    def __init__(self, sound: Pcm | None = None, *, name: str = "whistle", version: str = "1") -> None:
        self.name = name
        self.version = version
        self.said: list[str] = []
        self._sound = tone(200, silence_ms=300) if sound is None else sound

    def voices(self) -> tuple[Voice, ...]:
        return (Voice(f"{self.name}/a", self.name, "vi"), Voice(f"{self.name}/b", self.name, "lo"))

    def check(self, voice: Voice) -> None:
        if self._sound != tone(200, silence_ms=300):
            raise SpeechError("{engine} does not whistle.", engine=self.name)

    def speak(self, text: str, voice: Voice) -> Pcm:
        self.said.append(text)
        return self._sound


def test_sentences_are_spoken_in_order_with_their_pauses() -> None:
    whistle = Whistle()
    sound = Speaker([whistle]).speak("Một. Hai\nBa.", "whistle/a")
    assert whistle.said == ["Một.", "Hai", "Ba."]
    spoken_ms = 200 + 10 + 30
    assert abs(sound.duration_ms - (3 * spoken_ms + SENTENCE_MS + LINE_MS)) <= 3 * 5


def test_silence_around_an_engines_sound_does_not_matter() -> None:
    tight, loose = Whistle(tone(200, silence_ms=100)), Whistle(tone(200, silence_ms=900))
    said = [Speaker([whistle]).speak("Một. Hai.", "whistle/a") for whistle in (tight, loose)]
    assert abs(said[0].duration_ms - said[1].duration_ms) <= 2 * 10


def test_trimming_keeps_every_loud_sample() -> None:
    sound = tone(200, silence_ms=400)
    loud = [sample for sample in array("h", trimmed(sound).samples) if sample]
    assert len(loud) == 200 * RATE_HZ // 1000


def test_trimming_leaves_sound_that_is_loud_to_its_edges() -> None:
    assert trimmed(tone(200)) == tone(200)


def test_a_sentence_said_before_comes_from_the_cache(tmp_path: Path) -> None:
    whistle = Whistle()
    speaker = Speaker([whistle], SpeechCache(tmp_path))
    first = speaker.speak("Một. Hai.", "whistle/a")
    assert speaker.speak("Một. Hai.", "whistle/a") == first
    assert whistle.said == ["Một.", "Hai."]


def test_a_new_engine_version_speaks_again(tmp_path: Path) -> None:
    Speaker([Whistle()], SpeechCache(tmp_path)).speak("Một.", "whistle/a")
    newer = Whistle(version="2")
    Speaker([newer], SpeechCache(tmp_path)).speak("Một.", "whistle/a")
    assert newer.said == ["Một."]


@pytest.mark.parametrize("text", ["", "  \n ", "... !"])
def test_a_text_without_words_is_the_writers_error(text: str) -> None:
    with pytest.raises(InputError, match="at least one word"):
        Speaker([Whistle()]).speak(text, "whistle/a")


def test_an_unknown_voice_names_those_that_exist() -> None:
    with pytest.raises(InputError, match=r"no voice x/y. Voices: whistle/a, whistle/b"):
        Speaker([Whistle()]).voice("x/y")


def test_a_language_without_a_voice_names_those_that_have_one() -> None:
    with pytest.raises(InputError, match=r"language fr. Languages with a voice: lo, vi"):
        Speaker([Whistle()]).default_voice("fr")


def test_the_first_engine_gives_the_voice_of_a_language() -> None:
    speaker = Speaker([Whistle(name="first"), Whistle(name="second")])
    assert speaker.default_voice("vi").name == "first/a"
    assert speaker.voice("second/a").engine == "second"


@pytest.mark.parametrize(
    "sound",
    [Pcm(b"", RATE_HZ), Pcm.silence(2_000, RATE_HZ), Pcm(b"\x10\x00" * RATE_HZ, RATE_HZ)],
    ids=["nothing", "silence", "near silence"],
)
def test_an_engine_that_gives_no_sound_is_an_error_and_is_not_kept(tmp_path: Path, sound: Pcm) -> None:
    with pytest.raises(SpeechError, match="no sound"):
        Speaker([Whistle(sound)], SpeechCache(tmp_path)).speak("Một.", "whistle/a")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_voice_is_tried_by_its_own_engine() -> None:
    speaker = Speaker([Whistle(name="first"), Whistle(Pcm.silence(100, RATE_HZ), name="second")])
    speaker.check("first/a")
    with pytest.raises(SpeechError, match="second does not whistle"):
        speaker.check("second/a")
    with pytest.raises(InputError, match="no voice third/a"):
        speaker.check("third/a")


def test_an_hour_of_sound_for_a_word_is_an_error() -> None:
    hour = Pcm(b"\x00\x20" * 3_600 * 100, 100)
    with pytest.raises(SpeechError, match="3600 s of sound"):
        Speaker([Whistle(hour)]).speak("Một.", "whistle/a")


def test_what_made_the_sound_names_engine_version_and_voice(espeak: Espeak) -> None:
    made_by = Speaker([espeak]).made_by("espeak/vi")
    assert "espeak/vi" in made_by
    assert espeak.version in made_by


def test_espeak_reads_a_bulletin_with_breaths_between_its_sentences(espeak: Espeak) -> None:
    speaker = Speaker([espeak])
    together = speaker.speak("Mai cắt điện. Bà con chú ý.", "espeak/vi")
    apart = [speaker.speak(text, "espeak/vi") for text in ("Mai cắt điện.", "Bà con chú ý.")]
    assert abs(together.duration_ms - sum(part.duration_ms for part in apart) - SENTENCE_MS) < 60
