"""A person reads a bulletin aloud: their recording is its voice, and is approved and aired like any other."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from broadcaster.audio import encode
from broadcaster.audio.decode import decode
from broadcaster.domain.airing import Outcome
from broadcaster.domain.bulletin import BulletinState
from broadcaster.domain.sound import Pcm
from broadcaster.errors import AudioError, BroadcasterError, InputError, NotAllowedError, SpeechError
from broadcaster.services import recordings
from broadcaster.services.recordings import Recorded
from broadcaster.speech.recording import Recordings
from broadcaster.speech.speaker import Speaker
from broadcaster.store.tables import ClipRow, RevisionRow
from tests.fakes.speech import voice_file
from tests.fixtures import NOW
from tests.services.world import World, here

TEXT = "Bà con chú ý. Từ 7h30 mai cắt điện."
DUE = here("17:00")


@pytest.fixture
def office(world: World) -> World:
    """The world with recordings beside its humming engine, and a bulletin."""
    kept = Recordings(world.config.data_folder / "recordings")
    world.studio = replace(world.studio, speaker=Speaker([world.engine, kept]))
    world.__post_init__()
    world.write(text=TEXT)
    return world


def record(world: World, data: bytes | None = None, *, bulletin: str = "tin", person: str = "writer") -> Recorded:
    kept = Recordings(world.config.data_folder / "recordings")
    return recordings.record(world.store, kept, bulletin, data or voice_file(), world.actor(person), NOW)


def revision(world: World, number: int) -> RevisionRow:
    with world.store.reading() as session:
        return session.get_one(RevisionRow, ("tin", number))


def clip(world: World) -> ClipRow:
    """The newest clip there is."""
    with world.store.reading() as session:
        return list(session.scalars(select(ClipRow).order_by(ClipRow.created_at)))[-1]


def test_it_is_the_voice_of_a_new_revision_with_the_same_text(office: World) -> None:
    done = record(office)
    before, after = revision(office, 1), revision(office, done.revision)
    assert (done.revision, after.voice, after.author) == (2, done.voice.name, "writer")
    assert (after.text, after.title, after.priority) == (before.text, before.title, before.priority)
    assert office.state() == BulletinState.DRAFT
    assert office.journalled("tin") == ["bulletin_revised", "bulletin_revised"]
    assert 2_500 < done.duration_ms <= 3_500


def test_it_is_approved_and_aired_like_any_other_and_other_voices_say_the_words_around_it(office: World) -> None:
    done = record(office)
    office.submit()
    office.approve()
    assert (clip(office).engine, clip(office).voice) == ("recording", f"{done.voice.name} + hum/vi")
    assert clip(office).voices == [done.voice.name, "hum/vi"]
    assert office.engine.said == ["Thông báo.", "Xin cảm ơn."]
    office.schedule()
    office.plan()
    office.run(DUE - timedelta(minutes=2), DUE + timedelta(minutes=1))
    assert office.outcome() == (Outcome.AIRED, None, "finished")


def test_a_person_reads_what_is_written_not_how_it_is_spoken(office: World) -> None:
    record(office)
    office.submit()
    assert "bảy giờ ba mươi" in clip(office).spoken
    assert "7h30" in clip(office).written
    assert clip(office).sha256 is not None


def test_for_a_changed_text_it_stays_silent_and_no_machine_speaks_instead(office: World) -> None:
    done = record(office)
    office.write(text=TEXT.replace("7h30", "8h30"), voice=done.voice.name)
    with pytest.raises(SpeechError, match=r"This recording says something else\. Record the changed text"):
        office.submit()
    assert office.engine.said == []
    with pytest.raises(InputError, match="This recording says something else"):
        office.approve()


def test_a_text_that_was_changed_and_changed_back_is_said_again(office: World) -> None:
    done = record(office)
    office.write(text=TEXT.replace("7h30", "7:30"), voice=done.voice.name)
    with pytest.raises(SpeechError, match="something else"):
        office.submit()
    office.write(text=TEXT, voice=done.voice.name)
    office.submit()
    office.approve()
    assert clip(office).voice == f"{done.voice.name} + hum/vi"


def test_where_nobody_can_say_the_words_around_it_the_clip_is_not_made(office: World) -> None:
    record(office)
    office.engine.is_broken = True
    with pytest.raises(SpeechError, match="broken by the test"):
        office.submit()
    office.studio = replace(office.studio, voices={})
    office.__post_init__()
    with pytest.raises(SpeechError, match=r"Name one for vi in speech\.voices"):
        office.submit()


def test_a_language_that_no_machine_speaks_needs_none_where_the_template_has_no_words_in_it(office: World) -> None:
    office.write(text="Bonjour à tous.", language="fr")
    record(office)
    office.submit()
    assert clip(office).engine == "recording"
    assert office.engine.said == []


def test_the_same_recording_again_changes_nothing(office: World) -> None:
    assert record(office) == record(office)
    assert office.journalled("tin") == ["bulletin_revised", "bulletin_revised"]


def test_what_was_approved_is_a_draft_again(office: World) -> None:
    office.submit()
    office.approve()
    record(office)
    assert office.state() == BulletinState.DRAFT


def test_the_one_who_recorded_it_does_not_approve_it(office: World) -> None:
    record(office, person="both")
    office.submit()
    with pytest.raises(NotAllowedError, match="another person"):
        office.approve(person="both")


def kept(world: World) -> list[Path]:
    return list((world.config.data_folder / "recordings").glob("*"))


def test_only_writers_record(office: World) -> None:
    with pytest.raises(NotAllowedError, match="writer"):
        record(office, person="approver")
    assert kept(office) == []


def test_a_text_that_differs_from_commune_to_commune_cannot_be_recorded(office: World) -> None:
    office.write(text="Bà con {commune} chú ý.")
    with pytest.raises(InputError, match=r"holds \{commune\}"):
        record(office)
    assert kept(office) == []


def test_a_bulletin_that_does_not_exist_is_named(office: World) -> None:
    with pytest.raises(InputError, match="no bulletin tim"):
        record(office, bulletin="tim")


@pytest.mark.parametrize("data", [b"not a sound", voice_file()[:60], encode.wav(Pcm.silence(3_000, 22_050))])
def test_a_file_that_is_no_sound_or_silent_changes_nothing(office: World, data: bytes) -> None:
    with pytest.raises(BroadcasterError) as refused:
        record(office, data)
    assert isinstance(refused.value, InputError | AudioError)
    assert office.journalled("tin") == ["bulletin_revised"]
    assert kept(office) == []


def test_a_text_that_is_changed_while_the_file_is_taken_in_is_recorded_again(
    office: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(data: bytes) -> Pcm:
        office.write(text="Bà con chú ý. Không cắt điện nữa.")
        return decode(data)

    monkeypatch.setattr("broadcaster.audio.intake.take_in", slowly)
    with pytest.raises(InputError, match="was changed meanwhile"):
        record(office)
    assert revision(office, 2).voice is None


def test_a_file_is_read_only_as_far_as_the_gate_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "giong.wav"
    file.write_bytes(bytes(1_000))
    assert recordings.content(file) == bytes(1_000)
    monkeypatch.setattr("broadcaster.audio.intake.LARGEST_BYTES", 999)
    with pytest.raises(InputError, match=r"giong\.wav is larger"):
        recordings.content(file)
    with pytest.raises(InputError, match=r"none\.wav cannot be read"):
        recordings.content(tmp_path / "none.wav")
