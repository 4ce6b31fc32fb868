"""The online voice against a fake of its service on a real socket, which has every vice the real one has shown."""

from array import array
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import gtts.utils
import pytest
from gtts import gTTS

from broadcaster.audio.segments import peak
from broadcaster.config import GttsSettings
from broadcaster.domain.sound import Pcm, Voice
from broadcaster.errors import EngineDisabledError, EnginePausedError, SpeechError
from broadcaster.process import Children
from broadcaster.speech import gtts_answer
from broadcaster.speech.cache import SpeechCache
from broadcaster.speech.gtts import PATH, VOICES, Gtts
from broadcaster.speech.sentences import COMMA_MS
from broadcaster.speech.speaker import KEPT_AFTER_MS, KEPT_BEFORE_MS, Speaker, trimmed
from tests.fakes.google import Google, Vice, answer, google_here, tone
from tests.fakes.web import host, reply, untrusted_tls
from tests.fixtures import NOW

VI, EN, BN = VOICES
TEXT = "Bà con không mở đường link lạ."
LONG = (
    "Các đối tượng lừa đảo gọi điện tự xưng là nhân viên điện lực, báo khách hàng nợ tiền điện sáu trăm chín mươi hai "
    "triệu đồng và dọa cắt điện trong hai giờ, rồi gửi đường link để cài ứng dụng giả mạo"
)
EDGE_MS = 40
"""What MP3 smears over each end of a sound."""


