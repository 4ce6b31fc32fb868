"""Virtual loudspeakers over a real broker: they do what real ones do, and have the faults that real ones have."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar
from wave import open as wave_open

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ulid import ULID

from broadcaster import clock
from broadcaster.broker.passwords import hashed
from broadcaster.connectors.mqtt_link import BrokerAddress, Incoming, Link
from broadcaster.domain.place import Mode
from broadcaster.errors import InputError
from broadcaster.orders import device as devices
from broadcaster.orders import keyfolder
from broadcaster.orders.device import Ack, DeviceKey, Hello, PlayReport, sign_ack
from broadcaster.orders.health import read_state
from broadcaster.orders.keys import Purpose
from broadcaster.orders.payload import Audio, Command, Payload
from broadcaster.orders.strict_json import whole
from broadcaster.orders.topics import Device, Part
from broadcaster.player import identity as identities
from broadcaster.player.fleet import Fleet
from broadcaster.player.identity import Identity, MqttAddress
from tests.fakes.listening import HttpListening
from tests.fakes.mosquitto import Mosquitto
from tests.orders.cast import ZONE, at_once, play, signed

COUNT = 8
PATIENCE_S = 20.0
SECONDS = timedelta(seconds=1)
NAMES = tuple(f"kep-{number:02d}" for number in range(1, COUNT + 1))


def clip(length_s: float) -> bytes:
    made = BytesIO()
    with wave_open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(int(16_000 * length_s)))
    return made.getvalue()


SHORT, LONG = clip(0.2), clip(30.0)


@dataclass
class Happened:
    """What the fleet tells, and what its server hears; both can be waited for."""

    events: list[dict[str, Any]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def tell(self, event: dict[str, Any]) -> None:
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def until(self, is_so: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(is_so, PATIENCE_S), "It never was so."

    def told(self, event: str, name: str | None = None) -> list[dict[str, Any]]:
        return [
            found for found in list(self.events)
            if found["event"] == event and (name is None or found["loudspeaker"] == f"kep.{name}")
        ]  # fmt: skip


class Server:
    """Signs orders, acknowledges, and answers a hello with what it has signed: the least that a loudspeaker needs."""

    def __init__(self, keys: Path, broker: BrokerAddress, secrets: dict[str, DeviceKey], happened: Happened) -> None:
        self.happened = happened
        self.said: list[PlayReport] = []
        self.states: dict[str, bytes] = {}
        self.orders: list[Payload] = []
        self._ring = keyfolder.load(keys, "kep")
        self._public = {name: devices.public_key(key.text) for name, key in secrets.items()}
        self._link = Link(broker)
        assert self._link.wait(PATIENCE_S)
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def order(self, order: Payload, *names: str) -> str:
        self.orders.append(order)
        envelope = self._signed(order)
        for name in names or NAMES:
            self._link.publish(Device("kep", name).topic(Part.ORDER), envelope, PATIENCE_S)
        return str(order.airing)

    def states_of(self, airing: str, name: str) -> list[str]:
        """What a loudspeaker said of an airing, once each and in its order."""
        said = {
            report.seq: f"{report.state}:{report.code}".rstrip(":")
            for report in list(self.said)
            if report.airing == airing and report.device.loudspeaker == name
        }
        return [state for _, state in sorted(said.items())]

    def until_said(self, airing: str, state: str, *names: str) -> None:
        self.happened.until(lambda: all(state in self.states_of(airing, name) for name in names))

    def close(self) -> None:
        self._is_closed.set()
        self._thread.join()
        self._link.close()

    def _signed(self, order: Payload) -> bytes:
        key = self._ring.signer(order.cmd.purpose, order.nbf)
        assert key is not None
        return signed(order, key)

    def _listen(self) -> None:
        while not self._is_closed.wait(0.02):
            for incoming in self._link.incoming():
                self._take(incoming)

    def _take(self, incoming: Incoming) -> None:
        with self.happened.changed:
            if incoming.part is Part.STATE:
                self.states[incoming.device.loudspeaker] = incoming.payload
            else:
                self._answer(incoming)
            self.happened.changed.notify_all()

    def _answer(self, incoming: Incoming) -> None:
        message = devices.read_message(incoming.payload, incoming.device, self._public[incoming.device.loudspeaker])
        key = self._ring.signer(Purpose.ORDER, clock.now())
        assert key is not None
        ack = sign_ack(Ack(incoming.device, (message.seq,), whole(clock.now()), 1), key)
        missed = [self._signed(order) for order in self.orders] if isinstance(message, Hello) else []
        if isinstance(message, PlayReport):
            self.said.append(message)
        self._link.publish_all([(incoming.device.topic(Part.ORDER), data) for data in (ack, *missed)], PATIENCE_S)


class Door(BaseHTTPRequestHandler):
    """Gives out clips by their hash."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        data = {hashlib.sha256(data).hexdigest(): data for data in (SHORT, LONG)}[self.path[1:]]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Village:
    """The loudspeakers of Kép, their server, and where clips lie."""

    fleet: Fleet
    server: Server
    happened: Happened
    door: str

    def held(self, due_s: float, data: bytes = SHORT, **changes: Any) -> Payload:
        """An order of an airing of its own, signed now and due in so many seconds."""
        now = whole(clock.now())
        sha256 = hashlib.sha256(data).hexdigest()
        values: dict[str, Any] = {
            "airing": str(ULID()), "seq": int(now.timestamp() * 1000), "nbf": now, "targets": ("kep-loa",),
            "start": now + due_s * SECONDS, "exp": now + (due_s + 60) * SECONDS,
            "audio": Audio(sha256, len(data), "audio/wav", f"{self.door}/{sha256}"),
        }  # fmt: skip
        return replace(play(), **(values | changes))

    def sounds(self, name: str) -> int:
        return len(self.happened.told("sound", name))


