"""Enrolled loudspeakers without an office: their folders, the keys of their communes, and a broker that knows them."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks import mosquitto
from benchmarks.mosquitto import Mosquitto
from benchmarks.peers import MissingPeerError
from broadcaster.broker.passwords import hashed
from broadcaster.broker.secret import SERVER_USER
from broadcaster.connectors.mqtt_link import BrokerAddress
from broadcaster.domain.place import Mode
from broadcaster.orders import keyfolder
from broadcaster.orders.device import DeviceKey
from broadcaster.orders.keyfolder import KeyRing
from broadcaster.orders.payload import HELD
from broadcaster.orders.topics import Device
from broadcaster.player import identity as identities
from broadcaster.player.identity import Identity, MqttAddress

SECRET = "of-the-server"
MEMORY_DISK = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Village:
    devices: tuple[Device, ...]
    folders: tuple[Path, ...]
    rings: dict[str, KeyRing]
    broker: BrokerAddress
    clips: Path


def require() -> str:
    """Where Mosquitto is. Raises MissingPeerError."""
    found = mosquitto.program()
    if found is None:
        raise MissingPeerError("The program mosquitto is missing. On Debian or Ubuntu: sudo apt install mosquitto")
    return found


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder in memory where there is one: a thousand loudspeakers have a thousand disks, and here is but one."""
    with tempfile.TemporaryDirectory(dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None) as folder:
        yield Path(folder)


@contextmanager
def village(folder: Path, communes: int, of_each: int) -> Iterator[Village]:
    """So many communes with one station of so many loudspeakers each, and a running broker."""
    devices = tuple(
        Device(f"xa-{commune:02d}", f"loa-{number:02d}") for commune in range(communes) for number in range(of_each)
    )
    names = dict.fromkeys(device.commune for device in devices)
    begun = datetime.now(UTC) - timedelta(hours=1)
    for commune in names:
        keyfolder.make(folder / "keys", commune, begun)
    password = hashed("of-a-loudspeaker")
    broker = Mosquitto(require(), folder / "broker", SECRET, dict.fromkeys(devices, password))
    try:
        folders = tuple(_saved(folder, device, broker.port) for device in devices)
        rings = {commune: keyfolder.load(folder / "keys", commune) for commune in names}
        address = BrokerAddress("127.0.0.1", broker.port, None, SERVER_USER, SECRET)
        yield Village(devices, folders, rings, address, folder / "clips")
    finally:
        broker.stop()


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share (0 to 1) of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -int(-share * len(ordered) // 1) - 1))]


def _saved(folder: Path, device: Device, port: int) -> Path:
    identity = Identity(
        door="http://127.0.0.1:9",
        device=device,
        station=f"{device.commune}-loa",
        mode=Mode.LIVE,
        zone=ZoneInfo("Asia/Ho_Chi_Minh"),
        quiet_hours=(),
        held=HELD,
        password="of-a-loudspeaker",
        mqtt=MqttAddress("127.0.0.1", port, tls=False),
        key=DeviceKey(Ed25519PrivateKey.generate()),
    )
    home = folder / "loudspeakers" / device.user
    identities.save(home, identity, keyfolder.document(folder / "keys", device.commune))
    return home