class Watch:
    """The time, as the test says; whoever sleeps is only noted."""

    def __init__(self) -> None:
        self.now = NOW
        self.slept: list[float] = []

    def pass_by(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the computer is set to: the tests speak with this computer only."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def google() -> Iterator[Google]:
    with google_here() as made:
        yield made


@pytest.fixture
def watch() -> Watch:
    return Watch()


Make = Callable[..., Gtts]


@pytest.fixture
def make(google: Google, watch: Watch, tmp_path: Path) -> Make:
    """An engine as each process makes its own; they share one data folder."""

    def made(children: Children | None = None, **settings: object) -> Gtts:
        values = {"address": google.address, "min_interval_s": 0, "timeout_s": 30} | settings

        def now() -> datetime:
            return watch.now

        return Gtts(
            GttsSettings.model_validate(values), tmp_path / "gtts-pause.json", children,
            now=now, sleep=watch.slept.append, monotonic=lambda: 0.0,
        )  # fmt: skip

    return made


def failure(engine: Gtts, text: str = TEXT) -> SpeechError:
    with pytest.raises(SpeechError) as caught:
        engine.speak(text, VI)
    return caught.value


def said_ms(text: str) -> int:
    """How long the fake's sound of a text is once it is trimmed."""
    return trimmed(tone(text)).duration_ms


# what is sent


@pytest.mark.parametrize(("voice", "text"), [(VI, TEXT), (EN, "Good morning."), (BN, "সবাইকে শুভেচ্ছা।")])
def test_each_voice_asks_for_its_language(make: Make, google: Google, voice: Voice, text: str) -> None:
    assert make().speak(text, voice).duration_ms > 500
    assert [(asked.text, asked.language) for asked in google.asked] == [(text, voice.language)]


def test_nothing_but_the_text_and_its_language_is_sent(make: Make, google: Google) -> None:
    engine = make()
    engine.speak(TEXT, VI)
    engine.speak(TEXT, VI)
    for asked in google.asked:
        assert asked.path == PATH
        assert set(asked.headers) == {
            "Host", "User-Agent", "Accept-Encoding", "Accept", "Connection", "Referer", "Content-Type", "Content-Length"
        }  # fmt: skip
        assert asked.body == gTTS(TEXT, lang="vi", lang_check=False).get_bodies()[0]
        assert "Broadcaster" not in str(asked.headers)


def test_the_address_is_the_library_s_own_unless_it_is_set() -> None:
    library = gtts.utils._translate_url("com")
    assert GttsSettings().address == library.rstrip("/")
    assert gTTS.GOOGLE_TTS_RPC == gtts_answer.RPC


def test_a_long_sentence_is_asked_for_in_parts_of_100_characters(make: Make, google: Google) -> None:
    make().speak(LONG, VI)
    assert len(google.texts) == 3
    assert all(len(text) <= 100 for text in google.texts)
    assert " ".join(google.texts) == LONG


def test_requests_are_spaced_out(make: Make, watch: Watch) -> None:
    make(min_interval_s=0.5).speak(LONG, VI)
    assert watch.slept == [0.5, 1.0]  # the watch stands still, so each turn is later than the one before


# how it sounds


def test_parts_are_joined_without_their_silence(make: Make, google: Google) -> None:
    sound = make().speak(LONG, VI)
    parts_ms = sum(said_ms(text) for text in google.texts)
    breaths_ms = sum(COMMA_MS for text in google.texts[:-1] if text.endswith(","))
    assert abs(sound.duration_ms - parts_ms - breaths_ms) <= EDGE_MS * len(google.texts)
    assert longest_silence_ms(sound) <= COMMA_MS + KEPT_BEFORE_MS + KEPT_AFTER_MS + 2 * EDGE_MS


def test_parts_are_joined_without_clicks(make: Make) -> None:
    alone, joined = make().speak(TEXT, VI), make().speak(LONG, VI)
    assert steepest(joined) <= 1.1 * steepest(alone)


def test_silence_before_and_after_is_left_out(make: Make) -> None:
    sound = make().speak(TEXT, VI)
    assert abs(sound.duration_ms - said_ms(TEXT)) <= EDGE_MS
    assert peak(sound) > 3_000


def test_answers_are_taken_apart_in_a_child(make: Make, children: Children) -> None:
    assert make(children).speak(TEXT, VI) == make().speak(TEXT, VI)


def test_a_bad_answer_is_the_same_error_from_a_child(make: Make, google: Google, children: Children) -> None:
    google.vice = Vice.HTML
    assert str(failure(make(children))) == str(failure(make()))


def test_a_text_with_nothing_to_say_is_an_error_and_is_not_sent(make: Make, google: Google) -> None:
    assert "no sound" in str(failure(make(), " ... — "))
    assert google.asked == []


def test_sentences_said_before_come_from_the_cache_even_while_the_service_is_left_alone(
    make: Make, google: Google, tmp_path: Path
) -> None:
    speaker = Speaker([make()], SpeechCache(tmp_path / "cache"))
    first = speaker.speak(TEXT, "gtts/vi")
    google.vice = Vice.TOO_MANY
    with pytest.raises(SpeechError):
        speaker.speak("Việc khác.", "gtts/vi")
    assert speaker.speak(TEXT, "gtts/vi") == first
    assert google.texts == [TEXT, "Việc khác."]


# answers that are none


@pytest.mark.parametrize(
    ("vice", "told"),
    [
        (Vice.HTML, "something other than the sound"),
        (Vice.EMPTY, "something other than the sound"),
        (Vice.NOTHING, "something other than the sound"),
        (Vice.DAMAGED, "something other than the sound"),
        (Vice.WRONG_AUDIO, "something other than the sound"),
        (Vice.ENDLESS, "longer than"),
        (Vice.CUT_SHORT, "only the beginning"),
        (Vice.SILENCE, "no sound"),
        (Vice.FORBIDDEN, "status 403"),
        (Vice.REDIRECT, "status 302"),
    ],
)
def test_an_answer_that_cannot_be_used_is_an_error_and_is_not_asked_for_again(
    make: Make, google: Google, watch: Watch, vice: Vice, told: str
) -> None:
    google.vice = vice
    engine = make()
    assert told in str(failure(engine))
    assert (len(google.asked), watch.slept) == (1, [])
    google.vice = Vice.NONE
    assert engine.speak(TEXT, VI).duration_ms > 500


def test_one_bad_part_spoils_the_sentence(make: Make, google: Google) -> None:
    google.next(Vice.NONE, Vice.CUT_SHORT)
    assert "only the beginning" in str(failure(make(), LONG))
    assert len(google.asked) == 2


@pytest.mark.parametrize(
    "body",
    [b"[[" * 100_000, b'[["wrb.fr","jQ1olc"]]', b'[["wrb.fr","jQ1olc","[]"]]', b'[["wrb.fr","jQ1olc","{}"]]',
     b'[["wrb.fr","jQ1olc","[5]"]]', b'[["wrb.fr","jQ1olc","[\\"\\"]"]]', b'[["wrb.fr","jQ1olc","x"]]', b"[[\xff",
     b'[["wrb.fr","jQ1olc","[\\"UklGRg==\\"]"]]', b"[[1],2,{}]"],
)  # fmt: skip
def test_no_answer_gets_further_than_a_speech_error(body: bytes) -> None:
    with pytest.raises(SpeechError, match="something other"):
        gtts_answer.sound_of(body, TEXT)


def test_an_envelope_with_escaped_signs_is_read() -> None:
    content = answer(Vice.NONE, TEXT)
    assert b"//N" in content
    assert gtts_answer.sound_of(content.replace(b"//N", b"\\\\u002f/N"), TEXT) == gtts_answer.sound_of(content, TEXT)


# faults that pass, and faults that do not


@pytest.mark.parametrize("vice", [Vice.UNAVAILABLE, Vice.DISCONNECT, Vice.TORN])
def test_what_passes_is_tried_again_twice_with_growing_waits(
    make: Make, google: Google, watch: Watch, vice: Vice
) -> None:
    google.next(vice, vice)
    assert make().speak(TEXT, VI).duration_ms > 500
    assert google.texts == [TEXT] * 3
    assert watch.slept == [1.0, 4.0]


@pytest.mark.parametrize("vice", [Vice.UNAVAILABLE, Vice.DISCONNECT, Vice.TORN])
def test_after_three_tries_it_is_an_error_and_the_next_sentence_may_try(make: Make, google: Google, vice: Vice) -> None:
    google.vice = vice
    engine = make()
    assert "gtts failed on" in str(failure(engine))
    assert len(google.asked) == 3
    engine.check(VI)


def test_a_service_that_is_too_slow_three_times_is_left_alone(make: Make, google: Google) -> None:
    google.vice = Vice.SLOW
    engine = make(timeout_s=0.1)
    assert "too slow" in str(failure(engine))
    assert len(google.asked) == 3
    assert isinstance(failure(engine), EnginePausedError)
    assert len(google.asked) == 3


def test_after_429_it_asks_no_more_until_the_time_it_was_told(make: Make, google: Google, watch: Watch) -> None:
    google.next(Vice.TOO_MANY)
    engine = make()
    assert "status 429" in str(failure(engine))
    watch.pass_by(1.9)
    paused = failure(engine)
    assert isinstance(paused, EnginePausedError)
    assert str(paused) == (
        f"gtts is left alone until {NOW.astimezone() + timedelta(minutes=2):%H:%M}: it was asked too often."
    )
    assert (len(google.asked), watch.slept) == (1, [])
    watch.pass_by(0.2)
    assert engine.speak(TEXT, VI).duration_ms > 500


@pytest.mark.parametrize(("told", "minutes"), [(None, 10), ("0", 10), ("soon", 10), ("1800", 30), ("86400", 60)])
def test_the_pause_is_what_was_asked_for_up_to_an_hour_and_else_as_set(
    make: Make, google: Google, watch: Watch, told: str | None, minutes: int
) -> None:
    google.retry_after = told
    google.next(Vice.TOO_MANY)
    engine = make()
    failure(engine)
    watch.pass_by(minutes - 0.1)
    assert isinstance(failure(engine), EnginePausedError)
    watch.pass_by(0.2)
    engine.check(VI)


def test_without_a_network_only_the_first_sentence_asks(make: Make, google: Google, watch: Watch) -> None:
    google.close()
    engine = make()
    first = failure(engine)
    assert "cannot be reached" in str(first)
    assert not isinstance(first, EnginePausedError)
    assert isinstance(failure(engine), EnginePausedError)
    assert watch.slept == []


def test_another_process_does_not_find_out_again(make: Make, google: Google) -> None:
    google.next(Vice.TOO_MANY)
    failure(make())
    assert isinstance(failure(make()), EnginePausedError)
    assert len(google.asked) == 1


def test_a_part_that_waits_for_its_turn_is_not_sent_once_another_was_refused(make: Make, google: Google) -> None:
    google.next(Vice.NONE, Vice.TOO_MANY)
    failure(make(), LONG)
    assert len(google.asked) == 2


def test_a_certificate_that_cannot_be_verified_is_as_good_as_no_network(make: Make, watch: Watch) -> None:
    with host(reply("200 OK", answer(Vice.NONE, TEXT)), untrusted_tls()) as there:
        engine = make(address=there.address)
        assert "could not prove who it is" in str(failure(engine))
        assert isinstance(failure(engine), EnginePausedError)
        assert (there.asked, watch.slept) == ([], [])


# settings


def test_switched_off_it_sends_nothing_and_says_so(make: Make, google: Google) -> None:
    assert isinstance(failure(make(enabled=False)), EngineDisabledError)
    assert google.asked == []


def test_its_state_is_told_without_asking(make: Make, google: Google) -> None:
    engine = make()
    engine.check(VI)
    google.next(Vice.TOO_MANY)
    failure(engine)
    with pytest.raises(EnginePausedError):
        engine.check(VI)
    assert len(google.asked) == 1


def test_another_address_has_another_accent_and_so_another_version(make: Make) -> None:
    assert make().version != make(address="https://translate.google.com.vn").version


def steepest(sound: Pcm) -> int:
    """The largest step from one sample to the next."""
    return max(abs(later - earlier) for earlier, later in pairwise(array("h", sound.samples)))


def longest_silence_ms(sound: Pcm) -> int:
    longest = run = 0
    for sample in array("h", sound.samples):
        run = run + 1 if abs(sample) < 100 else 0
        longest = max(longest, run)
    return longest * 1000 // sound.rate_hz
