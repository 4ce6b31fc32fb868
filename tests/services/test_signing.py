"""What a loudspeaker would refuse is never sent: every signed order is verified before it leaves."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest

from broadcaster.domain.place import Mode
from broadcaster.domain.timetable import CommuneTimetable
from broadcaster.orders import keyfolder
from broadcaster.orders.keyfolder import KeyRing
from broadcaster.orders.keys import PrivateKey
from broadcaster.orders.memory import Memory
from broadcaster.orders.payload import PACK, Approval, Command, Payload
from broadcaster.orders.verify import Accepted, examine
from broadcaster.services.signing import SigningError, sign_order
from tests.orders.cast import LISTENER, NOW, QUIET, ZONE, at_once, play

HOUR = timedelta(hours=1)
KEP = CommuneTimetable("kep", ZONE, (), QUIET)
HUGE = play(
    targets=tuple(f"{'x' * 62}{n:02d}" for n in range(64)),
    approvals=tuple(Approval(f"{'x' * 63}{n}", NOW, "ab" * 32) for n in range(8)),
)
"""Each of its fields is as long as it may be."""


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    made = keyfolder.make(tmp_path, "kep", NOW - HOUR)
    assert made is not None
    return made


@pytest.mark.parametrize("cmd", Command)
def test_what_is_signed_is_what_a_loudspeaker_obeys(ring: KeyRing, cmd: Command) -> None:
    order = play() if cmd is Command.PLAY else at_once(cmd, 0)
    listener = replace(LISTENER, keys=ring.document.keys)
    verdict = examine(sign_order(order, ring, KEP), listener, Memory(), NOW + timedelta(minutes=1))
    assert isinstance(verdict, Accepted)
    assert verdict.order == order


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (play(exp=NOW + 25 * HOUR), "too_long"),
        (play(start=NOW + 6 * HOUR, exp=NOW + 7 * HOUR), "quiet_hours"),
        (play(approvals=()), "malformed"),
        (play(targets=()), "malformed"),
        (play(volume_max=101), "malformed"),
        (play(airing="A1"), "malformed"),
        (HUGE, "too_large"),
        (at_once(Command.STOP, quiet_override=True), "malformed"),
    ],
)
def test_what_would_be_refused_is_not_signed(ring: KeyRing, order: Payload, code: str) -> None:
    with pytest.raises(SigningError, match=rf"refuse it \({code}\)"):
        sign_order(order, ring, KEP)


def test_quiet_hours_are_the_communes_own(ring: KeyRing) -> None:
    evening = play(start=NOW + 6 * HOUR, exp=NOW + 7 * HOUR)
    assert sign_order(evening, ring, replace(KEP, quiet_hours=None))
    assert sign_order(replace(evening, mode=Mode.TEST), ring, KEP)
    early = replace(KEP, quiet_hours=replace(QUIET, start=time(17)))
    with pytest.raises(SigningError, match="quiet_hours"):
        sign_order(play(), ring, early)


def test_a_stick_takes_orders_for_eight_days(ring: KeyRing) -> None:
    week = play(start=NOW + 150 * HOUR, exp=NOW + PACK)
    with pytest.raises(SigningError, match="too_long"):
        sign_order(week, ring, KEP)
    assert sign_order(week, ring, replace(KEP, quiet_hours=None), held=PACK)


@pytest.mark.parametrize("nbf", [NOW - 2 * HOUR, NOW + timedelta(days=91)])
def test_without_a_valid_key_nothing_is_signed(ring: KeyRing, nbf: datetime) -> None:
    with pytest.raises(SigningError, match="keys rotate kep"):
        sign_order(play(nbf=nbf), ring, KEP)


def test_a_signature_that_does_not_hold_is_noticed(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PrivateKey, "sign", lambda *_: b"\0" * 64)
    with pytest.raises(SigningError, match="signature"):
        sign_order(play(), ring, KEP)
