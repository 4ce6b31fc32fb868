"""What comes twice, in another order, cancelled or stopped; and what is asked again right before it sounds."""

from dataclasses import replace

import pytest

from broadcaster.domain.place import Mode
from broadcaster.orders.keys import Purpose, new_key
from broadcaster.orders.memory import EVERYTHING, WINDOW, Known, Memory, State
from broadcaster.orders.payload import PACK, Command, Lateness, LatePolicy
from broadcaster.orders.verify import Refusal, examine, may_start
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
    state,
    told,
)

PUNCTUAL_ONLY = play(late=Lateness(LatePolicy.SKIP, 300))


@pytest.mark.parametrize("known", State)
def test_a_duplicate_is_answered_with_what_became_of_it(known: State) -> None:
    memory = obeyed(play())
    memory = replace(memory, known={play().airing or "": Known(1, known, play().exp)})
    if known is State.CANCELLED:
        assert code(told(play(), memory)) is Refusal.REPLAYED
    else:
        assert state(told(play(), memory)) == known


def test_a_newer_order_takes_the_place_of_one_that_waits() -> None:
    newer = play(seq=2, max_s=50)
    memory = obeyed(newer, obeyed(play()))
    assert memory.known[play().airing or ""].seq == 2
    assert state(told(play(), memory)) == State.ACCEPTED
    assert may_start(play(), LISTENER, memory, play().start) is Refusal.SUPERSEDED
    assert may_start(newer, LISTENER, memory, newer.start) is None


@pytest.mark.parametrize("after", [State.STARTED, State.FINISHED, State.STOPPED])
def test_what_was_heard_once_is_never_heard_again(after: State) -> None:
    memory = obeyed(play()).noted(play().airing or "", State.STARTED).noted(play().airing or "", after)
    assert state(told(play(seq=99), memory)) == after
    assert may_start(play(), LISTENER, memory, play().start) is Refusal.SUPERSEDED


def test_a_number_is_good_for_one_order_of_a_key() -> None:
    memory = obeyed(play(0, seq=7))
    assert code(told(play(1, seq=7), memory)) is Refusal.REPLAYED
    assert code(told(play(1, seq=6), memory)) is None
    assert code(told(at_once(Command.STOP, seq=7), memory)) is None


def test_orders_in_any_order_are_taken_within_the_window() -> None:
    memory = full_window()
    assert code(told(play(seq=10), memory)) is Refusal.REPLAYED
    assert code(told(play(seq=9), memory)) is Refusal.TOO_OLD
    with_hole = Memory(seen={ORDER_KEY.public.id: (10, *range(12, 11 + WINDOW))})
    assert code(told(play(seq=11), with_hole)) is None


def test_the_volume_of_the_newest_order_stays() -> None:
    memory = obeyed(at_once(Command.VOLUME, 0, seq=5, volume_max=30))
    later = obeyed(at_once(Command.VOLUME, 1, seq=4, volume_max=90), memory)
    assert later.volume == memory.volume
    assert memory.volume is not None
    assert memory.volume.percent == 30
    assert state(told(at_once(Command.VOLUME, 0, seq=5, volume_max=30), later)) == State.FINISHED


# Cancelled.


def test_a_cancel_takes_back_what_waits_and_what_comes_after_it() -> None:
    cancel = at_once(Command.CANCEL, 0, seq=2)
    waiting = obeyed(cancel, obeyed(play(seq=1)))
    assert may_start(play(seq=1), LISTENER, waiting, play().start) is Refusal.CANCELLED
    assert code(told(play(seq=1), obeyed(cancel))) is Refusal.CANCELLED
    assert state(told(cancel, waiting)) == State.CANCELLED


def test_an_order_signed_after_the_cancel_is_a_new_one() -> None:
    memory = obeyed(play(seq=3), obeyed(at_once(Command.CANCEL, 0, seq=2)))
    assert may_start(play(seq=3), LISTENER, memory, play().start) is None
    assert state(told(at_once(Command.CANCEL, 0, seq=1), memory)) == State.ACCEPTED


