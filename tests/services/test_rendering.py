"""Rendering: each distinct script once, and never another sound under the name of an approved one."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from broadcaster.audio.template import Template
from broadcaster.domain.bulletin import BulletinState
from broadcaster.domain.sound import Pcm, Voice
from broadcaster.errors import InputError, SpeechError
from broadcaster.process import Children
from broadcaster.services import approvals, rendering
from broadcaster.services.script import Script
from broadcaster.speech.espeak import Espeak
from broadcaster.speech.speaker import Speaker
from broadcaster.store.tables import ClipRow
from tests.fakes.speech import HummingEngine
from tests.fixtures import NOW
from tests.services.world import World


def clips(world: World) -> list[ClipRow]:
    with world.store.reading() as session:
        return list(session.scalars(select(ClipRow).order_by(ClipRow.key)))


def file_of(world: World) -> Path:
    (clip,) = clips(world)
    return world.studio.path(clip.key)


def test_five_communes_share_one_render(world: World) -> None:
    world.write()
    world.desk.submit("tin", world.actor("writer"), NOW)
    steps: list[tuple[int, int]] = []
    made = world.desk.render("tin", world.actor("writer"), NOW, lambda done, count: steps.append((done, count)))
    assert (made, world.children.mixed, steps) == (1, 1, [(0, 1), (1, 1)])


def test_a_render_is_done_once(world: World) -> None:
    world.write()
    world.submit()
    (clip,) = clips(world)
    before = file_of(world).stat().st_mtime_ns
    assert world.desk.render("tin", world.actor("writer"), NOW) == 0
    rendering.render(world.store, world.studio, clip.key, world.actor(None), NOW)
    assert world.children.mixed == 1
    assert file_of(world).stat().st_mtime_ns == before
    assert world.journalled(clip.key) == ["clip_rendered"]


def test_bulletins_with_the_same_words_share_their_clip(world: World) -> None:
    world.approved("tin", "Một.")
    world.approved("tin-2", "Một.")
    assert world.children.mixed == 1


def test_a_finished_clip_is_what_the_database_says(world: World) -> None:
    world.write()
    world.submit()
    (clip,) = clips(world)
    content = file_of(world).read_bytes()
    assert (clip.sha256, clip.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (clip.engine, clip.voice, clip.template) == ("hum", "hum/vi", "thong-bao")
    assert clip.duration_ms is not None
    assert clip.duration_ms > 0
    assert [path.name for path in file_of(world).parent.iterdir()] == [file_of(world).name]


def test_a_longer_text_sounds_longer(world: World) -> None:
    world.approved("tin", "Một.")
    world.approved("tin-2", "Một hai ba bốn năm.")
    durations = sorted(clip.duration_ms or 0 for clip in clips(world))
    assert durations[1] - durations[0] > 500


def script(world: World, **changes: object) -> Script:
    plain = world.studio.script("Bà con chú ý.", "vi", "thong-bao", ["hum/vi"])
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_the_name_of_a_clip_tells_what_made_it(world: World) -> None:
    other: Template = world.studio.script("Một.", "vi", "canh-bao", ["hum/vi"]).template
    changed = [
        script(world, language="en"),
        script(world, opening="Khác."),
        script(world, spoken="Khác."),
        script(world, closing="Khác."),
        script(world, template=other),
        script(world, made_by=("hum 2",)),
    ]
    assert len({script(world).key, *(item.key for item in changed)}) == 7


def test_a_failure_is_kept_shown_and_tried_again_when_asked(world: World) -> None:
    world.write()
    world.engine.is_broken = True
    with pytest.raises(SpeechError):
        world.submit()
    assert "broken by the test" in str(clips(world)[0].error)
    with world.store.reading() as session:
        assert rendering.unrendered(session) == []
    world.engine.is_broken = False
    assert world.desk.render("tin", world.actor("writer"), NOW) == 1
    assert clips(world)[0].error is None
    world.approve()


def test_a_new_submission_is_a_new_try(world: World) -> None:
    world.write()
    world.engine.is_broken = True
    with pytest.raises(SpeechError):
        world.submit()
    approvals.reject(world.store, "tin", "không có tiếng", world.actor("approver"), NOW)
    world.desk.submit("tin", world.actor("writer"), NOW)
    with world.store.reading() as session:
        assert rendering.unrendered(session) == [clip.key for clip in clips(world)]


def test_what_waits_to_be_rendered_is_listed_oldest_first(world: World) -> None:
    world.write(text="Bà con {commune} chú ý.")
    world.desk.submit("tin", world.actor("writer"), NOW)
    with world.store.reading() as session:
        waiting = rendering.unrendered(session)
    assert sorted(waiting) == [clip.key for clip in clips(world)]
    rendering.render(world.store, world.studio, waiting[0], world.actor(None), NOW)
    with world.store.reading() as session:
        assert rendering.unrendered(session) == waiting[1:]
        assert rendering.unrendered(session, limit=2) == waiting[1:3]


def test_a_voice_that_changed_since_the_submission_is_not_passed_off_as_the_old_one(world: World) -> None:
    world.write()
    world.desk.submit("tin", world.actor("writer"), NOW)
    newer = replace(world.studio, speaker=Speaker([HummingEngine(version="2")]))
    with pytest.raises(InputError, match="was changed after the bulletin was submitted"):
        rendering.render(world.store, newer, clips(world)[0].key, world.actor(None), NOW)
    assert not file_of(world).exists()


def test_after_such_a_change_the_bulletin_is_rejected_and_submitted_again(world: World) -> None:
    world.write()
    world.desk.submit("tin", world.actor("writer"), NOW)
    world.desk = replace(world.desk, studio=replace(world.studio, speaker=Speaker([HummingEngine(version="2")])))
    approvals.reject(world.store, "tin", "giọng cũ", world.actor("approver"), NOW)
    world.submit()
    world.approve()
    assert world.state() == BulletinState.APPROVED


class Moody(HummingEngine):
    """Never sounds the same twice; while it speaks for the first time, somebody else renders the same clip."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._is_first = True

    def speak(self, text: str, voice: Voice) -> Pcm:
        if self._is_first:
            self._is_first = False
            rendering.render(
                self._world.store, self._world.studio, clips(self._world)[0].key, self._world.actor(None), NOW
            )
        sound = super().speak(text, voice)
        return Pcm(sound.samples + sound.samples[: 40 * len(self.said)], sound.rate_hz)


