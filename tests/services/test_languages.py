"""The sample bulletins in Bengali and English, spoken by the real offline voice, are approved and air."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from broadcaster.domain.airing import Outcome
from broadcaster.process import Children
from broadcaster.services.importing import import_all
from broadcaster.speech.espeak import Espeak
from broadcaster.speech.speaker import Speaker
from broadcaster.store.tables import ClipRow
from tests.fixtures import NOW
from tests.services.world import World, here, sample

DUE = here("17:00")


@pytest.mark.parametrize(("bulletin", "voice"), [("bn-sotorkota", "espeak/bn"), ("en-visitors", "espeak/en")])
def test_a_bulletin_in_another_language_airs(world: World, bulletin: str, voice: str) -> None:
    import_all(world.store, [sample(bulletin)], "writer", "root", NOW)
    with Children(1) as children:
        world.studio = replace(world.studio, speaker=Speaker([Espeak(children)]), children=children)
        world.__post_init__()
        world.submit(bulletin)
    world.approve(bulletin)
    with world.store.reading() as session:
        clip = session.scalars(select(ClipRow)).one()
    assert clip.voice == voice
    assert (clip.duration_ms or 0) > 10_000
    assert abs((clip.loudness_lufs or 0) - -16) <= 0.5
    assert world.studio.path(clip.key).read_bytes()[:2] in {b"\xff\xf3", b"\xff\xfb"}  # an MPEG frame
    world.schedule(bulletin=bulletin)
    world.plan()
    world.run(DUE - timedelta(minutes=2), DUE + timedelta(minutes=3))
    assert world.outcome() == (Outcome.AIRED, None, "finished")