def test_a_cancel_is_remembered_as_long_as_any_order_that_it_takes_back_is_good() -> None:
    airing = play().airing or ""
    cancelled = obeyed(at_once(Command.CANCEL, 0, seq=2))
    assert cancelled.known[airing].until == NOW + PACK
    known = Memory(known={airing: Known(1, State.ACCEPTED, NOW + 2 * PACK)})
    assert obeyed(at_once(Command.CANCEL, 0, seq=2), known).known[airing].until == NOW + 2 * PACK


def test_a_cancel_of_what_sounds_leaves_it_to_the_player_to_say_how_it_ended() -> None:
    memory = obeyed(play()).noted(play().airing or "", State.STARTED)
    cancelled = obeyed(at_once(Command.CANCEL, 0, seq=2), memory)
    assert cancelled.known[play().airing or ""].state is State.STARTED
    assert state(told(play(seq=3), cancelled)) == State.STARTED


def test_a_cancel_holds_though_there_is_no_room_left() -> None:
    memory = obeyed(at_once(Command.CANCEL, 0, seq=2), full_of_airings())
    roomy = replace(memory, known={})
    assert code(told(play(seq=1), roomy)) is Refusal.TOO_OLD


# Stopped.


def test_a_stop_holds_until_it_is_released() -> None:
    stop, release = at_once(Command.STOP, seq=2), at_once(Command.RELEASE, seq=3)
    stopped = obeyed(stop, obeyed(play(seq=1)))
    assert may_start(play(seq=1), LISTENER, stopped, play().start) is Refusal.STOPPED
    for order in (play(1, seq=2), at_once(Command.TEST, 1, seq=3)):
        assert code(told(order, stopped)) is Refusal.STOPPED
    released = obeyed(release, stopped)
    assert may_start(play(seq=1), LISTENER, released, play().start) is None
    assert code(told(play(1, seq=2), released)) is None


def test_a_stop_is_obeyed_whatever_its_number_is() -> None:
    memory = Memory(seen={STOP_KEY.public.id: tuple(range(10, 10 + WINDOW))})
    assert EVERYTHING in obeyed(at_once(Command.STOP, seq=1), memory).latches
    assert EVERYTHING in obeyed(at_once(Command.STOP, seq=2), obeyed(at_once(Command.RELEASE, seq=9))).latches


def test_neither_an_old_release_nor_a_replayed_one_lets_sound_again() -> None:
    release = at_once(Command.RELEASE, seq=5)
    once_released = obeyed(release, obeyed(at_once(Command.STOP, seq=4)))
    stopped_again = obeyed(at_once(Command.STOP, seq=3), once_released)  # by a server whose clock was set back
    assert code(told(release, stopped_again)) is Refusal.REPLAYED
    assert code(told(at_once(Command.RELEASE, seq=2), stopped_again)) is Refusal.SUPERSEDED
    assert obeyed(at_once(Command.RELEASE, seq=6), stopped_again).latches == {}


def test_of_two_stops_the_higher_number_counts_and_a_release_has_to_exceed_it() -> None:
    both = obeyed(at_once(Command.STOP, seq=3), obeyed(at_once(Command.STOP, seq=5)))
    assert code(told(at_once(Command.RELEASE, seq=4), both)) is Refusal.SUPERSEDED
    next_key = new_key(Purpose.STOP, "kep", NOW)
    knowing_both = replace(LISTENER, keys=(*LISTENER.keys, next_key.public))
    equal = examine(signed(at_once(Command.RELEASE, seq=5), next_key), knowing_both, both, NOW)
    assert code(equal) is Refusal.SUPERSEDED


def test_what_sounds_when_a_stop_comes_is_noted_by_the_player_as_it_falls_silent() -> None:
    airing = play().airing or ""
    memory = obeyed(at_once(Command.STOP, 0), obeyed(play()).noted(airing, State.STARTED))
    assert memory.known[airing].state is State.STARTED
    assert memory.noted(airing, State.STOPPED).known[airing].state is State.STOPPED


