"""What the tests of connectors share: this computer is allowed, an order that is due, and an Axis loudspeaker."""

from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from broadcaster import clock, reach
from broadcaster.connectors import axis as axis_module
from broadcaster.connectors import vapix
from broadcaster.connectors.axis import AxisConnector
from broadcaster.domain.order import Order
from tests.connectors.orders import clip_in, connecting, order
from tests.fakes.axis import Axis
from tests.fakes.http_station import running


@pytest.fixture(autouse=True)
def _this_computer_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "_allowed", (ip_network("127.0.0.0/8"),))


@pytest.fixture
def now_due(tmp_path: Path) -> Order:
    return order(clip_in(tmp_path), clock.now())


@pytest.fixture
def axis() -> Iterator[Axis]:
    with running(Axis()) as found:
        yield found


@pytest.fixture
def axis_connect(axis: Axis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AxisConnector]]:
    """Makes an impatient connector to the loudspeaker, with what is said of its configuration."""
    monkeypatch.setattr(axis_module, "LOOK_EVERY_S", 0.005)
    monkeypatch.setattr(axis_module, "RETRY_S", 0.005)
    monkeypatch.setattr(vapix, "RECONNECT_S", 0.005)
    usual = {"address": axis.address, "username": "loa", "password": axis.password}
    with connecting("axis", AxisConnector, **usual) as make:
        yield make
