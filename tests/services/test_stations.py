"""The worker's stations: one connector each, as long as nothing about the station changes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from broadcaster.domain.order import ReportState
from broadcaster.domain.place import Mode, Station
from broadcaster.errors import InputError
from broadcaster.services.stations import Stations
from tests.fakes.loudspeakers import KIND, Site, Vice
from tests.fixtures import NOW


@pytest.fixture
def site() -> Iterator[Site]:
    with Site().in_use() as found:
        yield found


def station(code: str = "kep-loa", kind: str = KIND, **config: object) -> Station:
    return Station(code, "kep", kind, Mode.TEST, config)


def test_a_station_keeps_its_connector(site: Site) -> None:
    stations = Stations()
    assert stations.connector(station()) is stations.connector(station())
    assert stations.connector(station()) is not stations.connector(station("my-thai-loa"))


@pytest.mark.parametrize("changed", [station(lead_s=5), replace(station(), mode=Mode.LIVE)])
def test_a_station_that_was_changed_is_connected_anew(site: Site, changed: Station) -> None:
    stations = Stations()
    before = stations.connector(station())
    assert stations.connector(changed) is not before
    assert stations.connector(changed) is stations.connector(changed)


def test_what_the_old_connector_had_to_tell_is_not_lost(site: Site) -> None:
    stations = Stations()
    stations.connector(station())
    site.speaker("kep-loa").tell("A1", ReportState.FINISHED, NOW)
    stations.connector(station(confirms=False))
    assert [report.airing for report in stations.reports()] == ["A1"]
    assert stations.reports() == []


def test_a_station_that_cannot_be_connected_is_an_error_but_has_no_capabilities(site: Site) -> None:
    stations = Stations()
    for wrong in (station(kind="telepathy"), station(colour="red")):
        with pytest.raises(InputError):
            stations.connector(wrong)
        assert stations.capabilities(wrong) is None
    assert stations.capabilities(None) is None


def test_an_airing_is_handed_over_as_late_as_its_stations_want_it(site: Site) -> None:
    stations = Stations()
    several = [station("far", lead_s=3600), station("near", lead_s=10), station("broken", kind="telepathy")]
    assert stations.lead(several) == timedelta(seconds=10)
    assert stations.lead([]) == timedelta()


def test_reports_come_in_the_order_in_which_things_happened(site: Site) -> None:
    stations = Stations()
    for number, code in enumerate(("late", "early")):
        stations.connector(station(code))
        site.speaker(code).tell(code, ReportState.STARTED, NOW - timedelta(seconds=number))
    assert [report.airing for report in stations.reports()] == ["early", "late"]


def test_after_the_silence_the_last_reports_can_be_fetched(site: Site) -> None:
    stations = Stations()
    stations.connector(station(plays_here=True))
    speaker = site.speaker("kep-loa")
    speaker.playing["A1"] = NOW
    speaker.now = NOW
    stations.silence()
    assert [(report.airing, report.state) for report in stations.reports()] == [("A1", ReportState.STOPPED)]


def test_a_station_that_fails_to_report_keeps_no_other_from_it(site: Site) -> None:
    stations = Stations()
    for code in ("kep-loa", "my-thai-loa"):
        stations.connector(station(code))
        site.speaker(code).tell(f"of {code}", ReportState.FINISHED, NOW)
    site.speaker("kep-loa").vice = Vice.BREAKS_IN_REPORTS
    assert [report.airing for report in stations.reports()] == ["of my-thai-loa"]
    site.speaker("kep-loa").vice = Vice.NONE
    assert [report.airing for report in stations.reports()] == ["of kep-loa"]
