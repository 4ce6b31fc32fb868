"""A loudspeaker without a network: it lives on the stick that somebody puts in, by the clock of the test."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broadcaster.audio.play import Gate, Played, Sink, Started, Volume
from broadcaster.domain.place import Mode
from broadcaster.orders import device as devices
from broadcaster.orders import keydocument
from broadcaster.orders.device import DeviceKey, PlayReport
from broadcaster.orders.payload import PACK
from broadcaster.orders.topics import Device
from broadcaster.player.agent import Agent, Wires
from broadcaster.player.identity import Identity, MqttAddress
from broadcaster.player.stick import Stick

LENGTH_S = 3.0


@dataclass
class Time:
    """Goes on when somebody waits."""

    at: datetime
    ran_s: float = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic_s(self) -> float:
        return self.ran_s

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        if not event.is_set():
            self.run(timeout_s)
        return event.is_set()

    def run(self, seconds: float) -> None:
        self.ran_s += max(0.0, seconds)
        self.at += timedelta(seconds=max(0.0, seconds))


@dataclass
class Horn(Sink):
    """Plays as long as `length` says in the time of the test, and remembers when and what."""

    time: Time
    length: timedelta
    heard: list[tuple[datetime, bytes]] = field(default_factory=list)

    def play(
        self, clip: Path, *, stop: threading.Event, volume_percent: Volume = 100,
        on_start: Started | None = None, gate: Gate | None = None,
    ) -> Played:  # fmt: skip
        if gate is not None:
            gate()
        if stop.is_set():
            return Played(0.0, is_finished=False)
        self.heard.append((self.time.now(), clip.read_bytes()))
        if on_start is not None:
            on_start()
        self.time.run(self.length.total_seconds())
        return Played(self.length.total_seconds(), is_finished=True)


@dataclass
class StickBox:
    """`mount` is where sticks are put in. `agent` obeys as a real one does."""

    folder: Path
    mount: Path
    start: datetime
    keys: bytes
    length: timedelta = timedelta(seconds=LENGTH_S)
    device: Device = field(default_factory=lambda: Device("kep", "kep-01"))
    station: str = "kep-loa"
    mode: Mode = Mode.TEST
    held: timedelta = PACK
    key: DeviceKey = field(default_factory=lambda: DeviceKey(Ed25519PrivateKey.generate()))

    def __post_init__(self) -> None:
        self.time = Time(self.start)
        self.horn = Horn(self.time, self.length)
        self.states: list[str] = []
        identity = Identity(
            door="http://127.0.0.1", device=self.device, station=self.station, mode=self.mode,
            zone=ZoneInfo("Asia/Ho_Chi_Minh"), quiet_hours=(), held=self.held, password="x",
            mqtt=MqttAddress("127.0.0.1", 1, tls=False), key=self.key,
        )  # fmt: skip
        self.stick = Stick(self.mount, identity, on_state=self.states.append)
        wires = Wires(self.stick, self.horn, self.stick.clip, self.stick.keys, clock=self.time)
        self.agent = Agent(self.folder, identity, keydocument.pin(self.keys), wires)

    def look(self) -> None:
        """Look at the stick, and fetch what it has."""
        self.stick.visit(self.agent)
        while self.agent.work():
            self.time.run(0.5)

    def until(self, moment: datetime) -> None:
        """Let it live until then, and leave its receipts."""
        while self.time.now() < moment:
            self.agent.look()
            wait_s = self.agent.step()
            self.time.run(min(wait_s, max(0.0, (moment - self.time.now()).total_seconds())))
        self.look()

    def told(self) -> list[str]:
        """What it has to say, in order."""
        return [str(report.state) for report in self.reports()]

    def reports(self) -> list[PlayReport]:
        key = devices.public_key(self.key.text)
        found = [devices.read_message(envelope, self.device, key) for _, envelope in self.agent.unacknowledged()]
        return [report for report in found if isinstance(report, PlayReport)]
