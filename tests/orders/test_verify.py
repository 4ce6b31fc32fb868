"""The verifier: each refusal once, what comes twice, what stops, and what is asked again right before it sounds."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from broadcaster.domain.bulletin import Priority
from broadcaster.domain.place import Mode
from broadcaster.orders import keydocument
from broadcaster.orders.keys import Purpose, new_key
from broadcaster.orders.memory import Known, Memory, State
from broadcaster.orders.payload import HELD, PACK, Audio, Command, Lateness, LatePolicy
from broadcaster.orders.verify import Accepted, Refusal, Refused, clip_fault, examine, may_start
from tests.orders.cast import (
    HOUR,
    LISTENER,
    MILLISECOND,
    MINUTE,
    NOW,
    ORDER_KEY,
    SECOND,
    STOP_KEY,
    at_once,
    code,
    full_of_airings,
    full_window,
    obeyed,
    play,
    signed,
    told,
)


def test_an_order_for_this_loudspeaker_is_accepted_and_remembered() -> None:
    verdict = told(play())
    assert isinstance(verdict, Accepted)
    assert (verdict.order, verdict.key) == (play(), ORDER_KEY.public.id)
    assert verdict.memory.seen == {ORDER_KEY.public.id: (1,)}
    assert verdict.memory.known[play().airing or ""] == Known(1, State.ACCEPTED, play().exp)


def heard(envelope: bytes, **changes: Any) -> Refusal | None:
    """Why a fresh loudspeaker, with these changes, refuses an envelope."""
    return code(examine(envelope, replace(LISTENER, **changes), Memory(), NOW))


def changed(**values: object) -> bytes:
    """A signed order with other values than any writer would write."""
    return signed(json.dumps(json.loads(play().as_bytes()) | values).encode())


AT_NIGHT = play(start=NOW + 6 * HOUR, exp=NOW + 7 * HOUR)
FAR = NOW + timedelta(days=100)
STRANGER = new_key(Purpose.ORDER, "kep", NOW)
ELSEWHERE = (replace(ORDER_KEY.public, communes=("lang-giang",)),)
CLIP = Audio("ab" * 32, 345_678, "audio/mpeg", "ab.mp3")
PUNCTUAL_ONLY = play(late=Lateness(LatePolicy.SKIP, 300))

REFUSALS: dict[Refusal, Callable[[], Refusal | None]] = {
    Refusal.TOO_LARGE: lambda: heard(signed(play()).ljust(8193)),
    Refusal.ENVELOPE: lambda: heard(b"{}"),
    Refusal.SIGNATURE: lambda: heard(signed(play(), STRANGER)),
    Refusal.SCOPE: lambda: heard(signed(play()), keys=ELSEWHERE),
    Refusal.TYPE: lambda: heard(signed(play(), kind=keydocument.TYPE)),
    Refusal.VERSION: lambda: heard(changed(v=2)),
    Refusal.MALFORMED: lambda: heard(changed(volume_max=101)),
    Refusal.PURPOSE: lambda: heard(signed(play(), STOP_KEY)),
    Refusal.KEY_TIME: lambda: code(told(play(nbf=FAR), now=FAR)),
    Refusal.MODE: lambda: heard(signed(play(mode=Mode.TEST))),
    Refusal.TARGET: lambda: heard(signed(play(targets=("kep-02", "kep-03")))),
    Refusal.TOO_LONG: lambda: heard(signed(play(exp=NOW + HELD + MILLISECOND))),
    Refusal.EARLY: lambda: code(told(play(), now=NOW - 120 * SECOND - MILLISECOND)),
    Refusal.EXPIRED: lambda: code(told(play(), now=play().exp + MILLISECOND)),
    Refusal.REPLAYED: lambda: code(told(play(1), obeyed(play(0)))),
    Refusal.TOO_OLD: lambda: code(told(play(seq=9), full_window())),
    Refusal.CANCELLED: lambda: code(told(play(seq=1), obeyed(at_once(Command.CANCEL, 0, seq=2)))),
    Refusal.STOPPED: lambda: code(told(play(), obeyed(at_once(Command.STOP)))),
    Refusal.SUPERSEDED: lambda: code(told(at_once(Command.RELEASE, seq=6), obeyed(at_once(Command.STOP, seq=7)))),
    Refusal.QUIET_HOURS: lambda: heard(signed(AT_NIGHT)),
    Refusal.FULL: lambda: code(told(play(), full_of_airings())),
    Refusal.LATE: lambda: may_start(PUNCTUAL_ONLY, LISTENER, obeyed(PUNCTUAL_ONLY), NOW + HOUR + 3 * SECOND),
    Refusal.CLIP_MISSING: lambda: clip_fault(CLIP, None, ""),
    Refusal.CLIP_DAMAGED: lambda: clip_fault(CLIP, CLIP.bytes, "00" * 32),
}


@pytest.mark.parametrize("refusal", Refusal)
def test_each_refusal_is_reached(refusal: Refusal) -> None:
    assert REFUSALS[refusal]() is refusal


def test_a_refusal_names_the_order_only_where_a_known_key_signed_it() -> None:
    assert told(play(targets=("kep-02",))) == Refused(Refusal.TARGET, play(targets=("kep-02",)))
    assert examine(signed(play(), STRANGER), LISTENER, Memory(), NOW) == Refused(Refusal.SIGNATURE)
    assert Refused(Refusal.TARGET).report == "refused:target"


def test_a_whole_clip_is_taken() -> None:
    assert clip_fault(CLIP, CLIP.bytes, CLIP.sha256) is None
    assert clip_fault(CLIP, CLIP.bytes - 1, CLIP.sha256) is Refusal.CLIP_DAMAGED


# Who may say what.


@pytest.mark.parametrize("cmd", Command)
def test_each_command_is_obeyed_by_its_own_key_alone(cmd: Command) -> None:
    order = play() if cmd is Command.PLAY else at_once(cmd, 0)
    right, wrong = (STOP_KEY, ORDER_KEY) if cmd in {Command.STOP, Command.RELEASE} else (ORDER_KEY, STOP_KEY)
    assert heard(signed(order, right)) is None
    assert heard(signed(order, wrong)) is Refusal.PURPOSE


def test_a_key_is_good_for_what_it_signed_in_its_time() -> None:
    key = ORDER_KEY.public
    last = play(nbf=key.not_after)
    assert code(told(last, now=key.not_after + HOUR)) is None
    assert code(told(play(nbf=key.not_after + MILLISECOND), now=key.not_after + HOUR)) is Refusal.KEY_TIME
    assert code(told(play(nbf=key.not_before - MILLISECOND), now=key.not_before)) is Refusal.KEY_TIME
    assert code(told(play(nbf=key.not_before), now=key.not_before)) is None


def test_test_orders_and_live_loudspeakers_never_meet() -> None:
    in_test = replace(LISTENER, mode=Mode.TEST)
    assert code(told(play(), listener=in_test)) is Refusal.MODE
    assert code(told(play(mode=Mode.TEST), listener=in_test)) is None
    assert code(told(at_once(Command.CANCEL, 0, mode=Mode.TEST))) is Refusal.MODE


@pytest.mark.parametrize("cmd", [Command.STOP, Command.RELEASE])
def test_silence_is_obeyed_in_either_mode(cmd: Command) -> None:
    assert code(told(at_once(cmd, mode=Mode.TEST))) is None


def test_an_order_may_name_the_station() -> None:
    assert code(told(play(targets=("kep-02", "kep-loa")))) is None


# When.


def test_a_loudspeaker_may_be_two_minutes_behind() -> None:
    assert code(told(play(), now=NOW - 120 * SECOND)) is None
    assert code(told(play(), now=play().exp)) is None


def test_orders_are_good_for_a_day_on_a_stick_for_eight() -> None:
    week = play(start=NOW + timedelta(days=7), exp=NOW + PACK)
    assert code(told(week)) is Refusal.TOO_LONG
    assert code(told(week, listener=replace(LISTENER, held=PACK))) is None
    assert code(told(play(start=NOW, exp=NOW + 10 * MINUTE))) is None
    assert code(told(play(start=NOW, exp=NOW + 10 * MINUTE + MILLISECOND))) is Refusal.TOO_LONG


@pytest.mark.parametrize(
    ("start", "max_s", "is_allowed"),
    [
        (5 * HOUR - 30 * SECOND, 30, True),  # its last moment is the first of the quiet hours
        (5 * HOUR - 30 * SECOND, 30.001, False),
        (5 * HOUR, 1, False),
        (13 * HOUR - MILLISECOND, 1, False),
        (13 * HOUR, 1, True),
    ],
)
def test_quiet_hours_hold_from_their_first_moment_to_their_last(
    start: timedelta, max_s: float, is_allowed: bool
) -> None:
    order = play(start=NOW + start, exp=NOW + start + HOUR, max_s=max_s)
    assert code(told(order)) is (None if is_allowed else Refusal.QUIET_HOURS)


def test_quiet_hours_give_way_to_an_emergency_and_where_nobody_hears_it() -> None:
    emergency = replace(AT_NIGHT, priority=Priority.EMERGENCY)
    assert code(told(emergency)) is Refusal.QUIET_HOURS
    assert code(told(replace(emergency, quiet_override=True))) is None
    assert code(told(replace(AT_NIGHT, mode=Mode.TEST), listener=replace(LISTENER, mode=Mode.TEST))) is None
    forged = json.dumps(json.loads(AT_NIGHT.as_bytes()) | {"quiet_override": True}).encode()
    assert heard(signed(forged)) is Refusal.MALFORMED


def test_a_late_order_is_measured_from_the_moment_in_which_it_would_start() -> None:
    evening = play(start=NOW + 5 * HOUR - 60 * SECOND, exp=NOW + 5 * HOUR + 5 * MINUTE, max_s=60)
    assert code(told(evening)) is None
    assert code(told(evening, now=evening.start + SECOND)) is Refusal.QUIET_HOURS
