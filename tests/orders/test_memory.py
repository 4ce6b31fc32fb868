"""What a loudspeaker remembers: bounded, stored whole, and enough after a power cut."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster import files
from broadcaster.orders.memory import (
    EVERYTHING,
    WINDOW,
    DamagedMemoryError,
    Known,
    Latch,
    Memory,
    Replay,
    State,
    Volume,
    load,
    parse,
    save,
)
from broadcaster.orders.payload import PACK, Command
from broadcaster.orders.verify import Refusal, may_start
from tests.orders.cast import LISTENER, MINUTE, NOW, at_once, code, obeyed, play, state, told
from tests.orders.test_payload import ids, milliseconds, ulids

numbers = st.integers(1, 2**53 - 1)
kept = st.builds(
    Memory,
    st.dictionaries(ids, st.sets(numbers, max_size=20).map(lambda found: tuple(sorted(found))), max_size=3),
    st.dictionaries(ulids, st.builds(Known, numbers, st.sampled_from(State), milliseconds), max_size=5),
    st.dictionaries(st.just(EVERYTHING) | ulids, st.builds(Latch, numbers, milliseconds), max_size=3),
    st.none() | st.builds(Volume, numbers, st.integers(0, 100)),
    st.none() | milliseconds,
)


@given(kept)
def test_what_is_stored_is_remembered(memory: Memory) -> None:
    assert parse(memory.as_bytes()) == memory


@given(kept, st.data())
def test_half_a_memory_is_damaged(memory: Memory, data: st.DataObject) -> None:
    whole = memory.as_bytes()
    with pytest.raises(DamagedMemoryError):
        parse(whole[: data.draw(st.integers(0, len(whole) - 1))])


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{}", b'{"v":2}',
        b'{"v":1,"seen":{"ab":[true]},"known":{},"latches":{},"volume":null,"floor":null}',
        b'{"v":1,"seen":{"ab":1},"known":{},"latches":{},"volume":null,"floor":null}',
        b'{"v":1,"seen":{},"known":[],"latches":{},"volume":null,"floor":null}',
        b'{"v":1,"seen":{},"known":{"x":{"seq":1}},"latches":{},"volume":null,"floor":null}',
        b'{"v":1,"seen":{},"known":{},"latches":{"x":3},"volume":null,"floor":null}',
        b'{"v":1,"seen":{},"known":{},"latches":{},"volume":{"seq":1,"percent":101},"floor":null}',
        b'{"v":1,"seen":{},"known":{},"latches":{},"volume":null,"floor":1}',
    ],
)  # fmt: skip
def test_what_is_no_memory_is_damaged(content: bytes) -> None:
    with pytest.raises(DamagedMemoryError):
        parse(content)


def test_a_loudspeaker_begins_with_nothing(tmp_path: Path) -> None:
    assert load(tmp_path / "memory.json") == Memory()


def test_power_lost_between_storing_and_playing_costs_the_airing_and_plays_none_twice(tmp_path: Path) -> None:
    path, order = tmp_path / "memory.json", play()
    save(path, obeyed(order))  # and the power goes
    after = load(path)
    assert state(told(order, after)) == State.ACCEPTED
    assert may_start(order, LISTENER, after, order.start) is None
    save(path, after.noted(order.airing or "", State.STARTED))  # and it goes again, before a sound is heard
    after = load(path)
    assert may_start(order, LISTENER, after, order.start) is Refusal.SUPERSEDED
    assert state(told(order, after)) == State.STARTED


def test_a_stop_survives_a_power_cut(tmp_path: Path) -> None:
    save(tmp_path / "memory.json", obeyed(at_once(Command.STOP)))
    assert code(told(play(), load(tmp_path / "memory.json"))) is Refusal.STOPPED


def test_what_could_not_be_stored_leaves_the_memory_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "memory.json"
    save(path, obeyed(play(0)))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(path, obeyed(play(1, seq=2), load(path)))
    assert load(path) == obeyed(play(0))


@given(st.lists(st.integers(1, 5000), max_size=2500))
def test_the_highest_numbers_are_remembered_and_none_is_new_twice(given_numbers: list[int]) -> None:
    memory, taken = Memory(), set()
    for number in given_numbers:
        if memory.replay("ab", number) is None:
            assert number not in taken
            taken.add(number)
            memory = memory.heard("ab", number, ["ab"])
    assert memory.seen.get("ab", ()) == tuple(sorted(taken)[-WINDOW:])
    assert all(memory.replay("ab", number) is not None for number in taken)


def test_numbers_older_than_all_that_are_remembered_count_as_seen() -> None:
    memory = Memory(seen={"ab": tuple(range(100, 100 + WINDOW))})
    assert memory.replay("ab", 99) is Replay.OLDER
    assert memory.replay("ab", 100) is Replay.SEEN
    assert memory.replay("cd", 99) is None


def test_keys_that_are_pinned_no_more_are_forgotten() -> None:
    memory = Memory(seen={"ab": (1,), "cd": (2,)})
    assert memory.heard("ef", 3, ["cd", "ef"]).seen == {"cd": (2,), "ef": (3,)}


def test_airings_that_are_over_make_room_and_others_do_not() -> None:
    day = timedelta(days=1)
    over = Memory(known={f"A{n}": Known(1, State.FINISHED, NOW - day) for n in range(WINDOW)})
    memory = over.with_known("B", Known(1, State.ACCEPTED, NOW + day), NOW)
    assert memory is not None
    assert len(memory.known) == WINDOW
    assert "B" in memory.known
    to_come = Memory(known={f"A{n}": Known(1, State.ACCEPTED, NOW) for n in range(WINDOW)})
    assert to_come.with_known("B", Known(1, State.ACCEPTED, NOW + day), NOW) is None
    just_over = replace(over, known={name: replace(known, until=NOW - MINUTE) for name, known in over.known.items()})
    assert just_over.with_known("B", Known(1, State.ACCEPTED, NOW + day), NOW) is None  # by a clock that is slow
    assert to_come.with_known("A1", Known(2, State.ACCEPTED, NOW + day), NOW) is not None


def test_stops_of_single_airings_are_bounded_and_what_is_dropped_with_them_is_not_played() -> None:
    memory = Memory(latches={EVERYTHING: Latch(1, NOW - PACK)})
    for number in range(WINDOW + 10):
        memory = memory.latched(f"A{number}", Latch(number + 1, NOW + timedelta(seconds=number)))
    assert len(memory.latches) == WINDOW
    assert EVERYTHING in memory.latches
    assert memory.floor == NOW + timedelta(seconds=10)
    assert code(told(play(), replace(memory, latches={}))) is Refusal.TOO_OLD


def test_stops_of_airings_that_cannot_be_ordered_any_more_are_forgotten() -> None:
    memory = Memory().latched("A1", Latch(1, NOW)).latched("A2", Latch(2, NOW + PACK + timedelta(seconds=121)))
    assert set(memory.latches) == {"A2"}
    assert memory.floor is None


@pytest.mark.parametrize("before", [State.STARTED, State.FINISHED, State.STOPPED])
def test_what_has_ended_stays_ended(before: State) -> None:
    memory = Memory(known={"A": Known(1, before, NOW)})
    after = {next_state: memory.noted("A", next_state).known["A"].state for next_state in State}
    moved = {State.FINISHED, State.STOPPED} if before is State.STARTED else set()
    assert after == {next_state: next_state if next_state in moved else before for next_state in State}


def test_a_note_about_an_airing_that_is_forgotten_changes_nothing() -> None:
    assert Memory().noted("A", State.FINISHED) == Memory()


def test_saving_reaches_the_disk_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[Path] = []
    monkeypatch.setattr(files, "settle", settled.append)
    save(tmp_path / "memory.json", Memory())
    assert settled == [tmp_path]
