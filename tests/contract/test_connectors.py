"""What every registered connector promises, whatever it reaches."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from broadcaster import clock, reach
from broadcaster.broker.passwords import hashed
from broadcaster.connectors import mqtt_link
from broadcaster.connectors.base import KINDS, Connector, Signed, connect, status
from broadcaster.connectors.mqtt_link import BrokerAddress
from broadcaster.domain.airing import STATION_TRANSITIONS, Evidence, StationState
from broadcaster.domain.order import Order, Report, ReportState
from broadcaster.domain.place import Grade
from broadcaster.errors import BroadcasterError, DeliveryError, InputError
from broadcaster.orders.topics import Device, Part
from tests.connectors.orders import clip_in, order, station, until
from tests.fakes.axis import Axis
from tests.fakes.http_station import running
from tests.fakes.mosquitto import Mosquitto
from tests.fakes.mqtt_client import MqttClient
from tests.fakes.source_system import PASSWORD, SourceSystem
from tests.fakes.vendor import SECRET, Vendor

PATIENCE_S = 20.0
_OVER = (ReportState.FINISHED, ReportState.REFUSED, ReportState.STOPPED)


@dataclass(frozen=True)
class Place:
    """A configuration with which a kind works anywhere, and what lies at its station: names and contents."""

    config: Mapping[str, object]
    left_behind: Callable[[], dict[str, bytes]]


def folder_place(out: Path, **config: object) -> Place:
    def files() -> dict[str, bytes]:
        return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}

    return Place(config, files)


@contextmanager
def a_folder(folder: Path) -> Iterator[Place]:
    yield folder_place(folder / "out", folder=str(folder / "out"))


@contextmanager
def a_soundcard(folder: Path) -> Iterator[Place]:
    yield folder_place(folder / "out", sink=f"file:{folder / 'out'}")


@contextmanager
def a_memory(folder: Path) -> Iterator[Place]:
    yield folder_place(folder / "out")


@contextmanager
def an_axis(_: Path) -> Iterator[Place]:
    with running(Axis()) as axis:
        config = {"address": axis.address, "username": "loa", "password": axis.password}
        yield Place(config, lambda: {f"{name}.mp3": content for name, content in axis.shelf.values()})


@contextmanager
def a_vendor(_: Path) -> Iterator[Place]:
    with running(Vendor()) as vendor:
        config = {"address": vendor.address, "secret": SECRET, "poll_s": 0.02}
        yield Place(config, lambda: {f"{airing}.mp3": held.clip for airing, held in vendor.orders.items()})


@contextmanager
def a_source_system(_: Path) -> Iterator[Place]:
    with running(SourceSystem()) as system:
        config: dict[str, object] = {
            "address": system.address, "username": "xa-kep", "password": PASSWORD, "clusters": ["loa-1", "loa-2"],
            "clip_url": "https://am-thanh.example/{sha256}.mp3", "poll_s": 0.02,
        }  # fmt: skip
        yield Place(config, lambda: {f"{key}.mp3": b"" for key in system.playlists})


@contextmanager
def an_mqtt(folder: Path) -> Iterator[Place]:
    device = Device("kep", "loa-1")
    broker = Mosquitto(folder / "broker", "server-secret", {device: hashed("loa-secret")})
    link = mqtt_link.use(BrokerAddress("127.0.0.1", broker.port, None, "server", "server-secret"))
    try:
        assert link.wait(PATIENCE_S)
        with closing(MqttClient(broker.port, device.user, "loa-secret")) as loudspeaker:
            assert loudspeaker.subscribe(device.topic(Part.ORDER))
            yield Place(
                {"loudspeakers": ["loa-1"]}, lambda: {str(heard.payload): heard.payload for heard in loudspeaker.heard}
            )
    finally:
        mqtt_link.close()
        broker.stop()


PLACES = {
    "mqtt": an_mqtt, "folder": a_folder, "soundcard": a_soundcard, "memory": a_memory, "axis": an_axis,
    "http": a_vendor, "source_system": a_source_system,
}  # fmt: skip
"""A new kind adds its own."""


_TELLING = pytest.mark.parametrize("kind", sorted(set(KINDS) - {"mqtt"}), indirect=True)
"""The kinds that report of themselves and are stopped by a word, not by a signed order."""


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(reach, "_allowed", (ip_network("127.0.0.0/8"),))
    with PLACES[kind](tmp_path) as found:
        yield found


@pytest.fixture
def connector(kind: str, place: Place) -> Iterator[Connector]:
    made = connect(station(kind, **place.config))
    yield made
    made.close()


@pytest.fixture
def now() -> datetime:
    return clock.now()


@pytest.fixture
def ordered(tmp_path: Path, now: datetime) -> Order:
    """An order that is due this very moment."""
    return replace(order(clip_in(tmp_path), now), envelope=b'{"signed": "so"}')


def reports(connector: Connector, *, count: int = 1) -> list[Report]:
    """What a connector has told once so many airings are over, or have begun where it confirms no more than that."""
    found = connector.reports()
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.005)):
        confirmed = _OVER if connector.capabilities.confirms_finish else (ReportState.STARTED, *_OVER)
        if not connector.capabilities.confirms_start or sum(r.state in confirmed for r in found) >= count:
            return found + connector.reports()
        pause.wait(0.005)
        found += connector.reports()
    raise AssertionError(f"only {found}")


def test_a_station_that_works_passes_its_trial(kind: str, place: Place) -> None:
    assert status(station(kind, **place.config)) is None


def test_an_unknown_setting_is_refused_by_its_name(kind: str, place: Place) -> None:
    wrong = station(kind, **place.config, colour="red")
    with pytest.raises(InputError, match="station kep-loa: colour: unknown key colour"):
        connect(wrong)
    assert isinstance(status(wrong), InputError)


def test_what_it_can_do_fits_together(connector: Connector) -> None:
    capabilities = connector.capabilities
    assert capabilities.lead_s >= 0
    assert capabilities.confirms_start or not capabilities.confirms_finish
    assert capabilities.grade in Grade
    strength = list(Evidence).index
    assert capabilities.confirms_start == (strength(capabilities.evidence) < strength(Evidence.ACCEPTED))
    connector.close()


@_TELLING
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


@_TELLING
def test_a_report_is_given_once(connector: Connector, ordered: Order) -> None:
    connector.deliver(ordered)
    reports(connector)
    assert connector.reports() == []
    connector.close()


@_TELLING
def test_handing_over_twice_is_handing_over_once(connector: Connector, ordered: Order, place: Place) -> None:
    connector.deliver(ordered)
    if not connector.capabilities.plays_here:
        before = place.left_behind()
        connector.deliver(ordered)
        assert place.left_behind() == before
    states = [report.state for report in reports(connector)]
    assert len(states) == len(set(states))
    connector.close()


@_TELLING
def test_a_stop_of_something_unknown_changes_nothing(connector: Connector, ordered: Order, place: Place) -> None:
    connector.stop("nobody")
    connector.deliver(ordered)
    found = reports(connector)
    before = place.left_behind()
    for unknown in ("nobody", "*", "?1", "[A]1", "../out", "", "."):
        connector.stop(unknown)
    assert connector.reports() == []
    assert place.left_behind() == before
    assert ReportState.STOPPED not in {report.state for report in found}
    connector.close()


@_TELLING
def test_an_order_that_is_stopped_in_time_is_not_played(
    connector: Connector, ordered: Order, place: Place, now: datetime
) -> None:
    later = order(ordered.clip, now + timedelta(hours=1), "later")
    connector.deliver(later)
    connector.stop("later")
    connector.close()
    assert not [name for name in place.left_behind() if "later" in name]


@_TELLING
def test_an_order_that_was_taken_back_can_be_given_again_for_another_time(
    connector: Connector, ordered: Order, place: Place, now: datetime
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
        assert len([name for name in place.left_behind() if name.endswith(".mp3")]) == 1


def test_a_station_of_signed_orders_passes_them_on_and_does_nothing_unsigned(tmp_path: Path, ordered: Order) -> None:
    with PLACES["mqtt"](tmp_path) as place:
        connector = connect(station("mqtt", **place.config))
        assert isinstance(connector, Signed)
        with pytest.raises(BroadcasterError, match="kep-loa"):
            connector.stop(ordered.airing)
        with pytest.raises(DeliveryError, match="kep-loa"):
            connector.deliver(replace(ordered, envelope=b""))
        connector.send(b"a stop")
        connector.deliver(ordered)
        until(lambda: list(place.left_behind().values()) == [b"a stop", ordered.envelope])
        connector.close()
        assert connector.reports() == []


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


@_TELLING
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