@pytest.fixture
def village(tmp_path: Path) -> Iterator[Village]:
    keyfolder.make(tmp_path / "keys", "kep", clock.now() - timedelta(hours=1))
    keys = keyfolder.document(tmp_path / "keys", "kep")
    secrets = {name: DeviceKey(Ed25519PrivateKey.generate()) for name in NAMES}
    broker = Mosquitto(tmp_path / "broker", "of-the-server", {Device("kep", name): hashed(name) for name in NAMES})
    for name, key in secrets.items():
        identity = Identity(
            door="http://127.0.0.1:9", device=Device("kep", name), station="kep-loa", mode=Mode.LIVE, zone=ZONE,
            quiet_hours=(), held=timedelta(hours=24), password=name, key=key,
            mqtt=MqttAddress("127.0.0.1", broker.port, tls=False),
        )  # fmt: skip
        identities.save(tmp_path / name, identity, keys)
    happened = Happened()
    Door.asked.clear()
    server = Server(
        tmp_path / "keys", BrokerAddress("127.0.0.1", broker.port, None, "server", "of-the-server"), secrets, happened
    )
    with closing(HttpListening(Door)) as door, closing(server):
        fleet = Fleet([tmp_path / name for name in NAMES], tmp_path / "clips", happened.tell)
        with closing(fleet):
            yield Village(fleet, server, happened, door.address)
    broker.stop()


@pytest.fixture
def begun(village: Village) -> Village:
    """All are online."""
    village.fleet.begin()
    village.happened.until(lambda: len(village.happened.told("online")) == COUNT)
    return village


def test_all_play_at_their_time_and_fetch_the_clip_once(begun: Village) -> None:
    airing = begun.server.order(begun.held(1.5))
    begun.server.until_said(airing, "finished", *NAMES)
    assert [begun.server.states_of(airing, name) for name in NAMES] == [
        ["accepted", "ready", "started", "finished"] for _ in NAMES
    ]
    begun.happened.until(lambda: len(begun.happened.told("played")) == COUNT)
    assert all(event["offset_ms"] >= 0 for event in begun.happened.told("played"))
    assert Door.asked == [f"/{hashlib.sha256(SHORT).hexdigest()}"]


