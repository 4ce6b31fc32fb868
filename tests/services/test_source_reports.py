"""What aired is told to the source system: once for each airing and cluster, however long it is away."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, update

from broadcaster.domain.airing import StationState
from broadcaster.domain.place import Mode
from broadcaster.domain.roles import Actor
from broadcaster.services import source_reports
from broadcaster.services.source_reports import GIVEN_UP_AFTER, Reporting
from broadcaster.store import airings
from broadcaster.store.source_tables import SourceReportRow
from broadcaster.store.tables import AiringRow
from tests.fakes.http_station import Vice
from tests.fakes.source_system import listed
from tests.fixtures import KINDS, NOW
from tests.services.campaign_world import said
from tests.services.provinces import KEY, LINK, Province
from tests.services.world import POWER, SECOND, here

DUE = here("17:00")
both_kinds = pytest.mark.parametrize("kind", KINDS)
OVER = DUE + 20 * SECOND
MINUTE = timedelta(minutes=1)


@pytest.fixture
def province(province: Province) -> Province:
    """Its own loudspeaker is live, and so is the source system's station; the latter's log is read here by nobody."""
    province.world.station("kep-loa", mode="live")
    province.configure(reads_log=True, receives=None, poll_s=600)
    return province


def aired(province: Province, key: str = "tin") -> AiringRow:
    world = province.world
    if key == "tin":
        world.approved()
    world.schedule(bulletin=key)
    world.plan()
    world.run(DUE - MINUTE, OVER)
    world.outcomes.sweep(DUE + 10 * MINUTE)
    return world.today()


def details(message: dict[str, object]) -> dict[str, str]:
    found = message["ThongTinChiTietBanTin"]
    assert isinstance(found, list)
    return {entry["Ten"]: entry["GiaTri"] for entry in found}


def test_a_cluster_that_played_is_told_of_in_the_words_in_use(province: Province) -> None:
    row = aired(province)
    assert province.report(OVER) == 1
    (message,) = province.system.heard
    assert row.started_at is not None
    assert details(message) == {
        "LuotPhatID": row.id, "ThoiDiemKetThuc": details(message)["ThoiDiemKetThuc"], "KetQua": str(row.outcome),
        "BangChung": str(row.evidence),
    }  # fmt: skip
    del message["ThongTinChiTietBanTin"]
    assert message == {
        "BanTinID": f"bc-{row.id}", "TieuDe": "Bản tin tin", "LoaiBanTin": "3", "MucDoUuTien": "3", "LoaiLinhVuc": "1",
        "NoiDungTomTat": "Bản tin tin", "ThoiLuong": message["ThoiLuong"], "NguonTin": POWER, "CumLoaID": "kep-loa",
        "ThoiDiemBatDau": f"{DUE.timestamp():.0f}", "TiepAm": "0",
    }  # fmt: skip
    assert (province.report(OVER + MINUTE), len(province.system.heard)) == (0, 1)


def test_a_bulletin_of_the_source_system_is_told_of_by_its_own_id(province: Province) -> None:
    province.system.listed = [listed("T-1")]
    province.receive()
    province.world.approve(KEY, person="duyet-kep")
    aired(province, KEY)
    province.report(OVER)
    assert province.system.heard[0]["BanTinID"] == "T-1"


def test_clusters_are_called_as_the_province_calls_them(province: Province) -> None:
    province.configure(report_as={"kep-loa": "BN-0012"}, poll_s=600)
    aired(province)
    province.report(OVER)
    assert [message["CumLoaID"] for message in province.system.heard] == ["BN-0012"]


def test_a_system_without_a_log_is_told_of_its_own_clusters(province: Province) -> None:
    province.configure(reads_log=False)
    aired(province)
    province.report(DUE + 10 * MINUTE)
    assert sorted(message["CumLoaID"] for message in province.system.heard) == ["kep-loa", "loa-1", "loa-2"]


def test_a_link_in_test_mode_is_told_of_nothing_live(province: Province) -> None:
    province.configure(mode="test", poll_s=600)
    assert aired(province).mode is Mode.LIVE
    assert province.reports() == []


def test_one_that_wants_no_reports_gets_none(province: Province) -> None:
    province.configure(reports=False, poll_s=600)
    aired(province)
    assert province.reports() == []


@both_kinds
def test_what_ended_is_queued_once_however_often_it_is_looked_at(province: Province) -> None:
    row = aired(province)
    for _ in range(2):
        with province.world.store.writing() as session:
            source_reports.queue(session, province.world.stations, session.get_one(AiringRow, row.id), OVER)
    assert len(province.reports()) == 1


def test_who_did_not_play_is_not_told_of(province: Province) -> None:
    row = aired(province)
    with province.world.store.writing() as session:
        session.execute(delete(SourceReportRow))
        for part in airings.deliveries(session, row.id):
            part.state = StationState.REFUSED
        session.flush()
        source_reports.queue(session, province.world.stations, session.get_one(AiringRow, row.id), OVER)
    assert province.reports() == []


@pytest.mark.parametrize("vice", [Vice.DROPS, Vice.HTML, Vice.BUSY, Vice.ERROR, Vice.FORBIDDEN], ids=str)
def test_what_fails_is_sent_again_later(province: Province, vice: Vice) -> None:
    aired(province)
    province.system.next("report", vice)
    assert province.report(OVER) == 0
    assert (province.report(OVER + 59 * SECOND), province.system.count("report")) == (0, 1)
    assert province.report(OVER + MINUTE) == 1
    assert len(province.system.heard) == 1


@pytest.mark.parametrize("vice", [Vice.LOST, Vice.HALF], ids=str)
def test_what_may_have_arrived_is_sent_again_just_as_it_was(province: Province, vice: Vice) -> None:
    aired(province)
    province.system.next("report", vice)
    province.report(OVER)
    province.report(OVER + MINUTE)
    first, second = province.system.heard
    assert first == second


def test_a_token_that_ran_out_costs_no_report(province: Province) -> None:
    aired(province)
    province.system.expire()
    assert province.report(OVER) == 1


@both_kinds
def test_an_outage_of_hours_loses_nothing_and_is_told_once(province: Province) -> None:
    province.configure(reads_log=False)
    aired(province)
    province.system.vice = Vice.ERROR
    now = DUE + 10 * MINUTE
    for _ in range(600):
        now += MINUTE
        province.report(now)
    assert province.system.count("report") < 30  # and not 1,800
    (alert,) = province.alerts()
    assert alert.startswith("source_system: ")
    province.system.vice = Vice.NONE
    for _ in range(40):
        now += MINUTE
        province.report(now)
    assert len(province.system.heard) == 3
    assert province.alerts() == []


def test_a_refusal_is_final_journalled_and_told_and_holds_up_nobody(province: Province) -> None:
    province.configure(reads_log=False)
    row = aired(province)
    province.system.will_not_have = "Cụm loa không tồn tại"
    assert province.report(DUE + 10 * MINUTE) == 0
    assert [report.given_up_at is not None for report in province.reports()] == [True] * 3
    assert province.system.count("report") == 3
    entries = said(province.world, "kep", "source_report_given_up")
    assert len(entries) == 3
    assert "Cụm loa không tồn tại" in str(entries[0]["error"])
    assert "Cụm loa không tồn tại" in province.alerts()[0]
    assert "source_report_given_up" in province.world.journalled(row.id)
    assert province.report(DUE + 60 * MINUTE) == 0
    assert province.system.count("report") == 3


def test_what_nobody_takes_for_two_weeks_is_given_up(province: Province) -> None:
    aired(province)
    province.system.vice = Vice.ERROR
    province.report(OVER + GIVEN_UP_AFTER + MINUTE)
    assert province.reports()[0].given_up_at is not None


class Dies(BaseException):
    """The process is gone."""


def test_what_was_under_way_as_the_worker_died_is_sent_again(
    province: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    aired(province)

    def die(*_: object) -> None:
        raise Dies

    with monkeypatch.context() as patch:
        patch.setattr(Reporting, "_tell", die)
        with pytest.raises(Dies):
            province.report(OVER)
    assert province.reports()[0].sending_at == OVER
    assert province.report(OVER + MINUTE) == 1


def test_a_station_that_is_gone_ends_its_queue(province: Province) -> None:
    aired(province)
    reporting = Reporting(province.world.store, province.world.stations, Actor(None, "root"), province.random)
    with province.world.store.writing() as session:
        session.execute(update(SourceReportRow).values(station="gone"))
    assert reporting.send(OVER) == 0
    assert province.reports()[0].given_up_at is not None


def test_times_are_those_of_the_cluster(province: Province) -> None:
    row = aired(province)
    (report,) = province.reports()
    started: datetime | None = row.started_at
    assert (report.started_at, report.station, report.queued_at > NOW) == (started, LINK, True)
