"""Airings through stations on a network: what the log says of them, and what a worker that dies leaves behind."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from ipaddress import ip_network

import pytest

from broadcaster import clock, reach
from broadcaster.connectors import axis as axis_module
from broadcaster.domain.airing import Evidence, Outcome, Phase, Reason
from tests.connectors.orders import until
from tests.fakes.axis import Axis
from tests.fakes.http_station import running
from tests.fakes.source_system import PASSWORD, SourceSystem
from tests.fakes.vendor import SECRET, Vendor
from tests.services.world import SECOND, World, here

DUE = here("17:00")
MINUTE = timedelta(minutes=1)


class Hands:
    """The hands of the clock, which the connectors see."""

    def __init__(self) -> None:
        self.now = DUE - 2 * MINUTE


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    found = Hands()
    monkeypatch.setattr(clock, "now", lambda: found.now)
    return found


@pytest.fixture
def device(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Axis]:
    """The Axis loudspeaker in Kép. It plays until the test says that the clip is over."""
    monkeypatch.setattr(axis_module, "EARLY_S", 3600.0)
    with running(Axis()) as found:
        found.is_held = True
        config = {"address": found.address, "username": "loa", "password": found.password}
        planned(world, monkeypatch, "axis", config)
        yield found
        world.stations.silence()


def planned(world: World, monkeypatch: pytest.MonkeyPatch, kind: str, config: Mapping[str, object]) -> None:
    """One bulletin is due at 17:00 at a station of this kind in Kép."""
    monkeypatch.setattr(reach, "_allowed", (ip_network("127.0.0.0/8"),))
    written = json.dumps(config)
    world.bring(f"stations:\n  - {{code: kep-loa, commune: kep, connector: {kind}, mode: test, config: {written}}}\n")
    world.approved()
    world.schedule()
    world.plan()


def tick(world: World, hands: Hands, now: datetime) -> None:
    hands.now = now
    world.tick(now)


def told(world: World, hands: Hands, phase: Phase) -> None:
    """Tick at this moment until the airing has come so far."""

    def is_so() -> bool:
        world.tick(hands.now)
        return world.today().phase is phase

    until(is_so)


def test_a_loudspeaker_that_is_watched_gives_the_evidence_that_it_played(
    world: World, hands: Hands, device: Axis
) -> None:
    tick(world, hands, DUE - 50 * SECOND)
    assert [name for name, _ in device.shelf.values()] == [f"bc-{world.today().id}"]
    assert device.played == []
    hands.now = DUE
    told(world, hands, Phase.ON_AIR)
    device.finish()
    told(world, hands, Phase.ENDED)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.PLAYING)
    assert world.today().lateness_ms == 0


def test_a_worker_that_dies_while_it_plays_begins_nothing_again(world: World, hands: Hands, device: Axis) -> None:
    tick(world, hands, DUE - 50 * SECOND)
    hands.now = DUE
    told(world, hands, Phase.ON_AIR)
    hands.now = DUE + 5 * SECOND
    world.start(hands.now)
    tick(world, hands, DUE + 6 * SECOND)
    assert world.outcome() == (Outcome.PARTIAL, Reason.WORKER_STOPPED, Evidence.PLAYING)
    assert len(device.played) == 1
    device.finish()


def test_a_worker_that_dies_before_the_time_leaves_it_to_the_next_one(world: World, hands: Hands, device: Axis) -> None:
    tick(world, hands, DUE - 50 * SECOND)
    world.stations.silence()  # its threads end with it
    world.start(DUE - 40 * SECOND)
    tick(world, hands, DUE - 30 * SECOND)
    assert len(device.shelf) == 1
    hands.now = DUE
    told(world, hands, Phase.ON_AIR)
    device.finish()
    told(world, hands, Phase.ENDED)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.PLAYING)
    assert len(device.played) == 1


def test_what_is_withdrawn_is_taken_off_the_loudspeaker(world: World, hands: Hands, device: Axis) -> None:
    tick(world, hands, DUE - 50 * SECOND)
    world.withdraw(now=DUE - 40 * SECOND)
    tick(world, hands, DUE - 30 * SECOND)
    assert device.shelf == {}
    assert world.outcome() == (Outcome.CANCELLED, Reason.WITHDRAWN, Evidence.NONE)


def test_an_endpoint_that_holds_orders_airs_though_the_worker_is_gone(
    world: World, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(Vendor()) as vendor:
        monkeypatch.setattr(vendor, "now", lambda: hands.now)
        planned(world, monkeypatch, "http", {"address": vendor.address, "secret": SECRET, "poll_s": 0.01})
        tick(world, hands, DUE - MINUTE)
        world.stations.silence()
        hands.now = world.today().ends_at + SECOND
        world.start(hands.now)
        told(world, hands, Phase.ENDED)
        assert world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
        assert (world.today().started_at, world.today().lateness_ms) == (DUE, 0)
        world.stations.silence()


def test_a_source_system_tells_of_the_start_and_is_believed_for_the_end(
    world: World, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(SourceSystem()) as system:
        monkeypatch.setattr(system, "now", lambda: hands.now)
        config = {
            "address": system.address, "username": "xa-kep", "password": PASSWORD, "clusters": ["loa-1"],
            "clip_url": "https://am-thanh.example/{sha256}.mp3", "poll_s": 0.01,
        }  # fmt: skip
        planned(world, monkeypatch, "source_system", config)
        tick(world, hands, DUE - MINUTE)
        assert system.bulletin(world.today().id)["MucDoUuTien"] == "3"
        hands.now = DUE
        told(world, hands, Phase.ON_AIR)
        tick(world, hands, world.today().ends_at)
        assert world.outcome() == (Outcome.AIRED, None, Evidence.STARTED)
        world.stations.silence()