def test_a_replayed_stop_does_not_silence_what_was_released() -> None:
    stop = at_once(Command.STOP, seq=4)
    released = obeyed(at_once(Command.RELEASE, seq=5), obeyed(stop))
    assert state(told(stop, released)) == State.FINISHED
    assert state(told(stop, obeyed(stop))) == State.STOPPED


def test_a_stop_of_one_airing_leaves_the_others() -> None:
    memory = obeyed(play(1, seq=2), obeyed(play(0, seq=1)))
    stopped = obeyed(at_once(Command.STOP, 0), memory)
    assert may_start(play(0, seq=1), LISTENER, stopped, play().start) is Refusal.STOPPED
    assert may_start(play(1, seq=2), LISTENER, stopped, play().start) is None
    released = obeyed(at_once(Command.RELEASE, 0, seq=2), stopped)
    assert state(told(play(0, seq=3), released)) == State.STOPPED
    never_there = obeyed(at_once(Command.STOP, 2))
    assert code(told(play(2, seq=1), never_there)) is Refusal.STOPPED
    assert code(told(play(2, seq=1), obeyed(at_once(Command.RELEASE, 2, seq=2), never_there))) is None


def test_a_release_of_everything_leaves_the_stop_of_one_airing() -> None:
    both = obeyed(at_once(Command.STOP, seq=2), obeyed(at_once(Command.STOP, 0, seq=1)))
    released = obeyed(at_once(Command.RELEASE, seq=3), both)
    assert code(told(play(0), released)) is Refusal.STOPPED
    assert code(told(play(1), released)) is None


# Right before it sounds.


def test_what_was_accepted_is_asked_about_again_before_it_sounds() -> None:
    order, memory = play(), obeyed(play())
    ready = memory.noted(order.airing or "", State.READY)
    assert may_start(order, LISTENER, ready, order.start) is None
    assert may_start(order, LISTENER, ready, order.start + 300 * SECOND) is None
    assert may_start(order, LISTENER, ready, order.start - MILLISECOND) is Refusal.EARLY
    assert may_start(order, LISTENER, ready, order.exp + MILLISECOND) is Refusal.EXPIRED
    assert may_start(order, replace(LISTENER, mode=Mode.TEST), ready, order.start) is Refusal.MODE
    assert may_start(order, LISTENER, Memory(), order.start) is Refusal.SUPERSEDED


def test_late_is_what_the_bulletin_says() -> None:
    brief = play(late=Lateness(LatePolicy.START, 60))
    assert may_start(brief, LISTENER, obeyed(brief), brief.start + 60 * SECOND) is None
    assert may_start(brief, LISTENER, obeyed(brief), brief.start + 61 * SECOND) is Refusal.LATE
    memory = obeyed(PUNCTUAL_ONLY)
    assert may_start(PUNCTUAL_ONLY, LISTENER, memory, PUNCTUAL_ONLY.start + 2 * SECOND) is None


def test_what_would_reach_into_quiet_hours_by_being_late_stays_silent() -> None:
    evening = play(start=NOW + 5 * HOUR - 60 * SECOND, exp=NOW + 5 * HOUR + 5 * MINUTE, max_s=60)
    assert may_start(evening, LISTENER, obeyed(evening), evening.start) is None
    assert may_start(evening, LISTENER, obeyed(evening), evening.start + SECOND) is Refusal.QUIET_HOURS


def test_a_loudspeaker_that_lost_its_memory_obeys_nothing_signed_before() -> None:
    lost = Memory.lost(NOW)
    assert code(told(play(), lost)) is Refusal.TOO_OLD
    assert code(told(play(nbf=NOW + 2 * MILLISECOND), lost, NOW + SECOND)) is None
    assert code(told(at_once(Command.STOP), lost)) is None
