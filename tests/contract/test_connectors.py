"""What every registered connector promises, whatever it reaches."""

import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from broadcaster import clock
from broadcaster.connectors.base import KINDS, Connector, connect, status
from broadcaster.domain.airing import STATION_TRANSITIONS, StationState
from broadcaster.domain.order import Order, Report, ReportState
from broadcaster.errors import BroadcasterError, InputError
from tests.connectors.orders import clip_in, order, station

PATIENCE_S = 20.0
_OVER = (ReportState.FINISHED, ReportState.REFUSED, ReportState.STOPPED)


def config(kind: str, folder: Path) -> dict[str, object]:
    """A configuration with which a kind works anywhere; a new kind adds its own."""
    configurations: dict[str, dict[str, object]] = {
        "folder": {"folder": str(folder / "out")},
        "soundcard": {"sink": f"file:{folder / 'out'}"},
        "memory": {},
    }
    return configurations[kind]


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connector(kind: str, tmp_path: Path) -> Connector:
    return connect(station(kind, **config(kind, tmp_path)))


@pytest.fixture
def now() -> datetime:
    return clock.now()


@pytest.fixture
def ordered(tmp_path: Path, now: datetime) -> Order:
    """An order that is due this very moment."""
    return order(clip_in(tmp_path), now)


def reports(connector: Connector, *, count: int = 1) -> list[Report]:
    """What a connector that confirms has told once so many airings are over; nothing of one that does not."""
    found = connector.reports()
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.005)):
        if not connector.capabilities.confirms_finish or sum(r.state in _OVER for r in found) >= count:
            return found + connector.reports()
        pause.wait(0.005)
        found += connector.reports()
    raise AssertionError(f"only {found}")


def left_behind(folder: Path) -> dict[str, bytes]:
    out = folder / "out"
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_a_station_that_works_passes_its_trial(kind: str, tmp_path: Path) -> None:
    assert status(station(kind, **config(kind, tmp_path))) is None


def test_an_unknown_setting_is_refused_by_its_name(kind: str, tmp_path: Path) -> None:
    wrong = station(kind, **config(kind, tmp_path), colour="red")
    with pytest.raises(InputError, match="station kep-loa: colour: unknown key colour"):
        connect(wrong)
    assert isinstance(status(wrong), InputError)


def test_what_it_can_do_fits_together(connector: Connector) -> None:
    capabilities = connector.capabilities
    assert capabilities.lead_s >= 0
    assert capabilities.confirms_start or not capabilities.confirms_finish
    connector.close()


def test_an_order_is_taken_and_its_reports_are_legal(connector: Connector, ordered: Order) -> None:
    connector.deliver(ordered)
    state = StationState.ACCEPTED
    for report in reports(connector):
        assert (report.airing, report.station) == (ordered.airing, ordered.station)
        assert report.at.tzinfo is not None
        assert StationState(report.state) in STATION_TRANSITIONS[state]
        state = StationState(report.state)
    connector.close()
    assert connector.capabilities.confirms_finish == (state is StationState.FINISHED)


def test_a_report_is_given_once(connector: Connector, ordered: Order) -> None:
    connector.deliver(ordered)
    reports(connector)
    assert connector.reports() == []
    connector.close()


def test_handing_over_twice_is_handing_over_once(connector: Connector, ordered: Order, tmp_path: Path) -> None:
    connector.deliver(ordered)
    if not connector.capabilities.plays_here:
        before = left_behind(tmp_path)
        connector.deliver(ordered)
        assert left_behind(tmp_path) == before
    states = [report.state for report in reports(connector)]
    assert len(states) == len(set(states))
    connector.close()


def test_a_stop_of_something_unknown_changes_nothing(connector: Connector, ordered: Order, tmp_path: Path) -> None:
    connector.stop("nobody")
    connector.deliver(ordered)
    found = reports(connector)
    before = left_behind(tmp_path)
    for unknown in ("nobody", "*", "?1", "[A]1", "../out", "", "."):
        connector.stop(unknown)
    assert connector.reports() == []
    assert left_behind(tmp_path) == before
    assert ReportState.STOPPED not in {report.state for report in found}
    connector.close()


def test_an_order_that_is_stopped_in_time_is_not_played(
    connector: Connector, ordered: Order, tmp_path: Path, now: datetime
) -> None:
    later = order(ordered.clip, now + timedelta(hours=1), "later")
    connector.deliver(later)
    connector.stop("later")
    connector.close()
    assert not [name for name in left_behind(tmp_path) if "later" in name]


def test_an_order_that_was_taken_back_can_be_given_again_for_another_time(
    connector: Connector, ordered: Order, tmp_path: Path, now: datetime
) -> None:
    connector.deliver(order(ordered.clip, now + timedelta(hours=30), ordered.airing))
    connector.stop(ordered.airing)
    taken_back = connector.reports()
    assert {report.state for report in taken_back} <= {ReportState.STOPPED}
    assert all(report.position_s == 0 for report in taken_back)
    connector.deliver(ordered)
    found = reports(connector)
    connector.close()
    if connector.capabilities.confirms_finish:
        assert [report.state for report in found] == [ReportState.STARTED, ReportState.FINISHED]
    else:
        assert len([name for name in left_behind(tmp_path) if name.endswith(".mp3")]) == 1


def test_closing_twice_or_unused_is_harmless(connector: Connector, ordered: Order) -> None:
    connector.close()
    connector.close()
    assert connector.reports() == []


def test_what_cannot_be_handed_over_any_more_is_an_error_a_person_can_read(
    connector: Connector, ordered: Order
) -> None:
    connector.close()
    try:
        connector.deliver(ordered)
    except BroadcasterError as error:
        assert ordered.station in str(error)
    connector.close()


def test_orders_may_come_from_several_threads(connector: Connector, ordered: Order, now: datetime) -> None:
    orders = [order(ordered.clip, now, f"A{number}") for number in range(4)]
    threads = [threading.Thread(target=connector.deliver, args=(item,)) for item in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = reports(connector, count=4)
    connector.close()
    if connector.capabilities.confirms_finish:
        assert sorted(r.airing for r in found if r.state is ReportState.FINISHED) == ["A0", "A1", "A2", "A3"]


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown connector telepathy\. Known: .*folder"):
        connect(station("telepathy"))
