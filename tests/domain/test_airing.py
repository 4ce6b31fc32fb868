"""How airings end: the phases, the stations' parts, and the one verdict."""

from collections.abc import Mapping
from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.airing import (
    OPEN_STATION_STATES,
    STATION_TRANSITIONS,
    TRANSITIONS,
    AiringKey,
    Evidence,
    Outcome,
    Phase,
    Reason,
    StationState,
    Verdict,
    evidence_of,
    verdict,
)

SENDING, ACCEPTED, STARTED = OPEN_STATION_STATES
FINISHED, UNCONFIRMED, STOPPED = StationState.FINISHED, StationState.UNCONFIRMED, StationState.STOPPED
REFUSED, FAILED, RECALLED = StationState.REFUSED, StationState.FAILED, StationState.RECALLED
HEARD = {FINISHED, UNCONFIRMED}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (FINISHED, Verdict(Outcome.AIRED, None, Evidence.FINISHED)),
        (UNCONFIRMED, Verdict(Outcome.AIRED, None, Evidence.ACCEPTED)),
        (STARTED, Verdict(Outcome.PARTIAL, Reason.NOT_CONFIRMED, Evidence.STARTED)),
        (STOPPED, Verdict(Outcome.PARTIAL, Reason.STOPPED, Evidence.STARTED)),
        (ACCEPTED, Verdict(Outcome.MISSED, Reason.NOT_CONFIRMED, Evidence.ACCEPTED)),
        (SENDING, Verdict(Outcome.MISSED, Reason.NOT_CONFIRMED, Evidence.NONE)),
        (REFUSED, Verdict(Outcome.FAILED, Reason.STATION_REFUSED, Evidence.NONE)),
        (FAILED, Verdict(Outcome.FAILED, Reason.STATION_UNREACHABLE, Evidence.NONE)),
        (RECALLED, Verdict(Outcome.CANCELLED, Reason.STOPPED, Evidence.NONE)),
    ],
)
def test_the_verdict_on_one_station(state: StationState, expected: Verdict) -> None:
    assert verdict({"loa": state}) == expected


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((FINISHED, FINISHED), Verdict(Outcome.AIRED, None, Evidence.FINISHED)),
        ((FINISHED, UNCONFIRMED), Verdict(Outcome.AIRED, None, Evidence.ACCEPTED)),
        ((FINISHED, FAILED), Verdict(Outcome.PARTIAL, Reason.SOME_STATIONS, Evidence.FINISHED)),
        ((UNCONFIRMED, REFUSED), Verdict(Outcome.PARTIAL, Reason.SOME_STATIONS, Evidence.ACCEPTED)),
        ((FINISHED, ACCEPTED, FAILED), Verdict(Outcome.PARTIAL, Reason.SOME_STATIONS, Evidence.FINISHED)),
        ((STOPPED, FAILED), Verdict(Outcome.PARTIAL, Reason.STOPPED, Evidence.STARTED)),
        ((ACCEPTED, FAILED), Verdict(Outcome.MISSED, Reason.NOT_CONFIRMED, Evidence.ACCEPTED)),
    ],
)
def test_the_verdict_on_several_stations(states: tuple[StationState, ...], expected: Verdict) -> None:
    assert verdict({f"loa-{number}": state for number, state in enumerate(states)}) == expected


def test_every_state_of_a_station_has_its_verdict() -> None:
    assert {verdict({"loa": state}).outcome for state in StationState} < set(Outcome)


def test_an_airing_without_any_station_failed() -> None:
    assert verdict({}) == Verdict(Outcome.FAILED, Reason.NO_STATION, Evidence.NONE)


def test_a_lost_worker_is_the_reason_where_nothing_better_is_known() -> None:
    lost = Reason.WORKER_STOPPED
    assert verdict({"loa": STARTED}, lost) == Verdict(Outcome.PARTIAL, lost, Evidence.STARTED)
    assert verdict({"loa": ACCEPTED}, lost) == Verdict(Outcome.MISSED, lost, Evidence.ACCEPTED)
    assert verdict({"loa": REFUSED}, lost).reason is Reason.STATION_REFUSED
    assert verdict({"loa": FINISHED}, lost).reason is None