def test_a_power_cut_while_it_plays_is_reported_and_what_was_cut_off_is_not_repeated(begun: Village) -> None:
    airing = begun.server.order(begun.held(0.5, LONG))
    begun.happened.until(lambda: len(begun.happened.told("sound")) == COUNT)
    begun.fleet.obey("power-cut kep.kep-03")
    begun.server.until_said(airing, "stopped:power_cut", "kep-03")
    begun.server.order(at_once_now(Command.STOP))
    begun.server.until_said(airing, "stopped:stopped", *(name for name in NAMES if name != "kep-03"))
    assert "finished" not in begun.server.states_of(airing, "kep-03")
    assert [begun.sounds(name) for name in NAMES] == [1 for _ in NAMES]


def test_what_comes_twice_plays_once(begun: Village) -> None:
    begun.fleet.obey("duplicates all")
    begun.fleet.obey("reorder all 0.2")
    order = begun.held(1.5)
    airing = begun.server.order(order)
    begun.server.order(order)
    begun.server.until_said(airing, "finished", *NAMES)
    assert [begun.sounds(name) for name in NAMES] == [1 for _ in NAMES]


def test_a_wrong_clock_refuses_what_has_a_time(village: Village) -> None:
    village.fleet.obey("wrong-clock kep.kep-02 -3600")
    village.fleet.obey("slow kep.kep-05 0.2")
    village.fleet.begin()
    airing = village.server.order(village.held(1.5))
    village.server.until_said(airing, "finished", *(name for name in NAMES if name != "kep-02"))
    village.server.until_said(airing, "refused:early", "kep-02")
    assert village.sounds("kep-02") == 0


def test_who_was_offline_learns_of_an_order_with_its_hello(village: Village) -> None:
    village.fleet.obey("offline kep.kep-07")
    village.fleet.begin()
    village.happened.until(lambda: len(village.happened.told("online")) == COUNT - 1)
    airing = village.server.order(village.held(3.0))
    village.server.until_said(airing, "ready", *(name for name in NAMES if name != "kep-07"))
    assert village.server.states_of(airing, "kep-07") == []
    village.fleet.obey("normal kep.kep-07")
    village.server.until_said(airing, "finished", *NAMES)
    assert village.sounds("kep-07") == 1


def test_who_goes_offline_is_told_by_the_broker_and_plays_on(begun: Village) -> None:
    airing = begun.server.order(begun.held(1.5))
    begun.server.until_said(airing, "ready", *NAMES)
    begun.fleet.obey("offline kep.kep-01")
    begun.happened.until(lambda: is_offline(begun, "kep-01") and len(begun.happened.told("played", "kep-01")) == 1)
    begun.fleet.obey("normal kep.kep-01")
    begun.server.until_said(airing, "finished", "kep-01")


def test_a_microphone_that_hears_nothing_says_so(begun: Village) -> None:
    begun.fleet.obey("silent kep.kep-04")
    airing = begun.server.order(begun.held(0.5))
    begun.server.until_said(airing, "finished", *NAMES)
    heard = {
        report.device.loudspeaker: str(report.sound) for report in begun.server.said if str(report.state) == "finished"
    }
    assert heard == {name: "silent" if name == "kep-04" else "heard" for name in NAMES}


def test_what_it_does_not_know_is_refused(village: Village) -> None:
    for line in ("explode all", "offline kep.kep-99", "slow all soon"):
        with pytest.raises(InputError):
            village.fleet.obey(line)


def is_offline(village: Village, name: str) -> bool:
    return name in village.server.states and read_state(village.server.states[name]) is None


def at_once_now(cmd: Command) -> Payload:
    now = whole(clock.now())
    return at_once(cmd, seq=int(now.timestamp() * 1000), nbf=now, targets=("kep-loa",))
