"""Voices in their order: the first that can speaks the whole clip, the clip tells which, and is what is approved."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from broadcaster import application, strict_yaml
from broadcaster.application import Application, State
from broadcaster.config import Config, GttsSettings, SpeechSettings
from broadcaster.domain.bulletin import BulletinState
from broadcaster.errors import InputError, SpeechError
from broadcaster.services import samples
from broadcaster.services.exchange import Exchange
from broadcaster.speech.gtts import Gtts
from broadcaster.speech.speaker import Speaker
from broadcaster.store import journal, schema
from broadcaster.store.tables import ClipRow, SubmissionRow
from tests.fakes.google import Google, Vice, google_here
from tests.fixtures import NOW
from tests.services.world import World, here

DUE = here("17:00")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the computer is set to: the tests speak with this computer only."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def google() -> Iterator[Google]:
    with google_here() as made:
        yield made


@pytest.fixture
def office(world: World, google: Google, tmp_path: Path) -> World:
    """The world with Google's voice before the humming one; nothing is cached."""
    settings = GttsSettings(address=google.address, min_interval_s=0)
    online = Gtts(settings, tmp_path / "gtts-pause.json", now=lambda: NOW, sleep=lambda _: None)
    world.studio = replace(world.studio, speaker=Speaker([online, world.engine]), voices={"vi": ["gtts/vi", "hum/vi"]})
    world.__post_init__()
    return world


def clip(world: World) -> ClipRow:
    """The one clip there is."""
    with world.store.reading() as session:
        return session.scalars(select(ClipRow)).one()


def spoke(world: World) -> tuple[str | None, str | None]:
    return clip(world).engine, clip(world).voice


def test_the_first_voice_speaks_and_is_recorded(office: World) -> None:
    office.write()
    office.submit()
    assert spoke(office) == ("gtts", "gtts/vi")
    assert office.engine.said == []


def test_who_spoke_is_journalled(office: World, google: Google) -> None:
    google.close()
    office.write()
    office.submit()
    with office.store.reading() as session:
        (entry,) = journal.entries_about(session, clip(office).key)
    told = json.loads(entry.payload)["data"]
    assert (told["engine"], told["voice"]) == ("hum", "hum/vi")


@pytest.mark.parametrize("vice", [Vice.TOO_MANY, Vice.UNAVAILABLE, Vice.HTML, Vice.EMPTY, Vice.CUT_SHORT])
def test_when_the_first_voice_cannot_speak_the_next_one_does_and_is_recorded(
    office: World, google: Google, caplog: pytest.LogCaptureFixture, vice: Vice
) -> None:
    google.vice = vice
    office.write()
    office.submit()
    assert spoke(office) == ("hum", "hum/vi")
    (record,) = [record for record in caplog.records if getattr(record, "action", "") == "voice_fell_back"]
    assert (record.levelname, vars(record)["voice"], vars(record)["next"]) == ("WARNING", "gtts/vi", "hum/vi")


def test_two_voices_are_never_mixed_in_one_clip(office: World, google: Google) -> None:
    google.next(Vice.NONE, Vice.NONE, Vice.FORBIDDEN)
    office.write(text="Một. Hai. Ba.")
    office.submit()
    asked = len(google.asked)
    assert asked > 1
    assert spoke(office) == ("hum", "hum/vi")
    assert len(office.engine.said) > asked
    assert {"Một.", "Hai.", "Ba."} <= set(office.engine.said)


def test_a_clip_has_the_name_that_its_wish_gives_it_whoever_speaks(office: World, google: Google) -> None:
    office.write()
    name = office.studio.script("Bà con chú ý.", "vi", "thong-bao", office.studio.order("vi", None)).key
    google.close()
    office.submit()
    assert clip(office).key == name
    assert clip(office).voices == ["gtts/vi", "hum/vi"]