@pytest.mark.parametrize(
    ("state", "has_started", "strongest", "expected"),
    [
        (FINISHED, True, Evidence.FINISHED, Evidence.FINISHED),
        (FINISHED, True, Evidence.PLAYING, Evidence.PLAYING),
        (STOPPED, True, Evidence.PLAYING, Evidence.PLAYING),
        (UNCONFIRMED, True, Evidence.FINISHED, Evidence.STARTED),
        (UNCONFIRMED, True, Evidence.STARTED, Evidence.STARTED),
        (UNCONFIRMED, True, Evidence.PLAYING, Evidence.PLAYING),
        (UNCONFIRMED, False, Evidence.PLAYING, Evidence.ACCEPTED),
        (UNCONFIRMED, False, Evidence.SENT, Evidence.SENT),
        (REFUSED, True, Evidence.FINISHED, Evidence.NONE),
    ],
)
def test_a_part_is_known_no_better_than_its_station_can_tell(
    state: StationState, has_started: bool, strongest: Evidence, expected: Evidence
) -> None:
    assert evidence_of(state, strongest, has_started=has_started) is expected


def test_the_verdict_has_the_weakest_evidence_that_is_known() -> None:
    known = {"a": Evidence.FINISHED, "b": Evidence.PLAYING}
    assert verdict({"a": FINISHED, "b": FINISHED}, None, known) == Verdict(Outcome.AIRED, None, Evidence.PLAYING)
    assert verdict({"a": FINISHED, "b": FINISHED}, None, {"b": Evidence.STARTED}).evidence is Evidence.STARTED
    one_failed = verdict({"a": FAILED, "b": FINISHED}, None, {"a": Evidence.NONE, "b": Evidence.PLAYING})
    assert one_failed == Verdict(Outcome.PARTIAL, Reason.SOME_STATIONS, Evidence.PLAYING)


stations = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(StationState), min_size=1)
lost = st.sampled_from([None, Reason.WORKER_STOPPED])


@given(stations, lost)
def test_an_airing_is_aired_only_where_every_station_was(
    parts: Mapping[str, StationState], reason: Reason | None
) -> None:
    found = verdict(parts, reason)
    assert (found.outcome is Outcome.AIRED) == (set(parts.values()) <= HEARD)
    assert (found.reason is None) == (found.outcome is Outcome.AIRED)


@given(stations, lost)
def test_something_was_heard_exactly_where_the_outcome_says_so(
    parts: Mapping[str, StationState], reason: Reason | None
) -> None:
    was_heard = bool(set(parts.values()) & (HEARD | {STARTED, STOPPED}))
    assert (verdict(parts, reason).outcome in {Outcome.AIRED, Outcome.PARTIAL}) == was_heard


@given(stations, lost)
def test_no_evidence_is_claimed_that_no_station_gave(parts: Mapping[str, StationState], reason: Reason | None) -> None:
    given_by = {verdict({"loa": state}).evidence for state in parts.values()}
    assert verdict(parts, reason).evidence in given_by


@given(stations, lost, st.randoms(use_true_random=False))
def test_the_verdict_does_not_hang_on_the_names_of_the_stations(
    parts: Mapping[str, StationState], reason: Reason | None, chance: Random
) -> None:
    states = list(parts.values())
    chance.shuffle(states)
    assert verdict(dict(zip(parts, states, strict=True)), reason) == verdict(parts, reason)


def test_what_has_ended_never_changes_again() -> None:
    assert TRANSITIONS[Phase.ENDED] == frozenset()
    for state in StationState:
        assert (state in OPEN_STATION_STATES) == bool(STATION_TRANSITIONS[state])


def test_every_phase_can_end_and_be_reached() -> None:
    assert all(Phase.ENDED in TRANSITIONS[phase] for phase in Phase if phase is not Phase.ENDED)
    assert set().union(*TRANSITIONS.values()) == set(Phase)


def test_what_sounds_is_never_planned_again() -> None:
    assert Phase.PLANNED not in TRANSITIONS[Phase.ON_AIR]


def test_a_report_of_the_start_may_overtake_the_note_that_the_order_was_accepted() -> None:
    assert STARTED in STATION_TRANSITIONS[SENDING]
    assert Phase.ON_AIR in TRANSITIONS[Phase.SENDING]


def test_no_report_takes_a_station_back() -> None:
    order = [SENDING, ACCEPTED, STARTED]
    for state in order:
        assert not STATION_TRANSITIONS[state] & set(order[: order.index(state) + 1])


def test_keys_are_equal_only_where_all_their_parts_are() -> None:
    key = AiringKey("s", "kep", date(2026, 11, 23), "17:00")
    others = [
        AiringKey("t", "kep", date(2026, 11, 23), "17:00"),
        AiringKey("s", "my-thai", date(2026, 11, 23), "17:00"),
        AiringKey("s", "kep", date(2026, 11, 24), "17:00"),
        AiringKey("s", "kep", date(2026, 11, 23), "17:01"),
    ]
    assert len({key, AiringKey("s", "kep", date(2026, 11, 23), "17:00"), *others}) == 5
