"""A province's source system: sign-in, what is sent in its words, and what its log says."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadcaster import clock
from broadcaster.connectors.base import connect, status
from broadcaster.connectors.source_system import SourceSystemConnector
from broadcaster.domain.airing import Evidence
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.order import Order, ReportState
from broadcaster.errors import DeliveryError
from tests.connectors.orders import clip_in, connecting, order, refusal, reports, station, until
from tests.fakes.http_station import Vice, running
from tests.fakes.source_system import PASSWORD, SourceSystem

STARTED, FINISHED, REFUSED, STOPPED = ReportState
HOUR = timedelta(hours=1)
CONFIG = {
    "username": "xa-kep",
    "password": PASSWORD,
    "clusters": ["loa-1", "loa-2"],
    "clip_url": "https://am-thanh.example/{sha256}.mp3",
}
Connect = Callable[..., SourceSystemConnector]


class Forgetful(set[str]):
    """What is put into it is not kept."""

    def add(self, _: str) -> None:
        """Nothing."""


@pytest.fixture
def system() -> Iterator[SourceSystem]:
    with running(SourceSystem()) as found:
        yield found


@pytest.fixture
def connected(system: SourceSystem) -> Iterator[Connect]:
    with connecting(
        "source_system", SourceSystemConnector, **{"address": system.address, "poll_s": 0.01, **CONFIG}
    ) as make:
        yield make


@pytest.fixture
def loa(connected: Connect) -> SourceSystemConnector:
    return connected()


@pytest.fixture
def begun(tmp_path: Path) -> Order:
    """An order whose time is a second past, so that the log's whole seconds do not matter."""
    return order(clip_in(tmp_path), clock.now() - timedelta(seconds=1))


def test_a_playlist_is_sent_in_the_words_in_use(loa: SourceSystemConnector, system: SourceSystem, begun: Order) -> None:
    start = datetime(2026, 11, 23, 10, tzinfo=UTC)
    given = replace(
        begun, start=start, duration_ms=83_400, repeats=3, gap_s=5.0, priority=Priority.EMERGENCY, title="Cảnh giác"
    )
    loa.deliver(given)
    playlist = system.playlists["bc-A1"]
    assert playlist["DanhSachThietBi"] == {"CumLoaID": ["loa-1", "loa-2"]}
    (date,) = playlist["DanhSachNgayPhat"]
    (time,) = date["ThoiDiemPhat"]
    assert (date["NgayPhat"], time["ThoiGianBatDau"], time["ThoiGianKetThuc"]) == (
        "1795428000", "1795428000", "1795428260",
    )  # fmt: skip
    bulletin = system.bulletin("A1")
    assert int(bulletin.pop("ThoiGianSanXuat")) <= clock.now().timestamp() + 1
    assert bulletin == {
        "BanTinID": "bc-A1", "TieuDe": "Cảnh giác", "LoaiBanTin": "3", "MucDoUuTien": "1", "LoaiLinhVuc": "1",
        "NoiDungTomTat": "Cảnh giác", "NoiDung": f"https://am-thanh.example/{given.clip_sha256}.mp3",
        "ThoiLuong": "00:01:23", "KieuLapLai": "2", "ThoiGianLapLai": "5", "SoLanLapLai": "2",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("priority", "code"), [(Priority.EMERGENCY, "1"), (Priority.PRIORITY, "2"), (Priority.NORMAL, "3")]
)
def test_each_priority_has_its_code(
    loa: SourceSystemConnector, system: SourceSystem, begun: Order, priority: Priority, code: str
) -> None:
    loa.deliver(replace(begun, priority=priority))
    bulletin = system.bulletin("A1")
    assert (bulletin["MucDoUuTien"], bulletin["KieuLapLai"], bulletin["SoLanLapLai"]) == (code, "1", "0")


def test_the_first_cluster_in_the_log_is_the_start(loa: SourceSystemConnector, begun: Order) -> None:
    given = replace(begun, start=begun.start.replace(microsecond=0))
    loa.deliver(given)
    (started,) = reports(loa, 1)
    assert (started.airing, started.state, started.at) == ("A1", STARTED, given.start)


def test_the_log_never_tells_of_an_end(loa: SourceSystemConnector, system: SourceSystem, begun: Order) -> None:
    loa.deliver(begun)
    reports(loa, 1)
    asked = system.count("log")
    until(lambda: system.count("log") > asked + 2)
    assert loa.reports() == []
    assert (loa.capabilities.confirms_finish, loa.capabilities.evidence) == (False, Evidence.STARTED)


def test_one_cluster_that_is_down_does_not_hide_the_other(
    loa: SourceSystemConnector, system: SourceSystem, begun: Order
) -> None:
    system.clusters_down = {"loa-1"}
    loa.deliver(begun)
    assert [report.state for report in reports(loa, 1)] == [STARTED]


def test_a_former_process_can_be_followed(connected: Connect, begun: Order) -> None:
    before = connected()
    before.deliver(begun)
    before.close()
    assert [report.airing for report in reports(connected(), 1)] == ["A1"]


def test_entries_about_others_or_without_sense_are_passed_over(
    loa: SourceSystemConnector, system: SourceSystem, begun: Order
) -> None:
    system.foreign = [
        None, {}, {"BanTinID": "tinh-77", "ThoiDiemBatDau": "1795428000"}, {"BanTinID": "bc-A9"},
        {"BanTinID": "bc-A9", "ThoiDiemBatDau": "soon"}, {"BanTinID": "bc-A9", "ThoiDiemBatDau": "9" * 30},
    ]  # fmt: skip
    loa.deliver(begun)
    assert [report.airing for report in reports(loa, 1)] == ["A1"]


