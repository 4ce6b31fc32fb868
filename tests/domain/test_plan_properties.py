"""What holds for every day that the planner lays, whatever is asked for."""

from datetime import date, time, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.airing import AiringKey
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.plan import HeldAiring, Wish
from broadcaster.domain.timetable import Blocked, CommuneTimetable, Slot, Window
from tests.domain.days import COMMUNE, MONDAY, here, key, lay_day, slot_of, wish


def _clock(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)


windows = st.builds(
    lambda start, length: Window(_clock(start), _clock(start + length)), st.integers(0, 1439), st.integers(1, 1000)
)
communes = st.builds(
    lambda zone, slots, quiet, reserved: CommuneTimetable(
        "kep",
        ZoneInfo(zone),
        tuple(Slot(name, window) for name, window in slots.items()),
        quiet,
        tuple(Blocked(window, "") for window in reserved),
    ),
    st.sampled_from(["Asia/Ho_Chi_Minh", "Europe/Berlin"]),
    st.dictionaries(st.sampled_from(["sáng", "trưa", "chiều"]), windows),
    st.none() | windows,
    st.lists(windows, max_size=1),
)
wishes = st.lists(
    st.builds(
        lambda name, place, minutes, priority, order, age, is_rehearsal: Wish(
            schedule=name,
            duration=timedelta(minutes=minutes),
            priority=priority,
            order=order,
            age=(here("00:00") - timedelta(days=age), name),
            slot=place if isinstance(place, str) else None,
            at=None if isinstance(place, str) else f"{_clock(place):%H:%M}",
            is_rehearsal=is_rehearsal,
        ),
        st.sampled_from("abcdefgh"),
        st.sampled_from(["sáng", "trưa", "chiều"]) | st.integers(0, 1439),
        st.integers(1, 90),
        st.sampled_from(Priority),
        st.integers(0, 2),
        st.integers(0, 1),
        st.booleans(),
    ),
    max_size=12,
    unique_by=lambda wish: (wish.schedule, wish.place_in_day),
)
days = st.sampled_from([MONDAY, date(2027, 3, 28), date(2026, 10, 25)])


@given(communes, wishes, days)
def test_no_two_airings_of_a_day_sound_at_once(commune: CommuneTimetable, asked: list[Wish], day: date) -> None:
    sounding = [airing for airing in lay_day(commune, day, asked) if airing.blocked is None]
    for before, after in pairwise(sounding):
        assert before.ends_at <= after.due_at


@given(communes, wishes, days)
def test_no_airing_but_a_rehearsal_sounds_in_the_quiet_hours(
    commune: CommuneTimetable, asked: list[Wish], day: date
) -> None:
    rehearsals = {(wish.schedule, wish.place_in_day) for wish in asked if wish.is_rehearsal}
    quiet = commune.quiet_hours or Window(time(), time())
    nights = [quiet.on(day + timedelta(days=number), commune.zone) for number in (-2, -1, 0, 1, 2)]
    for airing in lay_day(commune, day, asked):
        if (
            airing.blocked is None
            and commune.quiet_hours
            and (airing.key.schedule, airing.key.place_in_day) not in rehearsals
        ):
            assert not any(airing.due_at < end and start < airing.ends_at for start, end in nights)


@given(communes, wishes)
def test_every_wish_that_has_its_place_gets_one_airing_with_its_own_key(
    commune: CommuneTimetable, asked: list[Wish]
) -> None:
    keys = [airing.key for airing in lay_day(commune, MONDAY, asked)]
    placed = [wish for wish in asked if wish.at or slot_of(commune, wish.slot)]
    assert sorted(keys) == sorted(AiringKey(w.schedule, "kep", MONDAY, w.place_in_day) for w in placed)


@given(communes, wishes, days, st.randoms(use_true_random=False))
def test_the_order_in_which_wishes_are_found_changes_nothing(
    commune: CommuneTimetable, asked: list[Wish], day: date, chance: Random
) -> None:
    shuffled = list(asked)
    chance.shuffle(shuffled)
    assert lay_day(commune, day, shuffled) == lay_day(commune, day, asked)


@given(communes, wishes)
def test_a_slot_holds_what_airs_in_it(commune: CommuneTimetable, asked: list[Wish]) -> None:
    for airing in lay_day(commune, MONDAY, asked):
        slot = slot_of(commune, airing.key.place_in_day)
        if slot is not None and airing.blocked is None:
            start, end = slot.window.on(MONDAY, commune.zone)
            assert start <= airing.due_at < airing.ends_at <= end


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=4), st.integers(1, 5), st.integers(1, 15))
def test_nothing_new_in_a_slot_sounds_over_what_was_begun(
    begun: list[tuple[int, int]], count: int, minutes: int
) -> None:
    start = here("16:30")
    held = {
        key(f"held-{number}"): HeldAiring(start + timedelta(minutes=at), start + timedelta(minutes=at + length))
        for number, (at, length) in enumerate(begun)
    }
    for airing in lay_day(COMMUNE, MONDAY, [wish(f"w{number}", minutes) for number in range(count)], held):
        if airing.blocked is None:
            assert not any(airing.due_at < end and since < airing.ends_at for since, end, _ in held.values())
