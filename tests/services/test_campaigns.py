"""A source asks communes to air its bulletins: what it may send, and what each class of them becomes there."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from broadcaster.domain.airing import Outcome
from broadcaster.domain.campaign import Answer
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.services import approvals, campaigns, emergencies
from broadcaster.services.bulletins import Permission
from broadcaster.store.tables import ScheduleRow
from tests.fixtures import KINDS, NOW
from tests.services.campaign_world import NAMES, Source, at_once, said
from tests.services.world import COMMUNES, TODAY, World, here


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(world: World) -> Source:
    """One approved bulletin of the power team, `tin`."""
    world.approved()
    return Source(world)


def test_an_ordinary_bulletin_waits_for_every_commune_s_answer(source: Source) -> None:
    sent = source.send("tin")
    assert (sent.communes, sent.asked, sent.landed) == (5, 5, 0)
    assert set(source.answers().values()) == {Answer.ASKED}
    assert source.planned() == []
    (told,) = said(source.world, "kep", "campaign_sent")
    assert told["answers"] == {"tin": {"answer": "asked", "schedule": None}}
    source.world.assert_chains_hold()


def test_a_priority_bulletin_lands_in_the_first_slots_of_the_day_and_airs(source: Source) -> None:
    source.world.approved("gap", priority="priority")
    source.send("tin", "gap", times_a_day=2, rrule="FREQ=DAILY;COUNT=2")
    assert source.answers()["kep", "gap"] == Answer.LANDED
    tomorrow = TODAY + timedelta(days=1)
    assert source.planned(bulletin="gap") == [
        (TODAY, "Buổi trưa"), (tomorrow, "Buổi sáng"), (tomorrow, "Buổi trưa")
    ]  # fmt: skip
    source.world.run(here("11:29"), here("11:32"))
    assert source.world.today(commune="kep", bulletin="gap").outcome is Outcome.AIRED


def test_a_commune_without_slots_is_asked_and_says_so(source: Source) -> None:
    source.world.bring("communes: [{code: kep, name: Kép}]")
    source.world.approved("gap", priority="priority")
    assert source.send("gap").without_slots == ["kep"]
    cell = source.cell(bulletin="gap")
    assert (cell.answer, cell.reason) == (Answer.ASKED, "no_slots")
    with pytest.raises(InputError, match="Kép has no slots"):
        source.adopt()
    source.move("gap", times=["18:00"])
    assert source.answers()["kep", "gap"] == Answer.MOVED


@pytest.mark.parametrize("person", ["writer", "bien-tap", "quan-tri"])
def test_whoever_writes_for_the_source_sends(source: Source, person: str) -> None:
    source.world.bring("people: [{code: quan-tri, roles: [{role: administrator, commune: '*'}]}]")
    assert source.send("tin", person=person).communes == 5


@pytest.mark.parametrize("person", ["writer-2", "kep-1", "operator", "duyet-nguon"])
def test_nobody_else_sends_for_a_source(source: Source, person: str) -> None:
    with pytest.raises(NotAllowedError):
        source.send("tin", person=person)
    with pytest.raises(InputError, match="no campaign cd"):
        source.coverage()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"bulletins": ["khong"]}, "no bulletin khong"),
        ({"communes": ["kep", "nowhere"]}, "no commune nowhere"),
        ({"communes": []}, "communes: name at least 1"),
        ({"communes": ["kep", "kep"]}, "kep stands in the campaign twice"),
        ({"rrule": "FREQ=HOURLY"}, "may not hold HOURLY"),
        ({"rrule": "FREQ=DAILY;INTERVAL=0"}, "cannot be read"),
        ({"dtstart": date(2026, 10, 1), "rrule": "FREQ=DAILY;COUNT=3"}, "yields no date from now on"),
        ({"times_a_day": 0}, "times_a_day: must be at least 1"),
        ({"target_percent": 101}, "target_percent: must be at most 100"),
        ({"target_airings": 0}, "target_airings: must be at least 1"),
        ({"target_date": date(2026, 11, 1)}, "is over before anything airs"),
        ({"source": "Công an xã"}, "does not write for"),
        ({"id": "a b"}, "is not a code"),
        ({"title": " "}, "title: write something here"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_what_is_wrong(source: Source, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        source.send("tin", **wrong)
    assert source.answers() == {}


def test_only_what_is_approved_for_all_these_communes_and_of_this_source_is_sent(source: Source) -> None:
    world = source.world
    world.write("nhap")
    with pytest.raises(InputError, match="nhap is not approved"):
        source.send("tin", "nhap")
    world.approved("hep", permission=Permission(communes=["kep"]))
    with pytest.raises(InputError, match="hep was not approved for: lang-giang, my-thai"):
        source.send("hep")
    world.write("khac", source="Công an xã")
    world.submit("khac")
    world.approve("khac")
    with pytest.raises(InputError, match="khac is not of Đội Quản lý điện lực khu vực Lạng Giang, but of Công an xã"):
        source.send("khac")
    world.approved("cu", expires="2026-11-23T10:00:00+07:00")
    with pytest.raises(InputError, match="cu has expired"):
        source.send("cu", now=here("10:00"))
    with pytest.raises(InputError, match="cu expires before the campaign begins"):
        source.send("cu", dtstart=TODAY + timedelta(days=1))
    world.write(text="Bà con lưu ý.")
    with pytest.raises(InputError, match="tin is not approved"):
        source.send("tin")
    assert source.answers() == {}


def test_sent_again_it_adds_communes_and_nothing_twice(source: Source) -> None:
    source.world.approved("gap", priority="priority")
    source.send("tin", "gap", communes=["kep"])
    source.adopt(bulletin="tin")
    again = source.send("tin", "gap", communes=["kep", "my-thai"])
    assert (again.communes, again.asked, again.landed) == (1, 1, 1)
    assert len(said(source.world, "kep", "campaign_sent")) == 1
    assert source.answers()["kep", "tin"] == Answer.ADOPTED
    with pytest.raises(InputError, match="another campaign cd already"):
        source.send("tin", "gap", title="Khác")
    with pytest.raises(InputError, match="another campaign cd already"):
        source.send("tin")


def test_what_was_broken_off_goes_on_when_it_is_sent_again(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "_AT_ONCE", 2)

    def broken(done: int, _: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    entry = campaigns.wished(
        {"id": "cd", "title": "An toàn điện", "source": "Đội Quản lý điện lực khu vực Lạng Giang",
         "bulletins": ["tin"], "communes": list(COMMUNES), "dtstart": TODAY}
    )  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        campaigns.send(source.world.store, entry, source.world.actor("bien-tap"), NOW, progress=broken)
    assert len(source.answers()) == 4
    assert source.send("tin").communes == 1
    assert len(source.answers()) == 5


def test_the_id_of_a_schedule_is_short_and_its_own(source: Source) -> None:
    long = "c" + "-rat-dai" * 7
    source.world.approved("b" + "-rat-dai" * 7, priority="priority")
    source.send("b" + "-rat-dai" * 7, id=long)
    with source.world.store.reading() as session:
        rows = session.scalars(select(ScheduleRow).where(ScheduleRow.campaign == long)).all()
    assert len({row.id for row in rows}) == 5
    assert max(len(row.id) for row in rows) <= 64


def test_an_ended_campaign_is_not_adopted_any_more_and_what_was_goes_on(source: Source) -> None:
    source.send("tin")
    source.adopt()
    assert source.end() == 0
    assert len(source.planned()) == 6  # this morning's slot is over
    with pytest.raises(InputError, match="was ended already, by bien-tap"):
        source.adopt("my-thai", "my-thai-1")
    with pytest.raises(InputError, match="was ended already, by bien-tap"):
        source.send("tin")
    with pytest.raises(InputError, match="was ended already, by bien-tap"):
        source.end()
    source.move(changes=True)
    assert said(source.world, "my-thai", "campaign_ended") == [{"withdraw": False, "removed": 0}]


def test_a_campaign_that_is_withdrawn_airs_nowhere_any_more(source: Source) -> None:
    source.world.approved("gap", priority="priority")
    source.send("tin", "gap")
    source.adopt()
    source.end()
    assert source.end(withdraw=True) == 6
    assert source.end(withdraw=True) == 0
    assert (source.planned(), source.planned(bulletin="gap")) == ([], [])
    with pytest.raises(InputError, match="was ended already"):
        source.move(changes=True)
    source.world.assert_chains_hold()


def test_only_the_source_ends_its_campaign(source: Source) -> None:
    source.send("tin")
    for person in ("kep-1", "writer-2", "operator"):
        with pytest.raises(NotAllowedError):
            campaigns.end(source.world.store, "cd", source.world.actor(person), NOW)


def flood(source: Source) -> str:
    """An emergency that the source sends to Kép; its id."""
    source.world.approved("lu", "Nước lũ lên nhanh. Bà con lên chỗ cao.", priority="emergency")
    sent = source.send("lu", communes=["kep"], names=["Kép"], now=here("12:00"))
    (key,) = sent.emergencies
    return key


def confirm(source: Source, key: str, person: str = "kep-2", clock: str = "12:05") -> list[str]:
    actor = source.world.actor(person)
    airings = emergencies.confirm(source.world.store, key, ["Kép"], actor, here(clock))
    source.world.plan(here(clock))
    return airings


def test_an_emergency_of_a_source_is_confirmed_by_the_commune_and_airs(source: Source) -> None:
    (airing,) = confirm(source, flood(source))
    source.world.run(here("12:05"), here("12:07"))
    assert source.world.airings(id=airing)[0].outcome is Outcome.AIRED
    cell = source.cell(bulletin="lu", now=here("12:08"))
    assert (cell.answer, cell.answered_by, cell.airings.tested) == (Answer.ADOPTED, "kep-2", 1)
    assert said(source.world, "kep", "campaign_answered")[-1]["answer"] == "adopted"
    source.world.assert_chains_hold()


def test_an_emergency_is_confirmed_in_time_and_by_the_commune_alone(source: Source) -> None:
    key = flood(source)
    for person in ("duyet-nguon", "my-thai-1"):
        with pytest.raises(NotAllowedError):
            confirm(source, key, person)
    with pytest.raises(InputError, match="more than ten minutes ago"):
        confirm(source, key, clock="12:11")
    assert source.send("lu", communes=["kep"], names=["Kép"], now=here("12:09")).emergencies == {}
    again = source.send("lu", communes=["kep"], names=["Kép"], now=here("12:12")).emergencies
    assert list(again.values()) == ["kep"]
    confirm(source, next(iter(again)), clock="12:13")
    with pytest.raises(InputError, match="put on air already"):
        source.decline("lu", changes=True)


def test_who_sends_an_emergency_types_the_names_of_all_communes(source: Source) -> None:
    source.world.approved("lu", "Nước lũ lên nhanh.", priority="emergency")
    for names in ([], ["Kép"]):
        with pytest.raises(InputError, match="type the names: Kép, Lạng Giang"):
            source.send("lu", names=names)
    assert len(source.send("lu", names=list(NAMES.values())).emergencies) == 5


def test_an_emergency_that_the_commune_declined_or_the_source_ended_airs_no_more(source: Source) -> None:
    key = flood(source)
    with pytest.raises(InputError, match="a person of the commune confirms it"):
        source.adopt(bulletin="lu")
    with pytest.raises(InputError, match="answered for every bulletin"):
        source.adopt()
    source.decline("lu", reason="nước đã rút", now=here("12:02"))
    with pytest.raises(InputError, match="was withdrawn by kep-1"):
        confirm(source, key)
    assert source.send("lu", communes=["kep"], names=["Kép"], now=here("12:12")).emergencies == {}


def test_what_waits_when_the_source_ends_is_taken_back(source: Source) -> None:
    key = flood(source)
    source.end(now=here("12:01"))
    with pytest.raises(InputError, match="was withdrawn by bien-tap"):
        confirm(source, key)


def test_a_source_s_approver_may_be_one_of_the_two_but_not_with_another_of_the_source(source: Source) -> None:
    world = source.world
    world.approved("lu", "Nước lũ lên nhanh.", priority="emergency")

    def asked_by(person: str) -> str:
        return emergencies.ask(world.store, "lu", ["kep"], ["Kép"], world.actor(person), here("12:00"))

    assert confirm(source, asked_by("kep-1"), "duyet-nguon")
    assert confirm(source, asked_by("duyet-nguon"), "kep-1")
    with pytest.raises(NotAllowedError, match="duyet-nguon may not do this in: kep"):
        confirm(source, asked_by("bien-tap"), "duyet-nguon")
    world.bring("people: [{code: nguon-khac, roles: [{role: approver, source: Công an xã}]}]")
    with pytest.raises(NotAllowedError):
        confirm(source, asked_by("kep-1"), "nguon-khac")
    with pytest.raises(NotAllowedError):
        asked_by("nguon-khac")


def test_two_who_send_at_once_send_it_once(source: Source) -> None:
    entry = campaigns.wished(
        {"id": "cd", "title": "An toàn điện", "source": "Đội Quản lý điện lực khu vực Lạng Giang",
         "bulletins": ["tin"], "communes": list(COMMUNES), "dtstart": TODAY}
    )  # fmt: skip
    senders = [source.world.actor(person) for person in ("writer", "bien-tap")]
    results = at_once(*(lambda one=one: campaigns.send(source.world.store, entry, one, NOW) for one in senders))
    assert results == [None, None]
    assert len(source.answers()) == 5
    assert len(said(source.world, "kep", "campaign_sent")) == 1
    source.world.assert_chains_hold()


def test_a_source_s_words_are_approved_by_the_source_and_adopted_by_the_commune(source: Source) -> None:
    source.world.write("cua-nguon")
    source.world.submit("cua-nguon")
    approvals.approve(source.world.store, "cua-nguon", source.world.actor("duyet-nguon"), NOW)
    source.send("cua-nguon")
    assert source.planned(bulletin="cua-nguon") == []
    source.adopt()
    assert source.planned(bulletin="cua-nguon") != []
