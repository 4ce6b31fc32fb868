"""Bulletins of a source system: taken once, aired only after a person here said so, and refused with a reason."""

import re
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network

import pytest

from broadcaster import reach
from broadcaster.connectors.base import connect
from broadcaster.connectors.source_system import SourceSystemConnector
from broadcaster.domain.bulletin import BulletinState, Field, Priority
from broadcaster.domain.place import Mode, Station
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.orders.strict_json import ID
from broadcaster.services import approvals, campaign_answers, emergencies, source_inbox
from broadcaster.store import campaigns, submissions
from broadcaster.store.engine import Store
from broadcaster.store.tables import RevisionRow
from tests.fakes.http_station import Vice
from tests.fakes.source_system import listed
from tests.fakes.speech import voice_file
from tests.fixtures import NOW
from tests.services.campaign_world import said
from tests.services.provinces import KEY, LINK, PROVINCE, Province, province_in
from tests.services.world import World

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def province(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Province]:
    monkeypatch.setattr(reach, "_allowed", (ip_network("127.0.0.0/8"),))
    with province_in(world) as found:
        yield found


def revision(world: World) -> RevisionRow:
    with world.store.reading() as session:
        return submissions.bulletin(session, KEY)[1]


def answer(store: Store, version: int = 1) -> str:
    with store.reading() as session:
        (found,) = campaigns.answers(session, f"{KEY}-v{version}")
        return found.answer


def given(province: Province, *entries: object) -> None:
    province.system.listed = list(entries)
    province.receive()


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


def test_an_emergency_is_told_and_asks_for_a_second_person(province: Province) -> None:
    given(province, listed(MucDoUuTien="1"))
    (alert,) = province.alerts()
    assert alert.startswith("source_emergency: An emergency bulletin of Chi cục Kiểm lâm has come for Kép")
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


def test_the_same_list_again_changes_nothing(province: Province) -> None:
    given(province, listed(), listed())
    before = province.world.count_of_entries()
    for minute in range(2, 5):
        province.receive(NOW + minute * MINUTE)
    assert province.system.count("list") == 4
    assert (province.world.count_of_entries(), revision(province.world).number) == (before, 1)


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


def test_a_sound_becomes_a_recording_through_the_gate(province: Province) -> None:
    province.system.sounds["/tin.wav"] = voice_file()
    given(province, listed(LoaiBanTin="3", NoiDung=f"{province.system.address}/tin.wav"))
    found = revision(province.world)
    assert str(found.voice).startswith("recording/")
    assert found.text == "Cảnh báo cháy rừng\nNguy cơ cháy rừng"
    province.world.approve(KEY, person="duyet-kep")


@pytest.mark.parametrize(
    ("sound", "reason"),
    [(b"#EXTM3U\nhttp://10.0.0.1/x", "playlist"), (b"<html>", "no sound file"), (voice_file()[:9_000], "cut short")],
    ids=["playlist", "page", "half"],
)
def test_a_sound_that_is_none_is_refused_and_told(province: Province, sound: bytes, reason: str) -> None:
    province.system.sounds["/tin.wav"] = sound
    given(province, listed(LoaiBanTin="3", NoiDung=f"{province.system.address}/tin.wav"))
    assert province.states() == {"T-1": "refused"}
    assert reason in province.why()
    assert reason in province.alerts()[0]


def test_a_sound_in_a_network_that_is_not_allowed_is_not_fetched(province: Province) -> None:
    given(province, listed(LoaiBanTin="3", NoiDung="http://169.254.169.254/latest/meta-data"))
    assert province.states() == {"T-1": "waiting"}
    assert "may not be reached" in province.why()
    province.receive(NOW + 4 * DAY)
    assert province.states() == {"T-1": "refused"}