def test_what_was_submitted_keeps_its_order_though_the_settings_change(office: World, google: Google) -> None:
    office.write()
    office.desk.submit("tin", office.actor("writer"), NOW)
    office.studio = replace(office.studio, voices={"vi": ["hum/vi"]})
    office.__post_init__()
    office.desk.render("tin", office.actor("writer"), NOW)
    assert spoke(office) == ("gtts", "gtts/vi")


def test_a_voice_that_a_bulletin_names_is_used_alone(office: World, google: Google) -> None:
    google.vice = Vice.FORBIDDEN
    office.write(voice="gtts/vi")
    with pytest.raises(SpeechError, match="status 403"):
        office.submit()
    assert office.engine.said == []
    assert spoke(office) == (None, None)
    with pytest.raises(InputError, match="could not be made"):
        office.approve()


def test_where_no_voice_can_speak_the_last_one_says_why(office: World, google: Google) -> None:
    google.close()
    office.engine.is_broken = True
    office.write()
    with pytest.raises(SpeechError, match="broken by the test"):
        office.submit()
    assert "broken by the test" in str(clip(office).error)


def test_before_it_is_rendered_nobody_has_spoken_it(office: World) -> None:
    office.write()
    office.desk.submit("tin", office.actor("writer"), NOW)
    assert spoke(office) == (None, None)
    with office.store.reading() as session:
        assert session.scalars(select(SubmissionRow)).one().voices == ["gtts/vi", "hum/vi"]


def test_a_later_fallback_does_not_change_what_was_approved(office: World, google: Google) -> None:
    office.approved()
    office.schedule()
    before = clip(office)
    sound = office.studio.path(before.key).read_bytes()
    google.close()
    office.desk.render("tin", office.actor("writer"), NOW)
    office.start(NOW)
    office.run(DUE, DUE)
    (speaker,) = [speaker for speaker in office.site.all() if speaker.orders]
    (order,) = speaker.orders.values()
    assert (order.clip_sha256, order.clip.read_bytes()) == (before.sha256, sound)
    assert spoke(office) == ("gtts", "gtts/vi")
    assert office.engine.said == []
    assert office.state() == BulletinState.APPROVED


def test_the_next_bulletin_with_these_words_is_the_clip_that_was_approved(office: World, google: Google) -> None:
    office.approved("tin")
    google.close()
    office.approved("tin-2")
    assert spoke(office) == ("gtts", "gtts/vi")
    assert office.engine.said == []


@pytest.fixture
def built(google: Google, tmp_path: Path) -> Iterator[Application]:
    """The program with its own engines and an empty database."""
    speech = SpeechSettings(gtts=GttsSettings(address=google.address, min_interval_s=0), children=1)
    made = application.build(Config(data_folder=tmp_path / "data", speech=speech))
    schema.upgrade(made.store, made.backups, NOW)
    yield made
    made.close()


def test_the_samples_are_spoken_without_a_network(built: Application, google: Google) -> None:
    assert samples.load(built.store, built.desk, "root", NOW)
    with built.store.reading() as session:
        clips = list(session.scalars(select(ClipRow)))
    assert {clip.voice for clip in clips} == {"espeak/vi"}
    assert google.asked == []


def test_no_sample_bulletin_leaves_its_voice_to_the_settings() -> None:
    documents = [strict_yaml.load(path).validate(Exchange) for path in samples.files()]
    voices = {entry.voice for document in documents for entry in document.bulletins}
    assert voices == {"espeak/vi", "espeak/en", "espeak/bn"}


def test_the_state_of_the_voices_is_told_without_a_network(built: Application, google: Google) -> None:
    def states() -> dict[str, State]:
        return {status.component: status.state for status in built.statuses()}

    before = states()
    assert before["voice gtts/vi"] is State.READY
    assert before["voice espeak/vi"] is State.READY
    google.vice = Vice.TOO_MANY
    with pytest.raises(SpeechError):
        built.studio.speaker.speak("Xin chào.", "gtts/vi")
    after = states()
    assert (after["voice gtts/vi"], after["voice espeak/vi"]) == (State.PAUSED, State.READY)
    assert len(google.asked) == 1