def test_of_two_who_render_a_clip_at_once_the_file_and_the_hash_are_of_the_same(world: World) -> None:
    world.studio = replace(world.studio, speaker=Speaker([Moody(world)]))
    world.desk = replace(world.desk, studio=world.studio)
    world.write()
    world.submit()
    assert world.children.mixed == 2
    assert hashlib.sha256(file_of(world).read_bytes()).hexdigest() == clips(world)[0].sha256
    assert world.journalled(clips(world)[0].key) == ["clip_rendered"]


def test_a_disk_that_is_full_leaves_the_clip_to_be_rendered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    world.write()
    with monkeypatch.context() as patch:
        patch.setattr("broadcaster.files.write", full)
        with pytest.raises(OSError, match="No space left"):
            world.submit()
    assert clips(world)[0].sha256 is None
    with world.store.reading() as session:
        assert len(rendering.unrendered(session)) == 1
    world.desk.render("tin", world.actor("writer"), NOW)
    world.approve()


def test_the_real_studio_makes_a_clip_that_a_loudspeaker_can_play(world: World) -> None:
    with Children(1) as children:
        world.studio = replace(
            world.studio, speaker=Speaker([Espeak(children)]), children=children, voices={"vi": ["espeak/vi"]}
        )
        world.desk = replace(world.desk, studio=world.studio)
        world.approved()
    (clip,) = clips(world)
    assert file_of(world).read_bytes()[:2] in {b"\xff\xf3", b"\xff\xfb"}  # an MPEG frame
    assert abs((clip.loudness_lufs or 0) - -16) <= 0.5
    assert (clip.true_peak_dbtp or 0) <= -1.5
