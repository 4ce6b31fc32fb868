"""Rotating keys: nothing that was signed is refused, nobody is lost, and what was stolen is trusted no more."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster.errors import InputError
from broadcaster.orders import keyfolder
from broadcaster.orders.keydocument import newer, pin
from broadcaster.orders.keys import Purpose
from broadcaster.orders.memory import Memory
from broadcaster.orders.payload import PACK, Command
from broadcaster.orders.verify import Refusal, examine
from tests.orders.cast import LISTENER, at_once, code, play, signed
from tests.orders.test_keyfolder import DAY, NOW, SECOND, ids, made


def test_the_next_keys_wait_while_the_present_ones_sign_on_for_14_days(tmp_path: Path) -> None:
    before = made(tmp_path)
    at = NOW + 70 * DAY
    ring = keyfolder.rotate(tmp_path, "kep", at)
    assert ring.document.version == 2
    assert ids(ring) > ids(before)
    signing = [ring.signer(Purpose.ORDER, at + wait) for wait in (0 * DAY, 14 * DAY, 14 * DAY + SECOND)]
    first = before.signer(Purpose.ORDER, NOW)
    assert [key and key.public.id for key in signing[:2]] == [first and first.public.id] * 2
    assert signing[2] is not None
    assert signing[2].public.not_before == at
    assert ring.next_begins(at) == at + 14 * DAY
    assert ring.next_begins(at + 15 * DAY) is None
    assert keyfolder.load(tmp_path, "kep").document == ring.document


def test_a_key_that_ends_sooner_is_not_made_to_last_longer(tmp_path: Path) -> None:
    made(tmp_path)
    ring = keyfolder.rotate(tmp_path, "kep", NOW + 85 * DAY)
    assert min(key.not_after for key in ring.document.keys) == NOW + 90 * DAY


def test_keys_whose_next_wait_are_not_rotated_again(tmp_path: Path) -> None:
    made(tmp_path)
    keyfolder.rotate(tmp_path, "kep", NOW + 70 * DAY)
    with pytest.raises(InputError, match="next keys already; they are used from 2027-02-15"):
        keyfolder.rotate(tmp_path, "kep", NOW + 71 * DAY)
    assert keyfolder.rotate(tmp_path, "kep", NOW + 85 * DAY).document.version == 3


def test_a_day_with_a_rotation_refuses_nothing(tmp_path: Path) -> None:
    """A loudspeaker that has heard of the next keys, and one that has not, obey what is signed at every hour."""
    ring = made(tmp_path)
    pinned, late = ring.document, ring.document
    for hour in range(24 * 20):
        now = NOW + 80 * DAY + timedelta(hours=hour)
        if hour == 12:
            ring = keyfolder.rotate(tmp_path, "kep", now)
            pinned = newer(ring.envelope, pinned) or pinned
        if hour == 12 + 24 * 9:
            late = newer(ring.envelope, late) or late
        for cmd in (Command.PLAY, Command.RELEASE):
            order = play(seq=hour + 1, nbf=now) if cmd is Command.PLAY else at_once(cmd, seq=hour + 1, nbf=now)
            key = ring.signer(cmd.purpose, now)
            assert key is not None
            for document in (pinned, late):
                listener = replace(LISTENER, keys=document.keys, quiet_hours=())
                assert code(examine(signed(order, key), listener, Memory(), now)) is None, hour
    assert (pinned.version, late.version) == (2, 2)


def test_what_was_signed_before_a_rotation_is_good_to_its_end_of_eight_days(tmp_path: Path) -> None:
    ring = made(tmp_path)
    last = NOW + 90 * DAY
    key = ring.signer(Purpose.ORDER, last)
    assert key is not None
    envelope = signed(play(nbf=last, start=last + 7 * DAY, exp=last + PACK), key)
    keyfolder.rotate(tmp_path, "kep", NOW + 89 * DAY)
    for after in (1 * DAY, 7 * DAY):
        now = last + after
        document = keyfolder.rotate(tmp_path, "kep", now).document if after == 1 * DAY else ring.document
        listener = replace(LISTENER, keys=document.keys, quiet_hours=(), held=PACK)
        assert code(examine(envelope, listener, Memory(), now)) is None


def test_keys_that_nobody_needs_any_more_are_removed(tmp_path: Path) -> None:
    first = made(tmp_path)
    keyfolder.rotate(tmp_path, "kep", NOW + 80 * DAY)
    ring = keyfolder.rotate(tmp_path, "kep", NOW + 150 * DAY)
    assert ids(first).isdisjoint(ids(ring))
    assert {path.stem for path in (tmp_path / "kep").glob("*.pem")} == ids(ring)
    assert [pin(keyfolder.document(tmp_path, "kep", version)).version for version in (1, 2, 3)] == [1, 2, 3]


def test_a_loudspeaker_that_was_off_follows_what_is_kept(tmp_path: Path) -> None:
    pinned = made(tmp_path).document
    for days in (80, 160, 240):
        keyfolder.rotate(tmp_path, "kep", NOW + days * DAY)
    for version in (2, 3, 4):
        followed = newer(keyfolder.document(tmp_path, "kep", version), pinned)
        assert followed is not None
        pinned = followed
    assert pinned == keyfolder.load(tmp_path, "kep").document


def test_keys_that_somebody_may_know_are_trusted_no_more_at_once(tmp_path: Path) -> None:
    before = made(tmp_path)
    at = NOW + 5 * DAY
    stolen = before.signer(Purpose.ORDER, at)
    assert stolen is not None
    keyfolder.rotate(tmp_path, "kep", at)
    ring = keyfolder.rotate(tmp_path, "kep", at, at_once=True)
    assert ids(ring).isdisjoint(ids(before))
    assert {path.stem for path in (tmp_path / "kep").glob("*.pem")} == ids(ring)
    listener = replace(LISTENER, keys=ring.document.keys)
    assert code(examine(signed(play(nbf=at), stolen), listener, Memory(), at)) is Refusal.SIGNATURE


def test_keys_that_ended_long_ago_still_lead_to_the_next(tmp_path: Path) -> None:
    pinned = made(tmp_path).document
    ring = keyfolder.rotate(tmp_path, "kep", NOW + 400 * DAY)
    assert newer(ring.envelope, pinned) == ring.document
    assert ring.signer(Purpose.ORDER, NOW + 400 * DAY) is not None
