"""Listening to what an approver decides on."""

import pytest
from sqlalchemy import update

from broadcaster.audio import waveform
from broadcaster.audio.studio import make_sound
from broadcaster.audio.template import find
from broadcaster.domain.sound import Pcm
from broadcaster.errors import AudioError, InputError
from broadcaster.services.listening import Finished, listen
from broadcaster.store.tables import ClipRow
from tests.fixtures import NOW
from tests.services.world import World


def heard(world: World, commune: str | None = None) -> Finished:
    return listen(world.store, world.studio, "tin", commune)


def clip(world: World) -> ClipRow:
    with world.store.reading() as session:
        return session.query(ClipRow).one()


def test_what_waits_for_approval_and_what_was_approved_is_the_same_file(world: World) -> None:
    world.write()
    world.submit()
    before = heard(world)
    world.approve()
    assert heard(world) == before
    assert before.sha256 == clip(world).sha256
    assert before.content == world.studio.path(clip(world).key).read_bytes()
    assert before.voice == "hum/vi"
    assert before.peaks == clip(world).peaks


def test_each_commune_s_own_clip_has_to_be_asked_for(world: World) -> None:
    world.write(text="Bà con {commune} chú ý.")
    world.submit()
    with pytest.raises(InputError, match="Name one with --commune: kep, lang-giang"):
        heard(world)
    assert heard(world, "kep").sha256 != heard(world, "my-thai").sha256
    with pytest.raises(InputError, match=r"was not submitted for nowhere\. Communes: kep"):
        heard(world, "nowhere")


def test_a_clip_that_all_share_can_be_asked_for_by_commune(world: World) -> None:
    world.write()
    world.submit()
    assert heard(world, "kep") == heard(world)


def test_what_was_not_submitted_or_not_rendered_cannot_be_heard(world: World) -> None:
    world.write()
    with pytest.raises(InputError, match="has to be submitted first"):
        heard(world)
    world.desk.submit("tin", world.actor("writer"), NOW)
    with pytest.raises(InputError, match="not rendered yet"):
        heard(world)


def test_what_could_not_be_rendered_says_why(world: World) -> None:
    world.write()
    world.engine.is_broken = True
    with pytest.raises(Exception, match="broken"):
        world.submit()
    with pytest.raises(InputError, match=r"could not be made: .*broken by the test"):
        heard(world)


def test_another_sound_under_the_clip_s_name_is_not_passed_off_as_it(world: World) -> None:
    world.write()
    world.submit()
    path = world.studio.path(clip(world).key)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(AudioError, match="no longer what was rendered"):
        heard(world)
    path.unlink()
    with pytest.raises(AudioError, match="cannot be read"):
        heard(world)


def test_a_clip_from_before_there_were_waveforms_gets_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tone = Pcm(b"\x00\x20\x00\xe0" * 22_050, 22_050)
    template = find("thong-bao", world.studio.template_folders)
    sound = make_sound(template, None, tone, None)
    monkeypatch.setattr("tests.fakes.children.hashed_sound", lambda *_: sound)
    world.write()
    world.submit()
    with world.store.writing() as session:
        session.execute(update(ClipRow).values(peaks=None))
    assert heard(world).peaks == waveform.of_file(sound.data) == sound.peaks