def test_a_sound_that_is_late_is_fetched_again(province: Province) -> None:
    province.system.sounds["/tin.wav"] = voice_file()
    province.system.next("tin.wav", Vice.ERROR, Vice.HALF)
    given(province, listed(LoaiBanTin="3", NoiDung=f"{province.system.address}/tin.wav"))
    for minute in (1, 5):
        assert province.states() == {"T-1": "waiting"}
        province.receive(NOW + minute * MINUTE)
    assert province.states() == {"T-1": "submitted"}
    assert province.system.count("tin.wav") == 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"MucDoUuTien": "7"}, r"class \(MucDoUuTien: 7\) is unknown"),
        ({"MucDoUuTien": ""}, r"class \(MucDoUuTien: -\) is unknown"),
        ({"LoaiBanTin": "4"}, "only text and audio"),
        ({"LoaiBanTin": "5"}, "only text and audio"),
        ({"LoaiBanTin": "3"}, "no address"),
        ({"LoaiBanTin": "3", "NoiDung": "file:///etc/passwd"}, "no address"),
        ({"NoiDung": "", "NoiDungTomTat": ""}, "no words"),
        ({"NoiDung": "Gọi {so_la}."}, "Unknown placeholder"),
        ({"NoiDung": "a " * 100_000}, "characters"),
    ],
)
def test_what_cannot_be_aired_is_refused_with_a_reason_and_kept(
    province: Province, change: dict[str, str], reason: str
) -> None:
    given(province, listed(**change), listed("T-2"))
    assert province.states() == {"T-1": "refused", "T-2": "submitted"}
    assert re.search(reason, province.why())
    assert province.rows()[0].message["TieuDe"] == "Cảnh báo cháy rừng"
    assert [entry["source_key"] for entry in said(province.world, "kep", "source_refused")] == ["T-1"]


def test_entries_that_are_no_messages_are_refused_once(province: Province) -> None:
    given(province, None, "x", {"TieuDe": "không mã"}, listed())
    province.receive(NOW + 2 * MINUTE)
    assert sorted(province.states().values()) == ["refused"] * 3 + ["submitted"]
    assert len(said(province.world, "kep", "source_refused")) == 3


def test_what_is_meant_for_others_is_passed_over(province: Province) -> None:
    province.configure(receives={"destinations": ["xa-kep", "khu-vuc"]})
    given(province, listed("T-2", DichID="xa-my-thai"), listed("T-3", DichID="khu-vuc"), listed())
    assert set(province.states()) == {"T-3", "T-1"}


@pytest.mark.parametrize("vice", [Vice.DROPS, Vice.HALF, Vice.HTML, Vice.BUSY, Vice.ERROR, Vice.FORBIDDEN], ids=str)
def test_a_list_that_fails_is_asked_for_again_later(province: Province, vice: Vice) -> None:
    province.system.next("list", vice)
    given(province, listed())
    province.receive(NOW + MINUTE / 2)
    assert (province.states(), province.system.count("list")) == ({}, 1)
    province.receive(NOW + MINUTE)
    assert province.states() == {"T-1": "submitted"}


@pytest.mark.parametrize("wrong", ["abc", None, 7, {"a": 1}])
def test_a_list_of_the_wrong_kind_is_no_empty_list(province: Province, wrong: object) -> None:
    province.system.listed = wrong
    for minute in (0, 1, 3):
        province.receive(NOW + minute * MINUTE)
    (alert,) = province.alerts()
    assert alert.startswith("source_system: The source system of Kép")
    province.system.listed = []
    province.receive(NOW + 10 * MINUTE)
    assert province.alerts() == []


def test_a_token_that_ran_out_is_renewed(province: Province) -> None:
    given(province)
    province.system.expire()
    province.system.listed = [listed()]
    province.receive(NOW + 2 * MINUTE)
    assert province.states() == {"T-1": "submitted"}


def test_a_flood_is_taken_in_parts_and_nothing_is_lost(province: Province, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_inbox, "AT_ONCE", 3)
    given(province, *(listed(f"T-{number}") for number in range(7)))
    assert len(province.rows()) == 3
    province.receive()
    province.receive()
    assert len(province.rows()) == 7


def test_a_worker_that_died_after_submitting_does_not_ask_twice(province: Province) -> None:
    given(province, listed())
    with province.world.store.writing() as session:
        row = session.merge(province.rows()[0])
        row.state, row.due_at, row.bulletin = type(row.state)("waiting"), NOW, None
    province.receive(NOW + MINUTE)
    assert (province.states(), revision(province.world).number) == ({"T-1": "submitted"}, 1)