def test_a_system_that_gives_no_log_is_not_asked(connected: Connect, system: SourceSystem, begun: Order) -> None:
    loa = connected(reads_log=False)
    loa.deliver(begun)
    assert loa.reports() == []
    assert system.count("log") == 0
    assert (loa.capabilities.confirms_start, loa.capabilities.evidence) == (False, Evidence.ACCEPTED)


def test_a_refusal_is_a_report_with_the_systems_words(connected: Connect, system: SourceSystem, begun: Order) -> None:
    for loa in (connected(), connected(reads_log=False)):
        system.refuses = "Trùng lịch phát"
        loa.deliver(begun)
        assert [(report.state, report.code) for report in reports(loa, 1)] == [(REFUSED, "Trùng lịch phát")]


def test_one_sign_in_serves_until_its_token_runs_out(
    loa: SourceSystemConnector, system: SourceSystem, begun: Order
) -> None:
    loa.deliver(begun)
    loa.deliver(begun)
    assert system.count("login") == 1
    system.expire()
    loa.deliver(begun)
    assert system.count("login") == 2
    assert list(system.playlists) == ["bc-A1"]


def test_a_system_that_refuses_every_token_is_not_asked_for_ever(
    loa: SourceSystemConnector, system: SourceSystem, begun: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "_tokens", Forgetful())
    error = refusal(loa, begun)
    assert "does not accept its credential" in str(error)
    assert error.is_permanent
    assert system.count("login") == 2


def test_a_wrong_password_is_told_and_tried_once(connected: Connect, system: SourceSystem, begun: Order) -> None:
    error = refusal(connected(password="guessed"), begun)
    assert "does not accept its credential" in str(error)
    assert error.is_permanent
    assert system.count("login") == 1
    wrong = station("source_system", **{"address": system.address, **CONFIG, "password": "guessed"})
    assert "credential" in str(status(wrong))


@pytest.mark.parametrize("vice", [Vice.DROPS, Vice.LOST, Vice.HALF, Vice.HTML, Vice.BUSY, Vice.ERROR], ids=str)
@pytest.mark.parametrize("call", ["login", "add"])
def test_what_fails_on_the_way_can_be_sent_again_and_is_there_once(
    loa: SourceSystemConnector, system: SourceSystem, begun: Order, call: str, vice: Vice
) -> None:
    system.next(call, vice)
    assert not refusal(loa, begun).is_permanent
    loa.deliver(begun)
    assert [report.state for report in reports(loa, 1)] == [STARTED]
    assert list(system.playlists) == ["bc-A1"]


@pytest.mark.parametrize("vice", [Vice.LOST, Vice.HALF], ids=str)
def test_what_may_have_arrived_and_was_not_confirmed_is_taken_back(
    loa: SourceSystemConnector, system: SourceSystem, begun: Order, vice: Vice
) -> None:
    system.next("add", vice)
    refusal(loa, begun)
    assert system.playlists == {}


def test_a_system_that_is_silent_is_not_waited_for(connected: Connect, system: SourceSystem, begun: Order) -> None:
    system.next("add", Vice.SLOW)
    assert "too slow" in str(refusal(connected(timeout_s=0.1), begun))


def test_a_system_that_is_not_there_is_told(loa: SourceSystemConnector, system: SourceSystem, begun: Order) -> None:
    system.close()
    assert not refusal(loa, begun).is_permanent
    with pytest.raises(DeliveryError, match="cannot be reached"):
        loa.stop("A1")


def test_a_log_that_fails_is_read_again(loa: SourceSystemConnector, system: SourceSystem, begun: Order) -> None:
    system.next("log", Vice.ERROR, Vice.HTML, Vice.HALF, Vice.DROPS, Vice.LOST, Vice.FORBIDDEN)
    loa.deliver(begun)
    assert [report.state for report in reports(loa, 1)] == [STARTED]


def test_a_playlist_is_taken_back(loa: SourceSystemConnector, system: SourceSystem, begun: Order) -> None:
    loa.deliver(replace(begun, start=begun.start + HOUR))
    loa.stop("A1")
    assert system.playlists == {}
    assert loa.reports() == []


def test_a_playlist_that_is_not_taken_back_is_an_error(
    loa: SourceSystemConnector, system: SourceSystem, begun: Order
) -> None:
    loa.deliver(begun)
    system.playlists.clear()
    with pytest.raises(DeliveryError, match="Không có lịch phát"):
        loa.stop("A1")


def test_another_process_can_take_a_playlist_back(connected: Connect, system: SourceSystem, begun: Order) -> None:
    connected().deliver(begun)
    connected().stop("A1")
    assert system.playlists == {}


def test_a_province_with_other_words_and_paths_is_configuration(begun: Order) -> None:
    names = {"status": "KetQua", "content": "DuLieu", "token": "MaTruyCap", "bulletin": "MaBanTin", "title": "Ten"}
    with running(SourceSystem(names)) as system:
        paths = {"login": "/api/v2/login", "add": "/api/v2/lich-phat/add", "log": "/nhat-ky/log"}
        config = {**CONFIG, "address": system.address, "fields": names, "paths": paths, "poll_s": 0.01}
        loa = connect(station("source_system", **config))
        loa.check()
        loa.deliver(begun)
        assert system.bulletin("A1")["Ten"] == "Bản tin"
        assert [report.state for report in reports(loa, 1)] == [STARTED]
        loa.stop("A1")
        loa.close()
        assert system.playlists == {}


def test_no_password_or_token_gets_into_a_log_or_an_error(
    loa: SourceSystemConnector, system: SourceSystem, begun: Order, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    system.next("add", Vice.ERROR)
    error = refusal(loa, begun)
    told = caplog.text + repr(error) + repr([vars(record) for record in caplog.records])
    assert not any(secret in told for secret in (PASSWORD, loa._client._token))
