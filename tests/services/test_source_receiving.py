"""Bulletins of a source system: taken once, aired only after a person here said so, and refused with a reason."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from broadcaster.connectors.base import connect
from broadcaster.connectors.source_system import SourceSystemConnector
from broadcaster.domain.bulletin import BulletinState, Field, Priority
from broadcaster.domain.campaign import schedule_id
from broadcaster.domain.place import Mode, Station
from broadcaster.domain.source import Receiving
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.orders.strict_json import ID
from broadcaster.services import approvals, campaign_answers, collisions, emergencies
from broadcaster.store import campaigns, submissions
from broadcaster.store.engine import Store
from broadcaster.store.record_tables import CampaignRow
from tests.fakes.http_station import Vice
from tests.fakes.source_system import listed
from tests.fixtures import KINDS, NOW
from tests.services.provinces import KEY, LINK, PROVINCE, Province, given, revision

both_kinds = pytest.mark.parametrize("kind", KINDS)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def answer(store: Store, version: int = 1) -> str:
    with store.reading() as session:
        (found,) = campaigns.answers(session, f"{KEY}-v{version}")
        return found.answer


def approved(province: Province, **more: str) -> None:
    """One came, was approved here, and the worker saw that."""
    given(province, listed(**more))
    province.world.approve(KEY, person="duyet-kep")
    province.receive(NOW + MINUTE)
    province.world.plan(NOW + MINUTE)


def test_a_text_lies_before_the_communes_approver_and_nothing_airs(province: Province) -> None:
    given(province, listed(MucDoUuTien="2"))
    world, found = province.world, revision(province.world)
    assert (found.title, found.text, found.source) == ("Cảnh báo cháy rừng", "Bà con không đốt nương.", PROVINCE)
    assert (found.priority, found.field, found.author) == (Priority.PRIORITY, Field.DIRECTION, f"nguon-{LINK}")
    assert world.state(KEY) == BulletinState.SUBMITTED
    with world.store.reading() as session:
        assert list(submissions.communes_of(session, submissions.newest(session, KEY).id)) == ["kep"]
    province.receive(NOW + MINUTE)
    world.plan(NOW + MINUTE)
    assert world.airings() == []


@pytest.mark.parametrize("code", ["1", "2", "3"])
def test_each_class_needs_a_person_of_the_commune(province: Province, code: str) -> None:
    given(province, listed(MucDoUuTien=code))
    with pytest.raises(NotAllowedError):
        approvals.approve(province.world.store, KEY, province.world.actor("truc-kep"), NOW)
    assert province.states() == {"T-1": "submitted"}


def test_a_normal_one_is_offered_to_be_adopted_or_declined(province: Province) -> None:
    approved(province)
    world = province.world
    assert (province.states(), answer(world.store), world.airings()) == ({"T-1": "offered"}, "asked", [])
    actor = world.actor("truc-kep")
    campaign_answers.adopt(world.store, f"{KEY}-v1", "kep", actor=actor, now=NOW + MINUTE)
    world.plan(NOW + MINUTE)
    assert [row.bulletin for row in world.airings()] == [KEY] * 2  # of three days; the first slot of today is over


def test_a_priority_one_lands_in_the_first_slot_once_it_is_approved(province: Province) -> None:
    approved(province, MucDoUuTien="2")
    assert answer(province.world.store) == "landed"
    assert {row.bulletin for row in province.world.airings()} == {KEY}


def test_where_it_does_not_fit_beside_the_communes_own_its_user_decides(province: Province) -> None:
    long, world = "Bà con chú ý. " * 60, province.world
    world.bring("communes: [{code: kep, name: Kép, slots: [{name: Chiều, start: '17:00', end: '17:04'}]}]")
    world.approved("rieng", long, priority="priority")
    world.schedule("rieng", "rieng", slots=["Chiều"])
    approved(province, MucDoUuTien="2", NoiDung=long)
    with world.store.reading() as session:
        first = collisions.collisions(session, "kep", NOW)[0]
    assert [one.bulletin for one in first.contenders] == ["rieng", KEY]
    theirs = schedule_id(f"{KEY}-v1", KEY, "kep")
    assert collisions.decide(world.store, "kep", theirs, world.actor("truc-kep"), NOW) == {theirs: -1}


@both_kinds
def test_an_emergency_is_told_and_asks_for_a_second_person(province: Province) -> None:
    given(province, listed(MucDoUuTien="1"))
    (alert,) = province.alerts()
    assert alert.startswith("source_emergency: An emergency bulletin of Hệ thống thông tin nguồn tỉnh has come for Kép")
    world = province.world
    world.approve(KEY, person="duyet-kep")
    province.receive(NOW + MINUTE)
    assert (province.alerts(), world.airings()) == ([], [])
    with world.store.reading() as session:
        (asked,) = emergencies.newest(session)
    assert (asked.asked_by, asked.confirmed_by, asked.overrides_quiet) == (f"nguon-{LINK}", None, False)
    assert ID.fullmatch(str(asked.asked_by))  # as an order names who said yes
    with pytest.raises(NotAllowedError):
        emergencies.confirm(world.store, asked.id, ["Kép"], world.actor("writer"), NOW + MINUTE)
    emergencies.confirm(world.store, asked.id, ["Kép"], world.actor("truc-kep"), NOW + MINUTE)
    assert [row.bulletin for row in world.airings()] == [KEY]


def test_where_anyone_could_speak_for_the_province_two_people_of_the_commune_are_needed() -> None:
    config = {
        "address": "http://192.0.2.5", "username": "xa", "password": "x", "clusters": ["1"],
        "clip_url": "https://a.example/{sha256}.mp3", "allow_unprotected": True, "receives": {"source": PROVINCE},
    }  # fmt: skip
    made = connect(Station(LINK, "kep", "source_system", Mode.LIVE, config))
    assert isinstance(made, SourceSystemConnector)
    assert made.receives is not None
    assert not made.receives.is_trusted
    config["receives"] = {"source": PROVINCE, "overrides_quiet": True}
    with pytest.raises(InputError, match="overrides_quiet needs https"):
        connect(Station(LINK, "kep", "source_system", Mode.LIVE, config))


def test_an_emergency_over_an_open_way_is_put_on_air_by_people_of_the_commune_alone(
    province: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = vars(SourceSystemConnector)["receives"].fget

    def untrusted(connector: SourceSystemConnector) -> Receiving:
        found: Receiving = real(connector)
        return replace(found, is_trusted=False)

    monkeypatch.setattr(SourceSystemConnector, "receives", property(untrusted))
    approved(province, MucDoUuTien="1")
    assert province.states() == {"T-1": "offered"}
    with province.world.store.reading() as session:
        assert (emergencies.newest(session), list(session.scalars(select(CampaignRow)))) == ([], [])
    people = [province.world.actor(code) for code in ("truc-kep", "duyet-kep")]
    asked = emergencies.ask(province.world.store, KEY, ["kep"], ["Kép"], people[0], NOW + MINUTE)
    assert emergencies.confirm(province.world.store, asked, ["Kép"], people[1], NOW + MINUTE) != []


def test_an_emergency_is_told_of_before_its_sound_is_there(province: Province) -> None:
    url = f"{province.system.address}/tin.wav"
    province.system.sounds["/tin.wav"] = b"no sound"
    province.system.next("tin.wav", Vice.ERROR)
    given(province, listed(MucDoUuTien="1", LoaiBanTin="3", NoiDung=url))
    assert [alert.partition(":")[0] for alert in province.alerts()] == ["source_emergency"]
    province.receive(NOW + 2 * MINUTE)
    assert [alert.partition(":")[0] for alert in province.alerts()] == ["source_refused"]


@both_kinds
def test_the_same_list_again_changes_nothing(province: Province) -> None:
    given(province, listed(), listed())
    before = province.world.count_of_entries()
    for minute in range(2, 5):
        province.receive(NOW + minute * MINUTE)
    assert province.system.count("list") == 4
    assert (province.world.count_of_entries(), revision(province.world).number) == (before, 1)


@both_kinds
def test_a_changed_one_is_a_new_revision_that_has_to_be_approved_anew(province: Province) -> None:
    approved(province, MucDoUuTien="2")
    world = province.world
    province.system.listed = [listed(MucDoUuTien="2", NoiDung="Bà con không đốt rơm.")]
    province.receive(NOW + 3 * MINUTE)
    world.plan(NOW + 3 * MINUTE)
    assert (revision(world).number, world.state(KEY)) == (2, BulletinState.SUBMITTED)
    assert world.airings(outcome=None) == []
    world.approve(KEY, person="duyet-kep")
    province.receive(NOW + 6 * MINUTE)
    assert answer(world.store, version=2) == "landed"


def test_what_only_others_would_notice_is_no_change(province: Province) -> None:
    given(province, listed())
    province.system.listed = [listed(SoLuotXem="7")]
    province.receive(NOW + 2 * MINUTE)
    assert revision(province.world).number == 1
