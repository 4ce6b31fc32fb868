"""What a source system sends that is no ordinary text: sounds, what cannot be aired, and lists that fail."""

import re
from datetime import timedelta

import pytest

from broadcaster.connectors.source_system import SourceSystemConnector
from broadcaster.domain.source import Incoming
from broadcaster.services import source_inbox
from broadcaster.speech.recording import Recordings
from tests.fakes.http_station import Vice
from tests.fakes.source_system import listed
from tests.fakes.speech import voice_file
from tests.fixtures import KINDS, NOW
from tests.services.campaign_world import said
from tests.services.provinces import KEY, LINK, Province, given, revision

both_kinds = pytest.mark.parametrize("kind", KINDS)
MOVED = f"stations: [{{code: {LINK}, commune: kep, connector: memory, mode: live}}]"
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


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


@both_kinds
def test_letters_that_no_database_keeps_hold_up_nobody(province: Province) -> None:
    given(province, listed("T-\x00", TieuDe="a\x00\ud800b"), listed(DichID="\udfff"), {"BanTinID": "T-9", "\x00": []})
    assert province.states() == {"T-\N{REPLACEMENT CHARACTER}": "submitted", "T-1": "submitted", "T-9": "refused"}


def test_an_answer_without_end_is_no_answer(province: Province) -> None:
    nested: list[object] = []
    for _ in range(300):
        nested = [nested]
    given(province, nested, listed(TacGia=nested))
    assert sorted(province.states().values()) == ["refused", "submitted"]


def test_one_source_system_that_breaks_us_keeps_no_other_waiting(
    province: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    province.configure(code="a-nguon")
    province.system.listed = [listed()]
    real = SourceSystemConnector.bulletins

    def breaks_once(connector: SourceSystemConnector) -> list[Incoming]:
        if connector._station.code == "a-nguon":
            raise RuntimeError("broken by the test")
        return real(connector)

    monkeypatch.setattr(SourceSystemConnector, "bulletins", breaks_once)
    with pytest.raises(RuntimeError):
        province.receive()
    assert province.states() == {"T-1": "submitted"}


def test_a_full_disk_is_waited_for(province: Province, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    province.system.sounds["/tin.wav"] = voice_file()
    with monkeypatch.context() as patch:
        patch.setattr(Recordings, "add", full)
        given(province, listed(LoaiBanTin="3", NoiDung=f"{province.system.address}/tin.wav"))
    assert (province.states(), province.why()) == ({"T-1": "waiting"}, "No space left on device")
    province.receive(NOW + 2 * MINUTE)
    assert province.states() == {"T-1": "submitted"}


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


def test_of_a_talk_that_is_wanted_no_more_nothing_is_told(province: Province) -> None:
    province.system.listed = None
    for minute in (0, 1, 3):
        province.receive(NOW + minute * MINUTE)
    assert province.alerts() != []
    province.world.bring(MOVED)
    province.receive(NOW + 4 * MINUTE)
    assert province.alerts() == []


def test_a_token_that_ran_out_is_renewed(province: Province) -> None:
    given(province)
    province.system.expire()
    province.system.listed = [listed()]
    province.receive(NOW + 2 * MINUTE)
    assert province.states() == {"T-1": "submitted"}


@both_kinds
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
