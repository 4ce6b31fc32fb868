"""What a commune answers to a campaign: it adopts, moves or declines, once, by its own people."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.airing import Outcome
from broadcaster.domain.campaign import TRANSITIONS, Answer, check_answer, communes_needed, schedule_id
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.services import scheduling
from broadcaster.store.record_tables import EmergencyRow
from broadcaster.store.tables import ScheduleRow
from tests.fixtures import KINDS, NOW
from tests.services.campaign_world import Source, at_once, said
from tests.services.world import TODAY, World, here

TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(world: World) -> Source:
    """An ordinary bulletin `tin` and a priority one `gap`, sent to all communes for three days."""
    world.approved()
    world.approved("gap", priority="priority")
    source = Source(world)
    source.send("tin", "gap", rrule="FREQ=DAILY;COUNT=3", times_a_day=2)
    return source


def test_what_is_adopted_airs_as_the_source_wished(source: Source) -> None:
    (schedule,) = source.adopt().values()
    assert source.planned() == [
        (TODAY, "Buổi trưa"), (TOMORROW, "Buổi sáng"), (TOMORROW, "Buổi trưa"),
        (TOMORROW + timedelta(days=1), "Buổi sáng"), (TOMORROW + timedelta(days=1), "Buổi trưa"),
    ]  # fmt: skip
    assert source.planned("my-thai") == []
    source.world.run(here("11:29"), here("11:33"))
    assert source.world.today(commune="kep", bulletin="tin").outcome is Outcome.AIRED
    (told,) = said(source.world, "kep", "campaign_answered")
    assert told == {"bulletin": "tin", "before": "asked", "answer": "adopted", "schedule": schedule, "reason": ""}
    source.world.assert_chains_hold()


def test_a_commune_chooses_the_slots(source: Source) -> None:
    source.adopt(slots=["Buổi chiều"])
    assert {place for _, place in source.planned()} == {"Buổi chiều"}
    with pytest.raises(InputError, match="commune kep has no slot Buổi tối"):
        source.move(slots=["Buổi tối"], changes=True)


def test_a_commune_moves_it_to_its_own_dates_and_times(source: Source) -> None:
    source.move(times=["18:15"])
    assert source.planned() == [(TOMORROW, "18:15"), (TOMORROW + timedelta(days=1), "18:15")]
    source.move(slots=["Buổi chiều"], rrule="FREQ=DAILY;COUNT=1", changes=True)
    assert source.planned() == [(TOMORROW, "Buổi chiều")]
    assert [told["answer"] for told in said(source.world, "kep", "campaign_answered")] == ["moved", "moved"]


def test_a_move_says_what_is_to_be_otherwise(source: Source) -> None:
    with pytest.raises(InputError, match="Say what is to be otherwise"):
        source.move(dtstart=None, rrule=None)
    source.move(dtstart=None, rrule=None, slots=["Buổi chiều"])
    assert [day for day, _ in source.planned()] == [TODAY, TOMORROW, TOMORROW + timedelta(days=1)]


def test_what_landed_is_moved_and_not_declined(source: Source) -> None:
    with pytest.raises(InputError, match="gap is a priority bulletin, which the commune has to air"):
        source.decline("gap")
    source.move("gap", times=["18:15"])
    assert source.answers()["kep", "gap"] == Answer.MOVED
    with pytest.raises(InputError, match="gap is a priority bulletin, which the commune has to air"):
        source.decline("gap", changes=True)
    assert source.planned(bulletin="gap") == [(TOMORROW, "18:15"), (TOMORROW + timedelta(days=1), "18:15")]


def test_what_landed_is_not_taken_out_of_the_timetable_either(source: Source) -> None:
    world = source.world
    landed = schedule_id("cd", "gap", "kep")
    with pytest.raises(InputError, match="which has to be aired"):
        scheduling.remove(world.store, landed, world.actor("kep-1"), NOW)
    source.adopt()
    scheduling.remove(world.store, schedule_id("cd", "tin", "kep"), world.actor("kep-1"), NOW)


def test_what_is_declined_has_a_reason_and_airs_no_more(source: Source) -> None:
    source.adopt()
    for reason in ("", "  "):
        with pytest.raises(InputError, match="Say why"):
            source.decline(reason=reason, changes=True)
    source.decline(reason=" đã phát tuần trước ", changes=True)
    assert source.planned() == []
    cell = source.cell()
    assert (cell.answer, cell.reason, cell.schedule) == (Answer.DECLINED, "đã phát tuần trước", None)
    source.adopt(bulletin="tin", changes=True)
    assert len(source.planned()) == 5


def test_what_was_answered_is_answered_anew_only_on_purpose(source: Source) -> None:
    source.adopt()
    for again in (source.decline, source.move, lambda **more: source.adopt(bulletin="tin", **more)):
        with pytest.raises(InputError, match="Kép has answered for tin already: adopted, by kep-1"):
            again(person="kep-2")
    with pytest.raises(InputError, match="Kép has answered for every bulletin of cd"):
        source.adopt()
    with pytest.raises(InputError, match="tin is adopted in this commune and cannot become adopted"):
        source.adopt(bulletin="tin", changes=True)


def test_of_two_who_answer_at_once_the_second_is_told(source: Source) -> None:
    results = at_once(lambda: source.adopt(bulletin="tin"), lambda: source.decline(person="kep-2"))
    (told,) = [str(result) for result in results if result is not None]
    assert "Kép has answered for tin already" in told
    assert len(said(source.world, "kep", "campaign_answered")) == 1
    assert (source.answers()["kep", "tin"] == Answer.ADOPTED) == bool(source.planned())
    source.world.assert_chains_hold()


@pytest.mark.parametrize("person", ["my-thai-1", "bien-tap", "duyet-nguon", "writer"])
def test_nobody_answers_for_a_commune_but_its_own_people(source: Source, person: str) -> None:
    for answer in (source.adopt, source.move, source.decline):
        with pytest.raises(NotAllowedError):
            answer(person=person)
    assert source.answers()["kep", "tin"] == Answer.ASKED


def test_an_answer_names_what_was_sent(source: Source) -> None:
    with pytest.raises(InputError, match=r"campaign cd has no bulletin khong\. It has: gap, tin"):
        source.decline("khong")
    source.world.bring("communes: [{code: moi, name: Mới}]")
    with pytest.raises(InputError, match="campaign cd was not sent to moi"):
        source.adopt("moi", "operator")


def test_what_may_not_air_any_more_is_not_adopted(source: Source) -> None:
    source.world.withdraw("tin")
    with pytest.raises(InputError, match="tin is not approved"):
        source.adopt()
    late = here("09:00", TODAY + timedelta(days=3))
    source.world.approved("tin", "Bà con lưu ý.", now=late)
    with pytest.raises(InputError, match="All dates for tin are over"):
        source.adopt(now=late)
    source.move(now=late, dtstart=TODAY + timedelta(days=4))
    assert len(source.planned()) == 4


def test_the_schedule_is_the_campaign_s_and_an_operator_s_own_order_stays(source: Source) -> None:
    key = source.move(times=["18:15"])
    assert key == schedule_id("cd", "tin", "kep")
    with source.world.store.writing() as session:
        row = session.get_one(ScheduleRow, key)
        assert row.campaign == "cd"
        row.order = -3
    source.move(times=["18:30"], changes=True)
    with source.world.store.reading() as session:
        assert session.get_one(ScheduleRow, key).order == -3


def test_no_emergency_was_asked_for_what_is_none(source: Source) -> None:
    with source.world.store.reading() as session:
        assert session.query(EmergencyRow).count() == 0


@given(st.sampled_from(Answer), st.sampled_from(Answer))
def test_every_way_of_an_answer_stands_in_the_table(before: Answer, after: Answer) -> None:
    if after in TRANSITIONS[before]:
        check_answer("tin", before, after)
    else:
        with pytest.raises(InputError):
            check_answer("tin", before, after)
    assert Answer.ASKED not in TRANSITIONS[before]


_IDS = st.tuples(*[st.from_regex(r"[A-Za-z0-9-]{2,64}", fullmatch=True)] * 3)
_ALIKE = st.tuples(*[st.from_regex(r"[a-]{2,5}", fullmatch=True)] * 3)


@given(_IDS | _ALIKE, _IDS | _ALIKE)
def test_no_two_schedules_of_campaigns_have_one_id(first: tuple[str, str, str], second: tuple[str, str, str]) -> None:
    assert (schedule_id(*first) == schedule_id(*second)) == (first == second)
    assert all(re.fullmatch(r"[A-Za-z0-9-]{2,64}", schedule_id(*three)) for three in (first, second))


@given(st.integers(1, 100), st.integers(1, 4000))
def test_a_share_of_the_communes_is_rounded_up(percent: int, communes: int) -> None:
    needed = communes_needed(percent, communes)
    assert 100 * needed >= percent * communes > 100 * (needed - 1)
    assert needed <= communes
