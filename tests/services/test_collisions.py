"""Priority bulletins of a campaign and of the commune that do not both fit: the commune's user says which is first."""

from datetime import timedelta
from typing import Any

import pytest

from broadcaster.domain.airing import Reason
from broadcaster.domain.campaign import schedule_id
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.services import collisions
from broadcaster.services.collisions import Collision
from tests.fixtures import KINDS, NOW
from tests.services.campaign_world import Source, said
from tests.services.world import TODAY, World

LONG = "Bà con chú ý. " * 60
CAMPAIGN = schedule_id("cd", "gap", "kep")
SLOT = "{name: Buổi chiều, start: '17:00', end: '17:04'}"
COMMUNE = "communes: [{code: %s, name: Kép, slots: [%s]}]"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(world: World) -> Source:
    """A slot of four minutes in Kép, and two priority bulletins of more than two: the commune's own is older."""
    world.bring(COMMUNE % ("kep", SLOT))
    world.approved("gap", LONG, priority="priority")
    world.approved("rieng", LONG, priority="priority")
    return Source(world)


def collide(source: Source, **more: Any) -> list[Collision]:
    source.world.schedule("rieng", "rieng", **({"slots": ["Buổi chiều"], "rrule": "FREQ=DAILY;COUNT=2"} | more))
    source.send("gap", communes=["kep"], rrule="FREQ=DAILY;COUNT=2", now=NOW + timedelta(minutes=1))
    return found(source)


def found(source: Source) -> list[Collision]:
    source.world.plan()
    with source.world.store.reading() as session:
        return collisions.collisions(session, "kep", NOW)


def decide(source: Source, schedule: str, person: str = "kep-1") -> dict[str, int]:
    done = collisions.decide(source.world.store, "kep", schedule, source.world.actor(person), NOW)
    source.world.plan()
    return done


def blocked(source: Source) -> dict[str, Reason | None]:
    return {row.schedule: row.blocked for row in source.world.airings(commune="kep", local_date=TODAY)}


def test_what_does_not_fit_beside_the_commune_s_own_is_put_to_its_user(source: Source) -> None:
    first, second = collide(source)
    assert (first.day, first.place, first.is_by_order, first.first) == (TODAY, "Buổi chiều", True, None)
    assert second.day == TODAY + timedelta(days=1)
    own, theirs = first.contenders
    assert (own.schedule, own.campaign, own.blocked) == ("rieng", None, None)
    assert (theirs.schedule, theirs.campaign, theirs.blocked) == (CAMPAIGN, "cd", Reason.SLOT_FULL)


def test_the_user_puts_the_campaign_first_and_that_is_journalled_as_their_decision(source: Source) -> None:
    collide(source)
    assert decide(source, CAMPAIGN) == {CAMPAIGN: -1}
    assert blocked(source) == {CAMPAIGN: None, "rieng": Reason.SLOT_FULL}
    assert [one.first for one in found(source)] == [CAMPAIGN, CAMPAIGN]
    (told,) = said(source.world, "kep", "collision_decided")
    assert (told["first"], told["orders"]) == (CAMPAIGN, {CAMPAIGN: -1})
    with pytest.raises(InputError, match="is first already"):
        decide(source, CAMPAIGN)
    source.world.assert_chains_hold()


def test_the_user_keeps_their_own_first_and_can_change_their_mind(source: Source) -> None:
    collide(source)
    assert decide(source, "rieng", "kep-2") == {"rieng": -1}
    assert decide(source, CAMPAIGN) == {CAMPAIGN: -2}
    assert decide(source, "rieng") == {"rieng": -3}
    assert blocked(source) == {CAMPAIGN: Reason.SLOT_FULL, "rieng": None}


def test_a_decision_touches_no_other_commune(source: Source) -> None:
    source.world.bring(COMMUNE % ("my-thai", SLOT))
    collide(source, communes=["kep", "my-thai"])
    assert decide(source, "rieng") == {CAMPAIGN: 1}
    assert blocked(source) == {CAMPAIGN: Reason.SLOT_FULL, "rieng": None}


def test_the_order_decides_between_two_of_the_same_moment(source: Source) -> None:
    (first, _) = collide(source, slots=[], times=["17:00"])
    assert (first.is_by_order, {one.blocked for one in first.contenders}) == (True, {None, Reason.OVERLAP})
    decide(source, CAMPAIGN)
    assert blocked(source) == {CAMPAIGN: None, "rieng": Reason.OVERLAP}
    decide(source, "rieng")
    assert blocked(source) == {CAMPAIGN: Reason.OVERLAP, "rieng": None}


@pytest.mark.parametrize(
    ("theirs", "own", "place"), [([], "17:00:30", "Buổi chiều"), (["18:00"], "18:00:30", "18:00:30")]
)
def test_of_two_that_would_sound_at_once_at_other_times_one_has_to_be_moved(
    source: Source, theirs: list[str], own: str, place: str
) -> None:
    collide(source, slots=[], times=[own])
    if theirs:
        source.move("gap", times=theirs, dtstart=TODAY)
    first = found(source)[0]
    assert (first.place, first.is_by_order, first.first) == (place, False, None)
    with pytest.raises(InputError, match="The order does not help rieng"):
        decide(source, "rieng")


def test_what_is_no_priority_or_of_the_commune_alone_is_no_collision(source: Source) -> None:
    source.world.approved("hai", LONG, priority="priority")
    source.world.schedule("hai", "hai", slots=["Buổi chiều"])
    source.world.schedule("rieng", "rieng", slots=["Buổi chiều"])
    assert found(source) == []
    source.world.approved("thuong", LONG)
    source.send("thuong", communes=["kep"])
    source.adopt()
    assert found(source) == []
    with pytest.raises(InputError, match="rieng collides with nothing in kep"):
        decide(source, "rieng")


def test_only_the_commune_s_people_decide(source: Source) -> None:
    collide(source)
    for person in ("my-thai-1", "bien-tap", "duyet-nguon"):
        with pytest.raises(NotAllowedError):
            decide(source, CAMPAIGN, person)
    with pytest.raises(InputError, match="no commune khong"), source.world.store.reading() as session:
        collisions.collisions(session, "khong", NOW)
