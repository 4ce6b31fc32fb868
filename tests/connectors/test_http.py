"""A vendor's endpoint: what is sent to it, what its answers mean, and what becomes of an order by its reports."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster import clock
from broadcaster.connectors.base import status
from broadcaster.connectors.http import HttpConnector
from broadcaster.domain.airing import Evidence
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.order import Order, ReportState
from broadcaster.errors import DeliveryError
from tests.connectors.orders import clip_in, connecting, order, refusal, reports, station, until
from tests.fakes.http_station import Request, Vice, running
from tests.fakes.vendor import SECRET, Vendor

STARTED, FINISHED, REFUSED, STOPPED = ReportState
HOUR = timedelta(hours=1)
Connect = Callable[..., HttpConnector]


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with running(Vendor()) as found:
        yield found


@pytest.fixture
def connected(vendor: Vendor) -> Iterator[Connect]:
    with connecting("http", HttpConnector, address=vendor.address, secret=SECRET, poll_s=0.01) as make:
        yield make


@pytest.fixture
def loa(connected: Connect) -> HttpConnector:
    return connected()


@pytest.fixture
def later(tmp_path: Path) -> Order:
    return order(clip_in(tmp_path), clock.now() + HOUR)


def test_order_envelope_and_clip_arrive_as_they_are(loa: HttpConnector, vendor: Vendor, later: Order) -> None:
    given = replace(later, repeats=2, gap_s=1.5, priority=Priority.EMERGENCY, envelope=b'{"payload": "\xc4\x91"}')
    loa.deliver(given)
    held = vendor.orders["A1"]
    assert held.order == {
        "v": 1, "cmd": "play", "mode": "test", "airing": "A1", "commune": "kep", "station": "kep-loa",
        "title": "Bản tin", "priority": "emergency", "start": given.start.isoformat(),
        "expires": given.expires.isoformat(), "duration_ms": 60, "repeats": 2, "gap_s": 1.5,
        "audio": {"sha256": given.clip_sha256, "type": "audio/mpeg"},
    }  # fmt: skip
    assert held.envelope == given.envelope
    assert hashlib.sha256(held.clip).hexdigest() == given.clip_sha256


def test_an_address_can_go_instead_of_the_clip(connected: Connect, vendor: Vendor, later: Order) -> None:
    loa = connected(clip="url", clip_url="https://am-thanh.example/{airing}/{sha256}.mp3")
    loa.deliver(later)
    held = vendor.orders["A1"]
    assert held.clip == b""
    assert held.order["audio"]["url"] == f"https://am-thanh.example/A1/{later.clip_sha256}.mp3"


def test_what_the_station_reports_is_told_once_with_its_times(
    loa: HttpConnector, vendor: Vendor, now_due: Order
) -> None:
    loa.deliver(now_due)
    started, finished = reports(loa, 2)
    assert (started.state, started.at) == (STARTED, now_due.start)
    assert (finished.state, finished.position_s) == (FINISHED, 0.06)
    asked = vendor.count("reports")
    until(lambda: vendor.count("reports") > asked + 2)
    assert loa.reports() == []


def test_what_is_delivered_twice_is_held_once(loa: HttpConnector, vendor: Vendor, now_due: Order) -> None:
    loa.deliver(now_due)
    loa.deliver(now_due)
    assert [report.state for report in reports(loa, 2)] == [STARTED, FINISHED]
    assert list(vendor.orders) == ["A1"]


def test_a_stop_while_it_plays_is_reported_with_its_place(loa: HttpConnector, vendor: Vendor, now_due: Order) -> None:
    loa.deliver(replace(now_due, duration_ms=30_000))
    reports(loa, 1)
    loa.stop("A1")
    (stopped,) = reports(loa, 1)
    assert stopped.state is STOPPED
    assert 0 <= stopped.position_s < 30
    assert vendor.cancelled == ["A1"]


def test_a_former_process_can_be_followed(connected: Connect, vendor: Vendor, now_due: Order) -> None:
    before = connected()
    before.deliver(now_due)
    before.close()
    assert list(vendor.orders) == ["A1"]
    assert [report.state for report in reports(connected(), 2)] == [STARTED, FINISHED]


def test_a_stop_that_is_not_heard_is_an_error(loa: HttpConnector, vendor: Vendor, later: Order) -> None:
    loa.deliver(later)
    vendor.next("cancel", Vice.ERROR)
    with pytest.raises(DeliveryError, match="status 500"):
        loa.stop("A1")
    loa.stop("A1")
    assert vendor.orders == {}


@pytest.mark.parametrize("status", [200, 409, 422])
def test_a_refusal_is_a_report_with_its_reason(loa: HttpConnector, vendor: Vendor, later: Order, status: int) -> None:
    vendor.refuses, vendor.refuses_with = "muted", status
    loa.deliver(later)
    assert [(report.state, report.code) for report in reports(loa, 1)] == [(REFUSED, "muted")]


def test_a_clip_that_is_too_large_is_not_sent_again(loa: HttpConnector, vendor: Vendor, later: Order) -> None:
    vendor.most_bytes = 10
    error = refusal(loa, later)
    assert "status 413" in str(error)
    assert error.is_permanent


@pytest.mark.parametrize(
    "vice", [Vice.DROPS, Vice.LOST, Vice.HALF, Vice.HTML, Vice.BUSY, Vice.ERROR], ids=str
)  # fmt: skip
def test_what_fails_on_the_way_can_be_sent_again(
    loa: HttpConnector, vendor: Vendor, now_due: Order, vice: Vice
) -> None:
    vendor.next("order", vice)
    assert not refusal(loa, replace(now_due, start=now_due.start + HOUR)).is_permanent
    loa.deliver(now_due)
    assert [report.state for report in reports(loa, 2)] == [STARTED, FINISHED]


@pytest.mark.parametrize("vice", [Vice.LOST, Vice.HALF], ids=str)
@pytest.mark.parametrize("holds_orders", [True, False])
def test_what_may_have_arrived_and_was_not_confirmed_is_taken_back(
    connected: Connect, vendor: Vendor, now_due: Order, vice: Vice, holds_orders: bool
) -> None:
    vendor.next("order", vice)
    loa, long = connected(holds_orders=holds_orders), replace(now_due, duration_ms=30_000)
    if holds_orders:
        refusal(loa, long)
    else:
        loa.deliver(long)
        until(lambda: REFUSED in [report.state for report in loa.reports()])
    assert (vendor.orders, vendor.cancelled) == ({}, ["A1"])


def test_a_station_that_is_silent_is_not_waited_for(connected: Connect, vendor: Vendor, later: Order) -> None:
    vendor.next("order", Vice.SLOW)
    error = refusal(connected(timeout_s=0.1), later)
    assert "too slow" in str(error)
    assert not error.is_permanent


def test_a_station_that_is_not_there_is_told(loa: HttpConnector, vendor: Vendor, later: Order) -> None:
    vendor.close()
    assert not refusal(loa, later).is_permanent
    with pytest.raises(DeliveryError, match="cannot be reached"):
        loa.stop("A1")


@pytest.mark.parametrize("off_by", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_station_whose_clock_is_off_refuses_and_says_why(
    loa: HttpConnector, vendor: Vendor, later: Order, off_by: timedelta
) -> None:
    vendor.clock_is_off_by = off_by
    error = refusal(loa, later)
    assert "and at its clock" in str(error)
    assert error.is_permanent


def test_another_secret_is_refused(connected: Connect, vendor: Vendor, later: Order) -> None:
    assert "does not accept its credential" in str(refusal(connected(secret="x" * 16), later))
    wrong = station("http", address=vendor.address, secret="x" * 16)
    assert "does not accept its credential" in str(status(wrong))


def test_a_request_that_is_repeated_or_changed_is_no_request(loa: HttpConnector, vendor: Vendor, later: Order) -> None:
    taken: list[Request] = []
    vendor.on_request = taken.append
    loa.deliver(later)
    (request,) = taken
    assert vendor.reply(request).status == 401
    for changed in (
        replace(request, body=request.body.replace(b"kep", b"kip")),
        replace(request, method="DELETE", target="/orders/A1", body=b""),
        replace(request, headers={**request.headers, "X-Nonce": "0" * 32}),
    ):
        assert vendor.reply(changed).status == 401
    assert list(vendor.orders) == ["A1"]


def test_reports_that_fail_are_asked_for_again(loa: HttpConnector, vendor: Vendor, now_due: Order) -> None:
    vendor.next("reports", Vice.ERROR, Vice.HTML, Vice.HALF, Vice.DROPS, Vice.LOST, Vice.FORBIDDEN)
    loa.deliver(now_due)
    assert [report.state for report in reports(loa, 2)] == [STARTED, FINISHED]


def test_a_report_that_makes_no_sense_keeps_no_other_back(loa: HttpConnector, vendor: Vendor, now_due: Order) -> None:
    at = now_due.start.isoformat()
    vendor.reported = [
        None, "started", {}, {"airing": "A1", "state": "started"}, {"airing": "A1", "state": "danced", "at": at},
        {"airing": "A1", "state": "started", "at": "2026-11-23T17:00:00"}, {"airing": "A1", "state": "ready", "at": at},
        {"airing": "A1", "state": "finished", "at": at, "position_s": -1},
        {"airing": "A" * 65, "state": "started", "at": at},
    ]  # fmt: skip
    loa.deliver(now_due)
    assert [report.state for report in reports(loa, 2)] == [STARTED, FINISHED]


@pytest.mark.parametrize("answer", [[], {"reports": "none"}, {"next": None}, "text", 5])
def test_an_answer_that_makes_no_sense_is_told_and_asked_for_again(
    loa: HttpConnector, vendor: Vendor, now_due: Order, answer: object
) -> None:
    vendor.odd_answers.append(json.dumps(answer).encode())
    loa.deliver(now_due)
    assert [report.state for report in reports(loa, 2)] == [STARTED, FINISHED]


def test_a_station_that_holds_no_orders_gets_its_order_on_time(
    connected: Connect, vendor: Vendor, now_due: Order, later: Order
) -> None:
    loa = connected(holds_orders=False)
    assert loa.capabilities.plays_here
    loa.deliver(replace(later, airing="A2"))
    loa.deliver(now_due)
    loa.deliver(now_due)
    assert [report.state for report in reports(loa, 2)] == [STARTED, FINISHED]
    assert list(vendor.orders) == ["A1"]
    assert vendor.count("order") == 1


def test_a_station_that_holds_no_orders_is_silent_once_this_process_ends(
    connected: Connect, vendor: Vendor, now_due: Order
) -> None:
    loa = connected(holds_orders=False)
    loa.deliver(replace(now_due, duration_ms=30_000))
    reports(loa, 1)
    loa.close()
    assert vendor.cancelled == ["A1"]


def test_an_order_that_fails_when_it_is_due_is_refused(connected: Connect, vendor: Vendor, now_due: Order) -> None:
    vendor.next("order", Vice.ERROR)
    loa = connected(holds_orders=False)
    loa.deliver(now_due)
    (refused,) = reports(loa, 1)
    assert refused.state is REFUSED
    assert "status 500" in refused.code


@pytest.mark.parametrize(
    ("declared", "evidence"),
    [({}, Evidence.FINISHED), ({"confirms_finish": False}, Evidence.STARTED),
     ({"confirms_finish": False, "confirms_start": False}, Evidence.ACCEPTED)],
)  # fmt: skip
def test_the_evidence_is_what_its_maker_declares(
    connected: Connect, declared: dict[str, object], evidence: Evidence
) -> None:
    assert connected(**declared).capabilities.evidence is evidence


def test_one_that_confirms_nothing_is_not_asked_and_its_refusal_is_told(
    connected: Connect, vendor: Vendor, later: Order
) -> None:
    loa = connected(confirms_finish=False, confirms_start=False)
    vendor.refuses = "muted"
    loa.deliver(later)
    assert [report.code for report in reports(loa, 1)] == ["muted"]
    assert vendor.count("reports") == 0


def test_no_secret_gets_into_a_log_or_an_error(
    loa: HttpConnector, vendor: Vendor, later: Order, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vendor.next("order", Vice.ERROR)
    error = refusal(loa, later)
    assert SECRET not in caplog.text + repr(error) + repr([vars(record) for record in caplog.records])
