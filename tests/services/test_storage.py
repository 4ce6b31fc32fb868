"""Folders stay within their limits, and nothing that anyone still needs is removed."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from broadcaster.domain.place import Mode, Station
from broadcaster.domain.sound import Pcm
from broadcaster.errors import BroadcasterError
from broadcaster.services import approvals, attending, inbox, outbox, rendering
from broadcaster.store.device_tables import DeviceMessageRow, HealthEventRow, OutboxRow
from broadcaster.store.engine import Store
from broadcaster.store.tables import ClipRow
from tests.fixtures import NOW
from tests.orders.cast import play, signed
from tests.services.devices import HEALTH, enrolled
from tests.services.world import World

LONG_AFTER = NOW + timedelta(days=400)


def clip(world: World) -> str:
    with world.store.reading() as session:
        return str(session.scalars(select(ClipRow.key)).one())


def has_sound(world: World) -> bool:
    with world.store.reading() as session:
        row = session.scalars(select(ClipRow)).one()
    return row.sha256 is not None and world.studio.path(row.key).exists()


def test_the_clip_of_an_approved_bulletin_is_kept(world: World) -> None:
    world.approved()
    world.storage.prune(world.store, LONG_AFTER)
    assert has_sound(world)


def test_the_clip_of_a_submitted_bulletin_is_kept(world: World) -> None:
    world.write()
    world.submit()
    world.storage.prune(world.store, LONG_AFTER)
    assert has_sound(world)


def test_the_clip_of_a_withdrawn_bulletin_that_is_still_in_the_plan_is_kept(world: World) -> None:
    world.approved()
    world.schedule()
    world.plan(NOW)
    world.withdraw()
    world.storage.prune(world.store, LONG_AFTER)
    assert has_sound(world)


def test_the_clip_of_a_rejected_bulletin_goes_and_a_new_submission_makes_it_again(world: World) -> None:
    world.write()
    world.submit()
    approvals.reject(world.store, "tin", "sai số", world.actor("approver"), NOW)
    world.storage.prune(world.store, LONG_AFTER)
    assert not has_sound(world)
    assert not world.studio.path(clip(world)).exists()
    world.submit()
    assert has_sound(world)


def test_a_clip_that_nobody_waits_for_is_not_rendered_by_the_worker(world: World) -> None:
    world.write()
    world.submit()
    approvals.reject(world.store, "tin", "sai số", world.actor("approver"), NOW)
    world.storage.prune(world.store, LONG_AFTER)
    with world.store.reading() as session:
        assert rendering.unrendered(session) == []


def test_a_stray_file_goes_only_when_it_is_old(world: World) -> None:
    stray = world.studio.clips / "ab" / "abcd.mp3"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"half a clip")
    written_at = NOW.timestamp()
    os.utime(stray, (written_at, written_at))
    world.storage.prune(world.store, NOW + timedelta(hours=1))
    assert stray.exists()
    world.storage.prune(world.store, NOW + timedelta(days=2))
    assert not stray.exists()


def test_of_the_spoken_sentences_those_used_longest_ago_go_first(world: World) -> None:
    sound = Pcm(b"\1\0" * 10_000, 22_050)
    for age, key in enumerate(("aa-new", "bb-middle", "cc-old")):
        world.speech.put(key, sound)
        path = next((world.studio.clips.parent / "speech-cache").glob(f"*/{key}.pcm"))
        os.utime(path, ns=(0, (10 - age) * 10**9))
    assert world.speech.get("cc-old") is not None  # used again: now it is the newest
    assert world.speech.prune(45_000) == 1
    assert world.speech.get("bb-middle") is None
    assert world.speech.get("aa-new") is not None
    assert world.speech.get("cc-old") is not None


def test_a_disk_that_is_nearly_full_takes_nothing_new_and_says_what_to_do(world: World) -> None:
    world.write()
    full = replace(world.storage, settings=world.storage.settings.model_copy(update={"min_free_mb": 10**9}))
    desk = replace(world.desk, storage=full)
    with pytest.raises(BroadcasterError, match="Make room, then try again"):
        desk.submit("tin", world.actor("writer"), NOW)


def test_what_was_said_to_and_by_loudspeakers_goes_once_nobody_can_need_it(world: World, devices: Store) -> None:
    box, order = enrolled(devices), play()
    with devices.writing() as session:
        inbox.receive(session, box.device, [box.hello(1)], NOW)
        outbox.keep(session, signed(order), order, Station("kep-loa", "kep", "mqtt", Mode.LIVE), NOW)
        attending.seen(session, box.device, None, NOW)
        attending.seen(session, box.device, HEALTH, NOW)

    def left(after_days: int) -> list[int]:
        world.storage.prune(devices, NOW + timedelta(days=after_days))
        with devices.reading() as session:
            tables = (DeviceMessageRow, OutboxRow, HealthEventRow)
            return [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]

    assert left(8) == [1, 1, 1]
    assert left(9) == [1, 0, 1]
    assert left(91) == [0, 0, 1]
    assert left(401) == [0, 0, 0]
